"""Why ulna takes an instance for what it does.

This module gathers what every source of a header said and which of them decided. It holds words of the
header: for the console of whoever names the file, never for a log.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from dicom_io.reading.instance import InstanceHeader
from dicom_io.selection.age import NOT_ASKED, Ages
from dicom_io.selection.eligibility import Eligibility, assess
from dicom_io.selection.laterality import LateralityMatch, laterality_match
from dicom_io.selection.projection import ProjectionMatch, projection_match
from dicom_io.selection.regions import RegionMatch, conflict_words, region_of
from dicom_io.selection.statements import Statement, exclusions_said
from dicom_io.selection.words import Words, shipped_words


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceExplanation:
    """One text or code of a header.

    `region`, `laterality`, `projection` and `exclusion` hold what it was understood to say of each, `decides`
    for which of them it was believed, `contradicts` for which it says something else than those that were.
    """

    keyword: str
    text: str
    region: tuple[str, ...]
    laterality: tuple[str, ...]
    projection: tuple[str, ...]
    exclusion: tuple[str, ...]
    decides: tuple[str, ...]
    contradicts: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What an instance is taken for, every source, and a sentence for each decision."""

    eligibility: Eligibility
    sources: tuple[SourceExplanation, ...]
    why: dict[str, str]


def explain(
    header: InstanceHeader,
    *,
    unknown_region: Literal["exclude", "analyze"],
    words: Words | None = None,
    ages: Ages = NOT_ASKED,
) -> Explanation:
    """Assess an instance as `dicom_io.selection.eligibility.assess` does, and say why."""
    words = words or shipped_words()
    region, side = region_of(header, words), laterality_match(header, words)
    view, refused = projection_match(header, words), exclusions_said(header, words)
    eligibility = assess(header, unknown_region=unknown_region, words=words, ages=ages)
    return Explanation(
        eligibility=eligibility,
        sources=_sources({"region": region, "laterality": side, "projection": view}, refused),
        why={
            "region": _why_region(region, eligibility),
            "laterality": _why_side(side),
            "projection": _why_view(view),
        },
    )


_Match = RegionMatch | LateralityMatch | ProjectionMatch


def _sources(
    matches: dict[str, _Match], refused: dict[str, tuple[str, str]]
) -> tuple[SourceExplanation, ...]:
    named = [(s.keyword, s.text) for match in matches.values() for s in match.statements]
    said = {name: {(s.keyword, s.text): s for s in match.statements} for name, match in matches.items()}

    def understood(name: str, source: tuple[str, str]) -> tuple[str, ...]:
        statement = said[name].get(source)
        return tuple(sorted(statement.understood)) if statement else ()

    def among(which: Literal["decided_by", "against"], source: tuple[str, str]) -> tuple[str, ...]:
        return tuple(
            name
            for name, match in matches.items()
            if understood(name, source) and source[0] in getattr(match, which, ())
        )

    return tuple(
        SourceExplanation(
            keyword=source[0],
            text=source[1],
            region=understood("region", source),
            laterality=understood("laterality", source),
            projection=understood("projection", source),
            exclusion=tuple(label for label, place in refused.items() if place == source),
            decides=among("decided_by", source),
            contradicts=among("against", source),
        )
        for source in dict.fromkeys(named)
    )


def _why_region(match: RegionMatch, eligibility: Eligibility) -> str:
    if eligibility.region_conflict:
        return conflict_words(eligibility.region_conflict)
    if match.region is not None:
        return f"{_list(match.decided_by)} decides"
    if match.other:
        return f"{_list(match.decided_by)} names a part that is not analyzed, and nothing names one that is"
    return "nothing names a part"


def _why_side(match: LateralityMatch) -> str:
    if match.decided_by and match.against:
        return f"{_list(match.decided_by)} decides against {_list(match.against)}"
    if match.against:
        return f"{_list(match.against)} contradict the others or each other"
    return f"{_list(match.decided_by)} decides" if match.decided_by else "nothing names a side"


def _why_view(match: ProjectionMatch) -> str:
    if not match.decided_by:
        return "nothing names a projection"
    deciding: Statement = next(s for s in match.statements if s.keyword == match.decided_by[0])
    several = "; it names several" if len(deciding.understood) > 1 else ""
    return f"{_list(match.decided_by)} decides{several}"


def _list(keywords: Iterable[str]) -> str:
    return " and ".join(keywords)
