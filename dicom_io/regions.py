"""The body region that an instance shows.

This module finds one of the seven regions that ulna analyzes from codes first, defined terms second and
free text last, and says so when it finds several, another one, or none.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import resources

from dicom_io.instance import InstanceHeader
from dicom_io.values import CodedTerm
from dicom_io.vocabulary import Vocabulary


class Region(StrEnum):
    """The regions of the upper extremity that ulna analyzes, by their Body Part Examined (PS3.16 Annex L)."""

    ELBOW = "ELBOW"
    FINGER = "FINGER"
    FOREARM = "FOREARM"
    HAND = "HAND"
    HUMERUS = "HUMERUS"
    SHOULDER = "SHOULDER"
    WRIST = "WRIST"


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionMatch:
    """What an instance says about its region.

    Exactly one holds: `region` is given; `ambiguous` names several regions (with `other`, one of ours and
    one that is not); `other` alone: it shows something else; nothing: it does not say.
    """

    region: Region | None = None
    ambiguous: tuple[Region, ...] = ()
    other: bool = False


def region_of(header: InstanceHeader) -> RegionMatch:
    """Return the region that an instance shows.

    The first of these that names anything decides: AnatomicRegionSequence; BodyPartExamined as defined
    term, then as text; SeriesDescription; ProtocolName; StudyDescription together with the procedure's
    texts. Terms that say no more than "arm" or "extremity" name nothing. If the deciding one names more
    than one region there is no guess.
    """
    for labels in _evidence(header):
        named = labels - {_GENERIC}
        if named:
            return _match(named)
    return RegionMatch()


_GENERIC = "generic"
_OTHER = "other"

# PS3.16 8.1: SRT and its older designators share the axis codes (T-...) that SCT replaced
_SCHEMES = {"SCT": "sct", "SRT": "srt", "SNM3": "srt", "99SDM": "srt"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tables:
    """What regions.json says: a label (a region's value, other or generic) for codes, terms and words."""

    codes: dict[tuple[str, str], str]
    body_parts: dict[str, str]
    words: Vocabulary


@cache
def _tables() -> _Tables:
    document = json.loads(resources.files("dicom_io").joinpath("regions.json").read_text(encoding="utf-8"))
    sections = {**document["regions"], _GENERIC: document[_GENERIC], _OTHER: document[_OTHER]}
    return _Tables(
        codes={
            (scheme, code): label
            for label, section in sections.items()
            for scheme in ("sct", "srt")
            for code in section[scheme]
        },
        body_parts={term: label for label, section in sections.items() for term in section["bpe"]},
        words=Vocabulary(
            {
                label: [term for terms in section["text"].values() for term in terms]
                for label, section in sections.items()
            }
        ),
    )


def _evidence(header: InstanceHeader) -> Iterator[frozenset[str]]:
    """Yield the labels that each source names, the most reliable source first."""
    tables = _tables()
    yield frozenset().union(*(_labels_of_code(term, tables) for term in header.anatomic_regions))
    yield _labels_of_body_part(header.body_part_examined, tables)
    yield tables.words.labels_in(header.series_description)
    yield tables.words.labels_in(header.protocol_name)
    texts = (header.study_description, *header.procedure_texts)
    yield frozenset().union(*map(tables.words.labels_in, texts))


def _labels_of_code(term: CodedTerm, tables: _Tables) -> frozenset[str]:
    """Return the label of a coded region; of an unknown code, those that its meaning names."""
    label = tables.codes.get((_SCHEMES.get(term.scheme, ""), term.value))
    return frozenset({label}) if label else tables.words.labels_in(term.meaning)


def _labels_of_body_part(body_part_examined: str, tables: _Tables) -> frozenset[str]:
    label = tables.body_parts.get(re.sub(r"[^A-Z]", "", body_part_examined))
    return frozenset({label}) if label else tables.words.labels_in(body_part_examined)


def _match(named: frozenset[str]) -> RegionMatch:
    regions = tuple(region for region in Region if region.value in named)
    other = _OTHER in named
    if len(regions) == 1 and not other:
        return RegionMatch(region=regions[0])
    return RegionMatch(ambiguous=regions, other=other)
