"""What each part of a header says.

This module names the texts of a header in the order in which they are believed, and holds what was
understood of them, so that a decision can be explained.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from dicom_io.selection.words import NOTHING, Axis, Words

if TYPE_CHECKING:  # it loads pydicom, which nobody needs for the words of a finding
    from dicom_io.reading.instance import InstanceHeader
    from dicom_io.reading.values import CodedTerm


class Level(StrEnum):
    """How near a source is to the image: codes and elements made for it, words of its series, its study."""

    CODED = "coded"
    SERIES = "series"
    STUDY = "study"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A text of a header, with the keyword of its element."""

    keyword: str
    text: str
    level: Level


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What one source says of one thing; `understood` holds labels, none if it says nothing known.

    `is_weak` tells that nothing but weak words said so.
    """

    keyword: str
    text: str
    level: Level
    understood: frozenset[str] = frozenset()
    is_weak: bool = False


def series_texts(header: "InstanceHeader") -> Iterator[Source]:
    """Yield the texts of the series, the one that people write for the series first."""
    for keyword, text in (
        ("SeriesDescription", header.series_description),
        ("ProtocolName", header.protocol_name),
        ("AcquisitionDeviceProcessingDescription", header.acquisition_device_processing_description),
    ):
        if text:
            yield Source(keyword=keyword, text=text, level=Level.SERIES)


def study_texts(header: "InstanceHeader") -> Iterator[Source]:
    """Yield the texts of the study and its procedure."""
    texts = [("StudyDescription", header.study_description)]
    texts += [("procedure", text) for text in header.procedure_texts]
    for keyword, text in texts:
        if text:
            yield Source(keyword=keyword, text=text, level=Level.STUDY)


def coded_statements(keyword: str, terms: Iterable["CodedTerm"], axis: Axis) -> Iterator[Statement]:
    """Yield what codes say; of an unknown code, what its meaning says in words."""
    for term in terms:
        label = axis.label_of_code(term.scheme, term.value)
        labels = {label} if label else {mention.label for mention in axis.words.mentions(term.meaning)}
        text = " ".join(part for part in (term.scheme, term.value, term.meaning) if part)
        yield Statement(keyword=keyword, text=text, level=Level.CODED, understood=frozenset(labels))


def exclusions_said(header: "InstanceHeader", words: Words) -> dict[str, tuple[str, str]]:
    """Return the reasons not to analyze that words of the series name, each with its keyword and text.

    Those of the study may mean another series. Weak words, as "test", count where no body part is named.
    """
    texts = [(source.keyword, source.text) for source in series_texts(header)]
    texts.append(("BodyPartExamined", header.body_part_examined))
    found: dict[str, tuple[str, str]] = {}
    for keyword, text in texts:
        names_a_part = any(part.label != NOTHING for part in words.region.words.mentions(text))
        for mention in words.exclusion.words.mentions(text):
            if mention.label != NOTHING and not (mention.kind == "weak" and names_a_part):
                found.setdefault(mention.label, (keyword, text))
    return found
