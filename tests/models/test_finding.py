import math

import numpy as np
import pytest

from models.finding import ViewFinding, probabilities
from tests.models.builders import a_member_finding, a_view


def test_view_without_members_is_refused():
    with pytest.raises(ValueError, match="at least one member"):
        ViewFinding(view_id="view", members=())


def test_members_with_maps_of_different_shapes_are_refused():
    small = a_member_finding(activation=np.zeros((3, 3), dtype=np.float32))

    with pytest.raises(ValueError, match="one shape"):
        ViewFinding(view_id="view", members=(a_member_finding(), small))


@pytest.mark.parametrize(
    "change",
    [
        {"vote": 0.0},
        {"vote": float("inf")},
        {"probability": -0.1},
        {"probability": 1.1},
        {"probability": float("nan")},
        {"logit": float("inf")},
        {"activation": np.full((7, 7), np.nan, dtype=np.float32)},
        {"activation": np.zeros(7, dtype=np.float32)},
        {"activation": np.zeros((0, 7), dtype=np.float32)},
    ],
)
def test_member_finding_outside_its_range_is_refused(change):
    with pytest.raises(ValueError, match="must be"):
        a_member_finding(**change)


def test_members_count_by_their_votes():
    view = ViewFinding(view_id="view", members=(a_member_finding(0.2, vote=3.0), a_member_finding(0.6)))

    assert view.probability == pytest.approx(0.3, abs=1e-15)


@pytest.mark.parametrize("threshold", [0.1, 0.3, 0.7, 1 / 3])
def test_members_that_agree_on_a_threshold_keep_the_view_on_it(threshold):
    members = tuple(a_member_finding(threshold, vote=vote) for vote in (0.1, 0.2, 0.7))

    assert ViewFinding(view_id="view", members=members).probability == threshold


def test_ensemble_map_is_the_mean_of_the_members_log_odds_by_votes_and_probabilities():
    # 1.5 times 0.4 to 1 times 0.2: three to one.
    first = a_member_finding(0.4, activation=np.array([[3.0, -1.0]], dtype=np.float32), vote=1.5)
    second = a_member_finding(0.2, activation=np.array([[1.0, 7.0]], dtype=np.float32), vote=1.0)

    activation = ViewFinding(view_id="view", members=(first, second)).activation

    np.testing.assert_allclose(activation, [[2.5, 1.0]], rtol=1e-6)
    assert activation.dtype == np.float32


def test_finding_does_not_change_with_the_array_it_was_made_from():
    activation = np.ones((7, 7), dtype=np.float32)
    finding = a_member_finding(activation=activation)

    activation[:] = 0.0

    assert finding.activation.all()
    with pytest.raises(ValueError, match="read-only"):
        finding.activation[0, 0] = 5.0


def test_findings_are_equal_when_all_their_numbers_are():
    assert a_view(0.1, 0.2) == a_view(0.1, 0.2)
    assert hash(a_view(0.1, 0.2)) == hash(a_view(0.1, 0.2))
    assert a_view(0.1, 0.2) != a_view(0.1, 0.3)
    assert a_member_finding(activation=np.ones((2, 2), dtype=np.float32)) != a_member_finding(
        activation=np.zeros((2, 2), dtype=np.float32)
    )


def test_probabilities_keep_their_digits_however_small_and_overflow_nowhere():
    found = probabilities(np.array([-2000.0, -60.0, 0.0, 3.0, 2000.0]))

    assert found.tolist() == [
        0.0,
        pytest.approx(math.exp(-60.0), rel=1e-12, abs=0.0),
        0.5,
        pytest.approx(1 / (1 + math.exp(-3))),
        1.0,
    ]


def test_probability_of_a_logit_has_the_same_bits_whatever_stands_beside_it():
    logits = np.random.default_rng(0).normal(0.0, 5.0, 1000)

    alone = [probabilities(logits[n : n + 1])[0] for n in range(len(logits))]

    assert probabilities(logits).tolist() == alone
