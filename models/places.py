"""Finds the places of a view: closed outlines around what the ensemble's map lifts above a level.

Outlines are in the pixels of the image as it is stored, which whoever draws, lists or exports them has in
hand: the letterbox and the shape of pixels that are not square are undone here.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from contourpy import FillType, contour_generator
from numpy.typing import NDArray

from models.bundle.manifest import Preprocessing
from models.preprocess import placement, positions_in_view
from models.rendering.overlay import upsample_activation

LEVEL = 0.1
"""P(abnormal) that a place exceeds, or half of the map's peak, where that is lower: every map has a place.

On FracAtlas' 320 validation radiographs of the upper extremity, flagged from 0.081 on, the places of the
shipped ensemble hit 87 % of the boxes with it and cover 2.3 % of a flagged view. With 0.2 they hit 77 % and
cover 1.6 %. With 0.05 they hit 90 %, cover 3.4 %, and normal images have a fifth more (docs/research.md).
"""

MOST = 3
"""Places of one view: there 3 hit as many boxes as 5 do, 2 hit 1 % fewer."""

_LEAST_CELLS = 0.25
"""Cells of the map that a place covers, if it is not the view's first: less is a speck that says nothing."""

# Least area, in square pixels of the network's input, that a point must give its outline to stay in it. A
# circle as wide as a wrist keeps 50 points and is nowhere half a pixel off.
_LEAST_TRIANGLE = 1.0

_Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A part of a view that looks abnormal, positions as (row, column) in pixels of the image as stored.

    Pixel i covers [i, i + 1). Positions are rounded to a tenth of a pixel.

    Attributes
    ----------
    outline
        The corners of a closed polygon within the image, in order; the first does not come again at the end.
    peak
        Highest P(abnormal) of the map within it, in [0, 1].
    peak_at
        Where that is.
    """

    outline: tuple[tuple[float, float], ...]
    peak: float
    peak_at: tuple[float, float]

    @property
    def area(self) -> float:
        """What the outline encloses, in square pixels."""
        return _area(np.array(self.outline))

    def encloses(self, row: float, col: float) -> bool:
        """Whether a position is within the outline."""
        start = np.array(self.outline)
        end = np.roll(start, -1, axis=0)
        passed = (start[:, 0] <= row) != (end[:, 0] <= row)
        (rows, cols), (row_ends, col_ends) = start[passed].T, end[passed].T
        crossings = cols + (row - rows) / (row_ends - rows) * (col_ends - cols)
        return bool((crossings <= col).sum() % 2)


def places(
    activation: NDArray[np.float32],
    shape: tuple[int, int],
    preprocessing: Preprocessing,
    pixel_aspect: float = 1.0,
) -> tuple[Place, ...]:
    """Return the places of one view, the one with the highest peak first, at most `MOST`.

    The map is enlarged as for the overlay, to as many pixels as the view had in the network's input: outlines
    do not depend on how large the image is. They are closed along the border of the view, and a hole in a
    place has no outline.

    Parameters
    ----------
    activation
        (h, w) float32, over the network's whole input: each cell's log-odds of abnormal.
    shape
        (rows, cols) of the image as stored.
    preprocessing
        The manifest's: how the image got into the input.
    pixel_aspect
        Height of a pixel of the image divided by its width.
    """
    place = placement(shape, preprocessing, pixel_aspect)
    odds = upsample_activation(activation, (place.rows, place.cols), preprocessing)
    cell = np.prod(preprocessing.input_size) / activation.size
    first, *others = sorted(_regions(odds), key=lambda region: region.peak, reverse=True)
    found = [first, *(each for each in others if _area(each.outline) >= _LEAST_CELLS * cell)][:MOST]

    def stored(positions: _Floats) -> list[tuple[float, float]]:
        in_input = positions + np.array([place.top, place.left])
        back = positions_in_view(in_input, shape, preprocessing, pixel_aspect)
        return [(row, col) for row, col in np.round(back, 1).tolist()]

    return tuple(
        Place(
            outline=tuple(stored(_simplified(region.outline))),
            peak=_probability(region.peak),
            peak_at=stored(region.peak_at[np.newaxis])[0],
        )
        for region in found
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Region:
    """A place in the pixels of an enlarged map: outline (n, 2), peak in log-odds and peak_at (2,)."""

    outline: _Floats
    peak: float
    peak_at: _Floats


def _regions(odds: NDArray[np.float32]) -> Iterator[_Region]:
    """Yield what of an enlarged map (rows, cols), log-odds, lies above the level."""
    level = min(math.log(LEVEL / (1.0 - LEVEL)), _half(float(odds.max())))
    # Values are those of the pixels' centers; half a pixel beyond the outermost ones the view ends.
    bordered = np.pad(odds.astype(np.float64), 1, mode="edge")
    contours = contour_generator(
        _centers_and_ends(odds.shape[1]),
        _centers_and_ends(odds.shape[0]),
        bordered,
        fill_type=FillType.OuterOffset,
    )
    for points, offsets in zip(*contours.filled(level, np.inf), strict=True):
        # The first ring runs around the region, the others around its holes; each ends where it starts.
        rings = [points[start : end - 1, ::-1] for start, end in pairwise(offsets)]
        within = np.logical_xor.reduce([_enclosed(ring, odds.shape) for ring in rings])
        if within.any():  # else it is a speck around a center that hardly exceeds the level
            peak = np.where(within, odds, -np.inf).argmax()
            where = np.array(np.unravel_index(peak, odds.shape), dtype=np.float64) + 0.5
            yield _Region(outline=rings[0], peak=float(odds.flat[peak]), peak_at=where)


def _area(outline: _Floats) -> float:
    """Return what a closed polygon (n, 2) encloses."""
    rows, cols = outline.T
    return abs(float(rows @ np.roll(cols, -1) - cols @ np.roll(rows, -1))) / 2


def _centers_and_ends(count: int) -> _Floats:
    return np.concatenate([[0.0], np.arange(count) + 0.5, [float(count)]])


def _enclosed(ring: _Floats, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Return (rows, cols) bool, True for pixels whose center a ring (n, 2) encloses.

    Every step of a contour stays between two neighboring rows of centers, so it passes one of them at most.
    """
    # Points on a row of centers are off it by what rounds in the arithmetic of contours.
    above = np.ceil(np.round(ring[:, 0] - 0.5, 6)).astype(np.intp)
    passed = above != np.roll(above, -1)
    row = np.minimum(above, np.roll(above, -1))[passed]
    start, step = ring[passed], (np.roll(ring, -1, axis=0) - ring)[passed]
    col = start[:, 1] + (row + 0.5 - start[:, 0]) / step[:, 0] * step[:, 1]
    crossings = np.zeros((shape[0], shape[1] + 1), dtype=np.intp)
    np.add.at(crossings, (row, np.ceil(col - 0.5).astype(np.intp)), 1)
    enclosed: NDArray[np.bool_] = crossings.cumsum(axis=1)[:, :-1] % 2 == 1
    return enclosed


def _simplified(outline: _Floats) -> _Floats:
    """Drop the points of an outline (n, 2) that matter least, one by one (Visvalingam and Whyatt 1993)."""
    # The smallest outline is the four points around a center.
    while len(outline) > 4:
        before, after = np.roll(outline, 1, axis=0) - outline, np.roll(outline, -1, axis=0) - outline
        areas = np.abs(before[:, 0] * after[:, 1] - before[:, 1] * after[:, 0]) / 2
        if areas.min() > _LEAST_TRIANGLE:
            break
        outline = np.delete(outline, areas.argmin(), axis=0)
    return outline


def _probability(odds: float) -> float:
    return 0.5 + 0.5 * math.tanh(0.5 * odds)


def _half(odds: float) -> float:
    """Return the log-odds of half the probability: of p / 2 they are -log(2 / p - 1)."""
    return -float(np.logaddexp(0.0, math.log(2.0) - odds))
