"""Resamples images by two matrix products: one over the rows, one over the columns.

A resize along one axis is linear, so it is a matrix of weights (target, source). Both kernels place sample
centers at half pixels, as image libraries do: position i of n covers [i, i + 1) of [0, n).
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

# Two matrices per view size and a handful of sizes in use: at most about 3 MB each for a 3000 pixel side.
_CACHED_MATRICES = 16


def resize(image: NDArray[np.float32], shape: tuple[int, int]) -> NDArray[np.float32]:
    """Resize with the antialiasing triangle filter ("bilinear" with antialias in PyTorch and Pillow).

    Parameters
    ----------
    image
        (rows, cols) float32.
    shape
        The wanted (rows, cols).

    Returns
    -------
    NDArray[np.float32]
        `shape` float32, within the range of `image` up to rounding.
    """
    rows, cols = image.shape
    down, across = triangle_weights(rows, shape[0]), triangle_weights(cols, shape[1])
    resized: NDArray[np.float32] = np.linalg.multi_dot([down, image, across.T])
    return resized


@lru_cache(maxsize=_CACHED_MATRICES)
def triangle_weights(source: int, target: int) -> NDArray[np.float32]:
    """Return the (target, source) float32 matrix of the triangle filter; read-only.

    The triangle is as wide as one target pixel when shrinking and as one source pixel when enlarging.
    """
    scale = source / target
    centers = (np.arange(target) + 0.5) * scale
    distance = np.abs(np.arange(source) + 0.5 - centers[:, None]) / max(scale, 1.0)
    return _normalized(np.maximum(1.0 - distance, 0.0))


def cubic_weights(source: int, target: int, window: tuple[float, float]) -> NDArray[np.float32]:
    """Return the (target, source) float32 matrix that spreads the part `window` of `source` over `target`.

    `window` is (start, stop) in source pixels. For enlarging only: Keys' cubic, which passes through the
    source values and has no creases; beyond the border the outermost value goes on.
    """
    start, stop = window
    centers = start + (np.arange(target) + 0.5) * ((stop - start) / target)
    # Two more samples on each side stand for the outermost value, then are folded into it.
    distance = np.abs(np.arange(-2, source + 2) + 0.5 - centers[:, None])
    weights = _keys_cubic(distance)
    weights[:, 2] += weights[:, 0] + weights[:, 1]
    weights[:, -3] += weights[:, -1] + weights[:, -2]
    return _normalized(weights[:, 2:-2])


def _keys_cubic(distance: NDArray[np.float64]) -> NDArray[np.float64]:
    near = (1.5 * distance - 2.5) * distance**2 + 1.0
    far = ((-0.5 * distance + 2.5) * distance - 4.0) * distance + 2.0
    weights: NDArray[np.float64] = np.where(distance < 1.0, near, np.where(distance < 2.0, far, 0.0))
    return weights


def _normalized(weights: NDArray[np.float64]) -> NDArray[np.float32]:
    matrix: NDArray[np.float32] = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
    matrix.setflags(write=False)
    return matrix
