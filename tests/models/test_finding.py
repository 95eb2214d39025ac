import numpy as np
import pytest

from models.errors import UnknownOperatingPoint
from models.finding import TriageCategory, ViewFinding, study_finding
from tests.models.builders import a_member_finding, a_point, a_study, a_view, an_identity

LIKELY, SUSPECTED = TriageCategory.LIKELY, TriageCategory.SUSPECTED
NOT_FLAGGED = TriageCategory.NOT_FLAGGED


@pytest.mark.parametrize(
    ("operating_point", "score", "category"),
    [
        # sensitive at 0.5, specific at 0.8
        ("sensitive", 0.0, NOT_FLAGGED),
        ("sensitive", 0.4999999, NOT_FLAGGED),
        ("sensitive", 0.5, SUSPECTED),
        ("sensitive", 0.7999999, SUSPECTED),
        ("sensitive", 0.8, LIKELY),
        ("sensitive", 1.0, LIKELY),
        # The configured point raises the flag, whatever the others say.
        ("specific", 0.7999999, NOT_FLAGGED),
        ("specific", 0.8, LIKELY),
        ("lower", 0.2999999, NOT_FLAGGED),
        ("lower", 0.3, SUSPECTED),
        ("lower", 0.8, LIKELY),
        ("higher", 0.8999999, NOT_FLAGGED),
        ("higher", 0.9, LIKELY),
    ],
)
def test_category_follows_the_thresholds_and_equal_counts(operating_point, score, category):
    others = (a_point("lower", 0.3), a_point("higher", 0.9))

    study = a_study(score, operating_point=operating_point, others=others)

    assert study.category is category
    assert study.flagged == (category in (LIKELY, SUSPECTED))
    assert study.flagged == (study.score >= study.operating_point.threshold)


def test_sensitive_and_specific_may_be_one_threshold():
    assert a_study(0.5, sensitive=0.5, specific=0.5).category is LIKELY


def test_score_is_the_mean_over_views_of_the_mean_over_members():
    views = [a_view(0.1, 0.3, view_id="a"), a_view(0.8, 1.0, view_id="b")]

    study = study_finding(views, bundle=an_identity(), operating_point="sensitive")

    # The views are at 0.2 and 0.9.
    assert study.score == pytest.approx(0.55, abs=1e-15)
    assert study.views == tuple(views)


@pytest.mark.parametrize("count", range(1, 12))
@pytest.mark.parametrize("threshold", [0.1, 0.3, 0.6, 0.7])
def test_views_that_all_sit_on_the_threshold_flag_the_study(count, threshold):
    study = a_study(*[threshold] * count, sensitive=threshold, specific=0.9)

    assert study.score == threshold
    assert study.category is SUSPECTED


def test_study_without_views_is_refused():
    with pytest.raises(ValueError, match="at least one view"):
        study_finding([], bundle=an_identity(), operating_point="sensitive")


def test_view_that_comes_twice_is_refused():
    with pytest.raises(ValueError, match="once"):
        study_finding([a_view(0.1), a_view(0.9)], bundle=an_identity(), operating_point="sensitive")


def test_unknown_operating_point_is_refused_with_those_that_exist():
    with pytest.raises(UnknownOperatingPoint, match=r"'keen'.*sensitive, specific"):
        a_study(0.1, operating_point="keen")


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
