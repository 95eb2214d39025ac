"""Holds the figures by which a classifier is judged: each a metric with its bootstrap interval."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.evaluation import weighted
from models.evaluation.bootstrap import Interval, bootstrap_intervals
from models.evaluation.metrics import checked, probabilities

RESAMPLES = 2000

_Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A metric; `value` is None where it is not defined, `interval` where too few resamples define it."""

    value: float | None
    interval: Interval | None


def classification_figures(
    labels: ArrayLike,
    scores: ArrayLike,
    clusters: Sequence[Hashable],
    *,
    threshold: float,
    seed: int,
    resamples: int = RESAMPLES,
) -> dict[str, Figure]:
    """Return all figures of a classifier, abnormal positive.

    Parameters
    ----------
    labels
        (N,) bool, True = abnormal.
    scores
        (N,) float, P(abnormal).
    clusters
        N names of what is resampled together, see `models.datasets.sample.Sample.cluster`.
    threshold
        Scores equal to or above it are called abnormal.
    resamples
        How many; 2000 for 95 % intervals that are stable to about a tenth of their width.

    Returns
    -------
    dict[str, Figure]
        In this order: accuracy, f1, precision, sensitivity, specificity, balanced_accuracy, kappa, auroc,
        auprc, brier, expected_calibration_error.
    """
    truth, values = checked(labels, probabilities(scores))

    def statistics(weights: _Floats) -> Mapping[str, _Floats]:
        return weighted.rates(weighted.counts(truth, values, threshold, weights)) | {
            "auroc": weighted.auroc(truth, values, weights),
            "auprc": weighted.auprc(truth, values, weights),
            "brier": weighted.brier(truth, values, weights),
            "expected_calibration_error": weighted.expected_calibration_error(truth, values, weights),
        }

    return figures(statistics, clusters, seed=seed, resamples=resamples)


def mean_figures(
    columns: Mapping[str, ArrayLike],
    clusters: Sequence[Hashable],
    *,
    seed: int,
    resamples: int = RESAMPLES,
) -> dict[str, Figure]:
    """Return the mean of each column of numbers (N,) as a figure."""
    values = {name: np.asarray(column, dtype=np.float64) for name, column in columns.items()}

    def statistics(weights: _Floats) -> Mapping[str, _Floats]:
        return {name: weights @ column / weights.sum(axis=1) for name, column in values.items()}

    return figures(statistics, clusters, seed=seed, resamples=resamples)


def figures(
    statistics: Callable[[_Floats], Mapping[str, _Floats]],
    clusters: Sequence[Hashable],
    *,
    seed: int,
    resamples: int = RESAMPLES,
) -> dict[str, Figure]:
    """Return each statistic of the samples as they are and its 95 % interval; see `bootstrap_intervals`."""
    plain = statistics(np.ones((1, len(clusters))))
    intervals = bootstrap_intervals(statistics, clusters, resamples=resamples, seed=seed)
    return {
        name: Figure(value=None if np.isnan(value[0]) else float(value[0]), interval=intervals[name])
        for name, value in plain.items()
    }
