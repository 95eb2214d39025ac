"""Holds what the ensemble says of a study: the finding that every output is made from.

The views of a part, one region and side, are folded into one score; the highest part is the study's.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from models.bundle.manifest import SPECIFIC, BundleIdentity, OperatingPoint
from models.finding import ViewFinding
from models.places import places


class TriageCategory(StrEnum):
    """Where a study belongs in the worklist. None of them says that a study is normal."""

    LIKELY = "likely"
    SUSPECTED = "suspected"
    NOT_FLAGGED = "not flagged"
    NOT_ANALYZED = "not analyzed"


@dataclass(frozen=True, slots=True, kw_only=True)
class PartFinding:
    """What the ensemble says of one part of a study: the views of one region and side.

    `score` is P(abnormal) of the part, folded over its `views` as the manifest says.
    """

    part: str
    views: tuple[ViewFinding, ...]
    score: float
    category: TriageCategory


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyFinding:
    """What the ensemble says of one study; made by `study_finding`.

    Attributes
    ----------
    parts
        In the order of their first views.
    operating_point
        The configured one: it raises the flag.
    """

    views: tuple[ViewFinding, ...]
    parts: tuple[PartFinding, ...]
    bundle: BundleIdentity
    operating_point: OperatingPoint

    @property
    def highest(self) -> PartFinding:
        """The part that decides for the study: the one with the highest score, the first of equals."""
        return max(self.parts, key=lambda part: part.score)

    @property
    def deciding_part(self) -> str:
        """The name of that part where the study shows several; empty where it shows but one."""
        return "" if len(self.parts) == 1 else self.highest.part

    @property
    def score(self) -> float:
        """P(abnormal) of the study: that of its highest part."""
        return self.highest.score

    @property
    def category(self) -> TriageCategory:
        """Where the study belongs in the worklist."""
        return self.highest.category

    @property
    def flagged(self) -> bool:
        """Whether the score reaches the configured operating point."""
        return self.category in (TriageCategory.LIKELY, TriageCategory.SUSPECTED)

    def part_of(self, view: ViewFinding) -> PartFinding:
        """Return the part that a view of the study belongs to."""
        return next(part for part in self.parts if part.part == view.part)

    def stands_out(self, view: ViewFinding) -> bool:
        """Say whether a view reaches the operating point while its part does not.

        Under most folds that happens, and it must be told: the view's picture outlines what the headline
        above it does not speak of.
        """
        threshold = self.operating_point.threshold
        return self.part_of(view).score < threshold <= view.probability


def study_finding(
    views: Sequence[ViewFinding], *, bundle: BundleIdentity, operating_point: str
) -> StudyFinding:
    """Fold the findings of a study's views into those of its parts, of which the highest is the study's.

    A score equal to a threshold reaches it. LIKELY is a flagged part whose score also reaches the `specific`
    operating point. The views of the finding have their places.

    Raises
    ------
    ValueError
        There is no view, or one view comes twice.
    UnknownOperatingPoint
        The bundle has no operating point of that name.
    """
    if not views:
        raise ValueError("a study finding needs at least one view")
    if len({view.view_id for view in views}) < len(views):
        raise ValueError("each view of a study may count once only")
    point = bundle.operating_point(operating_point)
    located = tuple(_with_places(view, bundle, point) for view in views)
    parts: dict[str, list[ViewFinding]] = {}
    for view in located:
        parts.setdefault(view.part, []).append(view)
    return StudyFinding(
        views=located,
        parts=tuple(_part_finding(part, found, bundle, point) for part, found in parts.items()),
        bundle=bundle,
        operating_point=point,
    )


def _with_places(view: ViewFinding, bundle: BundleIdentity, point: OperatingPoint) -> ViewFinding:
    if view.geometry is None or view.probability < point.threshold:
        return replace(view, places=())
    shape = view.geometry.rows, view.geometry.columns
    return replace(
        view, places=places(view.activation, shape, bundle.preprocessing, view.geometry.pixel_aspect)
    )


def _part_finding(
    part: str, views: Sequence[ViewFinding], bundle: BundleIdentity, point: OperatingPoint
) -> PartFinding:
    score = bundle.fold.of([view.probability for view in views])
    return PartFinding(part=part, views=tuple(views), score=score, category=_category(score, bundle, point))


def _category(score: float, bundle: BundleIdentity, point: OperatingPoint) -> TriageCategory:
    if score < point.threshold:
        return TriageCategory.NOT_FLAGGED
    if score >= bundle.operating_point(SPECIFIC).threshold:
        return TriageCategory.LIKELY
    return TriageCategory.SUSPECTED
