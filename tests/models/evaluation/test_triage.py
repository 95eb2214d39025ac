import numpy as np
import pytest

from models.evaluation.figures import figures
from models.evaluation.metrics import auroc, confusion
from models.evaluation.triage import places, worklist_statistics
from tests.models.evaluation.generated import shifted_classes

WAITING = 25


def worked_out(labels, scores, threshold, prevalence):
    statistics = worklist_statistics(labels, scores, threshold, prevalence)
    return {name: float(value[0]) for name, value in statistics(np.ones((1, len(labels)))).items()}


def simulated_lists(labels, scores, prevalence, lists=20_000, seed=0):
    """Abnormal (lists, WAITING) and scores of studies in order of arrival, drawn from the samples."""
    rng = np.random.default_rng(seed)
    abnormal = rng.random((lists, WAITING)) < prevalence
    drawn = np.where(
        abnormal,
        rng.choice(scores[labels], size=abnormal.shape),
        rng.choice(scores[~labels], size=abnormal.shape),
    )
    return abnormal, drawn


def places_earlier(keys):
    """By how many places each study (lists, WAITING) comes earlier when high keys are read first."""
    reading_order = np.argsort(-keys, axis=1, kind="stable")
    place = np.argsort(reading_order, axis=1)
    return np.arange(WAITING) - place


@pytest.mark.parametrize("prevalence", [0.05, 0.15, 0.5])
@pytest.mark.parametrize("threshold", [0.5, 0.85])
def test_closed_form_is_what_a_simulated_worklist_shows(prevalence, threshold):
    labels, scores = shifted_classes(150, seed=11)
    abnormal, drawn = simulated_lists(labels, scores, prevalence)
    flagged = drawn >= threshold
    by_flag, by_score = places_earlier(flagged.astype(float)), places_earlier(drawn)

    found = worked_out(labels, scores, threshold, prevalence)

    def close(share, moved):
        error = moved.std() / np.sqrt(moved.size)
        return places(share, WAITING) == pytest.approx(moved.mean(), abs=5 * error)

    assert found["flagged"] == pytest.approx(flagged.mean(), abs=0.005)
    assert close(found["earlier"], by_flag[abnormal])
    assert close(found["flagged_earlier"], by_flag[abnormal & flagged])
    assert close(-found["missed_later"], by_flag[abnormal & ~flagged])
    assert close(found["earlier_by_score"], by_score[abnormal])


def test_places_as_worked_out_by_hand():
    # Sensitivity 3/4, specificity 4/5. With half of 21 studies abnormal, .5 * .75 + .5 * .2 = .475 are
    # flagged. A flagged one passes half of the other .525; a missed one lets half of .475 pass.
    labels = [True] * 4 + [False] * 5
    scores = [0.9, 0.8, 0.7, 0.2, 0.6, 0.1, 0.1, 0.1, 0.1]

    found = worked_out(labels, scores, 0.5, 0.5)

    assert found["flagged"] == pytest.approx(0.475)
    assert places(found["flagged_earlier"], 21) == pytest.approx(20 * 0.525 / 2)
    assert places(found["missed_later"], 21) == pytest.approx(20 * 0.475 / 2)
    assert found["earlier"] == pytest.approx(0.75 * 0.525 / 2 - 0.25 * 0.475 / 2)


def test_flagging_all_or_nothing_moves_nobody():
    labels, scores = shifted_classes(50, seed=1)

    everything, nothing = worked_out(labels, scores, 0.0, 0.1), worked_out(labels, scores, 1.1, 0.1)

    assert everything["flagged"] == 1.0
    assert nothing["flagged"] == 0.0
    assert everything["earlier"] == nothing["earlier"] == 0.0


def test_perfect_flags_bring_a_rare_abnormal_study_half_the_list_forward():
    found = worked_out([True, False], [0.9, 0.1], 0.5, 0.0)

    assert found["earlier"] == found["earlier_by_score"] == 0.5
    assert found["flagged"] == 0.0


def test_share_of_abnormal_samples_does_not_matter():
    labels, scores = shifted_classes(80, seed=2)
    repeated = np.concatenate([np.flatnonzero(labels)] * 3 + [np.flatnonzero(~labels)])

    once = worked_out(labels, scores, 0.5, 0.2)

    assert worked_out(labels[repeated], scores[repeated], 0.5, 0.2) == pytest.approx(once)


def test_figures_of_a_worklist_have_intervals():
    labels, scores = shifted_classes(100, seed=3)

    found = figures(worklist_statistics(labels, scores, 0.5, 0.15), range(100), seed=1, resamples=300)

    expected = 0.85 * ((confusion(labels, scores, 0.5).balanced_accuracy or 0.0) - 0.5)
    assert found["earlier"].value == pytest.approx(expected)
    assert found["earlier_by_score"].value == pytest.approx(0.85 * ((auroc(labels, scores) or 0.0) - 0.5))
    for figure in found.values():
        assert figure.value is not None
        assert figure.interval is not None
        assert figure.interval.low < figure.value < figure.interval.high


def test_a_worklist_is_not_defined_without_both_classes():
    found = figures(worklist_statistics([True, True], [0.4, 0.9], 0.5, 0.15), "ab", seed=1, resamples=10)

    assert found["flagged"].value is None
    assert found["earlier"].value is None


@pytest.mark.parametrize("prevalence", [-0.1, 1.5, 15.0, np.nan])
def test_a_prevalence_that_is_no_share_is_refused(prevalence):
    with pytest.raises(ValueError, match="prevalence must be"):
        worklist_statistics([True, False], [0.9, 0.1], 0.5, prevalence)
