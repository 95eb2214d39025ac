from dataclasses import replace

import pytest

from models.errors import UnknownOperatingPoint
from models.fold import Fold
from models.study_finding import TriageCategory, study_finding
from tests.models.builders import a_point, a_study, a_view, an_identity

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


def two_hands(left: tuple[float, ...], right: tuple[float, ...], **bundle):
    """One view per probability, of a left and a right hand."""
    views = [
        replace(a_view(probability, view_id=f"{part} {number}"), part=part)
        for part, probabilities in (("left hand", left), ("right hand", right))
        for number, probability in enumerate(probabilities)
    ]
    return study_finding(views, bundle=an_identity(**bundle), operating_point="sensitive")


def test_each_part_is_folded_by_itself_and_the_highest_is_the_studys():
    study = two_hands((0.9, 0.8), (0.1, 0.2))

    assert [(part.part, part.category) for part in study.parts] == [
        ("left hand", LIKELY),
        ("right hand", NOT_FLAGGED),
    ]
    assert [part.score for part in study.parts] == pytest.approx([0.85, 0.15])
    assert (study.score, study.category) == (study.parts[0].score, LIKELY)
    assert study.highest.part == "left hand"


def test_views_of_one_hand_do_not_dilute_those_of_the_other():
    assert two_hands((0.6,), (0.0, 0.0, 0.0)).flagged


def test_a_view_stands_out_where_it_reaches_the_point_and_its_part_does_not():
    study = two_hands((0.6, 0.1), (0.7, 0.6))

    assert [study.stands_out(view) for view in study.views] == [True, False, False, False]


def test_no_view_stands_out_where_the_highest_counts():
    study = two_hands((0.6, 0.1), (0.49, 0.5), fold=Fold.HIGHEST)

    assert not any(map(study.stands_out, study.views))
    assert all(part.category is SUSPECTED for part in study.parts)


def test_a_late_view_without_a_finding_takes_no_flag_away_where_the_highest_counts():
    early, late = a_study(0.9, 0.6, fold=Fold.HIGHEST), a_study(0.9, 0.6, 0.0, fold=Fold.HIGHEST)

    assert (early.score, early.category) == (late.score, late.category) == (0.9, LIKELY)
