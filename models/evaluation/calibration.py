"""Fits the line that turns a member's raw logits into log-odds that can be believed.

Platt's scaling (Platt 1999) fits scale and offset: a convex maximum likelihood fit of two parameters, solved
by Newton steps as Lin, Lin and Weng (2007) advise.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.bundle.manifest import Calibration
from models.errors import MemberInverted, SamplesInsufficient
from models.evaluation.metrics import checked

_Floats = NDArray[np.float64]

_MAX_STEPS = 100
# A step that promises less than this share of the loss is the last one.
_TOLERANCE = 1e-14


def fit_calibration(
    labels: ArrayLike, raw_logits: ArrayLike, *, weights: ArrayLike | None = None
) -> Calibration:
    """Fit scale and offset so that sigmoid(scale * raw logit + offset) is P(abnormal).

    The targets are Platt's: with n abnormal samples an abnormal one counts as (n + 1) / (n + 2), not 1, and a
    normal one likewise, so that classes which do not overlap still get a finite scale.

    Parameters
    ----------
    labels
        (N,) bool, True = abnormal; of validation data.
    raw_logits
        (N,) float, a member's logits before any calibration.
    weights
        (N,) float, not negative: how many samples each stands for; None counts each once.

    Raises
    ------
    SamplesInsufficient
        A class is missing, or all logits are equal.
    MemberInverted
        The best scale is not positive: the logits are no higher for abnormal than for normal samples.
    """
    logits, targets, counts = _prepared(labels, raw_logits, weights)
    # Around 0 and of size 1, or a Newton step on logits far from 0 would lose its digits.
    center = float(np.average(logits, weights=counts))
    size = float(np.abs(logits - center).max())
    design = np.stack([(logits - center) / size, np.ones_like(logits)])
    slope, level = _maximum_likelihood(design, targets, counts).tolist()
    scale = _positive(slope / size)
    return Calibration(scale=scale, offset=level - scale * center)


def _prepared(
    labels: ArrayLike, raw_logits: ArrayLike, weights: ArrayLike | None
) -> tuple[_Floats, _Floats, _Floats]:
    """Return logits, smoothed targets and weights, each (N,) float64."""
    truth, logits = checked(labels, raw_logits)
    counts = np.ones_like(logits) if weights is None else np.asarray(weights, dtype=np.float64)
    if counts.shape != logits.shape or not (counts >= 0.0).all() or not np.isfinite(counts).all():
        raise ValueError("weights must be as many as the logits, finite and not negative")
    abnormal, normal = float(counts[truth].sum()), float(counts[~truth].sum())
    if abnormal == 0.0 or normal == 0.0:
        missing = "abnormal" if abnormal == 0.0 else "normal"
        raise SamplesInsufficient(
            f"a calibration needs samples of both classes, and there is no {missing} one; use other data"
        )
    if np.ptp(logits[counts > 0.0]) == 0.0:
        raise SamplesInsufficient(
            "a calibration needs different logits, and all are equal; check the member and the images"
        )
    targets = np.where(truth, (abnormal + 1.0) / (abnormal + 2.0), 1.0 / (normal + 2.0))
    return logits, targets, counts


def _maximum_likelihood(design: _Floats, targets: _Floats, counts: _Floats) -> _Floats:
    """Return the coefficients (P,) of `design` (P, N) that minimize the cross-entropy with `targets` (N,)."""

    def loss(coefficients: _Floats) -> float:
        logits = coefficients @ design
        return float(counts @ (np.logaddexp(0.0, logits) - targets * logits))

    coefficients = np.zeros(len(design))
    current = loss(coefficients)
    for _ in range(_MAX_STEPS):
        probability = 1.0 / (1.0 + np.exp(-(coefficients @ design)))
        gradient = design @ (counts * (probability - targets))
        curvature = (design * (counts * probability * (1.0 - probability))) @ design.T
        step = np.linalg.solve(curvature, gradient)
        promised = float(gradient @ step)
        length = 1.0
        # Armijo's rule: a step has to keep a small part of its promise, or it is halved.
        while (reached := loss(coefficients - length * step)) > current - 1e-4 * length * promised:
            length /= 2.0
            if length * promised <= _TOLERANCE * current:
                return coefficients
        coefficients, current = coefficients - length * step, reached
    return coefficients


def _positive(scale: float) -> float:
    if scale > 0.0:
        return scale
    raise MemberInverted(
        f"the best calibration has the scale {scale:.3g}, so the member's logits are no higher for abnormal "
        "samples than for normal ones; check the polarity of its training labels (abnormal is 1) and the data"
    )
