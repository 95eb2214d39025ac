from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from models.errors import SamplesInsufficient
from models.evaluation.bootstrap import bootstrap_interval
from models.evaluation.metrics import confusion
from models.evaluation.operating_points import (
    Choice,
    choose_threshold,
    choose_threshold_by_specificity,
    chosen,
    wilson_interval,
)
from tests.models.evaluation.generated import repeatable, samples, shifted_classes

shares = st.sampled_from([0.05, 0.5, 0.9, 0.95, 0.98, 1.0])


def nine_tenths(labels, scores):
    return choose_threshold(labels, scores, 0.9)


NINE_TENTHS = Choice(name="sensitivity-90", keeps="sensitivity", choose=nine_tenths, data="generated")


@repeatable
@given(samples, shares)
def test_threshold_by_sensitivity_keeps_it_and_no_higher_one_that_flags_less_does(sample, share):
    labels, scores = sample
    if not labels.any():
        with pytest.raises(SamplesInsufficient, match="there is none"):
            choose_threshold(labels, scores, share)
        return

    threshold = choose_threshold(labels, scores, share)

    assert confusion(labels, scores, threshold).sensitivity >= share
    flagged = scores[scores >= threshold]
    assert confusion(labels, scores, np.nextafter(flagged.min(), 2)).sensitivity < share


@repeatable
@given(samples, shares)
def test_threshold_by_specificity_keeps_it_and_no_lower_one_that_flags_more_does(sample, share):
    labels, scores = sample
    try:
        threshold = choose_threshold_by_specificity(labels, scores, share)
    except SamplesInsufficient:
        highest = scores.max()
        assert labels.all() or confusion(labels, scores, highest).specificity < share
        return

    assert confusion(labels, scores, threshold).specificity >= share
    assert (scores >= threshold).any()
    not_flagged = scores[scores < threshold]
    assert not_flagged.size == 0 or confusion(labels, scores, not_flagged.max()).specificity < share


@repeatable
@given(samples, shares)
def test_thresholds_stay_within_the_scores(sample, share):
    labels, scores = sample
    if labels.any():
        assert scores.min() <= choose_threshold(labels, scores, share) <= scores.max()


def test_threshold_lies_half_way_to_the_next_lower_score():
    labels = [True, True, False, False]

    # 0.6 has to be flagged, 0.5 not: half way is 0.55. To flag all it takes the lowest score itself.
    assert choose_threshold(labels, [0.9, 0.6, 0.5, 0.1], 1.0) == pytest.approx(0.55)
    assert choose_threshold([True, True], [0.9, 0.6], 1.0) == 0.6
    assert choose_threshold_by_specificity(labels, [0.9, 0.4, 0.5, 0.1], 1.0) == pytest.approx(0.7)
    assert choose_threshold_by_specificity(labels, [0.9, 0.4, 0.5, 0.1], 0.5) == pytest.approx(0.25)


def test_a_share_that_is_a_whole_number_of_samples_is_not_rounded_up():
    # 0.07 * 100 is 7.000000000000001 in binary; seven of a hundred are enough.
    scores = np.arange(100, 0, -1) / 100

    flagged = scores >= choose_threshold(np.ones(100, dtype=bool), scores, 0.07)

    assert flagged.sum() == 7


@pytest.mark.parametrize("share", [0.0, -0.5, 1.01, np.nan, 95.0])
@pytest.mark.parametrize("choose", [choose_threshold, choose_threshold_by_specificity])
def test_a_share_outside_its_range_is_refused(choose, share):
    with pytest.raises(ValueError, match="above 0 and at most 1"):
        choose([True, False], [0.9, 0.1], share)


def test_specificity_of_abnormal_samples_alone_is_refused():
    with pytest.raises(SamplesInsufficient, match="normal samples"):
        choose_threshold_by_specificity([True], [0.5], 0.9)


def test_a_chosen_point_states_what_it_does_on_the_samples():
    labels, scores = shifted_classes(200, seed=7)
    clusters = [index // 2 for index in range(200)]

    point = chosen(NINE_TENTHS, labels, scores, clusters, seed=3)

    table = confusion(labels, scores, nine_tenths(labels, scores))
    assert (point.name, point.data) == ("sensitivity-90", "generated")
    assert point.threshold == nine_tenths(labels, scores)
    assert point.sensitivity == table.sensitivity
    assert point.specificity == table.specificity


@pytest.mark.parametrize("copies", [1, 4])
def test_interval_of_a_chosen_point_reaches_over_choices_on_other_clusters_and_wilson(copies):
    labels, scores = (np.repeat(each, copies) for each in shifted_classes(60, seed=7))
    clusters = np.repeat(np.arange(60), copies).tolist()
    generator = np.random.default_rng(11)
    found = []
    for _ in range(4000):
        here, there = (np.repeat(generator.integers(60, size=60) * copies, copies) for _ in range(2))
        threshold = nine_tenths(labels[here], scores[here])
        found.append(confusion(labels[there], scores[there], threshold).sensitivity)
    low, high = np.quantile(np.array(found, dtype=float), [0.025, 0.975])
    wilson = wilson_interval(0.9, int(labels.sum()))

    point = chosen(NINE_TENTHS, labels, scores, clusters, seed=3)

    assert point.sensitivity_interval == pytest.approx(
        (min(low, wilson.low), max(high, wilson.high)), abs=0.03
    )


def test_the_rate_that_was_not_forced_has_the_interval_of_the_threshold_as_it_is():
    labels, scores = shifted_classes(200, seed=7)

    point = chosen(NINE_TENTHS, labels, scores, range(200), seed=3)

    drawn = bootstrap_interval(
        lambda at: confusion(labels[at], scores[at], point.threshold).specificity, range(200), seed=5
    )
    wilson = wilson_interval(point.specificity or 0.0, int((~labels).sum()))
    assert drawn is not None
    expected = (min(drawn.low, wilson.low), max(drawn.high, wilson.high))
    assert point.specificity_interval == pytest.approx(expected, abs=0.02)
    anew = chosen(replace(NINE_TENTHS, keeps="specificity"), labels, scores, range(200), seed=3)
    assert anew.specificity_interval is not None
    assert anew.specificity_interval[0] < expected[0] - 0.05


def fixed_interval(labels, scores, threshold):
    return bootstrap_interval(
        lambda drawn: confusion(labels[drawn], scores[drawn], threshold).sensitivity,
        range(len(labels)),
        resamples=200,
        seed=1,
    )


def test_interval_of_a_chosen_point_holds_for_other_samples_where_that_of_a_fixed_one_does_not():
    held = fixed_held = 0
    for seed in range(200):
        labels, scores = shifted_classes(120, seed=seed)
        others = shifted_classes(120, seed=1000 + seed)
        point = chosen(NINE_TENTHS, labels, scores, range(120), seed=1, resamples=200)
        there = confusion(others[0], others[1], point.threshold).sensitivity
        assert there is not None
        assert point.sensitivity_interval is not None
        low, high = point.sensitivity_interval
        held += low <= there <= high
        fixed = fixed_interval(labels, scores, point.threshold)
        assert fixed is not None
        fixed_held += fixed.low <= there <= fixed.high

    assert held >= 0.93 * 200
    assert fixed_held < 0.9 * 200


def test_a_perfect_point_does_not_claim_certainty():
    labels, scores = [True] * 20 + [False] * 5, [0.9] * 20 + [0.1] * 5

    point = chosen(NINE_TENTHS, labels, scores, range(25), seed=1)

    assert point.sensitivity == 1.0
    # Of 20 of 20, Wilson: 20 / (20 + 1.96^2).
    assert point.sensitivity_interval == pytest.approx((0.8389, 1.0), abs=1e-4)


def test_a_class_that_is_missing_leaves_its_rate_unstated():
    half = Choice(name="p", keeps="sensitivity", choose=lambda labels, scores: 0.5, data="generated")

    point = chosen(half, [False, False], [0.2, 0.8], "ab", seed=1)

    assert point.sensitivity is None
    assert point.sensitivity_interval is None
    assert point.specificity == 0.5


def test_a_choice_that_is_not_possible_is_not_hidden():
    with pytest.raises(SamplesInsufficient):
        chosen(NINE_TENTHS, [False, False], [0.2, 0.8], "ab", seed=1)


@pytest.mark.parametrize(("successes", "count"), [(0, 1), (0, 9), (3, 10), (95, 100), (661, 661)])
def test_wilson_interval_is_that_of_scipy(successes, count):
    expected = stats.binomtest(successes, count).proportion_ci(method="wilson")

    found = wilson_interval(successes / count, count)

    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-12)
