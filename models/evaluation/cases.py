"""Groups labeled images into what figures count. This module holds the cases: images, or studies of images.

The paper calls figures of studies "per encounter". Which of the two a figure counts is part of its type, so
that a score of an image never meets the label of a study.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import compress
from typing import Self

import numpy as np
from numpy.typing import NDArray

from models.datasets.sample import Sample
from models.fold import Fold


class Level(StrEnum):
    """What a figure counts."""

    IMAGE = "image"
    STUDY = "study"


class SubsetKind(StrEnum):
    """By what cases are chosen."""

    OVERALL = "overall"
    REGION = "region"
    STRATUM = "stratum"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subset:
    """A part of the cases: all of them, those of one region, or those of one stratum."""

    kind: SubsetKind
    name: str = ""

    @property
    def label(self) -> str:
        """The subset in words: "overall", or the name of its region or stratum."""
        return self.name or self.kind.value


OVERALL = Subset(kind=SubsetKind.OVERALL)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cases:
    """K cases of one level.

    Attributes
    ----------
    level
        Images or studies.
    labels
        (K,) bool, True = abnormal.
    clusters
        K names of what resampling keeps together, see `Sample.cluster`.
    regions, strata
        K names; a study whose views differ has theirs joined by " + ". A stratum may be empty.
    case_of
        (N,) the case, from 0, to which each of the N images belongs.
    fold
        How the scores of a case's images become one.
    """

    level: Level
    labels: NDArray[np.bool_]
    clusters: tuple[str, ...]
    regions: tuple[str, ...]
    strata: tuple[str, ...]
    case_of: NDArray[np.intp]
    fold: Fold = Fold.MEAN

    @classmethod
    def of(cls, samples: Sequence[Sample], level: Level, fold: Fold = Fold.MEAN) -> Self:
        """Group N images by `level`.

        A study is abnormal if one of its images is: MURA labels whole studies, other data sets may not.
        """
        names = [
            str(number) if level is Level.IMAGE else sample.study for number, sample in enumerate(samples)
        ]
        numbers = {name: number for number, name in enumerate(dict.fromkeys(names))}
        members: list[list[Sample]] = [[] for _ in numbers]
        for name, sample in zip(names, samples, strict=True):
            members[numbers[name]].append(sample)
        return cls(
            level=level,
            labels=np.array([any(sample.abnormal for sample in views) for views in members], dtype=bool),
            clusters=tuple(views[0].cluster for views in members),
            regions=tuple(_joined(view.region for view in views) for views in members),
            strata=tuple(_joined(view.stratum for view in views) for views in members),
            case_of=np.array([numbers[name] for name in names], dtype=np.intp),
            fold=fold,
        )

    def __len__(self) -> int:
        return len(self.clusters)

    def scores(self, image_scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return (K,) P(abnormal) of each case: its images' `image_scores`, (N,), folded."""
        of_case: list[list[float]] = [[] for _ in self.clusters]
        for case, score in zip(self.case_of, image_scores.tolist(), strict=True):
            of_case[case].append(score)
        return np.array([self.fold.of(scores) for scores in of_case])

    def subsets(self) -> tuple[Subset, ...]:
        """Return all that figures are reported for: overall, then the regions and strata by name.

        Regions are left out if there is only one, strata if all cases are in one.
        """
        found = [OVERALL]
        for kind, names in ((SubsetKind.REGION, self.regions), (SubsetKind.STRATUM, self.strata)):
            if len(set(names)) > 1:
                found += [Subset(kind=kind, name=name) for name in sorted(set(names)) if name]
        return tuple(found)

    def select(self, subset: Subset) -> NDArray[np.bool_]:
        """Return (K,) bool: which cases are in `subset`."""
        if subset.kind is SubsetKind.OVERALL:
            return np.ones(len(self), dtype=bool)
        names = self.regions if subset.kind is SubsetKind.REGION else self.strata
        return np.array([name == subset.name for name in names], dtype=bool)

    def clusters_of(self, subset: Subset) -> tuple[str, ...]:
        """Return the clusters of the cases in `subset`, in order."""
        return tuple(compress(self.clusters, self.select(subset)))


def _joined(names: Iterable[str]) -> str:
    return " + ".join(sorted({name for name in names if name}))
