"""Holds all figures of one evaluation. This module is their form: the values that every output is made from.

Abnormal is the positive class throughout. A value that is not defined for the cases at hand is None.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from models.bundle.manifest import BundleIdentity
from models.evaluation.calibrated_on import CalibratedOn
from models.evaluation.cases import OVERALL, Level, Subset
from models.evaluation.figures import Figure
from models.evaluation.metrics import Confusion, Curve, ReliabilityBin

# Figures that need a verdict take the more probable class, as the paper does; operating points are apart.
VERDICT_THRESHOLD = 0.5

ENSEMBLE = "ensemble"


@dataclass(frozen=True, slots=True, kw_only=True)
class Classifier:
    """A member alone, the ensemble of all, or another variant: the mean of its members by their votes."""

    name: str
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """How well one classifier does on one subset of the cases.

    `confusion` and the figures that need a verdict are at `VERDICT_THRESHOLD`; `figures` holds those of
    `models.evaluation.figures.classification_figures`, by name.
    """

    classifier: str
    level: Level
    subset: Subset
    cases: int
    abnormal: int
    confusion: Confusion
    figures: Mapping[str, Figure]


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A threshold on one classifier's scores, with a name.

    Attributes
    ----------
    name
        Its name in the manifest, or the sensitivity it was chosen for, such as "sensitivity 0.95".
    goal
        That sensitivity; None for a point of the manifest, whose threshold was fixed before.
    """

    name: str
    goal: float | None
    threshold: float
    classifier: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PointMeasured:
    """What an operating point does on one subset of the cases.

    `figures` holds sensitivity, specificity, precision and flagged, the share of the cases it flags.
    """

    point: Point
    level: Level
    subset: Subset
    confusion: Confusion
    figures: Mapping[str, Figure]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """What is drawn of one classifier: its curve (None without both classes) and its reliability."""

    classifier: str
    level: Level
    curve: Curve | None
    reliability: tuple[ReliabilityBin, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadEarlier:
    """What flagging at an operating point does to a worklist of studies, see `models.evaluation.triage`.

    Attributes
    ----------
    point
        Name of the operating point; flagged studies are read first, each group in order of arrival.
    prevalence
        Assumed share of abnormal studies.
    figures
        flagged, earlier, flagged_earlier, missed_later and earlier_by_score, as shares; 0.2 earlier is 20
        places of a list of 100 others.
    """

    point: str
    prevalence: float
    figures: Mapping[str, Figure]


@dataclass(frozen=True, slots=True, kw_only=True)
class Located:
    """How well activation maps show where the abnormality is.

    `combination` says how the ensemble's map is made of the members', see `models.evaluation.combinations`;
    it is empty for a member's own. `figures` holds pointing_game, energy_inside, iou and box_share, the means
    of `models.evaluation.localization.Localization`.
    """

    classifier: str
    combination: str
    figures: Mapping[str, Figure]


@dataclass(frozen=True, slots=True, kw_only=True)
class Localized:
    """Where maps point, all measured on the same images: those with boxes that the ensemble flags.

    `images` of the `boxed` images reach `threshold`, that of the operating point `point`.
    """

    boxed: int
    images: int
    point: str
    threshold: float
    maps: tuple[Located, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """What the places that are outlined at an operating point find; images below it show none.

    Attributes
    ----------
    point, threshold
        The operating point, which `flagged` of the images reach.
    boxes
        How many there are in all images, those below the threshold included.
    figures
        boxes_hit, the share of the boxes that a place hits; normal_places, the places of a normal image;
        astray_places, of a flagged image those that hit no box; covered, the share of a flagged image that
        places cover, which is what a box is hit by chance with. A place hits a box if its peak is in the box
        or the middle of the box in the place.
    """

    point: str
    threshold: float
    boxes: int
    flagged: int
    figures: Mapping[str, Figure]


@dataclass(frozen=True, slots=True, kw_only=True)
class Data:
    """What was evaluated on.

    `patients` is None where the data set does not know them; `unreadable` holds each image that could not be
    read, with the reason.
    """

    source: str
    split: str
    images: int
    abnormal_images: int
    studies: int
    abnormal_studies: int
    patients: int | None
    regions: tuple[str, ...]
    unreadable: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """All figures of a bundle on one data set; the first classifier is the ensemble of all its members.

    `calibrated_on` says whether these images calibrated the bundle: then every output says so beside every
    figure. `warnings` say what makes figures doubtful; every output shows them first.
    """

    bundle: BundleIdentity
    data: Data
    calibrated_on: CalibratedOn
    classifiers: tuple[Classifier, ...]
    measured: tuple[Measured, ...]
    points: tuple[PointMeasured, ...]
    drawn: tuple[Drawn, ...]
    triage: tuple[ReadEarlier, ...]
    localization: Localized | None
    places: tuple[Placed, ...]
    resamples: int
    seed: int
    warnings: tuple[str, ...]

    def of(
        self, *, level: Level, subset: Subset | None = None, classifier: str | None = None
    ) -> Iterator[Measured]:
        """Yield what was measured at a level, in order, of one subset and one classifier where named."""
        for each in self.measured:
            if (
                each.level is level
                and classifier in {None, each.classifier}
                and subset in {None, each.subset}
            ):
                yield each

    def sought(self, level: Level) -> dict[str, tuple[PointMeasured, ...]]:
        """Return the points sought for stated sensitivities, by classifier; none without abnormal cases."""
        sought = [each for each in self.points if each.level is level and each.point.goal is not None]
        names = dict.fromkeys(each.point.classifier for each in sought)
        return {name: tuple(each for each in sought if each.point.classifier == name) for name in names}

    def fixed(self, level: Level, subset: Subset = OVERALL) -> tuple[PointMeasured, ...]:
        """Return what the points of the manifest do on one subset."""
        return tuple(
            each
            for each in self.points
            if each.level is level and each.subset == subset and each.point.goal is None
        )

    def overall(self, classifier: str, level: Level) -> Measured:
        """Return what a classifier does on all cases; raise KeyError for one that was not evaluated."""
        for each in self.of(level=level, subset=OVERALL, classifier=classifier):
            return each
        raise KeyError(classifier)
