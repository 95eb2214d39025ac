"""Turns predictions into all figures of an evaluation. This module is the summary: who is measured on what.

Every figure has a 95 % interval, resampled by patient, or by study where no patient is known. All classifiers
meet the same resamples of a seed.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from models.bundle.manifest import BundleIdentity
from models.evaluation.calibrated_on import CalibratedOn
from models.evaluation.cases import Cases, Level, Subset
from models.evaluation.cautions import cautions
from models.evaluation.evaluation import (
    ENSEMBLE,
    VERDICT_THRESHOLD,
    Classifier,
    Data,
    Drawn,
    Evaluation,
    Measured,
)
from models.evaluation.figures import classification_figures
from models.evaluation.localized import localized
from models.evaluation.metrics import confusion, curve, reliability
from models.evaluation.placed import placed
from models.evaluation.plan import Origin, Plan
from models.evaluation.points import measured_points, read_earlier
from models.evaluation.predictions import Predictions


def evaluate(
    predictions: Predictions,
    *,
    bundle: BundleIdentity,
    calibrated_on: CalibratedOn,
    origin: Origin,
    plan: Plan,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Evaluation:
    """Measure a bundle by what it predicted.

    Parameters
    ----------
    calibrated_on
        What the bundle's calibration has to do with these images.
    on_progress
        Is told after each step how many steps are done, of how many.

    Raises
    ------
    ValueError
        A variant has the name of another classifier, or a member that the bundle has not.
    """
    classifiers = tuple(_classifiers(bundle.members, plan.variants))
    levels = tuple(predictions.cases(level) for level in Level)
    total = len(classifiers) * sum(len(cases.subsets()) for cases in levels)
    measured: list[Measured] = []
    for each in _measured(predictions, classifiers, levels, plan):
        measured.append(each)
        on_progress(len(measured), total)
    studies = levels[list(Level).index(Level.STUDY)]
    points = tuple(
        point
        for cases in levels
        for point in measured_points(predictions, cases, classifiers, bundle.operating_points, plan)
    )
    evaluation = Evaluation(
        bundle=bundle,
        data=_data(predictions, studies, origin),
        calibrated_on=calibrated_on,
        classifiers=classifiers,
        measured=tuple(measured),
        points=points,
        drawn=tuple(_drawn(predictions, cases, each) for cases in levels for each in classifiers),
        triage=tuple(read_earlier(predictions, studies, classifiers[0], bundle.operating_points, plan)),
        localization=localized(predictions, bundle, plan),
        places=tuple(placed(predictions, bundle, plan)),
        resamples=plan.resamples,
        seed=plan.seed,
        warnings=(),
    )
    return replace(evaluation, warnings=tuple(cautions(evaluation)))


def _classifiers(members: tuple[str, ...], variants: Mapping[str, tuple[str, ...]]) -> Iterator[Classifier]:
    yield Classifier(name=ENSEMBLE, members=members)
    if len(members) > 1:
        yield from (Classifier(name=name, members=(name,)) for name in members)
    for name, chosen in variants.items():
        if name in {ENSEMBLE, *members} or not chosen or not set(chosen) <= set(members):
            raise ValueError(
                f"a variant needs a name of its own and members out of {members}, not {name}: {chosen}"
            )
        yield Classifier(name=name, members=chosen)


def _measured(
    predictions: Predictions,
    classifiers: tuple[Classifier, ...],
    levels: tuple[Cases, ...],
    plan: Plan,
) -> Iterator[Measured]:
    for cases in levels:
        for classifier in classifiers:
            for subset in cases.subsets():
                yield _measure(predictions, cases, classifier, subset, plan)


def _measure(
    predictions: Predictions, cases: Cases, classifier: Classifier, subset: Subset, plan: Plan
) -> Measured:
    chosen = cases.select(subset)
    labels = cases.labels[chosen]
    scores = cases.scores(predictions.scores(classifier.members))[chosen]
    clusters = cases.clusters_of(subset)
    figures = classification_figures(
        labels, scores, clusters, threshold=VERDICT_THRESHOLD, seed=plan.seed, resamples=plan.resamples
    )
    return Measured(
        classifier=classifier.name,
        level=cases.level,
        subset=subset,
        cases=len(labels),
        abnormal=int(labels.sum()),
        confusion=confusion(labels, scores, VERDICT_THRESHOLD),
        figures=figures,
    )


def _drawn(predictions: Predictions, cases: Cases, classifier: Classifier) -> Drawn:
    scores = cases.scores(predictions.scores(classifier.members))
    return Drawn(
        classifier=classifier.name,
        level=cases.level,
        curve=curve(cases.labels, scores),
        reliability=reliability(cases.labels, scores),
    )


def _data(predictions: Predictions, studies: Cases, origin: Origin) -> Data:
    samples = predictions.samples
    patients = {sample.patient for sample in samples}
    return Data(
        source=origin.source,
        split=origin.split,
        images=len(samples),
        abnormal_images=int(predictions.labels.sum()),
        studies=len(studies),
        abnormal_studies=int(studies.labels.sum()),
        patients=None if None in patients else len(patients),
        regions=tuple(sorted({sample.region for sample in samples})),
        unreadable=tuple((str(each.sample.image), each.reason) for each in predictions.unreadable),
    )
