"""Measures whether an activation map points at the abnormality, against boxes that radiologists drew."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.bundle.manifest import Preprocessing
from models.datasets.sample import Box
from models.rendering.overlay import upsample_activation

_HALF = np.float32(0.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Localization:
    """How well one map shows what is inside the boxes of its view.

    Attributes
    ----------
    pointing_game
        Whether the map's peak lies inside a box (Zhang et al. 2016, here without their tolerance).
    energy_inside
        Share of the positive map that lies inside the boxes (Wang et al. 2020), in [0, 1].
    iou
        Intersection over union of the boxes and the part of the view where the map reaches half its maximum,
        in [0, 1]. A map of a few cells cannot be as sharp as a small box, so this stays low.
    box_share
        Share of the view that the boxes cover: what `energy_inside`, and on average `pointing_game`, would be
        of a map that knows nothing.
    """

    pointing_game: bool
    energy_inside: float
    iou: float
    box_share: float


def localize(
    activation: NDArray[np.float32],
    boxes: Sequence[Box],
    shape: tuple[int, int],
    preprocessing: Preprocessing,
    *,
    shown: Callable[[NDArray[np.float32]], NDArray[np.float32]] = lambda enlarged: enlarged,
) -> Localization:
    """Compare a map with boxes, in the pixels of the view, enlarged as the overlay enlarges it.

    Cells that lie wholly in the padding do not count. A map that is nowhere positive within the view points
    nowhere: it misses, with an energy and an IoU of 0.

    Parameters
    ----------
    activation
        (h, w) float32 over the network's whole input, any scale; its positive part speaks for abnormal.
    boxes
        At least one, in pixels of the view. A pixel is inside a box if its center is.
    shape
        (rows, cols) of the view that the boxes were drawn in.
    preprocessing
        How the view became the network's input.
    shown
        What the picture makes of the enlarged map.

    Raises
    ------
    ValueError
        There is no box.
    """
    if not boxes:
        raise ValueError("localization needs at least one box; take the abnormal views that have boxes")
    inside = _mask(boxes, shape)
    box_share = float(inside.mean())
    enlarged = np.maximum(shown(upsample_activation(activation, shape, preprocessing)), np.float32(0.0))
    peak = enlarged.max()
    if peak <= 0.0:
        return Localization(pointing_game=False, energy_inside=0.0, iou=0.0, box_share=box_share)
    high = enlarged >= _HALF * peak
    return Localization(
        pointing_game=bool(inside.flat[enlarged.argmax()]),
        energy_inside=float(enlarged[inside].sum(dtype=np.float64) / enlarged.sum(dtype=np.float64)),
        iou=float((inside & high).sum() / (inside | high).sum()),
        box_share=box_share,
    )


def _mask(boxes: Sequence[Box], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Return (rows, cols) bool, True for the pixels whose center lies in a box."""
    rows, cols = np.arange(shape[0]) + 0.5, np.arange(shape[1]) + 0.5
    mask = np.zeros(shape, dtype=bool)
    for box in boxes:
        in_rows = (box.top <= rows) & (rows < box.top + box.height)
        in_cols = (box.left <= cols) & (cols < box.left + box.width)
        mask |= in_rows[:, np.newaxis] & in_cols
    return mask
