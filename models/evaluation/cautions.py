"""Finds what makes figures doubtful. This module is the warnings that every output of an evaluation shows."""

from collections.abc import Iterator

from models.evaluation.cases import Level, SubsetKind
from models.evaluation.evaluation import Evaluation, Measured


def cautions(evaluation: Evaluation) -> Iterator[str]:
    """Yield one sentence or two for each thing that a reader must know before believing a figure."""
    data = evaluation.data
    if not evaluation.bundle.trained:
        yield "The bundle is UNTRAINED: its weights are random, so all figures are those of guessing."
    if evaluation.calibrated_on.flatters:
        yield evaluation.calibrated_on.statement
    yield from _slips(evaluation)
    if data.abnormal_studies in {0, data.studies}:
        only = "abnormal" if data.abnormal_studies else "normal"
        yield (
            f"All studies are labeled {only}: figures that need both classes are not defined. "
            "Check the labels, or evaluate on more data."
        )
    if data.split == "train":
        yield "These images are of the training split; a bundle looks better on what it was trained on."
    if data.unreadable:
        count = len(data.unreadable)
        yield (
            f"{count} of {data.images + count} images could not be read and are in no figure; "
            "they are listed with the reasons."
        )


def _slips(evaluation: Evaluation) -> Iterator[str]:
    """Yield each classifier that is worse than chance, once for each level: overall, or else part by part."""
    told: set[tuple[str, Level]] = set()
    for measured in evaluation.measured:  # overall comes before the parts
        if measured.level is Level.IMAGE and evaluation.data.studies == evaluation.data.images:
            continue  # the same again per study
        whose = (measured.classifier, measured.level)
        figure = _below_chance(measured)
        if figure and whose not in told:
            yield _slip(measured, figure)
            if measured.subset.kind is SubsetKind.OVERALL:
                told.add(whose)


def _below_chance(measured: Measured) -> str:
    """Return the figure that says "worse than chance", in words; empty if none does.

    Overall, a kappa below 0 says so. In a part of the cases chance does more, and around an AUROC of 0.5 it
    always does: there the whole interval must lie below.
    """
    kappa, auroc = measured.figures["kappa"], measured.figures["auroc"]
    surely = kappa.interval is not None and kappa.interval.high < 0.0
    overall = measured.subset.kind is SubsetKind.OVERALL
    if kappa.value is not None and kappa.value < 0.0 and (overall or surely):
        return f"Cohen's kappa is {kappa.value:.2f}, below 0"
    if overall and auroc.interval is not None and auroc.interval.high < 0.5:
        return f"AUROC is {auroc.value:.2f}, below 0.5"
    return ""


def _slip(measured: Measured, figure: str) -> str:
    return (
        f"{measured.classifier}, {measured.subset.label}, per {measured.level}: {figure}: worse than chance. "
        "Probably a slip of polarity (labels: 1 is abnormal) or of grouping (images under the wrong study). "
        "Find it before using any figure."
    )
