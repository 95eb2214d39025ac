import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize
from sklearn.linear_model import LogisticRegression

from models.bundle.manifest import Calibration
from models.errors import MemberInverted, SamplesInsufficient
from models.evaluation.calibration import fit_calibration
from tests.models.evaluation.generated import repeatable


def overlapping(count=300, *, scale=0.5, offset=-1.0, seed=0):
    """Labels drawn by sigmoid(scale * logit + offset) from logits around 2."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(2.0, 3.0, size=count)
    return rng.random(count) < 1 / (1 + np.exp(-(scale * logits + offset))), logits


def smoothed(labels, weights):
    """Platt's targets (1999, section 2.2)."""
    abnormal, normal = weights[labels].sum(), weights[~labels].sum()
    return np.where(labels, (abnormal + 1) / (abnormal + 2), 1 / (normal + 2))


def fitted_by_scikit_learn(labels, logits, weights):
    # A sample of target t is an abnormal one of weight t and a normal one of weight 1 - t.
    targets = smoothed(labels, weights)
    model = LogisticRegression(C=np.inf, tol=1e-12, max_iter=10_000)
    model.fit(
        np.tile(logits, 2)[:, np.newaxis],
        np.repeat([True, False], labels.size),
        sample_weight=np.concatenate([weights * targets, weights * (1 - targets)]),
    )
    return model.coef_[0, 0], model.intercept_[0]


@pytest.mark.parametrize("weighted", [False, True])
def test_calibration_is_logistic_regression_on_smoothed_targets(weighted):
    labels, logits = overlapping()
    weights = np.random.default_rng(1).random(labels.size) if weighted else np.ones(labels.size)
    scale, offset = fitted_by_scikit_learn(labels, logits, weights)

    found = fit_calibration(labels, logits, weights=weights if weighted else None)

    assert found.scale == pytest.approx(scale, rel=1e-5)
    assert found.offset == pytest.approx(offset, rel=1e-5)


def test_calibration_finds_the_line_that_made_the_labels():
    labels, logits = overlapping(200_000)

    found = fit_calibration(labels, logits)

    assert found.scale == pytest.approx(0.5, abs=0.01)
    assert found.offset == pytest.approx(-1.0, abs=0.03)


def test_mean_probability_after_calibration_is_the_mean_target():
    labels, logits = overlapping(50)

    found = fit_calibration(labels, logits)

    probability = 1 / (1 + np.exp(-(found.scale * logits + found.offset)))
    assert probability.mean() == pytest.approx(smoothed(labels, np.ones(50)).mean(), abs=1e-9)


def test_two_samples_as_worked_out_by_hand():
    # Targets 2/3 and 1/3 for one abnormal at 1 and one normal at -1: log-odds of log 2 and -log 2.
    assert fit_calibration([True, False], [1.0, -1.0]).scale == pytest.approx(np.log(2))
    # Shifted by 10 and half as far apart: log-odds 2 log 2 (z - 10).
    shifted = fit_calibration([True, False], [10.5, 9.5])
    assert shifted.scale == pytest.approx(2 * np.log(2))
    assert shifted.offset == pytest.approx(-20 * np.log(2))


@repeatable
@given(
    st.lists(st.tuples(st.booleans(), st.integers(-40, 40)), min_size=2, max_size=25),
    st.sampled_from([1e-3, 0.7, 50.0]),
    st.sampled_from([0.0, 1e4]),
)
def test_no_other_line_fits_better(rows, unit, shift):
    labels = np.array([label for label, _ in rows])
    logits = np.array([logit for _, logit in rows]) * unit + shift

    def loss(line):
        log_odds = line[0] * (logits - shift) / unit + line[1]
        return np.sum(np.logaddexp(0, log_odds) - smoothed(labels, np.ones(labels.size)) * log_odds)

    try:
        found = fit_calibration(labels, logits)
    except SamplesInsufficient:
        assert labels.all() or not labels.any() or len(set(logits)) == 1
        return
    except MemberInverted:
        best = optimize.minimize(loss, [0.0, 0.0], tol=1e-12).x
        assert best[0] <= 1e-6
        return
    line = [found.scale * unit, found.offset + found.scale * shift]
    best = optimize.minimize(loss, line, tol=1e-12)
    assert loss(line) <= best.fun + 1e-8


def test_classes_that_do_not_overlap_get_a_finite_scale():
    labels = np.arange(40) >= 20

    found = fit_calibration(labels, np.where(labels, 5.0, -5.0))

    # All of a class in one place: the targets are met exactly, 21/22 and 1/22.
    assert found.scale == pytest.approx(np.log(21) / 5)
    assert found.offset == pytest.approx(0.0, abs=1e-9)


def test_calibrated_logits_need_no_further_calibration():
    labels, logits = overlapping()
    first = fit_calibration(labels, logits)

    again = fit_calibration(labels, first.scale * logits + first.offset)

    assert again.scale == pytest.approx(1.0)
    assert again.offset == pytest.approx(0.0, abs=1e-9)
    assert type(again) is Calibration


def test_an_inverted_member_is_refused():
    labels, logits = overlapping(offset=0.0)

    with pytest.raises(MemberInverted, match="polarity"):
        fit_calibration(labels, -logits)


@pytest.mark.parametrize(
    ("labels", "logits", "weights", "told"),
    [
        ([True, True], [1.0, 2.0], None, "no normal one"),
        ([False, False], [1.0, 2.0], None, "no abnormal one"),
        ([True, False], [1.0, 2.0], [0.0, 1.0], "no abnormal one"),  # there, but counts for nothing
        ([True, False], [1.5, 1.5], None, "all are equal"),
        ([True, False, True], [1.5, 1.5, 2.0], [1.0, 1.0, 0.0], "all are equal"),
    ],
)
def test_samples_that_cannot_decide_are_refused(labels, logits, weights, told):
    with pytest.raises(SamplesInsufficient, match=told):
        fit_calibration(labels, logits, weights=weights)


@pytest.mark.parametrize("weights", [[1.0], [1.0, -1.0], [1.0, np.nan]])
def test_weights_that_count_nothing_are_refused(weights):
    with pytest.raises(ValueError, match="weights must be"):
        fit_calibration([True, False], [1.0, 2.0], weights=weights)
