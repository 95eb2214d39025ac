"""Measures what operating points do: to abnormal and normal cases, and to a worklist.

This module takes thresholds in two ways. Those of the manifest were fixed before, so their figures are what
can be expected. Those sought here, for a stated sensitivity, were chosen on the very cases they are measured
on: they show what a sensitivity costs, a little too kindly.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from models.bundle.manifest import OperatingPoint
from models.evaluation import weighted
from models.evaluation.cases import OVERALL, Cases, Subset
from models.evaluation.evaluation import Classifier, Point, PointMeasured, ReadEarlier
from models.evaluation.figures import figures
from models.evaluation.metrics import confusion
from models.evaluation.operating_points import choose_threshold, widened
from models.evaluation.plan import Plan
from models.evaluation.predictions import Predictions
from models.evaluation.triage import worklist_statistics

_Floats = NDArray[np.float64]


def measured_points(
    predictions: Predictions,
    cases: Cases,
    classifiers: Sequence[Classifier],
    manifest_points: Sequence[OperatingPoint],
    plan: Plan,
) -> Iterator[PointMeasured]:
    """Yield what operating points do at one level.

    The manifest's are the ensemble's, the first of `classifiers`, measured on every subset. For each of
    `plan.sensitivities` a point is sought for every classifier, on all cases; none without abnormal cases.
    """
    for point in manifest_points:
        fixed = Point(name=point.name, goal=None, threshold=point.threshold, classifier=classifiers[0].name)
        scores = cases.scores(predictions.scores(classifiers[0].members))
        for subset in cases.subsets():
            yield _measure(cases, scores, fixed, subset, plan)
    if not cases.labels.any():
        return
    for classifier in classifiers:
        scores = cases.scores(predictions.scores(classifier.members))
        for goal in plan.sensitivities:
            threshold = choose_threshold(cases.labels, scores, goal)
            sought = Point(
                name=f"sensitivity {goal:.2f}", goal=goal, threshold=threshold, classifier=classifier.name
            )
            yield _measure(cases, scores, sought, OVERALL, plan)


def read_earlier(
    predictions: Predictions,
    studies: Cases,
    ensemble: Classifier,
    points: Sequence[OperatingPoint],
    plan: Plan,
) -> Iterator[ReadEarlier]:
    """Yield what flagging at each operating point of the manifest does to a worklist at each prevalence."""
    labels = studies.labels
    if labels.all() or not labels.any():
        return
    scores = studies.scores(predictions.scores(ensemble.members))
    for point in points:
        for prevalence in plan.prevalences:
            found = figures(
                worklist_statistics(labels, scores, point.threshold, prevalence),
                studies.clusters,
                seed=plan.seed,
                resamples=plan.resamples,
            )
            yield ReadEarlier(point=point.name, prevalence=prevalence, figures=found)


def _measure(cases: Cases, scores: _Floats, point: Point, subset: Subset, plan: Plan) -> PointMeasured:
    chosen = cases.select(subset)
    labels, chosen_scores = cases.labels[chosen], scores[chosen]
    table = confusion(labels, chosen_scores, point.threshold)

    def statistics(weights: _Floats) -> Mapping[str, _Floats]:
        counts = weighted.counts(labels, chosen_scores, point.threshold, weights)
        rates = weighted.rates(counts)
        flagged = (counts[0] + counts[2]) / counts.sum(axis=0)
        return {name: rates[name] for name in ("sensitivity", "specificity", "precision")} | {
            "flagged": flagged
        }

    found = figures(statistics, cases.clusters_of(subset), seed=plan.seed, resamples=plan.resamples)
    found["sensitivity"] = widened(found["sensitivity"], int(labels.sum()))
    found["specificity"] = widened(found["specificity"], int((~labels).sum()))
    return PointMeasured(point=point, level=cases.level, subset=subset, confusion=table, figures=found)
