"""Turns boxes into what a network should say of each cell of its map. This module knows rectangles only."""

import numpy as np
from numpy.typing import NDArray

# Each cell of a map stands for so many pixels of the input, in all architectures.
STRIDE = 32
# The answer of a cell, or of a view, that a box touches too little to count and too much to ignore.
UNKNOWN = -1.0

# Share of a box, or of a cell, that must lie in the other one.
_INSIDE = 0.5
_TOUCHED = 0.1


def view_target(boxes: NDArray[np.float64], side: int) -> float:
    """Say whether a square view shows an abnormality: 1.0, 0.0, or UNKNOWN if a box is cut off.

    Parameters
    ----------
    boxes
        (K, 4) float64: left, top, right, bottom in pixels of the view; they may reach beyond it.
    side
        Side of the view in pixels.
    """
    if len(boxes) == 0:
        return 0.0
    visible = _overlap(boxes, np.array([[0.0, 0.0, side, side]]))[:, 0] / _area(boxes)
    if visible.max() >= _INSIDE:
        return 1.0
    return UNKNOWN if visible.max() > _TOUCHED else 0.0


def cell_targets(boxes: NDArray[np.float64], side: int) -> NDArray[np.float32]:
    """Say of each cell whether it shows an abnormality.

    Returns
    -------
    NDArray[np.float32]
        (side / 32, side / 32): 1 where half of the cell or half of a box lies in the other, and where a box
        has its center; UNKNOWN where they only touch; else 0.
    """
    cells = side // STRIDE
    target = np.zeros((cells, cells), dtype=np.float32)
    if len(boxes) == 0:
        return target
    row, col = np.indices((cells, cells)) * STRIDE
    squares = np.stack([col, row, col + STRIDE, row + STRIDE], axis=-1).reshape(-1, 4).astype(np.float64)
    smaller = np.minimum(_area(boxes)[:, None], float(STRIDE**2))
    share = (_overlap(boxes, squares) / smaller).max(axis=0).reshape(cells, cells)
    target[share > _TOUCHED] = UNKNOWN
    target[share >= _INSIDE] = 1.0
    center_cols, center_rows = ((boxes[:, :2] + boxes[:, 2:]) / 2 // STRIDE).astype(int).T
    seen = (center_cols >= 0) & (center_cols < cells) & (center_rows >= 0) & (center_rows < cells)
    target[center_rows[seen], center_cols[seen]] = 1.0
    return target


def _area(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    area: NDArray[np.float64] = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    return area


def _overlap(boxes: NDArray[np.float64], squares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the common area of each of (K, 4) `boxes` with each of (N, 4) `squares`: (K, N)."""
    low = np.maximum(boxes[:, None, :2], squares[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], squares[None, :, 2:])
    overlap: NDArray[np.float64] = np.clip(high - low, 0.0, None).prod(axis=-1)
    return overlap
