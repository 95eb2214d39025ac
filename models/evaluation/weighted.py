"""Computes the metrics of weighted samples, under many sets of weights at once.

A bootstrap resample is the same samples under other weights: how often each was drawn. So each metric is
written once, over weights (R, N); one row of ones is the plain metric, 2000 rows are a bootstrap at the price
of a few array operations.

In all functions `labels` is (N,) bool with True = abnormal, `scores` is (N,) float64 with high = abnormal and
`weights` is (R, N) float64, not negative. Results are (R,) float64, NaN where the metric is not defined.
`models.evaluation.metrics` checks arguments; here they are taken as they are.
"""

import numpy as np
from numpy.typing import NDArray

_Booleans = NDArray[np.bool_]
_Floats = NDArray[np.float64]


def counts(labels: _Booleans, scores: _Floats, threshold: float, weights: _Floats) -> _Floats:
    """Return (4, R): true positives, false negatives, false positives, true negatives.

    A sample is called abnormal when its score is equal to or above `threshold`.
    """
    called = scores >= threshold
    cells = (labels & called, labels & ~called, ~labels & called, ~labels & ~called)
    return np.stack([weights @ cell for cell in cells])


def rates(counts: _Floats) -> dict[str, _Floats]:
    """Return the rates of confusion tables, by name.

    Parameters
    ----------
    counts
        (4, R), as `counts` gives them.
    """
    tp, fn, fp, tn = counts
    sensitivity, specificity = ratio(tp, tp + fn), ratio(tn, tn + fp)
    # Cohen 1960: (observed - expected) / (1 - expected), multiplied out so that integers stay exact.
    kappa = ratio(2.0 * (tp * tn - fn * fp), (tp + fp) * (fp + tn) + (tp + fn) * (fn + tn))
    return {
        "accuracy": ratio(tp + tn, tp + fn + fp + tn),
        "f1": ratio(2.0 * tp, 2.0 * tp + fn + fp),
        "precision": ratio(tp, tp + fp),
        "sensitivity": sensitivity,
        "specificity": specificity,
        "balanced_accuracy": (sensitivity + specificity) / 2.0,
        "kappa": kappa,
    }


def auroc(labels: _Booleans, scores: _Floats, weights: _Floats) -> _Floats:
    """Return the area under the ROC curve: how often an abnormal sample scores above a normal one.

    Ties count one half (Hanley and McNeil 1982). Not defined without both classes.
    """
    abnormal, normal = _steps(labels, scores, weights)
    abnormal_above = np.cumsum(abnormal, axis=1) - abnormal
    ordered = (normal * (abnormal_above + abnormal / 2.0)).sum(axis=1)
    return ratio(ordered, abnormal.sum(axis=1) * normal.sum(axis=1))


def auprc(labels: _Booleans, scores: _Floats, weights: _Floats) -> _Floats:
    """Return the average precision: precision at each distinct score, weighted by the recall gained there.

    Without interpolation, which would be too kind (Davis and Goadrich 2006). Not defined without abnormal
    samples.
    """
    abnormal, normal = _steps(labels, scores, weights)
    found = np.cumsum(abnormal, axis=1)
    precision = ratio(found, found + np.cumsum(normal, axis=1))
    # Nothing is found where the weights of all samples so far are 0.
    gained = abnormal * np.nan_to_num(precision, nan=0.0)
    return ratio(gained.sum(axis=1), abnormal.sum(axis=1))


def brier(labels: _Booleans, scores: _Floats, weights: _Floats) -> _Floats:
    """Return the mean squared distance of probabilities from labels (Brier 1950); 0 is best."""
    return ratio(weights @ (scores - labels) ** 2, weights.sum(axis=1))


def expected_calibration_error(
    labels: _Booleans, scores: _Floats, weights: _Floats, bins: int = 10
) -> _Floats:
    """Return the mean distance, over bins of equal width, of mean probability from share abnormal.

    The bins are weighted by their samples (Naeini et al. 2015), here for P(abnormal), not for confidence.
    """
    in_bin = bin_of(scores, bins)[:, np.newaxis] == np.arange(bins)
    # Of a bin, count times |mean score - share abnormal| is |sum of (score - label)|.
    excess = weights @ (in_bin * (scores - labels)[:, np.newaxis])
    return ratio(np.abs(excess).sum(axis=1), weights.sum(axis=1))


def bin_of(scores: _Floats, bins: int) -> NDArray[np.intp]:
    """Return (N,) the bin of each score in [0, 1]; bins hold their lower edge, the last one holds 1 too."""
    return np.minimum(np.searchsorted(np.arange(bins + 1) / bins, scores, side="right") - 1, bins - 1)


def ratio(part: _Floats, whole: _Floats) -> _Floats:
    """Return part / whole, both (R,); NaN where `whole` is 0."""
    quotient: _Floats = np.divide(part, whole, out=np.full(whole.shape, np.nan), where=whole != 0.0)
    return quotient


def _steps(labels: _Booleans, scores: _Floats, weights: _Floats) -> tuple[_Floats, _Floats]:
    """Return the weights (R, S) of abnormal and of normal samples at each distinct score, highest first."""
    order = np.argsort(-scores, kind="stable")
    starts = np.flatnonzero(np.diff(scores[order], prepend=np.inf))
    sorted_weights = weights[:, order]
    abnormal = np.add.reduceat(sorted_weights * labels[order], starts, axis=1)
    normal = np.add.reduceat(sorted_weights * ~labels[order], starts, axis=1)
    return abnormal, normal
