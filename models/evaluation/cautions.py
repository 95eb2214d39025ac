"""Finds what makes figures doubtful. This module is the warnings that every output of an evaluation shows."""

from collections.abc import Iterator

from models.evaluation.cases import Level, SubsetKind
from models.evaluation.evaluation import Evaluation, Measured


def cautions(evaluation: Evaluation) -> Iterator[str]:
    """Yield one sentence or two for each thing that a reader must know before believing a figure."""
    data = evaluation.data
    if not evaluation.bundle.trained:
        yield "The bundle is UNTRAINED: its weights are random, so all figures are those of guessing."
    for measured in evaluation.measured:
        if _is_worse_than_chance(measured):
            yield _worse_than_chance(measured)
    if data.abnormal_studies in {0, data.studies}:
        only = "abnormal" if data.abnormal_studies else "normal"
        yield (
            f"All studies are labeled {only}: figures that need both classes are not defined. "
            "Check the labels, or evaluate on more data."
        )
    if data.split == "train":
        yield "These images are of the split for training; figures on what a bundle learned from flatter."
    if data.unreadable:
        count = len(data.unreadable)
        yield (
            f"{count} of {data.images + count} images could not be read and are in no figure; "
            "they are listed with the reasons."
        )


def _is_worse_than_chance(measured: Measured) -> bool:
    """Say whether kappa is below 0; in a part of the cases, where chance rules more, its whole interval."""
    kappa = measured.figures["kappa"]
    if kappa.value is None:
        return False
    if measured.subset.kind is SubsetKind.OVERALL:
        return kappa.value < 0.0
    return kappa.interval is not None and kappa.interval.high < 0.0


def _worse_than_chance(measured: Measured) -> str:
    kappa = measured.figures["kappa"].value
    counted = "per study" if measured.level is Level.STUDY else "per image"
    return (
        f"{measured.classifier}, {measured.subset.label}, {counted}: Cohen's kappa is {kappa:.2f}, below 0: "
        "worse than chance. Probably a slip of polarity (labels: 1 is abnormal) or of grouping (images "
        "under the wrong study). Find it before using any figure."
    )
