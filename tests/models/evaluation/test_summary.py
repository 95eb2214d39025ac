from dataclasses import replace

import numpy as np
import pytest
from sklearn import metrics as reference

from models.evaluation.cases import Level, Subset, SubsetKind
from models.evaluation.localization import localize
from models.evaluation.plan import Origin
from models.finding import MemberFinding, ViewFinding, cell_probabilities
from tests.models.builders import an_identity
from tests.models.evaluation.predicted import an_evaluation, some_predictions


def of_studies(predictions, scores):
    """Labels and mean scores of studies, worked out the long way."""
    studies = sorted({sample.study for sample in predictions.samples})
    views = {
        study: [n for n, sample in enumerate(predictions.samples) if sample.study == study]
        for study in studies
    }
    labels = [any(predictions.samples[n].abnormal for n in views[study]) for study in studies]
    return np.array(labels), np.array([scores[views[study]].mean() for study in studies])


@pytest.mark.parametrize("level", list(Level))
@pytest.mark.parametrize("classifier", ["ensemble", "first", "second", "only second"])
def test_figures_are_those_of_scikit_learn(level, classifier):
    predictions = some_predictions()
    probabilities = 1 / (1 + np.exp(-predictions.logits))
    scores = {
        "ensemble": probabilities.mean(axis=0),
        "first": probabilities[0],
        "second": probabilities[1],
        "only second": probabilities[1],
    }[classifier]
    labels = predictions.labels
    if level is Level.STUDY:
        labels, scores = of_studies(predictions, scores)
    calls = scores >= 0.5

    measured = an_evaluation(predictions, variants={"only second": ("second",)}).overall(classifier, level)
    expected = {
        "accuracy": reference.accuracy_score(labels, calls),
        "f1": reference.f1_score(labels, calls),
        "precision": reference.precision_score(labels, calls),
        "sensitivity": reference.recall_score(labels, calls),
        "specificity": reference.recall_score(~labels, ~calls),
        "balanced_accuracy": reference.balanced_accuracy_score(labels, calls),
        "kappa": reference.cohen_kappa_score(labels, calls),
        "auroc": reference.roc_auc_score(labels, scores),
        "auprc": reference.average_precision_score(labels, scores),
        "brier": reference.brier_score_loss(labels, scores),
    }

    assert {name: measured.figures[name].value for name in expected} == pytest.approx(expected)
    assert all(
        figure.interval.low <= figure.value <= figure.interval.high
        for name, figure in measured.figures.items()
        if name != "expected_calibration_error"  # chance adds to it in each resample
    )
    assert (measured.cases, measured.abnormal) == (len(labels), labels.sum())


def test_a_region_is_measured_on_its_own_cases():
    predictions = some_predictions()
    chosen = np.array([sample.region == "hand" for sample in predictions.samples])
    scores = predictions.scores(("first", "second"))

    (measured,) = an_evaluation(predictions).of(
        level=Level.IMAGE, classifier="ensemble", subset=Subset(kind=SubsetKind.REGION, name="hand")
    )

    assert measured.cases == chosen.sum()
    assert measured.figures["auroc"].value == pytest.approx(
        reference.roc_auc_score(predictions.labels[chosen], scores[chosen])
    )


def test_points_of_the_manifest_keep_their_thresholds():
    evaluation = an_evaluation(bundle=an_identity(sensitive=0.35, specific=0.7))
    labels, scores = of_studies(some_predictions(), some_predictions().scores(("first", "second")))

    sensitive, specific = evaluation.fixed(Level.STUDY)

    assert (sensitive.point.threshold, specific.point.threshold) == (0.35, 0.7)
    assert sensitive.figures["sensitivity"].value == pytest.approx((scores[labels] >= 0.35).mean())
    assert sensitive.figures["specificity"].value == pytest.approx((scores[~labels] < 0.35).mean())
    assert sensitive.figures["flagged"].value == pytest.approx((scores >= 0.35).mean())
    assert len(evaluation.fixed(Level.STUDY, Subset(kind=SubsetKind.REGION, name="hand"))) == 2


def test_points_sought_keep_the_stated_sensitivity_at_the_least_cost():
    evaluation = an_evaluation(sensitivities=(0.8, 0.95))
    labels, scores = of_studies(some_predictions(), some_predictions().scores(("second",)))

    for measured in evaluation.sought(Level.STUDY)["second"]:
        reached = [
            (scores[~labels] < threshold).mean()
            for threshold in scores
            if (scores[labels] >= threshold).mean() >= measured.point.goal
        ]
        assert measured.figures["sensitivity"].value >= measured.point.goal
        assert measured.figures["specificity"].value == pytest.approx(max(reached))


def test_interval_of_a_sensitivity_of_one_is_not_of_no_width():
    evaluation = an_evaluation(bundle=an_identity(sensitive=0.0, specific=1.0))
    figure = evaluation.fixed(Level.STUDY)[0].figures["sensitivity"]

    assert figure.value == 1.0
    # Wilson's interval of 19 of 19.
    assert figure.interval.low == pytest.approx(19 / (19 + 1.96**2), abs=1e-3)


def test_triage_follows_from_sensitivity_and_specificity():
    evaluation = an_evaluation(prevalences=(0.2,))
    point = evaluation.fixed(Level.STUDY)[0].figures
    sensitivity, specificity = point["sensitivity"].value, point["specificity"].value

    (row, _) = evaluation.triage

    assert (row.point, row.prevalence) == ("sensitive", 0.2)
    assert row.figures["flagged"].value == pytest.approx(0.2 * sensitivity + 0.8 * (1 - specificity))
    assert row.figures["earlier"].value == pytest.approx(0.8 * (sensitivity + specificity - 1) / 2)


def test_maps_are_measured_on_the_boxed_images_that_the_ensemble_flags():
    predictions = some_predictions()
    flagged = np.flatnonzero(predictions.labels & (predictions.scores(("first", "second")) >= 0.5))
    found = an_evaluation(predictions).localization

    assert (found.boxed, found.images) == (predictions.labels.sum(), len(flagged))

    def share(activation_of):
        hits = [
            localize(
                activation_of(place),
                predictions.samples[place].boxes or (),
                (64, 64),
                predictions.preprocessing,
                shown=cell_probabilities,
            )
            for place in flagged
        ]
        return np.mean([hit.pointing_game for hit in hits])

    def as_shown(place):
        members = tuple(
            MemberFinding(member=name, logit=0.0, probability=probability, activation=activation)
            for name, probability, activation in zip(
                predictions.members,
                predictions.probabilities[:, place].tolist(),
                predictions.activations[:, place],
                strict=True,
            )
        )
        return ViewFinding(view_id="view", members=members).activation

    by_name = {
        (each.classifier, each.combination): each.figures["pointing_game"].value for each in found.maps
    }
    assert by_name["ensemble", "probability_weighted"] == pytest.approx(share(as_shown))
    assert by_name["second", ""] == pytest.approx(share(lambda place: predictions.activations[1, place]))


def test_labels_the_wrong_way_round_warn_whatever_else_is_asked():
    evaluation = an_evaluation(some_predictions(sign=-1.0))

    assert evaluation.overall("ensemble", Level.STUDY).figures["kappa"].value < 0
    told = [warning for warning in evaluation.warnings if "worse than chance" in warning]
    assert any(warning.startswith("ensemble, overall, per study: Cohen's kappa") for warning in told)
    assert all("polarity" in warning for warning in told)
    # Three classifiers, per image and per study; parts that say the same are not told on top.
    assert len(told) == 6


def test_a_good_bundle_does_not_warn():
    assert an_evaluation().warnings == ()


def test_a_bundle_below_chance_whose_verdicts_are_all_alike_warns_by_its_auroc():
    predictions = some_predictions(sign=-1.0)
    low = replace(predictions, logits=predictions.logits - 20.0)

    evaluation = an_evaluation(low)

    assert evaluation.overall("ensemble", Level.STUDY).figures["kappa"].value == 0.0
    assert "ensemble, overall, per study: AUROC is" in " ".join(evaluation.warnings)


def test_what_makes_figures_doubtful_is_told():
    evaluation = an_evaluation(
        some_predictions(unreadable=3),
        bundle=an_identity(trained=False),
        origin=Origin(source="csv:x.csv", split="train"),
    )
    told = " ".join(evaluation.warnings)

    assert "UNTRAINED" in told
    assert "3 of 123 images could not be read" in told
    assert "of the training split" in told


def test_one_class_leaves_figures_undefined_and_says_so():
    both = some_predictions()
    normal = np.flatnonzero(~both.labels)
    predictions = replace(
        both,
        samples=tuple(both.samples[n] for n in normal),
        logits=both.logits[:, normal],
        activations=both.activations[:, normal],
        shapes=both.shapes[normal],
    )

    evaluation = an_evaluation(predictions)

    assert "All studies are labeled normal" in " ".join(evaluation.warnings)
    assert evaluation.overall("ensemble", Level.STUDY).figures["auroc"].value is None
    assert (evaluation.triage, evaluation.localization) == ((), None)
    assert evaluation.sought(Level.STUDY) == {}


@pytest.mark.parametrize(
    "variants", [{"first": ("second",)}, {"ensemble": ("first",)}, {"x": ()}, {"x": ("third",)}]
)
def test_a_variant_needs_a_name_of_its_own_and_members_of_the_bundle(variants):
    with pytest.raises(ValueError, match="variant"):
        an_evaluation(variants=variants)


def test_progress_ends_at_its_total():
    told = []
    an_evaluation(on_progress=lambda done, total: told.append((done, total)))

    assert told[0][0] == 1
    assert told[-1][0] == told[-1][1] == len(told)
