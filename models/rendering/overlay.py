"""Draws an activation map over its view: enlarge, color, blend."""

import math

import numpy as np
from numpy.typing import NDArray

from models.bundle.manifest import Preprocessing
from models.preprocess import placement
from models.resampling import cubic_weights

# Anchors of the color map in OKLCH: lightness rises evenly, so equal steps of activation look equal, and the
# hue turns from violet through red to yellow, which gray tones of a radiograph never have.
_LIGHTNESS = (0.30, 0.45, 0.60, 0.75, 0.88)
_CHROMA = (0.14, 0.19, 0.215, 0.175, 0.16)
_HUE_DEGREES = (-65.0, -30.0, 22.0, 54.0, 84.0)

FADE_IN = (0.15, 0.75)
"""Activation below the first value leaves the view untouched; from the second on the color is at its full."""

OPACITY = 0.6
"""How much of the view the color hides where it is at its full."""

COLOR_FLOOR = 0.7
"""Share of the color that stays whatever the tone below, so that an activation over black is seen too."""


def upsample_activation(
    activation: NDArray[np.float32], shape: tuple[int, int], preprocessing: Preprocessing
) -> NDArray[np.float32]:
    """Enlarge an activation map to the view it belongs to.

    Cells that lie wholly in the padding are left out; the kernel would show them at the edges of the view.

    Parameters
    ----------
    activation
        (h, w) float32, over the network's whole input; log-odds, which unlike probabilities have no ceiling
        where neighbors could not be told apart.
    shape
        (rows, cols) of the view in square pixels, at any scale.
    preprocessing
        How the view got into the input; it says which part of the map is padding.

    Returns
    -------
    NDArray[np.float32]
        (rows, cols) float32. Between two cells it may exceed both of them a little.
    """
    height, width = preprocessing.input_size
    place = placement(shape, preprocessing)
    down, across = activation.shape[0] / height, activation.shape[1] / width
    row_window = (place.top * down, (place.top + place.rows) * down)
    col_window = (place.left * across, (place.left + place.cols) * across)
    row_weights = cubic_weights(activation.shape[0], shape[0], row_window)
    col_weights = cubic_weights(activation.shape[1], shape[1], col_window)
    cells = np.ix_(_in_view(activation.shape[0], row_window), _in_view(activation.shape[1], col_window))
    enlarged = (row_weights @ activation[cells] @ col_weights.T).astype(np.float32, copy=False)
    return enlarged


def blend(
    view: NDArray[np.float32], activation: NDArray[np.float32], alpha: float = OPACITY
) -> NDArray[np.uint8]:
    """Lay the colored activation over the view, so that bone and its edges stay readable below.

    Parameters
    ----------
    view
        (rows, cols) float32 in [0, 1], 1 = white.
    activation
        (rows, cols) float32 in [0, 1].
    alpha
        Opacity in [0, 1] where the activation is high; it fades to 0 where the activation is low.

    Returns
    -------
    NDArray[np.uint8]
        (rows, cols, 3) RGB.
    """
    tone = np.clip(view, 0.0, 1.0)[..., np.newaxis]
    color = color_map()[np.rint(activation * 255).astype(np.intp)].astype(np.float32) / 255
    # The tone below modulates the color: over white bone it is pure, over black it is a dark shade of it.
    shaded = color * (COLOR_FLOOR + (1.0 - COLOR_FLOOR) * tone)
    opacity = np.float32(alpha) * _fade_in(activation)[..., np.newaxis]
    return _bytes(tone * (1.0 - opacity) + shaded * opacity)


def color_map() -> NDArray[np.uint8]:
    """Return the colors of activations 0 to 1 as (256, 3) uint8 RGB, from dark violet to light yellow."""
    position = np.linspace(0.0, 1.0, 256)
    anchors = np.linspace(0.0, 1.0, len(_LIGHTNESS))
    lightness = np.interp(position, anchors, _LIGHTNESS)
    chroma = np.interp(position, anchors, _CHROMA)
    hue = np.radians(np.interp(position, anchors, _HUE_DEGREES))
    oklab = np.stack([lightness, chroma * np.cos(hue), chroma * np.sin(hue)], axis=-1)
    return _bytes(np.clip(_srgb_of_oklab(oklab), 0.0, 1.0))


def _srgb_of_oklab(oklab: NDArray[np.float64]) -> NDArray[np.float64]:
    """Convert (..., 3) OKLab to gamma-encoded sRGB; values outside [0, 1] are out of gamut."""
    to_cones = np.array(
        [
            [1.0, 0.3963377774, 0.2158037573],
            [1.0, -0.1055613458, -0.0638541728],
            [1.0, -0.0894841775, -1.2914855480],
        ]
    )
    to_linear = np.array(
        [
            [4.0767416621, -3.3077115913, 0.2309699292],
            [-1.2684380046, 2.6097574011, -0.3413193965],
            [-0.0041960863, -0.7034186147, 1.7076147010],
        ]
    )
    linear = np.maximum((oklab @ to_cones.T) ** 3 @ to_linear.T, 0.0)
    encoded: NDArray[np.float64] = np.where(
        linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055
    )
    return encoded


def _in_view(count: int, window: tuple[float, float]) -> NDArray[np.intp]:
    """Return for each of `count` cells the nearest one that touches `window`, which is in cells."""
    first, last = math.floor(window[0]), math.ceil(window[1]) - 1
    return np.clip(np.arange(count), first, last)


def _fade_in(activation: NDArray[np.float32]) -> NDArray[np.float32]:
    low, high = FADE_IN
    ramp: NDArray[np.float32] = np.clip((activation - np.float32(low)) / np.float32(high - low), 0.0, 1.0)
    return ramp * ramp * (np.float32(3.0) - np.float32(2.0) * ramp)


def _bytes(values: NDArray[np.floating]) -> NDArray[np.uint8]:
    rounded: NDArray[np.uint8] = np.rint(values * 255).astype(np.uint8)
    return rounded
