from statistics import mean

import numpy as np
import pytest
from scipy import stats

from models.evaluation import weighted
from models.evaluation.bootstrap import bootstrap_interval, bootstrap_intervals
from models.evaluation.metrics import auroc
from tests.models.evaluation.generated import shifted_classes


def width(interval):
    return interval.high - interval.low


def naive_cluster_bootstrap(statistic, clusters, *, resamples, seed):
    """The 95 % percentile interval by plain loops over lists, with another generator."""
    rng = np.random.RandomState(seed)
    members: dict[object, list[int]] = {}
    for index, name in enumerate(clusters):
        members.setdefault(name, []).append(index)
    names = list(members)
    values = []
    for _ in range(resamples):
        drawn = [index for _ in names for index in members[names[rng.randint(len(names))]]]
        values.append(statistic(np.array(drawn)))
    values.sort()
    return values[round(0.025 * (resamples - 1))], values[round(0.975 * (resamples - 1))]


def test_interval_of_a_mean_is_that_of_scipy_when_each_sample_is_a_cluster():
    values = np.random.default_rng(3).gamma(2.0, size=150)
    expected = stats.bootstrap(
        (values,), np.mean, n_resamples=20_000, method="percentile", rng=np.random.default_rng(4)
    ).confidence_interval

    found = bootstrap_interval(
        lambda drawn: float(values[drawn].mean()), range(150), resamples=20_000, seed=5
    )

    assert found is not None
    tolerance = 0.04 * (expected.high - expected.low)  # twice the Monte Carlo error of two such intervals
    assert found.low == pytest.approx(expected.low, abs=tolerance)
    assert found.high == pytest.approx(expected.high, abs=tolerance)
    assert found.dropped == 0


def test_interval_by_cluster_is_that_of_a_naive_loop():
    labels, scores = shifted_classes(120, seed=1)
    clusters = [f"patient{index // 4 if index < 60 else index}" for index in range(120)]
    low, high = naive_cluster_bootstrap(
        lambda drawn: auroc(labels[drawn], scores[drawn]), clusters, resamples=4000, seed=6
    )

    found = bootstrap_interval(
        lambda drawn: auroc(labels[drawn], scores[drawn]), clusters, resamples=4000, seed=7
    )

    assert found is not None
    assert found.low == pytest.approx(low, abs=0.08 * (high - low))
    assert found.high == pytest.approx(high, abs=0.08 * (high - low))


def test_weights_and_indices_give_the_same_intervals():
    labels, scores = shifted_classes(60, seed=2)
    clusters = [index // 2 for index in range(60)]

    by_index = bootstrap_interval(lambda drawn: auroc(labels[drawn], scores[drawn]), clusters, seed=8)
    by_weight = bootstrap_intervals(
        lambda weights: {"auroc": weighted.auroc(labels, scores, weights)}, clusters, seed=8
    )["auroc"]

    assert by_index is not None
    assert by_weight is not None
    assert by_weight.low == pytest.approx(by_index.low, abs=1e-12)
    assert by_weight.high == pytest.approx(by_index.high, abs=1e-12)


def test_duplicates_in_one_cluster_do_not_narrow_the_interval():
    labels, scores = shifted_classes(50, seed=3)
    four_views_each = np.repeat(np.arange(50), 4)

    def interval(clusters, indices):
        return bootstrap_intervals(
            lambda weights: {"auroc": weighted.auroc(labels[indices], scores[indices], weights)},
            clusters,
            seed=9,
        )["auroc"]

    once = interval(list(range(50)), np.arange(50))
    by_study = interval(four_views_each.tolist(), four_views_each)
    by_view = interval(list(range(200)), four_views_each)

    # Copies say nothing new: by study nothing changes; by view they pass for data, half as wide.
    assert width(by_study) == pytest.approx(width(once))
    assert width(by_view) == pytest.approx(width(once) / 2, rel=0.15)


def test_interval_covers_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(10)
    clusters = np.repeat(np.arange(40), 3).tolist()

    def interval(values, seed):
        return bootstrap_intervals(
            lambda weights: {"mean": weights @ values / weights.sum(axis=1)},
            clusters,
            resamples=400,
            seed=seed,
        )["mean"]

    # 40 clusters of 3 alike samples: means of cluster and sample of deviation 1 each around 0.
    intervals = [
        interval(np.repeat(rng.normal(size=40), 3) + rng.normal(size=120), seed) for seed in range(200)
    ]
    covered = [found is not None and found.low <= 0.0 <= found.high for found in intervals]

    # 95 % less a little, for 40 clusters; samples drawn one by one would cover about 80 %.
    assert 0.89 <= mean(covered) <= 0.99


def test_level_narrows_the_interval():
    values = np.arange(100.0)

    def interval(level):
        return bootstrap_interval(lambda drawn: values[drawn].mean(), range(100), level=level, seed=1)

    # Of a normal distribution: 1.96 against 0.674 deviations.
    assert width(interval(0.5)) / width(interval(0.95)) == pytest.approx(0.674 / 1.96, rel=0.1)


def test_a_seed_gives_the_same_interval_and_another_seed_another():
    values = np.random.default_rng(1).normal(size=30)

    def interval(seed):
        return bootstrap_interval(lambda drawn: values[drawn].mean(), range(30), resamples=100, seed=seed)

    assert interval(1) == interval(1)
    assert interval(1) != interval(2)


def test_resamples_drawn_in_blocks_are_those_drawn_at_once(monkeypatch):
    labels, scores = shifted_classes(40, seed=4)

    def interval():
        return bootstrap_intervals(
            lambda weights: {"auroc": weighted.auroc(labels, scores, weights)},
            range(40),
            resamples=100,
            seed=2,
        )

    at_once = interval()
    monkeypatch.setattr("models.evaluation.bootstrap._BLOCK", 40 * 7)

    assert interval() == at_once


def test_resamples_of_one_class_are_dropped_and_counted():
    # Two abnormal of six: a resample has none with probability (4/6)^6 = .088, and none normal with
    # (2/6)^6 = .001.
    labels = np.array([True, True, False, False, False, False])
    scores = np.array([0.9, 0.4, 0.5, 0.3, 0.2, 0.1])

    found = bootstrap_interval(lambda drawn: auroc(labels[drawn], scores[drawn]), range(6), seed=11)

    assert found is not None
    assert found.dropped / 2000 == pytest.approx(0.089, abs=0.02)
    assert 0.0 <= found.low <= found.high == 1.0


def test_no_interval_when_most_resamples_do_not_define_the_statistic():
    labels = np.array([True, False, False, False])

    assert bootstrap_interval(lambda drawn: None, range(4), seed=1) is None
    # All views of one patient: each resample has all of it, so there is an interval, of no width.
    one_patient = bootstrap_interval(lambda drawn: labels[drawn].mean(), ["a"] * 4, seed=1)
    assert one_patient is not None
    assert one_patient.low == one_patient.high == 0.25


@pytest.mark.parametrize(
    ("clusters", "changes"), [([], {}), (["a"], {"resamples": 0}), (["a"], {"level": 1.0})]
)
def test_a_bootstrap_of_nothing_is_refused(clusters, changes):
    with pytest.raises(ValueError, match="a bootstrap needs"):
        bootstrap_interval(lambda drawn: 0.0, clusters, seed=1, **changes)
