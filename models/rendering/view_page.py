"""Composes the page that a reader sees for one view: the view, its overlay, and what the numbers mean.

All text stands in margins that are added around the pictures; no pixel of the view is written over. The page
carries no identifier of a patient, a study or an instance.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from models.bundle.manifest import Preprocessing
from models.finding import ViewFinding
from models.rendering.comparison import BACKGROUND, GAP, view_beside_overlay
from models.rendering.outlines import line_of
from models.rendering.overlay import blend
from models.rendering.text_lines import RGB, Block, Row, Text, set_rows
from models.rendering.words import (
    COLORS,
    SECONDARY,
    Caption,
    banner_rows,
    footer_rows,
    header_rows,
    legend_row,
)

LONGEST_SIDE = 1280

# Narrower pages would break the sentences; a page of this width holds the texts of any view.
_NARROWEST = 760
_MARGIN = 20
_STRIPE = 5
_BAR_WIDTH, _BAR_HEIGHT, _END_WIDTH = 180, 12, 36
_LEGEND_INDENT = _END_WIDTH + _BAR_WIDTH + _END_WIDTH + 2 * GAP

_BANNER: RGB = (92, 40, 110)

_LOW = Row(left=Text(content="low", size=14, color=SECONDARY))
_HIGH = Row(left=Text(content="high", size=14, color=SECONDARY))


def render_page(
    view: NDArray[np.float32],
    finding: ViewFinding,
    caption: Caption,
    preprocessing: Preprocessing,
    pixel_aspect: float = 1.0,
) -> NDArray[np.uint8]:
    """Render the page of one view; the same arguments give the same bytes.

    Parameters
    ----------
    view
        (rows, cols) float32 in [0, 1], 1 = white as displayed.
    finding
        The ensemble's finding of this view.
    caption
        The study's finding and the words beside the picture.
    preprocessing
        The manifest's: it says where in the network's input the view lay.
    pixel_aspect
        Height of a pixel of `view` divided by its width; those of the page are square.

    Returns
    -------
    NDArray[np.uint8]
        (rows, cols, 3) RGB, neither side above `LONGEST_SIDE`: the view beside its overlay, a very wide view
        above it. Views are scaled down to fit, never up. The overlay outlines the finding's places.

    Raises
    ------
    ValueError
        `view` is not two-dimensional or is empty.
    """
    if view.ndim != 2 or view.size == 0:
        raise ValueError(f"a view must be (rows, cols) and not empty, not {view.shape}")
    # Wider pages only shorten the texts, so what fits beside the narrowest ones fits always.
    texts = _Texts.of(finding, caption, width=_NARROWEST - 2 * _MARGIN)
    room = (LONGEST_SIDE - texts.height, LONGEST_SIDE - 2 * _MARGIN)
    line = line_of(finding.probability, caption.study.bundle, caption.study.operating_point)
    picture = view_beside_overlay(view, finding, preprocessing, room, pixel_aspect=pixel_aspect, line=line)
    content_width = max(_NARROWEST - 2 * _MARGIN, picture.width)
    return _compose(picture, _Texts.of(finding, caption, width=content_width), caption, content_width)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Texts:
    """The texts of a page, set for one width."""

    banner: Block | None
    header: Block
    legend: Block
    footer: Block

    @classmethod
    def of(cls, finding: ViewFinding, caption: Caption, *, width: int) -> "_Texts":
        trained = caption.study.bundle.trained
        return cls(
            banner=None if trained else set_rows(banner_rows(), width=width),
            header=set_rows(header_rows(finding, caption), width=width),
            legend=set_rows([legend_row(caption.study)], width=width - _LEGEND_INDENT),
            footer=set_rows(footer_rows(finding, caption), width=width),
        )

    @property
    def height(self) -> int:
        """Height of all that is not picture, margins and gaps included."""
        banner = self.banner.height + GAP if self.banner else 0
        blocks = self.header.height + self.legend.height + self.footer.height
        return _STRIPE + banner + blocks + 2 * _MARGIN + 3 * GAP


def _compose(picture: Image.Image, texts: _Texts, caption: Caption, content_width: int) -> NDArray[np.uint8]:
    """Stack stripe, banner, header, picture, legend and footer into one page."""
    width = content_width + 2 * _MARGIN
    page = Image.new("RGB", (width, picture.height + texts.height), BACKGROUND)
    canvas = ImageDraw.Draw(page)
    canvas.rectangle((0, 0, width - 1, _STRIPE - 1), fill=COLORS[caption.study.category])
    y = _STRIPE
    if texts.banner:
        canvas.rectangle((0, y, width - 1, y + texts.banner.height + GAP - 1), fill=_BANNER)
        texts.banner.draw(canvas, x=_MARGIN, y=y + GAP // 2)
        y += texts.banner.height + GAP
    y += _MARGIN
    texts.header.draw(canvas, x=_MARGIN, y=y)
    y += texts.header.height + GAP
    page.paste(picture, ((width - picture.width) // 2, y))
    y += picture.height + GAP
    set_rows([_LOW], width=_END_WIDTH).draw(canvas, x=_MARGIN, y=y)
    page.paste(_color_bar(), (_MARGIN + _END_WIDTH, y + (texts.legend.height - _BAR_HEIGHT) // 2))
    set_rows([_HIGH], width=_END_WIDTH).draw(canvas, x=_MARGIN + _END_WIDTH + _BAR_WIDTH + GAP // 2, y=y)
    texts.legend.draw(canvas, x=_MARGIN + _LEGEND_INDENT, y=y)
    y += texts.legend.height + GAP
    texts.footer.draw(canvas, x=_MARGIN, y=y)
    return np.asarray(page)


def _color_bar() -> Image.Image:
    """Return the legend of the overlay: activation 0 to 1 over a middle gray, drawn as `blend` draws it."""
    activation = np.linspace(0.0, 1.0, _BAR_WIDTH, dtype=np.float32)
    gray = np.full((_BAR_HEIGHT, _BAR_WIDTH), 0.5, dtype=np.float32)
    return Image.fromarray(blend(gray, np.tile(activation, (_BAR_HEIGHT, 1))))
