"""The body region that an instance shows.

This module finds one of the seven regions that ulna analyzes in codes, words and defined terms, and says so
when they name several, another one, or none. A part that ulna does not read, wherever it is named, keeps an
instance from being analyzed.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from dicom_io.selection.statements import (
    Level,
    Source,
    Statement,
    coded_statements,
    series_texts,
    study_texts,
)
from dicom_io.selection.words import Axis, Words, shipped_words

if TYPE_CHECKING:  # it loads pydicom, which nobody needs for the words of a finding
    from dicom_io.reading.instance import InstanceHeader


class Region(StrEnum):
    """The regions of the upper extremity that ulna analyzes, by their Body Part Examined (PS3.16 Annex L)."""

    ELBOW = "ELBOW"
    FINGER = "FINGER"
    FOREARM = "FOREARM"
    HAND = "HAND"
    HUMERUS = "HUMERUS"
    SHOULDER = "SHOULDER"
    WRIST = "WRIST"


OTHER = "other"
"""The label of parts that ulna does not read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionMatch:
    """What an instance says about its region.

    Exactly one holds: `region` is given; `ambiguous` names several regions (with `other`, one of ours and
    one that is not); `other` alone: it shows something else; nothing: it does not say.

    `decided_by` are the keywords of the sources that decided, `against` those of the sources that name
    another part; `statements` is what every source said.
    """

    region: Region | None = None
    ambiguous: tuple[Region, ...] = ()
    other: bool = False
    decided_by: tuple[str, ...] = field(default=(), compare=False)
    against: tuple[str, ...] = field(default=(), compare=False)
    statements: tuple[Statement, ...] = field(default=(), compare=False)

    @property
    def conflict(self) -> str:
        """Which sources name which part, each as keyword and label; empty where they agree."""
        if not self.ambiguous:
            return ""
        labels = {*self.ambiguous, *([OTHER] if self.other else [])}
        said = (
            (statement.keyword, label)
            for statement in self.statements
            if statement.keyword in {*self.decided_by, *self.against}
            for label in sorted(statement.understood & labels)
        )
        return ", ".join(f"{keyword} {label}" for keyword, label in dict.fromkeys(said))


def conflict_words(conflict: str) -> str:
    """Say which sources name which part, as `RegionMatch.conflict` tells it.

    >>> conflict_words("BodyPartExamined WRIST, StudyDescription other")
    'BodyPartExamined names wrist, StudyDescription names a part that is not analyzed'
    """
    said = (each.split(" ") for each in conflict.split(", ") if each)
    return ", ".join(
        f"{keyword} names {'a part that is not analyzed' if label == OTHER else label.lower()}"
        for keyword, label in said
    )


def region_of(header: "InstanceHeader", words: Words | None = None) -> RegionMatch:
    """Return the region that an instance shows.

    For which of our regions it is, the first of these that names any decides: AnatomicRegionSequence;
    SeriesDescription; ProtocolName; AcquisitionDeviceProcessingDescription; StudyDescription together with
    the procedure's texts; BodyPartExamined, which consoles fill in by default. If the deciding one names
    several there is no guess, except that BodyPartExamined chooses among those of a study. Terms that say no
    more than "arm" or "extremity" name nothing.

    A part that is none of ours is believed wherever it is named. Two things weigh more: codes of
    AnatomicRegionSequence against words of the study, and words of the series where the study lists their
    region beside another part.
    """
    statements = tuple(_statements(header, (words or shipped_words()).region))
    groups = _groups(statements)
    deciding = next((group for group in groups if group.own), None)
    named_other = [group for group in groups if OTHER in group.labels]
    if deciding is None:
        found = tuple(keyword for group in named_other for keyword in group.keywords_of(OTHER))
        return RegionMatch(other=bool(named_other), decided_by=found, statements=statements)
    own = _narrowed(deciding, groups)
    against = tuple(
        keyword
        for group in named_other
        if _is_believed(group, deciding)
        for keyword in group.keywords_of(OTHER)
    )
    regions = tuple(region for region in Region if region.value in own)
    is_clear = len(regions) == 1 and not against
    return RegionMatch(
        region=regions[0] if is_clear else None,
        ambiguous=() if is_clear else regions,
        other=bool(against),
        decided_by=tuple(dict.fromkeys(keyword for label in own for keyword in deciding.keywords_of(label))),
        against=against,
        statements=statements,
    )


_OWN = frozenset(Region)


@dataclass(frozen=True, slots=True)
class _Group:
    """Sources that count together."""

    statements: Sequence[Statement]

    @property
    def labels(self) -> frozenset[str]:
        return frozenset().union(*(statement.understood for statement in self.statements))

    @property
    def own(self) -> frozenset[str]:
        """Our regions; a finger that is named beside its hand is what is shown."""
        own = self.labels & _OWN
        return own - {Region.HAND} if Region.FINGER in own else own

    @property
    def level(self) -> Level:
        return self.statements[0].level

    def keywords_of(self, label: str) -> list[str]:
        return [statement.keyword for statement in self.statements if label in statement.understood]


def _groups(statements: Iterable[Statement]) -> list[_Group]:
    """Gather sources in the order of belief; weak words count only where nothing else names our regions."""
    by_keyword: dict[str, list[Statement]] = {}
    for statement in statements:
        if statement.understood:
            key = Level.STUDY if statement.level is Level.STUDY else statement.keyword
            by_keyword.setdefault(key, []).append(statement)
    groups = [_Group(group) for group in by_keyword.values()]
    firm = [
        _Group(kept)
        for group in groups
        if (kept := [s for s in group.statements if not s.is_weak or OTHER in s.understood])
    ]
    return firm if any(group.own for group in firm) else groups


def _narrowed(deciding: _Group, groups: Sequence[_Group]) -> frozenset[str]:
    """Let BodyPartExamined choose among the regions that a study names."""
    if len(deciding.own) > 1 and deciding.level is Level.STUDY:
        chosen = [deciding.own & group.own for group in groups if group is not deciding]
        return next((own for own in chosen if len(own) == 1), deciding.own)
    return deciding.own


def _is_believed(group: _Group, deciding: _Group) -> bool:
    """Return whether a source that names another part stands against the deciding one."""
    if group.level is not Level.STUDY:
        return True
    if deciding.level is Level.CODED:
        return False
    is_part_of_a_list = deciding.own <= group.labels
    return not (is_part_of_a_list and deciding.level is Level.SERIES and OTHER not in deciding.labels)


def _statements(header: "InstanceHeader", axis: Axis) -> Iterator[Statement]:
    """Yield what each source says, the one that is believed first first."""
    yield from coded_statements("AnatomicRegionSequence", header.anatomic_regions, axis)
    for source in series_texts(header):
        yield _said(source, axis)
    for source in study_texts(header):
        yield _said(source, axis)
    if header.body_part_examined:
        yield _said_of_body_part(header.body_part_examined, axis)


def _said_of_body_part(body_part_examined: str, axis: Axis) -> Statement:
    # Its level is below the study's, but it is believed against one: consoles fill it in for the image.
    source = Source(keyword="BodyPartExamined", text=body_part_examined, level=Level.SERIES)
    label = axis.label_of_value(body_part_examined)
    if label is None:
        return _said(source, axis)
    return Statement(
        keyword=source.keyword, text=source.text, level=source.level, understood=frozenset({label})
    )


def _said(source: Source, axis: Axis) -> Statement:
    mentions = axis.words.mentions(source.text)
    firm = frozenset(mention.label for mention in mentions if mention.kind != "weak") & (_OWN | {OTHER})
    weak = frozenset(mention.label for mention in mentions if mention.kind == "weak")
    return Statement(
        keyword=source.keyword,
        text=source.text,
        level=source.level,
        understood=firm or weak,
        is_weak=not firm,
    )
