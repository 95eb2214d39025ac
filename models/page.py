"""Composes the page that a reader sees for one view: the view, its overlay, and what the numbers mean.

All text stands in margins that are added around the pictures; no pixel of the view is written over. The page
carries no identifier of a patient, a study or an instance.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from models.finding import StudyFinding, TriageCategory, ViewFinding, cell_probabilities
from models.manifest import Preprocessing
from models.overlay import blend, upsample_activation
from models.preprocess import square_size
from models.typesetting import RGB, Block, Row, Text, set_rows

LONGEST_SIDE = 1280

# Narrower pages would break the sentences; a page of this width holds the texts of any view.
_NARROWEST = 760
_LONGEST_TEXT = 120
_MARGIN = 20
_GAP = 12
_STRIPE = 5
# Beside each other is how readers compare; stacking must show both this much larger to be worth it.
_STACK_GAIN = 1.5
_BAR_WIDTH, _BAR_HEIGHT, _END_WIDTH = 180, 12, 36
_LEGEND_INDENT = _END_WIDTH + _BAR_WIDTH + _END_WIDTH + 2 * _GAP

_BACKGROUND: RGB = (11, 12, 15)
_PRIMARY: RGB = (222, 226, 232)
_SECONDARY: RGB = (150, 157, 168)
_WARNING: RGB = (255, 196, 84)
_BANNER: RGB = (92, 40, 110)

_LOW = Row(left=Text(content="low", size=14, color=_SECONDARY))
_HIGH = Row(left=Text(content="high", size=14, color=_SECONDARY))

_WORDS: dict[TriageCategory, tuple[str, RGB]] = {
    TriageCategory.LIKELY: ("LIKELY ABNORMALITY", (255, 122, 92)),
    TriageCategory.SUSPECTED: ("SUSPECTED ABNORMALITY", (255, 184, 76)),
    # Neutral on purpose: green would read as "normal", which ulna never says.
    TriageCategory.NOT_FLAGGED: ("No abnormality flagged", (168, 190, 214)),
    TriageCategory.NOT_ANALYZED: ("Not analyzed", (168, 172, 180)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Caption:
    """What stands beside the picture, in printable ASCII; anything else raises ValueError.

    Attributes
    ----------
    product
        Name and version of the product.
    view
        What the view shows, for example "Wrist, left, lateral - view 2 of 3". No identifier.
    study
        The finding of the study that the view belongs to.
    revision
        Which report the page's replaces, as a clause; empty where it is the first.
    caution
        What speaks against the result beside the pixels, as a sentence; empty if nothing.
    """

    product: str
    view: str
    study: StudyFinding
    revision: str = ""
    caution: str = ""

    def __post_init__(self) -> None:
        for text in (self.product, self.view, self.revision, self.caution):
            if len(text) > _LONGEST_TEXT or not (text.isascii() and text.isprintable()):
                raise ValueError(f"a caption must be at most {_LONGEST_TEXT} printable ASCII characters")


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
        above it. Views are scaled down to fit, never up.

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
    size = square_size(view.shape, pixel_aspect)
    picture = _picture(view, size, finding.activation, preprocessing, room)
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
            banner=None if trained else set_rows(_banner_rows(), width=width),
            header=set_rows(_header_rows(finding, caption), width=width),
            legend=set_rows([_legend_row()], width=width - _LEGEND_INDENT),
            footer=set_rows(_footer_rows(finding, caption), width=width),
        )

    @property
    def height(self) -> int:
        """Height of all that is not picture, margins and gaps included."""
        banner = self.banner.height + _GAP if self.banner else 0
        blocks = self.header.height + self.legend.height + self.footer.height
        return _STRIPE + banner + blocks + 2 * _MARGIN + 3 * _GAP


def _banner_rows() -> list[Row]:
    sentence = "UNTRAINED: the weights are random, the numbers and the map mean nothing."
    return [Row(left=Text(content=sentence, size=18, color=_PRIMARY))]


def _header_rows(finding: ViewFinding, caption: Caption) -> list[Row]:
    study, point = caption.study, caption.study.operating_point
    words, color = _WORDS[study.category]
    reaches = "reaches" if study.flagged else "is below"
    views = "1 view" if len(study.views) == 1 else f"mean of {len(study.views)} views"
    score = f"Study: P(abnormal) {study.score:.3f} ({views}) {reaches} the operating point "
    return [
        Row(
            left=Text(content=words, size=28, color=color),
            right=Text(content=caption.view, size=18, color=_PRIMARY),
        ),
        Row(left=Text(content=f'{score}"{point.name}", {point.threshold:.3f}.', size=16, color=_PRIMARY)),
        *_revision_rows(caption),
        *_caution_rows(finding, caption),
    ]


def _revision_rows(caption: Caption) -> list[Row]:
    """Return what tells the page from the one that it replaces, which an archive keeps beside it."""
    if not caption.revision:
        return []
    sentence = f"{caption.revision[:1].upper()}{caption.revision[1:]}."
    return [Row(left=Text(content=sentence, size=16, color=_WARNING))]


def _caution_rows(finding: ViewFinding, caption: Caption) -> list[Row]:
    sentences = filter(None, (caption.caution, _input_caution(finding, caption.study)))
    return [Row(left=Text(content=sentence, size=16, color=_WARNING)) for sentence in sentences]


def _input_caution(finding: ViewFinding, study: StudyFinding) -> str:
    """Return the caution about an unusual view; on pages of other views, how many of the study are."""
    if finding.warning is not None:
        return f"CAUTION: {finding.warning.sentence}"
    if warned := sum(view.warning is not None for view in study.views):
        views = f"{warned} of {len(study.views)} views"
        return f"CAUTION: {views} of this study unlike the training data, treat its score with caution."
    return ""


def _legend_row() -> Row:
    sentence = "P(abnormal) of each place by itself, by the networks' votes; the line is at 0.5."
    return Row(left=Text(content=sentence, size=14, color=_SECONDARY))


def _footer_rows(finding: ViewFinding, caption: Caption) -> list[Row]:
    votes = sum(member.vote for member in finding.members)
    members = ", ".join(
        f"{member.member} {member.probability:.3f} (vote {member.vote / votes:.0%})"
        for member in finding.members
    )
    numbers = f"This view: P(abnormal) {finding.probability:.3f}, the mean by votes of: {members}."
    origin = f"{caption.product} | model {caption.study.bundle.label}"
    return [
        Row(left=Text(content=numbers, size=15, color=_PRIMARY)),
        Row(
            left=Text(content=origin, size=14, color=_SECONDARY),
            right=Text(content="NOT FOR DIAGNOSTIC USE", size=15, color=_WARNING),
        ),
    ]


def _picture(
    view: NDArray[np.float32],
    size: tuple[float, float],
    activation: NDArray[np.float32],
    preprocessing: Preprocessing,
    room: tuple[int, int],
) -> Image.Image:
    """Put the view and its overlay beside each other in `room`, a very wide view above its overlay."""
    rows, cols = size
    beside = min(room[0] / rows, (room[1] - _GAP) / 2 / cols, 1.0)
    above = min((room[0] - _GAP) / 2 / rows, room[1] / cols, 1.0)
    stacked = above > _STACK_GAIN * beside
    scale = above if stacked else beside
    width, height = max(1, int(cols * scale)), max(1, int(rows * scale))
    # Hamming is as sharp as a cubic filter but does not overshoot at the edge of a collimator.
    shrunk = Image.fromarray(view.astype(np.float32, copy=False)).resize(
        (width, height), Image.Resampling.HAMMING
    )
    tones = np.clip(np.asarray(shrunk), 0.0, 1.0)
    plain = np.repeat(np.rint(tones * 255).astype(np.uint8)[..., np.newaxis], 3, axis=2)
    enlarged = upsample_activation(activation, (height, width), preprocessing)
    overlay = blend(tones, cell_probabilities(enlarged))
    shift = (0, height + _GAP) if stacked else (width + _GAP, 0)
    picture = Image.new("RGB", (width + shift[0], height + shift[1]), _BACKGROUND)
    picture.paste(Image.fromarray(plain), (0, 0))
    picture.paste(Image.fromarray(overlay), shift)
    return picture


def _compose(picture: Image.Image, texts: _Texts, caption: Caption, content_width: int) -> NDArray[np.uint8]:
    """Stack stripe, banner, header, picture, legend and footer into one page."""
    width = content_width + 2 * _MARGIN
    page = Image.new("RGB", (width, picture.height + texts.height), _BACKGROUND)
    canvas = ImageDraw.Draw(page)
    canvas.rectangle((0, 0, width - 1, _STRIPE - 1), fill=_WORDS[caption.study.category][1])
    y = _STRIPE
    if texts.banner:
        canvas.rectangle((0, y, width - 1, y + texts.banner.height + _GAP - 1), fill=_BANNER)
        texts.banner.draw(canvas, x=_MARGIN, y=y + _GAP // 2)
        y += texts.banner.height + _GAP
    y += _MARGIN
    texts.header.draw(canvas, x=_MARGIN, y=y)
    y += texts.header.height + _GAP
    page.paste(picture, ((width - picture.width) // 2, y))
    y += picture.height + _GAP
    set_rows([_LOW], width=_END_WIDTH).draw(canvas, x=_MARGIN, y=y)
    page.paste(_color_bar(), (_MARGIN + _END_WIDTH, y + (texts.legend.height - _BAR_HEIGHT) // 2))
    set_rows([_HIGH], width=_END_WIDTH).draw(canvas, x=_MARGIN + _END_WIDTH + _BAR_WIDTH + _GAP // 2, y=y)
    texts.legend.draw(canvas, x=_MARGIN + _LEGEND_INDENT, y=y)
    y += texts.legend.height + _GAP
    texts.footer.draw(canvas, x=_MARGIN, y=y)
    return np.asarray(page)


def _color_bar() -> Image.Image:
    """Return the legend of the overlay: activation 0 to 1 over a middle gray, drawn as `blend` draws it."""
    activation = np.linspace(0.0, 1.0, _BAR_WIDTH, dtype=np.float32)
    gray = np.full((_BAR_HEIGHT, _BAR_WIDTH), 0.5, dtype=np.float32)
    return Image.fromarray(blend(gray, np.tile(activation, (_BAR_HEIGHT, 1))))
