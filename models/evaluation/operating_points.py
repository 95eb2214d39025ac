"""Chooses operating points on validation data, and measures what they do.

An operating point is a threshold with a name. It is chosen on validation data alone; what it costs elsewhere
is for `ulna evaluate` to show.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, sqrt
from statistics import NormalDist
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.bundle.manifest import OperatingPoint
from models.errors import SamplesInsufficient
from models.evaluation.bootstrap import Interval, bootstrap_pair_intervals
from models.evaluation.figures import RESAMPLES, Figure
from models.evaluation.metrics import checked, confusion

# 0.95 * 20 may come out a little above 19; a count is not raised for that.
_ROUNDING = 1e-9
_Z = NormalDist().inv_cdf(0.975)


def choose_threshold(labels: ArrayLike, scores: ArrayLike, sensitivity: float) -> float:
    """Return the threshold that flags as little as it can while it keeps `sensitivity`.

    Parameters
    ----------
    labels
        (N,) bool, True = abnormal.
    scores
        (N,) float, high = abnormal.
    sensitivity
        The least share of abnormal samples to be flagged, in (0, 1].

    Returns
    -------
    float
        Half way between the lowest score it flags and the next lower one: it flags the same samples as the
        largest threshold that would do, and rounding on another machine does not turn one over.

    Raises
    ------
    SamplesInsufficient
        There is no abnormal sample.
    """
    truth, values = checked(labels, scores)
    _require_fraction("sensitivity", sensitivity)
    abnormal = np.sort(values[truth])[::-1]
    if abnormal.size == 0:
        raise SamplesInsufficient(
            "a threshold by sensitivity needs abnormal samples, and there is none; use other data"
        )
    return _margin_below(values, abnormal[_least(sensitivity, abnormal.size) - 1])


def choose_threshold_by_specificity(labels: ArrayLike, scores: ArrayLike, specificity: float) -> float:
    """Return the threshold that flags as much as it can while it keeps `specificity`.

    Parameters and the place between two scores are those of `choose_threshold`.

    Raises
    ------
    SamplesInsufficient
        There is no normal sample, or normal ones have the highest scores, so that nothing could be flagged.
    """
    truth, values = checked(labels, scores)
    _require_fraction("specificity", specificity)
    normal = np.sort(values[~truth])
    if normal.size == 0:
        raise SamplesInsufficient(
            "a threshold by specificity needs normal samples, and there is none; use other data"
        )
    flagged = values[values > normal[_least(specificity, normal.size) - 1]]
    if flagged.size == 0:
        raise SamplesInsufficient(
            f"no threshold has a specificity of {specificity:g} and still flags anything: the highest scores "
            "are those of normal samples; ask for less, or use a better model"
        )
    return _margin_below(values, flagged.min())


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """How an operating point is chosen.

    `choose` takes labels and scores and returns a threshold that keeps the rate `keeps`, or raises
    SamplesInsufficient. `data` says which samples they are, for the manifest.
    """

    name: str
    keeps: Literal["sensitivity", "specificity"]
    choose: Callable[[NDArray[np.bool_], NDArray[np.float64]], float]
    data: str


def chosen(
    choice: Choice,
    labels: ArrayLike,
    scores: ArrayLike,
    clusters: Sequence[Hashable],
    *,
    seed: int,
    resamples: int = RESAMPLES,
) -> OperatingPoint:
    """Choose a threshold, and state its sensitivity and specificity on the same samples with 95 % intervals.

    The interval of the rate that is kept says what such a choice does to other samples, as many and of the
    same kind: in each resample the threshold is chosen anew on one draw of clusters and measured on another.
    An interval of the threshold as it is would not know that this rate was forced on these very samples. The
    other rate was not, and its interval is that of the threshold as it is. Wilson's are reached over too, see
    `widened`.

    Parameters
    ----------
    labels, scores, clusters
        As in `models.evaluation.figures.classification_figures`.

    Raises
    ------
    SamplesInsufficient
        The choice is not possible on these samples.
    """
    truth, values = checked(labels, scores)

    def rates(chosen_on: NDArray[np.intp], measured_on: NDArray[np.intp]) -> Mapping[str, float | None]:
        there = confusion(truth[measured_on], values[measured_on], threshold)
        found = {"sensitivity": there.sensitivity, "specificity": there.specificity}
        try:
            anew = choice.choose(truth[chosen_on], values[chosen_on])
        except SamplesInsufficient:
            return found | {choice.keeps: None}
        again = confusion(truth[measured_on], values[measured_on], anew)
        kept = again.sensitivity if choice.keeps == "sensitivity" else again.specificity
        return found | {choice.keeps: kept}

    threshold = choice.choose(truth, values)
    table = confusion(truth, values, threshold)
    intervals = bootstrap_pair_intervals(rates, clusters, resamples=resamples, seed=seed)
    abnormal = int(truth.sum())
    sensitivity = widened(Figure(value=table.sensitivity, interval=intervals["sensitivity"]), abnormal)
    specificity = widened(
        Figure(value=table.specificity, interval=intervals["specificity"]), truth.size - abnormal
    )
    return OperatingPoint(
        name=choice.name,
        threshold=threshold,
        sensitivity=sensitivity.value,
        sensitivity_interval=_bounds(sensitivity),
        specificity=specificity.value,
        specificity_interval=_bounds(specificity),
        data=choice.data,
    )


def widened(figure: Figure, count: int) -> Figure:
    """Return a share of `count` samples with an interval that reaches over Wilson's too.

    A bootstrap knows no other outcomes than it was given: where 20 of 20 were found it says 1 to 1. Wilson's
    interval knows better, but not that samples of a cluster are alike. What either allows is allowed.
    """
    if figure.value is None:
        return figure
    wilson = wilson_interval(figure.value, count)
    drawn = wilson if figure.interval is None else figure.interval
    interval = Interval(
        low=min(wilson.low, drawn.low), high=max(wilson.high, drawn.high), dropped=drawn.dropped
    )
    return Figure(value=figure.value, interval=interval)


def wilson_interval(share: float, count: int) -> Interval:
    """Return Wilson's 95 % score interval (1927) of a share of `count` independent samples.

    It has a width where the share is 0 or 1 too.
    """
    spread = _Z**2 / count
    center = (share + spread / 2.0) / (1.0 + spread)
    reach = _Z * sqrt(share * (1.0 - share) / count + spread / (4.0 * count)) / (1.0 + spread)
    return Interval(low=max(0.0, min(share, center - reach)), high=min(1.0, max(share, center + reach)))


def _bounds(figure: Figure) -> tuple[float, float] | None:
    return None if figure.interval is None else (figure.interval.low, figure.interval.high)


def _least(share: float, count: int) -> int:
    """Return how many of `count` are at least `share` of them; at least one."""
    return max(1, ceil(share * count - _ROUNDING))


def _margin_below(scores: NDArray[np.float64], lowest: np.float64) -> float:
    lower = scores[scores < lowest]
    return float(lowest if lower.size == 0 else min(lowest, (lowest + lower.max()) / 2.0))


def _require_fraction(name: str, value: float) -> None:
    if not 0.0 < value <= 1.0:
        raise ValueError(f"{name} must be above 0 and at most 1, not {value}")
