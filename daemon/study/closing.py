"""This module says when a study closes; it takes values and the time, and changes nothing."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from daemon.store.values import OpenStudy, ViewKind
from dicom_io.selection.laterality import Laterality
from dicom_io.selection.parts import Part, parts_of
from dicom_io.selection.projection import Projection
from dicom_io.selection.regions import Region


class Closing(StrEnum):
    """Why a study closed."""

    EXPECTED_VIEWS = "expected views"
    QUIET = "quiet"
    MAX_WAIT = "max wait"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosingRule:
    """The times of the closing rule, and whether the expected views close a study early."""

    quiet_seconds: float
    settle_seconds: float
    max_wait_seconds: float
    close_on_expected_views: bool


_FRONTAL_LATERAL = (frozenset({Projection.FRONTAL}), frozenset({Projection.LATERAL}))

EXPECTED_VIEWS: Mapping[Region, tuple[frozenset[Projection], ...]] = MappingProxyType(
    {
        Region.ELBOW: _FRONTAL_LATERAL,
        Region.FINGER: _FRONTAL_LATERAL,
        Region.FOREARM: _FRONTAL_LATERAL,
        Region.HAND: (frozenset({Projection.FRONTAL}), frozenset({Projection.OBLIQUE})),
        Region.HUMERUS: _FRONTAL_LATERAL,
        Region.SHOULDER: (
            frozenset({Projection.FRONTAL}),
            frozenset({Projection.LATERAL, Projection.AXILLARY}),
        ),
        Region.WRIST: (*_FRONTAL_LATERAL, frozenset({Projection.OBLIQUE})),
    }
)
"""For each region the views that make a study complete; each set is satisfied by any one of its members."""


def closing(study: OpenStudy, rule: ClosingRule, *, now: datetime) -> Closing | None:
    """Return whether a study closes now, and why; None while it stays open.

    Where its last instance came later than now, the clock has stepped back: only the longest wait ends then.
    """
    silent = (now - study.last_instance_at).total_seconds()
    settled = not study.association_open or silent >= rule.settle_seconds
    if rule.close_on_expected_views and settled and has_expected_views(study.view_kinds):
        return Closing.EXPECTED_VIEWS
    if silent >= rule.quiet_seconds:
        return Closing.QUIET
    if (now - study.collecting_since).total_seconds() >= rule.max_wait_seconds:
        return Closing.MAX_WAIT
    return None


def closes_at(study: OpenStudy, rule: ClosingRule) -> datetime:
    """Return when a study closes at the latest, if nothing more happens to it."""
    waits = [study.last_instance_at + timedelta(seconds=rule.quiet_seconds)]
    waits.append(study.collecting_since + timedelta(seconds=rule.max_wait_seconds))
    if rule.close_on_expected_views and has_expected_views(study.view_kinds):
        waits.append(study.last_instance_at + timedelta(seconds=rule.settle_seconds))
    return min(waits)


def has_expected_views(view_kinds: Iterable[ViewKind]) -> bool:
    """Return whether the views show each side of each region in all its expected projections."""
    kinds = tuple(view_kinds)
    if not kinds or any(kind.region not in EXPECTED_VIEWS for kind in kinds):
        return False
    regions = [Region(kind.region) for kind in kinds]
    parts = parts_of([Part(region, kind.laterality) for region, kind in zip(regions, kinds, strict=True)])
    projections: dict[Part, set[str]] = {}
    for part, kind in zip(parts, kinds, strict=True):
        projections.setdefault(part, set()).add(kind.projection)
    return all(_is_complete(region, projections) for region in set(regions))


def _is_complete(region: Region, projections: Mapping[Part, set[str]]) -> bool:
    """Return whether each side of a region that is seen is seen in all expected projections.

    An image of both sides counts for each, and says that both are to come. One whose side is not known
    counts where it is the only kind there is.
    """
    of_side = {part.laterality: seen for part, seen in projections.items() if part.region is region}
    both = of_side.pop(Laterality.BOTH, None)
    if both is not None:
        pair = Laterality.LEFT, Laterality.RIGHT
        of_side = {side: both | of_side.get(side, set()) for side in pair}
    elif len(of_side) > 1:
        of_side.pop(Laterality.UNKNOWN, None)
    return all(wanted & seen for seen in of_side.values() for wanted in EXPECTED_VIEWS[region])
