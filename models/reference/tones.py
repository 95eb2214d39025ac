"""Measures the gray tones of a view: how bright, how varied, how sharp, at the border and in the middle."""

import numpy as np
from numpy.typing import NDArray

TONES = (
    "mean",
    "standard deviation",
    "quantile 0.05",
    "quantile 0.25",
    "median",
    "quantile 0.75",
    "quantile 0.95",
    "mean of the border",
    "mean of the middle",
    "log gradient",
    "log Laplacian",
)
"""The names of the numbers that `tones` gives, in order."""

_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
# Darker is padding or the shadow of a collimator, in the steps of 8-bit pictures: up to 5 of 255.
_BLACK = 0.02
# Narrower than this, what is left after the black margins says nothing.
_NARROWEST = 8
_BORDER = 1 / 16
# Under the logarithm, so that a blank picture is finite.
_FLOOR = 1e-3


def tones(image: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the tones of one image.

    Black margins are left out, so that neither letterboxing nor collimation counts.

    Parameters
    ----------
    image
        (rows, cols) in [0, 1], 1 = white; at least 8 x 8. The scale matters for the last two numbers: give
        the network's input before normalization.

    Returns
    -------
    NDArray[np.float64]
        (11,), named by `TONES`.
    """
    content = without_black_margins(image)
    rows, cols = content.shape
    rim_rows, rim_cols = max(1, int(rows * _BORDER)), max(1, int(cols * _BORDER))
    inside = content[rim_rows:-rim_rows, rim_cols:-rim_cols]
    border = (content.sum(dtype=np.float64) - inside.sum(dtype=np.float64)) / (content.size - inside.size)
    middle = content[rows // 4 : rows - rows // 4, cols // 4 : cols - cols // 4]
    return np.array(
        [
            content.mean(dtype=np.float64),
            content.std(dtype=np.float64),
            *np.quantile(content, _QUANTILES),
            border,
            middle.mean(dtype=np.float64),
            np.log(_gradient(content) + _FLOOR),
            np.log(_laplacian(content) + _FLOOR),
        ]
    )


def without_black_margins(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the smallest rectangle with all that is not black; the whole image where that is too small."""
    lit = image > _BLACK
    rows, cols = np.flatnonzero(lit.any(axis=1)), np.flatnonzero(lit.any(axis=0))
    if not rows.size:
        return image
    inner = image[rows[0] : rows[-1] + 1, cols[0] : cols[-1] + 1]
    return inner if min(inner.shape) >= _NARROWEST else image


def _gradient(content: NDArray[np.float32]) -> float:
    """Return the root mean square of the steps between neighbors."""
    down, across = np.diff(content, axis=0), np.diff(content, axis=1)
    return float(np.sqrt(np.mean(down**2, dtype=np.float64) + np.mean(across**2, dtype=np.float64)))


def _laplacian(content: NDArray[np.float32]) -> float:
    """Return the mean size of the difference of a pixel from its four neighbors, times four."""
    middle = content[1:-1, 1:-1]
    around = content[:-2, 1:-1] + content[2:, 1:-1] + content[1:-1, :-2] + content[1:-1, 2:]
    return float(np.mean(np.abs(4 * middle - around), dtype=np.float64))
