"""Sets lines of text into a given width: measures, wraps and draws them with the font that Pillow ships."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from PIL import ImageDraw, ImageFont

RGB = tuple[int, int, int]

# Room between the left and the right text of one row, and the height of a line for its type size.
_COLUMN_GAP = 24
_LEADING = 1.35


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A run of printable ASCII in one size (pixels) and color; other characters are refused."""

    content: str
    size: int
    color: RGB

    def __post_init__(self) -> None:
        if not (self.content.isascii() and self.content.isprintable()):
            raise ValueError("text on a page must be printable ASCII")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A text at the left and perhaps one at the right; below each other if they do not fit."""

    left: Text
    right: Text | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """One line of text at its place, in pixels from the top left corner of its block."""

    x: int
    y: int
    text: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Rows that are set: every line lies within the width they were set for and above `height`."""

    height: int
    lines: tuple[Placed, ...]

    def draw(self, canvas: ImageDraw.ImageDraw, *, x: int, y: int) -> None:
        """Draw the block with its top left corner at (x, y)."""
        for line in self.lines:
            place = (x + line.x, y + line.y)
            canvas.text(place, line.text.content, font=_font(line.text.size), fill=line.text.color)


def set_rows(rows: Sequence[Row], *, width: int) -> Block:
    """Set rows below each other into `width` pixels, wrapping what is too long."""
    lines: list[Placed] = []
    y = 0
    for row in rows:
        if row.right is not None and _fits_beside(row.left, row.right, width):
            x = width - text_width(row.right)
            # Both texts stand on one baseline, whatever their sizes.
            drop = _ascent(row.left.size) - _ascent(row.right.size)
            lines += [Placed(x=0, y=y + max(0, -drop), text=row.left)]
            lines += [Placed(x=x, y=y + max(0, drop), text=row.right)]
            y += max(_line_height(row.left.size), _line_height(row.right.size))
            continue
        for text in (row.left, row.right) if row.right is not None else (row.left,):
            for content in _wrap(text, width):
                lines.append(Placed(x=0, y=y, text=Text(content=content, size=text.size, color=text.color)))
                y += _line_height(text.size)
    return Block(height=y, lines=tuple(lines))


def text_width(text: Text) -> int:
    """Return the width of a text on one line, in whole pixels."""
    return int(_font(text.size).getlength(text.content)) + 1


def _fits_beside(left: Text, right: Text, width: int) -> bool:
    return text_width(left) + _COLUMN_GAP + text_width(right) <= width


def _wrap(text: Text, width: int) -> list[str]:
    """Break a text at spaces; a word that is wider than `width` by itself is broken where it must."""
    lines: list[str] = []
    line = ""
    for word in text.content.split(" "):
        candidate = f"{line} {word}" if line else word
        if _font(text.size).getlength(candidate) < width:
            line = candidate
            continue
        if line:
            lines.append(line)
        pieces = _break_word(word, text.size, width)
        lines += pieces[:-1]
        line = pieces[-1]
    return [*lines, line]


def _break_word(word: str, size: int, width: int) -> list[str]:
    pieces = [""]
    for character in word:
        if pieces[-1] and _font(size).getlength(pieces[-1] + character) >= width:
            pieces.append("")
        pieces[-1] += character
    return pieces


def _line_height(size: int) -> int:
    return round(size * _LEADING)


def _ascent(size: int) -> int:
    return _font(size).getmetrics()[0]


@lru_cache(maxsize=16)
def _font(size: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise RuntimeError("this Pillow was built without FreeType; install the pinned wheel")
    return font
