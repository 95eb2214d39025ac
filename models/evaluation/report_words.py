"""Says figures in words. This module is the wording that a report for people needs."""

from math import isfinite

from models.evaluation.figures import Figure
from models.evaluation.paper_tables import Beside

FIGURE_NAMES = {
    "auroc": "AUROC",
    "auprc": "AUPRC",
    "accuracy": "Accuracy",
    "balanced_accuracy": "Balanced accuracy",
    "f1": "F1",
    "precision": "Precision",
    "sensitivity": "Sensitivity",
    "specificity": "Specificity",
    "kappa": "Cohen's kappa",
    "brier": "Brier score",
    "expected_calibration_error": "Calibration error",
    "flagged": "Flagged",
    "pointing_game": "Pointing game",
    "energy_inside": "Energy inside boxes",
    "iou": "IoU",
    "box_share": "Share of view in boxes",
    "boxes_hit": "Boxes hit",
    "normal_places": "Per normal image",
    "astray_places": "Astray per flagged image",
    "covered": "Covered of flagged view",
}

COMBINATION_NAMES = {
    "probability_weighted": "each place's log-odds, weighted by votes and the view's probability",
    "log_odds": "average of each place's log-odds, by votes",
    "equal": "the same with equal votes",
    "probability": "average of each place's probability, by votes",
    "highest": "highest probability of each place",
    "weighted_gradient": "log-odds weighted as by the gradient of the mean probability",
    "": "own map",
}


def number(value: float | None, digits: int = 3) -> str:
    """Say a figure: "0.892", or "not defined"."""
    if value is None or not isfinite(value):
        return "not defined"
    # A figure just below 0 must not read "-0.000".
    return f"{round(value, digits) + 0.0:.{digits}f}"


def interval(figure: Figure, digits: int = 3) -> str:
    """Say an interval: "0.848 to 0.932", or nothing where there is none."""
    if figure.value is None or figure.interval is None:
        return ""
    return f"{number(figure.interval.low, digits)} to {number(figure.interval.high, digits)}"


def of_hundred(figure: Figure) -> str:
    """Say a share as a count of 100 with its interval: "94 (88 to 98)"."""
    if figure.value is None:
        return "an unknown number"
    said = f"{100 * figure.value:.0f}"
    if figure.interval is None:
        return said
    return f"{said} ({100 * figure.interval.low:.0f} to {100 * figure.interval.high:.0f})"


def places(figure: Figure, *, later: bool = False) -> str:
    """Say how many places of 100 a study moves: "28 places (20 to 33) earlier"; if `later`, 28 is later."""
    if figure.value is None:
        return "an unknown number of places"
    sign = 1 if figure.value >= 0 else -1
    said = f"{100 * abs(figure.value):.0f} places"
    if figure.interval is not None:
        low, high = sorted(100 * sign * end for end in (figure.interval.low, figure.interval.high))
        said += f" ({low:.0f} to {high:.0f})"
    return f"{said} {'later' if later == (sign > 0) else 'earlier'}"


# The paper's columns, long for a page and short for a terminal.
PAPER_COLUMNS = {
    "accuracy": ("Accuracy", "Acc."),
    "f1": ("F1", "F1"),
    "precision": ("Precision", "Prec."),
    "recall": ("Recall", "Recall"),
    "specificity": ("Specificity", "Spec."),
    "roc": ("ROC score", "ROC"),
    "kappa": ("Kappa", "Kappa"),
    "image_accuracy": ("Acc. per image", "Image"),
}


def paper_cells(row: Beside, *, digits: int) -> tuple[tuple[str, str], ...]:
    """Pair the paper's figures with ours, in the order of `PAPER_COLUMNS`, empty where there is none.

    `digits` is how many the paper prints; of its accuracies per image it prints four.
    """
    return tuple(
        (
            _text(getattr(row.paper, name), 4 if name == "image_accuracy" else digits),
            _text(None if row.ours is None else getattr(row.ours, name), 3),
        )
        for name in PAPER_COLUMNS
    )


def _text(value: float | None, digits: int) -> str:
    return "" if value is None else number(value, digits)
