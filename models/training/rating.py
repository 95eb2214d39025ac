"""Chooses and rates operating points on validation data. This module finds what a manifest states."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from models.bundle.manifest import SENSITIVE, SPECIFIC, Calibration, Metric, OperatingPoint
from models.datasets.sample import Sample
from models.errors import MemberByChance, SamplesInsufficient
from models.evaluation import weighted
from models.evaluation.cases import Level
from models.evaluation.figures import Figure, classification_figures, figures
from models.evaluation.operating_points import (
    Choice,
    choose_threshold,
    choose_threshold_by_specificity,
    chosen,
)
from models.evaluation.predictions import Predictions
from models.evaluation.votes import fit_votes

# Of abnormal cases, so many are flagged at the points of these names.
SENSITIVITIES: Mapping[str, float] = {SENSITIVE: 0.95, "sensitivity-90": 0.90, "sensitivity-98": 0.98}
# Of normal cases, so many are not called likely.
SPECIFICITY = 0.95
# How members become one answer: "paper" averages raw sigmoids with equal votes at the threshold 0.5; "ulna"
# fits calibrations, votes and thresholds to validation data.
Rule = Literal["paper", "ulna"]
PAPER_THRESHOLD = 0.5
# The figures that a manifest carries.
_METRICS = ("auroc", "brier")

_Statistics = dict[str, NDArray[np.float64]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rating:
    """How a bundle is measured.

    Attributes
    ----------
    validation
        What calibrations, votes and operating points are fitted to, or by the paper's rule only measured on.
    rule
        Whether anything is fitted.
    level
        Whether the operating points are chosen for studies, whose images are folded as in the daemon, or for
        single images.
    seed
        Of the bootstrap.
    device
        "cpu" or "cuda".
    """

    validation: Sequence[Sample]
    level: Level
    seed: int
    rule: Rule = "ulna"
    device: str = "cpu"


def require_better_than_chance(raw: Predictions, level: Level, *, seed: int) -> None:
    """Refuse members that may have learned nothing.

    A member passes if the 95 % interval of its AUROC, resampled by patient, lies above 0.5.

    Raises
    ------
    MemberByChance
        One does not, or its interval is not defined; the message names each such member and its AUROC.
    """
    cases = raw.cases(level)
    refused = []
    for name in raw.members:
        scores = cases.scores(raw.scores([name]))

        def auroc(weights: NDArray[np.float64], *, scores: NDArray[np.float64] = scores) -> _Statistics:
            return {"auroc": weighted.auroc(cases.labels, scores, weights)}

        found = figures(auroc, cases.clusters, seed=seed)["auroc"]
        if found.value is None or found.interval is None or found.interval.low <= 0.5:
            refused.append(f"{name} {_in_words(found)}")
    if refused:
        raise MemberByChance(
            f"not above chance (0.5) on validation, AUROC per {level}: {'; '.join(refused)}. "
            "No bundle was written"
        )


def _in_words(auroc: Figure) -> str:
    if auroc.value is None:
        return "not defined without both classes"
    if auroc.interval is None:
        return f"{auroc.value:.3f}, of too few samples for an interval"
    return f"{auroc.value:.3f} (95 % interval {auroc.interval.low:.3f} to {auroc.interval.high:.3f})"


def calibrated(raw: Predictions, calibrations: Mapping[str, Calibration]) -> Predictions:
    """Return the predictions of members without calibration and votes as they are with both.

    The votes are those of `models.evaluation.votes.fit_votes`.
    """
    scale = np.array([calibrations[name].scale for name in raw.members])[:, None]
    offset = np.array([calibrations[name].offset for name in raw.members])[:, None]
    activations = scale[..., None, None] * raw.activations + offset[..., None, None]
    found = replace(raw, logits=scale * raw.logits + offset, activations=activations.astype(np.float32))
    return replace(found, votes=fit_votes(found.labels, found.probabilities))


def operating_points(
    predictions: Predictions, level: Level, *, rule: Rule, data: str, seed: int
) -> tuple[OperatingPoint, ...]:
    """Choose the operating points of the ensemble, `sensitive` first, and rate them on the same predictions.

    Parameters
    ----------
    rule
        By the paper's nothing is chosen: both points that a manifest must have are at 0.5.
    data
        Which cases these are, for the manifest.

    Raises
    ------
    SamplesInsufficient
        A class is missing.
    """
    cases = predictions.cases(level)
    scores = cases.scores(predictions.scores(predictions.members))
    choices = _fixed(data) if rule == "paper" else _sought(data)
    return tuple(chosen(choice, cases.labels, scores, cases.clusters, seed=seed) for choice in choices)


def _sought(data: str) -> list[Choice]:
    choices = [
        Choice(
            name=name,
            keeps="sensitivity",
            choose=partial(choose_threshold, sensitivity=sensitivity),
            data=data,
        )
        for name, sensitivity in SENSITIVITIES.items()
    ]
    return [*choices, Choice(name=SPECIFIC, keeps="specificity", choose=_choose_specific, data=data)]


def _fixed(data: str) -> list[Choice]:
    return [
        Choice(name=SENSITIVE, keeps="sensitivity", choose=_papers_threshold, data=data),
        Choice(name=SPECIFIC, keeps="specificity", choose=_papers_threshold, data=data),
    ]


def _papers_threshold(labels: NDArray[np.bool_], scores: NDArray[np.float64]) -> float:
    return PAPER_THRESHOLD


def _choose_specific(labels: NDArray[np.bool_], scores: NDArray[np.float64]) -> float:
    """Return the threshold of `specific`; where the classes hardly overlap, that of `sensitive` if higher.

    Where normal cases have the highest scores it lies above all scores: nothing of the kind is called likely.
    """
    try:
        specific = choose_threshold_by_specificity(labels, scores, SPECIFICITY)
    except SamplesInsufficient:
        if labels.all():
            raise
        specific = (float(scores.max()) + 1.0) / 2.0
    return max(specific, choose_threshold(labels, scores, SENSITIVITIES[SENSITIVE]))


def headline_metrics(predictions: Predictions, level: Level, *, data: str, seed: int) -> tuple[Metric, ...]:
    """Measure the ensemble and each of its members; parameters as in `operating_points`."""
    cases = predictions.cases(level)
    classifiers = {"ensemble": predictions.members} | {name: (name,) for name in predictions.members}
    metrics = []
    for classifier, members in classifiers.items():
        scores = cases.scores(predictions.scores(members))
        found = classification_figures(cases.labels, scores, cases.clusters, threshold=0.5, seed=seed)
        for name in _METRICS:
            figure = found[name]
            if figure.value is not None:
                interval = None if figure.interval is None else (figure.interval.low, figure.interval.high)
                title = f"{name} {classifier}"
                metrics.append(Metric(name=title, value=figure.value, interval=interval, data=data))
    return tuple(metrics)
