"""Computes the metrics of one classifier: its confusion table, areas, calibration errors and curves.

Labels are booleans and True is abnormal, the positive class; a score is high for abnormal. Arrays of another
kind are refused, so that a polarity is never guessed. A metric that is not defined for the samples at hand
is None.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.evaluation import weighted

_Booleans = NDArray[np.bool_]
_Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Confusion:
    """How many samples were called what; positive is abnormal."""

    true_positive: int
    false_negative: int
    false_positive: int
    true_negative: int

    @property
    def inverted(self) -> Self:
        """The same calls with normal as the positive class, the polarity of some papers."""
        return type(self)(
            true_positive=self.true_negative,
            false_negative=self.false_positive,
            false_positive=self.false_negative,
            true_negative=self.true_positive,
        )

    @property
    def accuracy(self) -> float | None:
        """Share of samples called right."""
        return self._rate("accuracy")

    @property
    def precision(self) -> float | None:
        """Share of positive calls that are right; None if there was no positive call."""
        return self._rate("precision")

    @property
    def sensitivity(self) -> float | None:
        """Share of positive samples called positive; None if there is no positive sample."""
        return self._rate("sensitivity")

    @property
    def recall(self) -> float | None:
        """Another word for sensitivity."""
        return self.sensitivity

    @property
    def specificity(self) -> float | None:
        """Share of negative samples called negative; None if there is no negative sample."""
        return self._rate("specificity")

    @property
    def balanced_accuracy(self) -> float | None:
        """Mean of sensitivity and specificity: the area under the ROC curve of the calls themselves."""
        return self._rate("balanced_accuracy")

    @property
    def f1(self) -> float | None:
        """Harmonic mean of precision and sensitivity; None if there is nothing positive at all."""
        return self._rate("f1")

    @property
    def kappa(self) -> float | None:
        """Cohen's kappa: agreement beyond chance; None if calls and labels are all of one class."""
        return self._rate("kappa")

    def _rate(self, name: str) -> float | None:
        cells = (self.true_positive, self.false_negative, self.false_positive, self.true_negative)
        return _defined(weighted.rates(np.array(cells, dtype=np.float64)[:, np.newaxis])[name])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Curve:
    """What a classifier does at each threshold, from "calls nothing abnormal" to "calls all abnormal".

    Attributes
    ----------
    thresholds
        (S + 1,) float64, falling: infinity, then each distinct score.
    sensitivity, specificity
        (S + 1,) float64 in [0, 1].
    precision
        (S + 1,) float64 in [0, 1], NaN at the first threshold, where nothing is called abnormal.
    """

    thresholds: _Floats
    sensitivity: _Floats
    specificity: _Floats
    precision: _Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class ReliabilityBin:
    """The samples whose probability lies in [low, high): their number, mean probability, share abnormal."""

    low: float
    high: float
    count: int
    mean_score: float
    share_abnormal: float


def confusion(labels: ArrayLike, scores: ArrayLike, threshold: float) -> Confusion:
    """Count what is called what when scores equal to or above `threshold` are called abnormal.

    Parameters
    ----------
    labels, scores
        (N,) bool and float. Other functions of this module take the same.
    """
    truth, values = checked(labels, scores)
    cells = weighted.counts(truth, values, threshold, _once(values))[:, 0].astype(int).tolist()
    names = ("true_positive", "false_negative", "false_positive", "true_negative")
    return Confusion(**dict(zip(names, cells, strict=True)))


def auroc(labels: ArrayLike, scores: ArrayLike) -> float | None:
    """Return the area under the ROC curve of the scores, ties one half; None without both classes."""
    return _measured(weighted.auroc, labels, scores)


def auprc(labels: ArrayLike, scores: ArrayLike) -> float | None:
    """Return the average precision of the scores; None without abnormal samples."""
    return _measured(weighted.auprc, labels, scores)


def brier(labels: ArrayLike, scores: ArrayLike) -> float | None:
    """Return the mean squared distance of the probabilities `scores` from the labels."""
    return _measured(weighted.brier, labels, probabilities(scores))


def expected_calibration_error(labels: ArrayLike, scores: ArrayLike, bins: int = 10) -> float | None:
    """Return the mean distance of probability from share abnormal over `bins` of equal width."""

    def metric(truth: _Booleans, values: _Floats, weights: _Floats) -> _Floats:
        return weighted.expected_calibration_error(truth, values, weights, bins)

    return _measured(metric, labels, probabilities(scores))


def curve(labels: ArrayLike, scores: ArrayLike) -> Curve | None:
    """Return the operating characteristic at each distinct score, for plots; None without both classes."""
    truth, values = checked(labels, scores)
    if truth.all() or not truth.any():
        return None
    thresholds = np.append(np.inf, np.unique(values)[::-1])
    # How many of a class reach a threshold is a place in its sorted scores.
    abnormal, normal = np.sort(values[truth]), np.sort(values[~truth])
    hits = abnormal.size - np.searchsorted(abnormal, thresholds)
    alarms = normal.size - np.searchsorted(normal, thresholds)
    called = (hits + alarms).astype(np.float64)
    return Curve(
        thresholds=thresholds,
        sensitivity=hits / abnormal.size,
        specificity=1.0 - alarms / normal.size,
        precision=np.divide(hits, called, out=np.full(called.shape, np.nan), where=called > 0),
    )


def reliability(labels: ArrayLike, scores: ArrayLike, bins: int = 10) -> tuple[ReliabilityBin, ...]:
    """Return the bins of equal width that hold samples, lowest first."""
    truth, values = checked(labels, probabilities(scores))
    places = weighted.bin_of(values, bins)
    return tuple(
        ReliabilityBin(
            low=place / bins,
            high=(place + 1) / bins,
            count=int((places == place).sum()),
            mean_score=float(values[places == place].mean()),
            share_abnormal=float(truth[places == place].mean()),
        )
        for place in np.unique(places).tolist()
    )


def checked(labels: ArrayLike, scores: ArrayLike) -> tuple[_Booleans, _Floats]:
    """Return labels as (N,) bool and scores as (N,) float64.

    Raises
    ------
    ValueError
        Labels are not booleans, scores are not finite, the lengths differ, or there is no sample.
    """
    truth, values = np.asarray(labels), np.asarray(scores, dtype=np.float64)
    if truth.dtype != np.bool_:
        raise ValueError(f"labels must be booleans with True = abnormal, not {truth.dtype}")
    if truth.ndim != 1 or truth.shape != values.shape or truth.size == 0:
        raise ValueError(
            f"labels and scores must be (N,) each and not empty, not {truth.shape} and {values.shape}"
        )
    if not np.isfinite(values).all():
        raise ValueError("scores must be finite")
    return truth, values


def probabilities(scores: ArrayLike) -> _Floats:
    """Return scores as float64; raise ValueError if one is outside [0, 1]."""
    values = np.asarray(scores, dtype=np.float64)
    if not ((values >= 0.0) & (values <= 1.0)).all():
        raise ValueError("probabilities must be in [0, 1]")
    return values


def _measured(
    metric: Callable[[_Booleans, _Floats, _Floats], _Floats], labels: ArrayLike, scores: ArrayLike
) -> float | None:
    truth, values = checked(labels, scores)
    return _defined(metric(truth, values, _once(values)))


def _once(values: _Floats) -> _Floats:
    return np.ones((1, values.size))


def _defined(result: _Floats) -> float | None:
    return None if np.isnan(result[0]) else float(result[0])
