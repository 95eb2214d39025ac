"""Draws an evaluation: curves, calibration and confusion, as SVG to be set into a page.

Text stays text and neutral colors are the page's own (`var(--text)`), so a drawing follows the page into its
dark colors, into print and into a screen reader. The same figures give the same bytes.
"""

import io
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypedDict

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from models.evaluation.evaluation import Drawn, PointMeasured
from models.evaluation.metrics import Confusion

# Stand-ins that no other part of a drawing has; they become the page's colors.
_TEXT, _QUIET, _LINE, _PANEL = "#010203", "#040506", "#070809", "#0a0b0c"
_PAGE_COLORS = {
    _TEXT: "var(--text, #171a20)",
    _QUIET: "var(--quiet, #59616e)",
    _LINE: "var(--line, #dde1e7)",
    _PANEL: "var(--panel, #ffffff)",
}
# The ensemble's blue, then members and variants: Okabe and Ito's colors, told apart by the color-blind too.
_ENSEMBLE = "#3b82c4"
_OTHERS = ("#d55e00", "#009e73", "#cc79a7", "#e69f00", "#7a6fd0", "#56b4e9", "#9a8f00", "#8c564b")
_DASHES = ("--", "-.", ":")

_STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "ulna",
    "font.family": "DejaVu Sans",  # comes with matplotlib, so that every machine lays text out alike
    "font.size": 9.5,
    "text.color": _TEXT,
    "axes.edgecolor": _QUIET,
    "axes.labelcolor": _TEXT,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": _LINE,
    "grid.linewidth": 0.8,
    "xtick.color": _QUIET,
    "ytick.color": _QUIET,
    "xtick.labelcolor": _TEXT,
    "ytick.labelcolor": _TEXT,
    "legend.frameon": False,
    "legend.fontsize": 9,
}
_SIZE_INCHES = (5.0, 4.6)
_TICKS = np.linspace(0.0, 1.0, 6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A classifier in a plot: what was drawn of it, and what the legend says."""

    drawn: Drawn
    label: str


class _Stroke(TypedDict):
    color: str
    linestyle: str
    linewidth: float
    zorder: float


def roc_plot(lines: Sequence[Line], points: Sequence[PointMeasured], *, title: str) -> str:
    """Return the ROC curves as SVG, the first classifier in front with its operating points on it."""

    def draw(axes: Axes) -> None:
        axes.plot([0, 1], [0, 1], color=_QUIET, linewidth=0.8, linestyle=(0, (2, 3)))
        for line, style in _styled(lines):
            if line.drawn.curve is not None:
                curve = line.drawn.curve
                axes.plot(1 - curve.specificity, curve.sensitivity, label=line.label, **style)
        for point in points:
            sensitivity, specificity = point.confusion.sensitivity, point.confusion.specificity
            if sensitivity is not None and specificity is not None:
                _mark(axes, 1 - specificity, sensitivity, point.point.name)
        _unit_axes(axes, "1 - specificity (normal studies flagged)", "sensitivity (abnormal studies flagged)")
        _legend(axes, "lower right")

    return _svg(draw, name="roc", title=title)


def precision_recall_plot(
    lines: Sequence[Line], points: Sequence[PointMeasured], *, prevalence: float, title: str
) -> str:
    """Return the precision-recall curves as SVG; a dotted line shows what guessing would give."""

    def draw(axes: Axes) -> None:
        axes.axhline(prevalence, color=_QUIET, linewidth=0.8, linestyle=(0, (2, 3)))
        for line, style in _styled(lines):
            if line.drawn.curve is not None:
                curve = line.drawn.curve
                axes.step(curve.sensitivity[1:], curve.precision[1:], where="pre", label=line.label, **style)
        for point in points:
            sensitivity, precision = point.confusion.sensitivity, point.confusion.precision
            if sensitivity is not None and precision is not None:
                _mark(axes, sensitivity, precision, point.point.name)
        _unit_axes(axes, "recall (sensitivity)", "precision (flagged studies that are abnormal)")
        _legend(axes, "lower left")

    return _svg(draw, name="pr", title=title)


def calibration_plot(lines: Sequence[Line], *, title: str) -> str:
    """Return the reliability diagram as SVG: share abnormal against stated probability.

    The area of a dot is the share of cases in its bin, for the first classifier.
    """

    def draw(axes: Axes) -> None:
        axes.plot([0, 1], [0, 1], color=_QUIET, linewidth=0.8, linestyle=(0, (2, 3)))
        for line, style in _styled(lines):
            bins = line.drawn.reliability
            means, shares = [each.mean_score for each in bins], [each.share_abnormal for each in bins]
            axes.plot(means, shares, label=line.label, **style)
            if line is lines[0]:
                total = sum(each.count for each in bins)
                areas = [12 + 500 * each.count / total for each in bins]
                axes.scatter(means, shares, s=areas, color=_ENSEMBLE, alpha=0.35, linewidth=0, zorder=5)
        _unit_axes(axes, "stated P(abnormal), mean of the bin", "share of the bin that is abnormal")
        _legend(axes, "upper left")

    return _svg(draw, name="calibration", title=title)


def confusion_plot(confusion: Confusion, *, name: str, title: str) -> str:
    """Return the confusion table as SVG, each cell shaded by its share of its true class."""
    rows = (
        (confusion.true_positive, confusion.false_negative),
        (confusion.false_positive, confusion.true_negative),
    )

    def draw(axes: Axes) -> None:
        for row, cells in enumerate(rows):
            for column, count in enumerate(cells):
                share = count / sum(cells) if sum(cells) else 0.0
                right = row == column
                color = _ENSEMBLE if right else _OTHERS[0]
                cell = Rectangle((column, row), 1, 1, facecolor=color, alpha=0.10 + 0.55 * share, linewidth=0)
                axes.add_patch(cell)
                axes.text(column + 0.5, row + 0.47, f"{count:,}", va="center", fontsize=19, ha="center")
                words = f"{share:.0%} of the {'abnormal' if row == 0 else 'normal'}" if sum(cells) else ""
                axes.text(column + 0.5, row + 0.74, words, va="center", fontsize=9, ha="center")
        axes.set(xlim=(0, 2), ylim=(2, 0), xlabel="called", ylabel="label", aspect="equal")
        axes.set_xticks([0.5, 1.5], ["flagged", "not flagged"])
        axes.set_yticks([0.5, 1.5], ["abnormal", "normal"], rotation=90, va="center")
        axes.tick_params(length=0)
        axes.grid(visible=False)
        axes.spines[:].set_visible(False)

    return _svg(draw, name=name, title=title, size_inches=(3.7, 3.5))


def _styled(lines: Sequence[Line]) -> Iterator[tuple[Line, _Stroke]]:
    """Pair each line with how it is drawn: the first above the others."""
    for place, line in enumerate(lines):
        if place == 0:
            yield line, _Stroke(color=_ENSEMBLE, linestyle="-", linewidth=2.4, zorder=4)
        else:
            color, dashes = _OTHERS[(place - 1) % len(_OTHERS)], _DASHES[(place - 1) % len(_DASHES)]
            yield line, _Stroke(color=color, linestyle=dashes, linewidth=1.3, zorder=3)


def _mark(axes: Axes, x: float, y: float, name: str) -> None:
    axes.plot(
        [x], [y], "o", color=_ENSEMBLE, markersize=8, markeredgecolor=_PANEL, markeredgewidth=1.5, zorder=6
    )
    # Beside its curve, readable over the lines of others, and all to the right as long as the axes have room:
    # labels on both sides of their points would meet halfway.
    left, below = x >= 0.8, y >= 0.15
    axes.annotate(
        name,
        (x, y),
        xytext=(-10 if left else 10, -5 if below else 5),
        textcoords="offset points",
        va="top" if below else "bottom",
        ha="right" if left else "left",
        fontsize=9,
        bbox={"boxstyle": "square,pad=0.15", "facecolor": _PANEL, "alpha": 0.8, "linewidth": 0},
        zorder=7,
    )


def _legend(axes: Axes, place: Literal["lower right", "lower left", "upper left"]) -> None:
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc=place)


def _unit_axes(axes: Axes, x: str, y: str) -> None:
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), xlabel=x, ylabel=y)
    axes.set_xticks(_TICKS)
    axes.set_yticks(_TICKS)


def _svg(
    draw: Callable[[Axes], None],
    *,
    name: str,
    title: str,
    size_inches: tuple[float, float] = _SIZE_INCHES,
) -> str:
    """Draw on a figure of its own and return the element <svg>; `title` is what a screen reader says."""
    with mpl.rc_context(_STYLE):  # type: ignore[arg-type]
        figure = Figure(figsize=size_inches, layout="constrained")
        figure.patch.set_visible(False)
        axes = figure.add_subplot()
        axes.patch.set_visible(False)
        draw(axes)
        written = io.StringIO()
        FigureCanvasSVG(figure).print_svg(  # type: ignore[no-untyped-call]
            written, metadata={"Date": None, "Creator": None}
        )
    return _set_into_page(written.getvalue(), name=name, title=title)


def _set_into_page(document: str, *, name: str, title: str) -> str:
    """Cut the element out of the document, name its parts apart from other drawings' and take page colors."""
    svg = document[document.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", svg)
    svg = svg.replace("'DejaVu Sans'", "inherit")
    for stand_in, color in _PAGE_COLORS.items():
        svg = svg.replace(stand_in, color)
    label = f'<svg role="img" aria-label="{_attribute(title)}" '
    return svg.replace("<svg ", label, 1)


def _attribute(text: str) -> str:
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
