"""Renders an evaluation as one page for people. This module is the HTML report.

The page holds everything it shows: no script, no font, no picture from elsewhere. It can be mailed, archived
and printed. The same evaluation gives the same bytes.
"""

from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from models.evaluation import plots, report_words
from models.evaluation.cases import OVERALL, Level, SubsetKind
from models.evaluation.evaluation import Evaluation, PointMeasured
from models.evaluation.paper_tables import PaperTables

_TEMPLATES = Path(__file__).parent / "templates"


def report_html(evaluation: Evaluation, paper: PaperTables | None = None) -> str:
    """Return the page as text in UTF-8; every name in it is escaped."""
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": report_words.number,
        "interval": report_words.interval,
        "of_hundred": report_words.of_hundred,
        "places": report_words.places,
        "paper_cells": report_words.paper_cells,
    }
    sought = evaluation.sought(Level.STUDY)
    return environment.get_template("report.html").render(
        evaluation=evaluation,
        paper=paper,
        Level=Level,
        OVERALL=OVERALL,
        SubsetKind=SubsetKind,
        NAMES=report_words.FIGURE_NAMES,
        COMBINATIONS=report_words.COMBINATION_NAMES,
        PAPER_COLUMNS=report_words.PAPER_COLUMNS,
        fixed_points=evaluation.fixed(Level.STUDY),
        sought_points=sought.get(evaluation.classifiers[0].name, ()),
        costs=sought if len(sought) > 1 else {},
        plots=_plots(evaluation),
    )


def _plots(evaluation: Evaluation) -> dict[str, Markup]:
    points = evaluation.fixed(Level.STUDY)
    data = evaluation.data
    drawings = {
        "roc": plots.roc_plot(
            _lines(evaluation, "auroc"), points, title="ROC curves of the ensemble and each other classifier"
        ),
        "pr": plots.precision_recall_plot(
            _lines(evaluation, "auprc"),
            points,
            prevalence=data.abnormal_studies / data.studies,
            title="Precision-recall curves of the ensemble and each other classifier",
        ),
        "calibration": plots.calibration_plot(
            _lines(evaluation, "expected_calibration_error"),
            title="Reliability diagram: share abnormal against stated probability",
        ),
    }
    for place, point in enumerate(points):
        drawings[f"confusion-{point.point.name}"] = plots.confusion_plot(
            point.confusion, name=f"confusion{place}", title=_confusion_title(point)
        )
    # What plots draw is made of numbers and of names that a manifest allows; matplotlib escapes these.
    return {name: Markup(svg) for name, svg in drawings.items()}


def _lines(evaluation: Evaluation, figure: str) -> Sequence[plots.Line]:
    return [
        plots.Line(drawn=each, label=f"{each.classifier}  {_value(evaluation, each.classifier, figure)}")
        for each in evaluation.drawn
        if each.level is Level.STUDY
    ]


def _value(evaluation: Evaluation, classifier: str, figure: str) -> str:
    return report_words.number(evaluation.overall(classifier, Level.STUDY).figures[figure].value)


def _confusion_title(point: PointMeasured) -> str:
    table = point.confusion
    return (
        f"Confusion at {point.point.name}: of the abnormal, {table.true_positive} flagged and "
        f"{table.false_negative} not; of the normal, {table.false_positive} flagged and "
        f"{table.true_negative} not"
    )
