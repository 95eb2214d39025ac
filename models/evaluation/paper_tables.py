"""Puts figures beside those of Banga & Waiganjo. This module is the paper's tables, in its form and polarity.

In the paper's tables the positive class is NORMAL: its recall is the share of normal studies that were called
normal. Nowhere else in ulna is that so. Its "ROC" is the area under the curve of thresholded labels, which is
the balanced accuracy. Our figures are by the paper's rule, whatever the bundle's: raw sigmoids, their mean
with equal votes, the mean over a study's images, threshold 0.5.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from models.evaluation.cases import OVERALL, Cases, Level, Subset, SubsetKind
from models.evaluation.metrics import Confusion, confusion
from models.evaluation.plan import Origin
from models.evaluation.predictions import Predictions

THRESHOLD = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperFigures:
    """One row of Tables 3 and 4, normal positive; all per study ("per encounter") but the last.

    `image_accuracy` is the paper's "Acc." per image. None is undefined or not printed.
    """

    accuracy: float | None
    f1: float | None
    precision: float | None
    recall: float | None
    specificity: float | None
    roc: float | None
    kappa: float | None
    image_accuracy: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintedModel:
    """A model of Tables 3 and 4: its members by architecture, and what is printed of it."""

    name: str
    members: tuple[str, ...]
    printed: PaperFigures


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintedRegion:
    """A row of Table 5: ensemble200 on one region, normal positive.

    The paper prints precision, recall and kappa. `counts` are the only ones that reproduce these; here too,
    positive is normal.
    """

    region: str
    counts: Confusion
    precision: float
    recall: float
    kappa: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """The paper's row and ours; `ours` is None where the bundle has no such members or regions."""

    name: str
    paper: PaperFigures
    ours: PaperFigures | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperTables:
    """The paper's tables beside the evaluation's, and what must be said with them."""

    models: tuple[Beside, ...]
    regions: tuple[Beside, ...]
    statement: str


def _model(name: str, members: str, *printed: float) -> PrintedModel:
    accuracy, f1, precision, recall, specificity, roc, kappa, image_accuracy = printed
    figures = PaperFigures(
        accuracy=accuracy,
        f1=f1,
        precision=precision,
        recall=recall,
        specificity=specificity,
        roc=roc,
        kappa=kappa,
        image_accuracy=image_accuracy,
    )
    return PrintedModel(name=name, members=tuple(members.split()), printed=figures)


# C and D are printed with the same members and different figures: one of the two must be a misprint.
MODELS = (
    _model("MobileNet", "mobilenet", 0.67, 0.71, 0.70, 0.73, 0.61, 0.67, 0.34, 0.7726),
    _model("NASNetMobile", "nasnetmobile", 0.43, 0.52, 0.48, 0.57, 0.25, 0.41, -0.18, 0.7676),
    _model("Xception", "xception", 0.53, 0.58, 0.59, 0.59, 0.47, 0.53, 0.06, 0.7917),
    _model("DenseNet201", "densenet201", 0.29, 0.37, 0.36, 0.38, 0.18, 0.28, -0.44, 0.7591),
    _model("A", "nasnetmobile xception mobilenet", 0.57, 0.63, 0.60, 0.67, 0.46, 0.56, 0.13, 0.8061),
    _model("B", "nasnetmobile mobilenet", 0.27, 0.37, 0.35, 0.39, 0.13, 0.26, -0.49, 0.7932),
    _model("C", "xception mobilenet", 0.37, 0.44, 0.43, 0.44, 0.29, 0.36, -0.27, 0.8033),
    _model("D", "xception mobilenet", 0.65, 0.70, 0.67, 0.73, 0.56, 0.64, 0.29, 0.8051),
    _model("E", "xception densenet201", 0.71, 0.75, 0.72, 0.77, 0.63, 0.70, 0.41, 0.7998),
    _model("F", "xception densenet201 mobilenet", 0.21, 0.30, 0.30, 0.31, 0.10, 0.20, -0.60, 0.8008),
    _model(
        "ALL",
        "densenet201 xception mobilenet nasnetmobile",
        0.44,
        0.52,
        0.49,
        0.55,
        0.30,
        0.43,
        -0.15,
        0.8076,
    ),
    _model(
        "ensemble200", "densenet201 mobilenet nasnetmobile", 0.83, 0.86, 0.81, 0.92, 0.73, 0.82, 0.66, 0.7973
    ),
)


def _region(region: str, tp: int, fn: int, fp: int, tn: int, *printed: float) -> PrintedRegion:
    counts = Confusion(true_positive=tp, false_negative=fn, false_positive=fp, true_negative=tn)
    precision, recall, kappa = printed
    return PrintedRegion(region=region, counts=counts, precision=precision, recall=recall, kappa=kappa)


REGIONS = (
    _region("elbow", 81, 11, 18, 48, 0.8182, 0.8804, 0.6170),
    _region("finger", 85, 7, 23, 60, 0.7870, 0.9239, 0.6530),
    _region("forearm", 69, 0, 20, 44, 0.7753, 1.0000, 0.6954),
    _region("hand", 98, 3, 28, 38, 0.7778, 0.9703, 0.5844),
    _region("humerus", 60, 8, 19, 48, 0.7595, 0.8824, 0.5995),
    _region("shoulder", 82, 17, 16, 79, 0.8367, 0.8283, 0.6597),
    _region("wrist", 133, 7, 22, 75, 0.8581, 0.9500, 0.7408),
)
ALL_REGIONS = _region("all", 608, 53, 146, 392, 0.8064, 0.9198, 0.6590)


def paper_figures(normal_positive: Confusion, image_accuracy: float | None = None) -> PaperFigures:
    """Return a row of the paper's form from a table whose positive class is normal."""
    return PaperFigures(
        accuracy=normal_positive.accuracy,
        f1=normal_positive.f1,
        precision=normal_positive.precision,
        recall=normal_positive.recall,
        specificity=normal_positive.specificity,
        roc=normal_positive.balanced_accuracy,
        kappa=normal_positive.kappa,
        image_accuracy=image_accuracy,
    )


def paper_tables(predictions: Predictions, architectures: Mapping[str, str], origin: Origin) -> PaperTables:
    """Return the paper's Tables 3, 4 and 5 beside the same figures of `predictions`.

    Parameters
    ----------
    predictions
        By the paper's rule, see `models.evaluation.predictions.by_the_papers_rule`.
    architectures
        The architecture of each member, by the member's name: what the paper names its models by.
    """
    return PaperTables(
        models=tuple(
            Beside(
                name=model.name, paper=model.printed, ours=_ours(predictions, architectures, model.members)
            )
            for model in MODELS
        ),
        regions=tuple(_regions(predictions)),
        statement=_statement(origin),
    )


def _ours(
    predictions: Predictions, architectures: Mapping[str, str], wanted: tuple[str, ...]
) -> PaperFigures | None:
    """Return our row of a model; None if the bundle has not one member of each architecture."""
    members = tuple(name for name in predictions.members if architectures[name] in wanted)
    if sorted(architectures[name] for name in members) != sorted(wanted):
        return None
    study, image = (
        _confusion(predictions, predictions.cases(level), members, OVERALL)
        for level in (Level.STUDY, Level.IMAGE)
    )
    return paper_figures(study.inverted, image.accuracy)


def _confusion(predictions: Predictions, cases: Cases, members: tuple[str, ...], subset: Subset) -> Confusion:
    chosen = cases.select(subset)
    scores = cases.scores(predictions.scores(members))
    return confusion(cases.labels[chosen], scores[chosen], THRESHOLD)


def _regions(predictions: Predictions) -> Iterator[Beside]:
    studies = predictions.cases(Level.STUDY)
    for row in (*REGIONS, ALL_REGIONS):
        subset = OVERALL if row is ALL_REGIONS else Subset(kind=SubsetKind.REGION, name=row.region)
        ours = None
        if np.any(studies.select(subset)):
            ours = paper_figures(_confusion(predictions, studies, predictions.members, subset).inverted)
        yield Beside(name=row.region, paper=paper_figures(row.counts), ours=ours)


def _statement(origin: Origin) -> str:
    rule = (
        "In these tables the positive class is NORMAL, as in the paper. Ours are by the paper's rule, "
        "whatever the bundle's: raw sigmoids without calibration, equal votes, the mean over a study's "
        f"images, threshold {THRESHOLD}."
    )
    if origin.source.startswith("mura:") and origin.split == "val":
        return f"{rule} The paper's figures are of MURA's validation studies, like those beside them."
    return (
        f"{rule} The data differ: the paper's figures are of MURA, and the labels and regions here may "
        "mean something else. The figures are comparable only on MURA (--data mura:PATH --split val)."
    )
