"""Plots: what is drawn, and that it fits into a page."""

import xml.etree.ElementTree as ET

import matplotlib as mpl
import numpy as np
import pytest

from models.evaluation import plots
from models.evaluation.cases import OVERALL, Level
from models.evaluation.evaluation import Drawn, Point, PointMeasured
from models.evaluation.metrics import Confusion, confusion, curve, reliability

LABELS = np.array([False, False, True, False, True, True])
SCORES = np.array([0.1, 0.2, 0.3, 0.6, 0.8, 0.9])
SVG = "{http://www.w3.org/2000/svg}"


def a_line(name="ensemble", scores=SCORES):
    drawn = Drawn(
        classifier=name,
        level=Level.STUDY,
        curve=curve(LABELS, scores),
        reliability=reliability(LABELS, scores),
    )
    return plots.Line(drawn=drawn, label=f"{name} <0.9>")


def a_point(threshold=0.5):
    return PointMeasured(
        point=Point(name="sensitive", goal=None, threshold=threshold, classifier="ensemble"),
        level=Level.STUDY,
        subset=OVERALL,
        confusion=confusion(LABELS, SCORES, threshold),
        figures={},
    )


def all_plots():
    lines = [a_line(), a_line("other", SCORES[::-1].copy())]
    return {
        "roc": plots.roc_plot(lines, [a_point()], title='the "ROC" & more'),
        "pr": plots.precision_recall_plot(lines, [a_point()], prevalence=0.5, title="pr"),
        "calibration": plots.calibration_plot(lines, title="calibration"),
        "confusion": plots.confusion_plot(a_point().confusion, name="confusion", title="confusion"),
    }


@pytest.mark.parametrize("name", ["roc", "pr", "calibration", "confusion"])
def test_a_plot_is_one_named_drawing_that_takes_the_pages_colors(name):
    svg = all_plots()[name]
    root = ET.fromstring(svg)

    assert root.tag == f"{SVG}svg"
    assert root.get("role") == "img"
    assert root.get("aria-label")
    assert "var(--text, #171a20)" in svg
    assert "#010203" not in svg
    assert "DejaVu" not in svg
    assert all(each.startswith(f"{name}-") for each in filter(None, (part.get("id") for part in root.iter())))


def test_text_stays_text():
    words = {"".join(each.itertext()) for each in ET.fromstring(all_plots()["roc"]).iter(f"{SVG}text")}

    assert {"ensemble <0.9>", "other <0.9>", "sensitive", "sensitivity (abnormal studies flagged)"} <= words
    assert ET.fromstring(all_plots()["roc"]).get("aria-label") == 'the "ROC" & more'


def test_the_confusion_plot_counts_and_shares():
    svg = plots.confusion_plot(
        Confusion(true_positive=18, false_negative=2, false_positive=1500, true_negative=4500),
        name="c",
        title="c",
    )
    words = ["".join(each.itertext()) for each in ET.fromstring(svg).iter(f"{SVG}text")]

    for word in ("18", "90% of the abnormal", "2", "1,500", "25% of the normal", "4,500"):
        assert word in words


def test_a_class_without_samples_leaves_the_curves_empty():
    drawn = Drawn(classifier="ensemble", level=Level.STUDY, curve=None, reliability=())
    lines = [plots.Line(drawn=drawn, label="ensemble")]
    nobody = Confusion(true_positive=0, false_negative=0, false_positive=1, true_negative=3)
    point = PointMeasured(
        point=a_point().point, level=Level.STUDY, subset=OVERALL, confusion=nobody, figures={}
    )

    for svg in (
        plots.roc_plot(lines, [point], title="roc"),
        plots.precision_recall_plot(lines, [point], prevalence=0.0, title="pr"),
        plots.calibration_plot(lines, title="calibration"),
        plots.confusion_plot(nobody, name="c", title="c"),
    ):
        assert "sensitive</text>" not in svg


def test_plots_are_the_same_each_time_and_leave_matplotlib_as_it_was():
    before = dict(mpl.rcParams)

    assert all_plots() == all_plots()
    assert dict(mpl.rcParams) == before
