"""Puts a view and its overlay beside each other, which is how readers compare them."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models.bundle.manifest import Preprocessing
from models.finding import ViewFinding, cell_probabilities
from models.preprocess import square_size
from models.rendering.outlines import Line, draw_outlines
from models.rendering.overlay import blend, upsample_activation
from models.rendering.text_lines import RGB

BACKGROUND: RGB = (11, 12, 15)
GAP = 12

# Stacking must show both this much larger to be worth it.
_STACK_GAIN = 1.5


def view_beside_overlay(
    view: NDArray[np.float32],
    finding: ViewFinding,
    preprocessing: Preprocessing,
    room: tuple[int, int],
    *,
    pixel_aspect: float,
    line: Line | None,
) -> Image.Image:
    """Return the bare view beside its overlay, a very wide view above it, `GAP` pixels between them.

    Parameters
    ----------
    view
        (rows, cols) float32 in [0, 1], 1 = white as displayed.
    room
        (rows, cols) of what the result must fit in; the view is scaled down to fit, never up.
    pixel_aspect
        Height of a pixel of `view` divided by its width; those of the result are square.
    line
        How the finding's places are outlined on the overlay; None for not at all.
    """
    (height, width), stacked = _layout(square_size(view.shape, pixel_aspect), room)
    # Hamming is as sharp as a cubic filter but does not overshoot at the edge of a collimator.
    shrunk = Image.fromarray(view.astype(np.float32, copy=False)).resize(
        (width, height), Image.Resampling.HAMMING
    )
    tones = np.clip(np.asarray(shrunk), 0.0, 1.0)
    plain = np.repeat(np.rint(tones * 255).astype(np.uint8)[..., np.newaxis], 3, axis=2)
    enlarged = upsample_activation(finding.activation, (height, width), preprocessing)
    overlay = Image.fromarray(blend(tones, cell_probabilities(enlarged)))
    if line is not None:
        draw_outlines(overlay, finding.places, (view.shape[0], view.shape[1]), line)
    shift = (0, height + GAP) if stacked else (width + GAP, 0)
    picture = Image.new("RGB", (width + shift[0], height + shift[1]), BACKGROUND)
    picture.paste(Image.fromarray(plain), (0, 0))
    picture.paste(overlay, shift)
    return picture


def _layout(size: tuple[float, float], room: tuple[int, int]) -> tuple[tuple[int, int], bool]:
    """Return the (rows, cols) of each of two pictures in `room`, and whether one stands above the other."""
    rows, cols = size
    beside = min(room[0] / rows, (room[1] - GAP) / 2 / cols, 1.0)
    above = min((room[0] - GAP) / 2 / rows, room[1] / cols, 1.0)
    stacked = above > _STACK_GAIN * beside
    scale = above if stacked else beside
    return (max(1, int(rows * scale)), max(1, int(cols * scale))), stacked
