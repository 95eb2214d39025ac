"""Combines the members' activation maps into one, in several ways, so that figures choose among them.

Each way is a function of one view: `activations` (M, h, w) float32, each member's log-odds of every cell, as
`models.finding.MemberFinding` has them, `probabilities` (M,) float64 of the view, and `votes` (M,) float64.
The result is (h, w) float32, log-odds again.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from models.finding import cell_probabilities, weighted_cells

_Maps = NDArray[np.float32]
_Floats = NDArray[np.float64]

Combination = Callable[[_Maps, _Floats, _Floats], _Maps]

# Probabilities closer to 0 and 1 have no log-odds in float32.
_LEAST = 1e-6


def log_odds(activations: _Maps, probabilities: _Floats, votes: _Floats) -> _Maps:
    """Average by the members' votes."""
    return weighted_cells(activations, votes)


def equal(activations: _Maps, probabilities: _Floats, votes: _Floats) -> _Maps:
    """Average as if all members had the same vote."""
    return weighted_cells(activations, np.ones_like(votes))


def probability(activations: _Maps, probabilities: _Floats, votes: _Floats) -> _Maps:
    """Average each cell's probability by votes, as that of the view is."""
    likely = np.average(cell_probabilities(activations).astype(np.float64), axis=0, weights=votes)
    likely = likely.clip(_LEAST, 1.0 - _LEAST)
    combined: _Maps = np.log(likely / (1.0 - likely)).astype(np.float32)
    return combined


def highest(activations: _Maps, probabilities: _Floats, votes: _Floats) -> _Maps:
    """Take each cell's highest log-odds: whatever any member sees."""
    combined: _Maps = activations.max(axis=0)
    return combined


def probability_weighted(activations: _Maps, probabilities: _Floats, votes: _Floats) -> _Maps:
    """Average by votes and probabilities, so that who sees nothing points at little: what a finding shows."""
    return weighted_cells(activations, votes * probabilities)


def weighted_gradient(activations: _Maps, probabilities: _Floats, votes: _Floats) -> _Maps:
    """Weigh as Grad-CAM of the mean probability does: by the slope of the sigmoid, p (1 - p).

    A member that is sure, either way, falls silent.
    """
    return weighted_cells(activations, votes * probabilities * (1.0 - probabilities))


COMBINATIONS: Mapping[str, Combination] = MappingProxyType(
    {
        "probability_weighted": probability_weighted,
        "log_odds": log_odds,
        "equal": equal,
        "probability": probability,
        "highest": highest,
        "weighted_gradient": weighted_gradient,
    }
)
