"""Tells two kinds of vectors apart along the one direction that separates them best."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.reference.normal import Moments

# The share of the covariance that is replaced by a multiple of the identity. Features of a network have about
# as many dimensions as there are images of the smaller kind; without it the direction would fit their noise.
_SHRINKAGE = 0.1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Discriminant:
    """A direction, scaled to one kind of vectors: these have mean 0 and deviation 1, the others lie above.

    Attributes
    ----------
    weights
        (D,) float64.
    offset
        What the mean of the first kind projects to before it is subtracted.
    """

    weights: NDArray[np.float64]
    offset: float

    def __post_init__(self) -> None:
        if self.weights.ndim != 1 or not (np.isfinite(self.weights).all() and np.isfinite(self.offset)):
            raise ValueError("a discriminant must be (D,) and finite")

    def position(self, vectors: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return where `vectors` (N, D) lie along the direction, (N,), in deviations of the first kind."""
        positions: NDArray[np.float64] = vectors.astype(np.float64) @ self.weights - self.offset
        return positions


def fit_discriminant(first: Moments, second: Moments) -> Discriminant:
    """Return Fisher's linear discriminant from the first kind to the second, with a shrunk covariance.

    Raises ValueError where both kinds are the same and where nothing varies.
    """
    count = first.count + second.count
    within = (first.scatter + second.scatter) / count
    level = float(np.trace(within)) / len(within)
    if level <= 0.0:
        raise ValueError("a discriminant needs vectors that vary")
    shrunk = (1.0 - _SHRINKAGE) * within + _SHRINKAGE * level * np.eye(len(within))
    direction = np.asarray(np.linalg.solve(shrunk, second.mean - first.mean), dtype=np.float64)
    deviation = float(np.sqrt(direction @ first.scatter @ direction / first.count))
    if deviation <= 0.0:
        raise ValueError("a discriminant needs two kinds that differ")
    weights = direction / deviation
    return Discriminant(weights=weights, offset=float(first.mean @ weights))
