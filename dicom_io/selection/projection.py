"""The projection of a radiograph.

This module reduces view codes, view positions and words to the few kinds of view that decide whether a
study is complete.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from dicom_io.selection.statements import Level, Source, Statement, coded_statements, series_texts
from dicom_io.selection.words import NOTHING, Axis, Words, shipped_words

if TYPE_CHECKING:  # it loads pydicom, which nobody needs for the words of a finding
    from dicom_io.reading.instance import InstanceHeader


class Projection(StrEnum):
    """Kinds of view."""

    FRONTAL = "frontal"
    LATERAL = "lateral"
    OBLIQUE = "oblique"
    AXILLARY = "axillary"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectionMatch:
    """What an instance says about its projection, by which source, and what every source said."""

    projection: Projection
    decided_by: tuple[str, ...] = ()
    statements: tuple[Statement, ...] = ()


def projection_match(header: "InstanceHeader", words: Words | None = None) -> ProjectionMatch:
    """Return the kind of view that an instance is, and why.

    The first of these that names any decides: ViewCodeSequence, ViewPosition, SeriesDescription,
    ProtocolName, AcquisitionDeviceProcessingDescription. If it names several ("AP + LAT", a folder of views)
    the projection is unknown. Where ViewPosition says frontal or lateral, words of the series make it oblique
    or axillary: most consoles offer no such position.
    """
    statements = tuple(_statements(header, (words or shipped_words()).projection))
    named = [statement for statement in statements if statement.understood]
    if not named:
        return ProjectionMatch(projection=Projection.UNKNOWN, statements=statements)
    deciding = next((s for s in named[1:] if _is_finer(s, named[0])), named[0])
    kinds = deciding.understood
    return ProjectionMatch(
        projection=Projection(next(iter(kinds))) if len(kinds) == 1 else Projection.UNKNOWN,
        decided_by=(deciding.keyword,),
        statements=statements,
    )


_PLAIN = frozenset({Projection.FRONTAL.value, Projection.LATERAL.value})
_FINE = frozenset({Projection.OBLIQUE.value, Projection.AXILLARY.value})


def _is_finer(statement: Statement, first: Statement) -> bool:
    return (
        first.keyword == "ViewPosition"
        and first.understood <= _PLAIN
        and len(statement.understood) == 1
        and statement.understood <= _FINE
    )


def _statements(header: "InstanceHeader", axis: Axis) -> Iterator[Statement]:
    """Yield what each source says, the most reliable source first."""
    codes = tuple(coded_statements("ViewCodeSequence", header.views, axis))
    if codes:
        yield Statement(
            keyword="ViewCodeSequence",
            text=" / ".join(code.text for code in codes),
            level=Level.CODED,
            understood=frozenset().union(*(code.understood for code in codes)) - {NOTHING},
        )
    if header.view_position:
        label = axis.label_of_value(header.view_position)
        source = Source(keyword="ViewPosition", text=header.view_position, level=Level.CODED)
        yield _said(source, axis, frozenset({label} if label else ()))
    for source in series_texts(header):
        yield _said(source, axis, frozenset())


def _said(source: Source, axis: Axis, labels: frozenset[str]) -> Statement:
    labels = labels or frozenset(mention.label for mention in axis.words.mentions(source.text))
    return Statement(
        keyword=source.keyword, text=source.text, level=source.level, understood=labels - {NOTHING}
    )
