import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn import metrics as reference

from models.evaluation.metrics import (
    Confusion,
    auprc,
    auroc,
    brier,
    confusion,
    curve,
    expected_calibration_error,
    reliability,
)
from tests.models.evaluation.generated import repeatable, samples

thresholds = st.integers(0, 17).map(lambda n: n / 16)


def both_classes(labels):
    return 0 < labels.sum() < labels.size


@repeatable
@given(samples, thresholds)
def test_confusion_counts_are_those_of_scikit_learn(sample, threshold):
    labels, scores = sample
    expected = reference.confusion_matrix(labels, scores >= threshold, labels=[False, True])

    table = confusion(labels, scores, threshold)

    assert [[table.true_negative, table.false_positive], [table.false_negative, table.true_positive]] == (
        expected.tolist()
    )
    assert type(table.true_positive) is int


@repeatable
@given(samples, thresholds)
def test_rates_are_those_of_scikit_learn_where_defined(sample, threshold):
    labels, scores = sample
    calls = scores >= threshold
    table = confusion(labels, scores, threshold)

    def equal(found, expected):
        return found == pytest.approx(expected, rel=1e-12, abs=1e-12)

    assert equal(table.accuracy, reference.accuracy_score(labels, calls))
    if calls.any():
        assert equal(table.precision, reference.precision_score(labels, calls))
    if labels.any():
        assert equal(table.sensitivity, reference.recall_score(labels, calls))
        assert table.recall == table.sensitivity
    if not labels.all():
        assert equal(table.specificity, reference.recall_score(~labels, ~calls))
    if labels.any() or calls.any():
        assert equal(table.f1, reference.f1_score(labels, calls))
    if both_classes(labels):
        assert equal(table.balanced_accuracy, reference.balanced_accuracy_score(labels, calls))
        assert equal(table.kappa, reference.cohen_kappa_score(labels, calls))


def test_rates_that_are_not_defined_are_none():
    all_normal_none_called = Confusion(true_positive=0, false_negative=0, false_positive=0, true_negative=5)

    assert all_normal_none_called.accuracy == 1.0
    assert all_normal_none_called.specificity == 1.0
    for rate in ("precision", "sensitivity", "recall", "f1", "kappa", "balanced_accuracy"):
        assert getattr(all_normal_none_called, rate) is None


def test_a_table_without_any_sample_has_no_rates():
    empty = Confusion(true_positive=0, false_negative=0, false_positive=0, true_negative=0)

    assert empty.accuracy is None
    assert empty.specificity is None


@repeatable
@given(samples, thresholds)
def test_inverted_table_is_the_table_of_the_inverted_labels_and_calls(sample, threshold):
    labels, scores = sample
    table = confusion(labels, scores, threshold)
    # Normal is called where the score is below the threshold, that is where minus the score is above.
    expected = confusion(~labels, -scores, np.nextafter(-threshold, np.inf))

    assert table.inverted == expected
    assert table.inverted.inverted == table
    assert table.inverted.kappa == table.kappa


def test_a_published_table_with_normal_as_positive_class():
    # MURA's 1199 test studies as one ensemble read them; precision .8064, recall .9198 and kappa .6590 were
    # printed for "normal" as the positive class. Of 538 abnormal studies 146 were missed.
    table = Confusion(true_positive=392, false_negative=146, false_positive=53, true_negative=608)

    assert table.inverted.precision == pytest.approx(0.8064, abs=5e-5)
    assert table.inverted.recall == pytest.approx(0.9198, abs=5e-5)
    assert table.inverted.specificity == pytest.approx(0.7286, abs=5e-5)
    assert table.inverted.f1 == pytest.approx(0.8594, abs=5e-5)
    assert table.kappa == pytest.approx(0.6590, abs=5e-5)
    assert table.accuracy == pytest.approx(0.8340, abs=5e-5)
    assert table.balanced_accuracy == pytest.approx(0.8242, abs=5e-5)
    assert table.sensitivity == pytest.approx(392 / 538)


@repeatable
@given(samples)
def test_auroc_is_that_of_scikit_learn(sample):
    labels, scores = sample
    if both_classes(labels):
        assert auroc(labels, scores) == pytest.approx(reference.roc_auc_score(labels, scores), abs=1e-12)
    else:
        assert auroc(labels, scores) is None


def test_auroc_of_equal_scores_is_one_half():
    assert auroc([True, False, False], [0.3, 0.3, 0.3]) == 0.5


@repeatable
@given(samples)
def test_auprc_is_the_average_precision_of_scikit_learn(sample):
    labels, scores = sample
    if labels.any():
        expected = reference.average_precision_score(labels, scores)
        assert auprc(labels, scores) == pytest.approx(expected, abs=1e-12)
    else:
        assert auprc(labels, scores) is None


@repeatable
@given(samples)
def test_brier_is_that_of_scikit_learn(sample):
    labels, scores = sample

    assert brier(labels, scores) == pytest.approx(
        reference.brier_score_loss(labels, scores, pos_label=True), abs=1e-12
    )


def test_expected_calibration_error_as_worked_out_by_hand():
    # Bin [.0, .1): scores .05, .05, of which one abnormal: |.5 - .05| = .45 for 2 samples.
    # Bin [.3, .4): scores .3, .38, none abnormal: .34 for 2 samples.
    # Bin [.9, 1.]: scores .9, 1., both abnormal: .05 for 2 samples.
    labels = [True, False, False, False, True, True]
    scores = [0.05, 0.05, 0.3, 0.38, 0.9, 1.0]

    assert expected_calibration_error(labels, scores) == pytest.approx((0.45 + 0.34 + 0.05) / 3)
    # One bin: |mean score - share abnormal|.
    assert expected_calibration_error(labels, scores, bins=1) == pytest.approx(abs(2.68 / 6 - 0.5))


@repeatable
@given(samples, st.sampled_from([1, 3, 10]))
def test_reliability_bins_add_up_to_the_calibration_error(sample, bins):
    labels, scores = sample

    found = reliability(labels, scores, bins)

    assert sum(each.count for each in found) == labels.size
    assert all(each.low <= each.mean_score <= each.high + 1e-12 for each in found)
    gap = sum(each.count * abs(each.mean_score - each.share_abnormal) for each in found) / labels.size
    assert expected_calibration_error(labels, scores, bins) == pytest.approx(gap, abs=1e-12)


def test_a_bin_holds_its_lower_edge_and_the_last_bin_holds_one():
    tenths = [n / 10 for n in range(11)]

    found = reliability([True] * 11, tenths)

    assert [each.count for each in found] == [1] * 9 + [2]


@repeatable
@given(samples)
def test_curve_holds_the_rates_of_the_confusion_at_each_threshold(sample):
    labels, scores = sample
    found = curve(labels, scores)
    if not both_classes(labels):
        assert found is None
        return

    assert found is not None
    assert found.thresholds[0] == np.inf
    assert found.thresholds[1:].tolist() == sorted(set(scores.tolist()), reverse=True)
    assert np.isnan(found.precision[0])
    for place, threshold in enumerate(found.thresholds):
        table = confusion(labels, scores, threshold)
        assert found.sensitivity[place] == pytest.approx(table.sensitivity)
        assert found.specificity[place] == pytest.approx(table.specificity)
        assert place == 0 or found.precision[place] == pytest.approx(table.precision)


@repeatable
@given(samples)
def test_area_under_the_curve_is_the_auroc(sample):
    labels, scores = sample
    assume(both_classes(labels))
    found = curve(labels, scores)

    assert found is not None
    assert np.trapezoid(found.sensitivity, 1 - found.specificity) == pytest.approx(auroc(labels, scores))


@pytest.mark.parametrize(
    ("labels", "scores", "told"),
    [
        ([1, 0], [0.2, 0.3], "booleans"),  # 1 might mean normal, as in the paper
        ([True, False], [0.2], "not empty"),
        ([], [], "booleans"),
        (np.array([], dtype=bool), [], "not empty"),
        ([[True], [False]], [[0.2], [0.3]], "not empty"),
        ([True, False], [0.2, np.nan], "finite"),
        ([True, False], [0.2, np.inf], "finite"),
    ],
)
def test_arrays_that_might_be_misread_are_refused(labels, scores, told):
    with pytest.raises(ValueError, match=told):
        auroc(labels, scores)


@pytest.mark.parametrize("metric", [brier, expected_calibration_error, reliability])
def test_logits_are_not_taken_for_probabilities(metric):
    with pytest.raises(ValueError, match=r"\[0, 1\]"):
        metric([True, False], [2.3, -1.0])
