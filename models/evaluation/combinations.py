"""Combines the members' activation maps into one, in several ways, so that figures choose among them.

Each way is a function of one view: `activations` (M, h, w) float32, each member's log-odds of every cell, as
`models.finding.MemberFinding` has them, `probabilities` (M,) float64 of the view, and `votes` (M,) float64.
The result is (h, w) float32; only its positive part is measured, and only in relation to its maximum.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from models.finding import cell_probabilities

_Maps = NDArray[np.float32]
_Floats = NDArray[np.float64]

Combination = Callable[[_Maps, _Floats, _Floats], _Maps]


def probability(activations: _Maps, probabilities: _Floats, votes: _Floats) -> _Maps:
    """Average each cell's probability by the members' votes: what a finding shows."""
    combined: _Maps = np.average(cell_probabilities(activations), axis=0, weights=votes).astype(np.float32)
    return combined


def own_max(activations: _Maps, probabilities: _Floats, votes: _Floats) -> _Maps:
    """Average the maps of probability, each scaled to a maximum of 1: every member has the same say."""
    combined: _Maps = _shares(activations).mean(axis=0, dtype=np.float32)
    return combined


def probability_weighted(activations: _Maps, probabilities: _Floats, votes: _Floats) -> _Maps:
    """Average as `own_max` does, weighted by probability: who sees nothing abnormal points at little."""
    return _weighted(_shares(activations), probabilities)


def highest(activations: _Maps, probabilities: _Floats, votes: _Floats) -> _Maps:
    """Take each cell's highest probability: whatever any member sees."""
    combined: _Maps = cell_probabilities(activations).max(axis=0)
    return combined


def log_odds(activations: _Maps, probabilities: _Floats, votes: _Floats) -> _Maps:
    """Average the maps as they are: members with large log-odds have the most say."""
    combined: _Maps = activations.mean(axis=0, dtype=np.float32)
    return combined


def weighted_gradient(activations: _Maps, probabilities: _Floats, votes: _Floats) -> _Maps:
    """Take Grad-CAM of the mean probability, but for a constant: maps weighted by the slope of the sigmoid.

    The slope is p (1 - p): a member that is sure, either way, falls silent.
    """
    return _weighted(activations, votes * probabilities * (1.0 - probabilities))


COMBINATIONS: Mapping[str, Combination] = MappingProxyType(
    {
        "probability": probability,
        "own_max": own_max,
        "probability_weighted": probability_weighted,
        "highest": highest,
        "log_odds": log_odds,
        "weighted_gradient": weighted_gradient,
    }
)


def _shares(activations: _Maps) -> _Maps:
    """Scale each map of probability to a maximum of 1."""
    likely = cell_probabilities(activations)
    shares: _Maps = likely / np.maximum(likely.max(axis=(1, 2), keepdims=True), np.finfo(np.float32).tiny)
    return shares


def _weighted(maps: _Maps, weights: _Floats) -> _Maps:
    combined: _Maps = np.einsum("m,mhw->hw", weights, maps).astype(np.float32)
    return combined
