"""Draws the outlines of places onto a picture of their view: solid or dashed, not told by color alone."""

from collections.abc import Iterator, Sequence
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from models.bundle.manifest import SPECIFIC, BundleIdentity, OperatingPoint
from models.places import Place

# A light line with a dark edge is seen on white bone, on black and on every color of the overlay.
_LINE = (235, 245, 255)
_EDGE = (11, 12, 15)
_LINE_PIXELS = 2
# Must be odd: the line grows by half of what exceeds 1 on each side.
_EDGE_FILTER = 3

_PERIOD = 14.0
_DASH_SHARE = 0.57
_FEWEST_DASHES = 3

# Lines are drawn this much larger and shrunk, which smooths them.
_OVERSAMPLING = 4

_Floats = NDArray[np.float64]


class Line(StrEnum):
    """How an outline is drawn."""

    DASHED = "dashed"
    SOLID = "solid"


def line_of(probability: float, bundle: BundleIdentity, point: OperatingPoint) -> Line | None:
    """Return how the places of a view are outlined, by the operating points that its probability reaches.

    `point` is the configured one, below which nothing is outlined: None.
    """
    if probability < point.threshold:
        return None
    return Line.SOLID if probability >= bundle.operating_point(SPECIFIC).threshold else Line.DASHED


def draw_outlines(picture: Image.Image, places: Sequence[Place], shape: tuple[int, int], line: Line) -> None:
    """Draw the outlines of places onto an RGB picture of the whole view, at any scale.

    What runs along the border of the view is drawn just within the picture.

    Parameters
    ----------
    shape
        (rows, cols) of the image as stored, in whose pixels the outlines are.
    """
    size = np.array([picture.height, picture.width], dtype=np.float64)
    inset = np.minimum(_LINE_PIXELS / 2 + _EDGE_FILTER // 2, size / 2)
    large = Image.new("L", (picture.width * _OVERSAMPLING, picture.height * _OVERSAMPLING))
    canvas = ImageDraw.Draw(large)
    for place in places:
        outline = np.clip(np.array(place.outline) * (size / shape), inset, size - inset)
        for stroke in _dashes(outline) if line is Line.DASHED else [_closed(outline)]:
            # Pillow counts from the middle of the first pixel.
            corners = [(col, row) for row, col in (stroke * _OVERSAMPLING - 0.5).tolist()]
            canvas.line(corners, fill=255, width=_LINE_PIXELS * _OVERSAMPLING, joint="curve")
    light = large.reduce(_OVERSAMPLING)
    picture.paste(_EDGE, mask=light.filter(ImageFilter.MaxFilter(_EDGE_FILTER)))
    picture.paste(_LINE, mask=light)


def _closed(outline: _Floats) -> _Floats:
    # The second corner comes again too, so that the first one is joined as the others are.
    return np.concatenate([outline, outline[:2]])


def _dashes(outline: _Floats) -> Iterator[_Floats]:
    """Yield the dashes of a closed polygon (n, 2), (m, 2) each, so spaced that there is no seam."""
    line = np.concatenate([outline, outline[:1]])
    along = np.concatenate([[0.0], np.hypot(*np.diff(line, axis=0).T).cumsum()])
    count = max(_FEWEST_DASHES, round(along[-1] / _PERIOD))
    period = along[-1] / count
    for start in period * np.arange(count):
        end = start + _DASH_SHARE * period
        stops = np.concatenate([[start], along[(along > start) & (along < end)], [end]])
        yield np.stack([np.interp(stops, along, column) for column in line.T], axis=1)
