"""Combines the members' activation maps into one, in several ways, so that figures choose among them.

Each way is a function of one view: `activations` (M, h, w) float32, each member's evidence for abnormal, as
`models.member.MemberOutput` has it; `probabilities` (M,) and `raw_logits` (M,) float64, where a raw logit is
the member's before calibration. The result is (h, w) float32; only its positive part is shown, and only in
relation to its maximum.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

_Maps = NDArray[np.float32]
_Floats = NDArray[np.float64]

Combination = Callable[[_Maps, _Floats, _Floats], _Maps]


def own_max(activations: _Maps, probabilities: _Floats, raw_logits: _Floats) -> _Maps:
    """Average the positive maps, each scaled to a maximum of 1: every member has the same say."""
    combined: _Maps = _shares(activations).mean(axis=0, dtype=np.float32)
    return combined


def plain_sum(activations: _Maps, probabilities: _Floats, raw_logits: _Floats) -> _Maps:
    """Average the maps as they are: members with large logits have the most say."""
    combined: _Maps = activations.mean(axis=0, dtype=np.float32)
    return combined


def sigmoid(activations: _Maps, probabilities: _Floats, raw_logits: _Floats) -> _Maps:
    """Average each cell's probability, as if the view looked everywhere like there.

    The bias under the sigmoid is the one that makes the mean of a map its member's logit.
    """
    biases = raw_logits - activations.mean(axis=(1, 2), dtype=np.float64)
    log_odds = activations + biases[:, np.newaxis, np.newaxis]
    # By way of tanh, which no logit overflows.
    combined: _Maps = (0.5 + 0.5 * np.tanh(log_odds / 2.0)).mean(axis=0).astype(np.float32)
    return combined


def weighted_gradient(activations: _Maps, probabilities: _Floats, raw_logits: _Floats) -> _Maps:
    """Take Grad-CAM of the mean probability: maps weighted by the slope of the sigmoid, p (1 - p).

    A member that is sure, either way, falls silent.
    """
    return _weighted(activations, probabilities * (1.0 - probabilities))


def probability_weighted(activations: _Maps, probabilities: _Floats, raw_logits: _Floats) -> _Maps:
    """Average as `own_max` does, weighted by probability: who sees nothing abnormal points at little."""
    return _weighted(_shares(activations), probabilities)


COMBINATIONS: Mapping[str, Combination] = MappingProxyType(
    {
        "own_max": own_max,
        "sum": plain_sum,
        "sigmoid": sigmoid,
        "weighted_gradient": weighted_gradient,
        "probability_weighted": probability_weighted,
    }
)


def _shares(activations: _Maps) -> _Maps:
    """Clip each map below 0 and scale its maximum to 1; all zero where nothing is positive."""
    positive = np.maximum(activations, np.float32(0.0))
    peaks = positive.max(axis=(1, 2), keepdims=True)
    peaks[peaks <= 0.0] = 1.0
    shares: _Maps = positive / peaks
    return shares


def _weighted(maps: _Maps, weights: _Floats) -> _Maps:
    combined: _Maps = np.einsum("m,mhw->hw", weights, maps).astype(np.float32)
    return combined
