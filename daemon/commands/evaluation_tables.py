"""This module lays an evaluation out for the terminal, as tables that rich prints."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from models.evaluation.cases import Level, SubsetKind
from models.evaluation.evaluation import ENSEMBLE, Evaluation, Localized, PointMeasured
from models.evaluation.figures import Figure
from models.evaluation.paper_tables import PaperTables
from models.evaluation.report_words import (
    FIGURE_NAMES,
    PAPER_COLUMNS,
    number,
    of_hundred,
    paper_cells,
)

_SHOWN = ("auroc", "auprc", "sensitivity", "specificity", "precision", "f1", "accuracy", "kappa", "brier")
_CALIBRATION = "expected_calibration_error"

# Stands beside every figure that was measured on images that calibrated the bundle.
_FLATTERING = " !"
_FLATTERED = "! measured on images that calibrated the bundle, so better than on others"

_Cells = Callable[[Figure], str]


def evaluation_tables(evaluation: Evaluation, paper: PaperTables | None) -> Iterator[RenderableType]:
    """Yield what is printed: what was evaluated, warnings, then the tables."""
    yield _head(evaluation)
    if not evaluation.calibrated_on.flatters:  # else it is the first of the warnings
        yield Text(evaluation.calibrated_on.statement)
    for warning in evaluation.warnings:
        yield Text(f"warning: {warning}", style="bold red")
    # Where each study is one image, figures per image are the same again.
    levels = (
        (Level.STUDY,) if evaluation.data.studies == evaluation.data.images else (Level.STUDY, Level.IMAGE)
    )
    for level in levels:
        yield _classifiers(evaluation, level)
    yield _points(evaluation)
    if len(sought := evaluation.sought(Level.STUDY)) > 1:
        yield _costs(sought, evaluation)
    yield from _where_there_are_any(evaluation)
    if paper:
        yield from _paper(paper)
    yield Text(
        "Ranges are 95 % intervals. Abnormal is the positive class. Not for diagnostic use.", style="dim"
    )


def _where_there_are_any(evaluation: Evaluation) -> Iterator[RenderableType]:
    if evaluation.triage:
        yield _triage(evaluation)
    for kind in (SubsetKind.REGION, SubsetKind.STRATUM):
        if any(each.subset.kind is kind for each in evaluation.measured):
            yield _parts(evaluation, kind)
    if evaluation.localization:
        yield _maps(evaluation.localization, evaluation)
    yield _places(evaluation)
    if evaluation.data.unreadable:
        yield from _unreadable(evaluation)


def _head(evaluation: Evaluation) -> Text:
    data, bundle = evaluation.data, evaluation.bundle
    return Text(
        f"{bundle.label} ({bundle.digest[:12]}) on {data.source}, split {data.split}: "
        f"{data.images:,} images, {data.studies:,} studies, {data.abnormal_studies:,} of them abnormal"
    )


def _classifiers(evaluation: Evaluation, level: Level) -> Table:
    cell, table = (
        _cells(evaluation),
        _figures(evaluation, f"per {level}, verdicts at P(abnormal) 0.5", "figure"),
    )
    for classifier in evaluation.classifiers:
        table.add_column(escape(classifier.name), justify="right")
    for name in (*_SHOWN, _CALIBRATION):
        measured = [evaluation.overall(each.name, level).figures[name] for each in evaluation.classifiers]
        table.add_row(FIGURE_NAMES[name], *map(cell, measured))
    return table


def _points(evaluation: Evaluation) -> Table:
    names = ("sensitivity", "specificity", "precision", "flagged")
    table = _figures(evaluation, "operating points, per study", "point", "threshold", *_titles(names))
    cell = _cells(evaluation)
    sought = evaluation.sought(Level.STUDY).get(ENSEMBLE, ())
    for each in (*evaluation.fixed(Level.STUDY), *sought):
        cells = (cell(each.figures[name]) for name in names)
        mark = "" if each.point.goal is None else " *"
        table.add_row(escape(each.point.name + mark), number(each.point.threshold), *cells)
    if sought:
        caption = "* threshold sought on these very studies, so a little too good"
        table.caption = "\n".join(filter(None, (caption, _caption(evaluation))))
    return table


def _costs(sought: Mapping[str, Sequence[PointMeasured]], evaluation: Evaluation) -> Table:
    points, cell = next(iter(sought.values())), _cells(evaluation)
    table = _figures(
        evaluation,
        "specificity at a stated sensitivity, sought here",
        "classifier",
        *(each.point.name for each in points),
    )
    for classifier, measured in sought.items():
        table.add_row(escape(classifier), *(cell(each.figures["specificity"]) for each in measured))
    return table


def _triage(evaluation: Evaluation) -> Table:
    mark = _mark(evaluation)
    table = _figures(
        evaluation,
        "worklist of 100 against first in, first out: places",
        "point",
        "abnormal",
        "flagged",
        "abnormal earlier by",
        "not flagged later by",
    )
    for row in evaluation.triage:
        shares = (of_hundred(row.figures[name]) + mark for name in ("flagged", "earlier", "missed_later"))
        table.add_row(escape(row.point), f"{100 * row.prevalence:g}", *shares)
    return table


def _parts(evaluation: Evaluation, kind: SubsetKind) -> Table:
    ensemble = evaluation.classifiers[0].name
    names = ("auroc", "sensitivity", "specificity", "kappa")
    cell = _cells(evaluation)
    table = _figures(
        evaluation,
        f"{ensemble} by {kind}, per study, verdicts at P(abnormal) 0.5",
        kind.value,
        "studies",
        "abnormal",
        *_titles(names),
    )
    for each in evaluation.of(level=Level.STUDY, classifier=ensemble):
        if each.subset.kind is kind:
            cells = (cell(each.figures[name]) for name in names)
            table.add_row(escape(each.subset.name), str(each.cases), str(each.abnormal), *cells)
    return table


def _maps(found: Localized, evaluation: Evaluation) -> Table:
    names = ("pointing_game", "energy_inside", "iou", "box_share")
    cell = _cells(evaluation)
    table = _figures(
        evaluation,
        f"maps on the {found.images} of {found.boxed} boxed images flagged at {found.point}",
        "map",
        *_titles(names),
    )
    for each in found.maps:
        cells = (cell(each.figures[name]) for name in names)
        table.add_row(escape(f"{each.classifier} {each.combination}"), *cells)
    return table


def _places(evaluation: Evaluation) -> Table:
    names = ("boxes_hit", "normal_places", "astray_places", "covered")
    cell = _cells(evaluation)
    title = f"places outlined on flagged images, against {evaluation.places[0].boxes} boxes"
    table = _figures(evaluation, title, "point", *_titles(names))
    for each in evaluation.places:
        table.add_row(escape(each.point), *(cell(each.figures[name]) for name in names))
    return table


def _paper(paper: PaperTables) -> Iterator[RenderableType]:
    yield Text(paper.statement, style="bold")
    columns = [short for _, short in PAPER_COLUMNS.values()]
    for title, rows, count, digits in (
        ("Tables 3 and 4 of the paper, per study", paper.models, 8, 2),
        ("Table 5 of the paper (ensemble200), per study", paper.regions, 7, 4),
    ):
        table = _table(f"{title}: the paper's figure, below it ours", "positive: normal", *columns[:count])
        for row in rows:
            cells = paper_cells(row, digits=digits)[:count]
            table.add_row(row.name, *("\n".join(filter(None, cell)) for cell in cells))
        yield table


def _unreadable(evaluation: Evaluation) -> Iterator[Text]:
    yield Text("images that could not be read:")
    for _, reason in evaluation.data.unreadable:
        yield Text(f"  {reason}")


def _figures(evaluation: Evaluation, title: str, first: str, *others: str) -> Table:
    """Return a table for figures of the bundle's own rule, with what must stand below them."""
    table = _table(title, first, *others)
    table.caption = _caption(evaluation)
    return table


def _table(title: str, first: str, *others: str) -> Table:
    # Light lines, so that a table with intervals fits a terminal of 80 columns.
    table = Table(
        title=escape(title),
        title_justify="left",
        title_style="bold",
        caption_justify="left",
        box=SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
    )
    table.add_column(first, no_wrap=True)
    for name in others:
        table.add_column(escape(name), justify="right")
    return table


def _titles(names: Iterable[str]) -> Iterator[str]:
    return (FIGURE_NAMES[name] for name in names)


def _mark(evaluation: Evaluation) -> str:
    return _FLATTERING if evaluation.calibrated_on.flatters else ""


def _caption(evaluation: Evaluation) -> str | None:
    return _FLATTERED if evaluation.calibrated_on.flatters else None


def _cells(evaluation: Evaluation) -> _Cells:
    """Return what says a figure, and below it its interval in a form that does not break."""
    mark = _mark(evaluation)

    def cell(figure: Figure) -> str:
        if figure.value is None or figure.interval is None:
            return number(figure.value) + mark
        low, high = number(figure.interval.low, 2), number(figure.interval.high, 2)
        return f"{number(figure.value)}{mark}\n[dim]{low}..{high}[/]"

    return cell
