"""Turns a view into the input of a network, as the bundle's manifest says."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.bundle.manifest import Preprocessing
from models.resampling import resize


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """The part of the network's input that the view fills, in input pixels; the rest is padding."""

    top: int
    left: int
    rows: int
    cols: int


def preprocess(
    image: NDArray[np.float32], spec: Preprocessing, pixel_aspect: float = 1.0
) -> NDArray[np.float32]:
    """Resize and normalize one view.

    Parameters
    ----------
    image
        (rows, cols) float32 in [0, 1], 1 = white as displayed.
    spec
        The manifest's preprocessing.
    pixel_aspect
        Height of a pixel of `image` divided by its width.

    Returns
    -------
    NDArray[np.float32]
        (H, W) float32 of `spec.input_size`, normalized. The ensemble repeats it to three channels.

    Raises
    ------
    ValueError
        `image` is not two-dimensional or is empty.
    """
    if image.ndim != 2 or image.size == 0:
        raise ValueError(f"a view must be (rows, cols) and not empty, not {image.shape}")
    rows, cols = image.shape
    place = placement((rows, cols), spec, pixel_aspect)
    resized = np.zeros(spec.input_size, dtype=np.float32)
    resized[place.top : place.top + place.rows, place.left : place.left + place.cols] = resize(
        image.astype(np.float32, copy=False), (place.rows, place.cols)
    )
    gain, offset = _normalization(spec)
    resized *= np.float32(gain)
    resized += np.float32(offset)
    return resized


def displayed(inputs: NDArray[np.float32], spec: Preprocessing) -> NDArray[np.float32]:
    """Return inputs of the network, (..., H, W) as `preprocess` gives them, without the normalization.

    The result is in [0, 1], 1 = white; what was padded is black.
    """
    gain, offset = _normalization(spec)
    return (inputs - np.float32(offset)) / np.float32(gain)


def placement(shape: tuple[int, int], spec: Preprocessing, pixel_aspect: float = 1.0) -> Placement:
    """Return where a view of `shape` (rows, cols) lies in the network's input.

    "square" fills the input whatever the view's proportions; "letterbox" keeps them and centers the view.
    """
    height, width = spec.input_size
    if spec.resize == "square":
        return Placement(top=0, left=0, rows=height, cols=width)
    high, wide = square_size(shape, pixel_aspect)
    scale = min(height / high, width / wide)
    rows, cols = max(1, round(high * scale)), max(1, round(wide * scale))
    return Placement(top=(height - rows) // 2, left=(width - cols) // 2, rows=rows, cols=cols)


def square_size(shape: tuple[int, int], pixel_aspect: float) -> tuple[float, float]:
    """Return the (rows, cols) of a view in square pixels, as small as the short sides of its own."""
    return shape[0] * max(pixel_aspect, 1.0), shape[1] * max(1.0 / pixel_aspect, 1.0)


def positions_in_view(
    positions: NDArray[np.float64], shape: tuple[int, int], spec: Preprocessing, pixel_aspect: float = 1.0
) -> NDArray[np.float64]:
    """Return where positions in the network's input lie in the view.

    Parameters
    ----------
    positions
        (n, 2) rows and columns; pixel i covers [i, i + 1).
    shape
        (rows, cols) of the view as it is stored.

    Returns
    -------
    NDArray[np.float64]
        (n, 2) in the pixels of the view as stored, kept within it: what lies in the padding is on its border.
    """
    place = placement(shape, spec, pixel_aspect)
    scale = np.array(shape) / (place.rows, place.cols)
    return np.clip((positions - (place.top, place.left)) * scale, 0.0, shape)


def _normalization(spec: Preprocessing) -> tuple[float, float]:
    """Return the factor and the summand that turn [0, 1] into what the network wants."""
    return (spec.upper - spec.lower) / spec.std, (spec.lower - spec.mean) / spec.std
