"""Fits normal distributions to streams of vectors, and measures how far a vector is from them."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

# Below this share of the mean variance a direction is taken as having that variance: a set of inputs that do
# not vary at all in some direction would otherwise put everything else infinitely far away.
_LEAST_SHARE = 1e-6
_LEAST = 1e-30


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Moments:
    """Count, mean and scatter of vectors; those of two sets add up, so that no set need be in memory.

    Attributes
    ----------
    count
        How many vectors.
    mean
        (D,) float64.
    scatter
        (D, D) float64: the sum of the outer products of the vectors' differences from the mean.
    """

    count: int
    mean: NDArray[np.float64]
    scatter: NDArray[np.float64]

    @classmethod
    def of(cls, vectors: NDArray[np.floating]) -> Self:
        """Return the moments of `vectors` (N, D), N at least 1."""
        points = vectors.astype(np.float64)
        mean = points.mean(axis=0)
        centered = points - mean
        return cls(count=len(points), mean=mean, scatter=centered.T @ centered)

    def __add__(self, other: "Moments") -> "Moments":
        """Return the moments of both sets together (Chan, Golub & LeVeque 1983)."""
        count = self.count + other.count
        step = other.mean - self.mean
        between = self.count * other.count / count
        return Moments(
            count=count,
            mean=self.mean + step * (other.count / count),
            scatter=self.scatter + other.scatter + between * np.outer(step, step),
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cloud:
    """A normal distribution that varies freely along some axes and alike in all other directions.

    This is the model of probabilistic principal components (Tipping & Bishop 1999): with few vectors of many
    dimensions a full covariance cannot be estimated, while their main axes can.

    Attributes
    ----------
    mean
        (D,) float64.
    axes
        (k, D) float64, orthonormal rows, k below D.
    variances
        (k,) float64 along the axes, positive.
    rest
        Variance along each of the other D - k directions, positive.
    """

    mean: NDArray[np.float64]
    axes: NDArray[np.float64]
    variances: NDArray[np.float64]
    rest: float

    def __post_init__(self) -> None:
        axes, dimensions = self.axes.shape
        if self.mean.shape != (dimensions,) or self.variances.shape != (axes,) or axes >= dimensions:
            raise ValueError(
                f"mean {self.mean.shape}, axes {self.axes.shape}, variances {self.variances.shape} do not fit"
            )
        finite = all(np.isfinite(part).all() for part in (self.mean, self.axes, self.variances, self.rest))
        if not finite or self.rest <= 0.0 or (self.variances <= 0.0).any():
            raise ValueError("a cloud must be finite with positive variances")

    def distance(self, vectors: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return the Mahalanobis distances (N,) of `vectors` (N, D), divided by the square root of D.

        So 1 is what is usual among the vectors that the cloud was fitted to.
        """
        centered = vectors.astype(np.float64) - self.mean
        along = centered @ self.axes.T
        # What lies off the axes; rounding may make it negative where there is nothing.
        off = np.maximum((centered**2).sum(axis=1) - (along**2).sum(axis=1), 0.0)
        squared = (along**2 / self.variances).sum(axis=1) + off / self.rest
        distances: NDArray[np.float64] = np.sqrt(squared / len(self.mean))
        return distances


def fit_cloud(moments: Moments, *, axes: int) -> Cloud:
    """Return the cloud of vectors with these moments, by maximum likelihood, with at most `axes` axes.

    Never more than half as many axes as vectors are taken, since those beyond are noise. Raises ValueError
    for fewer than four vectors or two dimensions.
    """
    dimensions = len(moments.mean)
    kept = min(axes, dimensions - 1, moments.count // 2)
    if moments.count < 4 or kept < 1:
        raise ValueError(f"a cloud needs 4 vectors of 2 dimensions, not {moments.count} of {dimensions}")
    variances, directions = np.linalg.eigh(moments.scatter / moments.count)
    total = float(np.trace(moments.scatter)) / moments.count
    largest = variances[::-1][:kept]
    least = max(_LEAST_SHARE * total / dimensions, _LEAST)
    rest = (total - float(largest.sum())) / (dimensions - kept)
    return Cloud(
        mean=moments.mean,
        axes=np.ascontiguousarray(directions[:, ::-1][:, :kept].T),
        variances=np.maximum(largest, least),
        rest=max(rest, least),
    )
