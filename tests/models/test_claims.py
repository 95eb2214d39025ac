import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from models.bundle.targets import ABNORMALITY, FRACTURE
from models.claims import claim, digits_of, headline, in_digits, in_words
from models.study_finding import TriageCategory
from tests.models.builders import a_study

INNER = st.floats(0.001, 0.999)


@pytest.mark.parametrize(
    ("category", "claimed", "shouted"),
    [
        (TriageCategory.LIKELY, "likely fracture", "LIKELY FRACTURE"),
        (TriageCategory.SUSPECTED, "suspected fracture", "SUSPECTED FRACTURE"),
        (TriageCategory.NOT_FLAGGED, "no fracture suspected", "No fracture suspected"),
        (TriageCategory.NOT_ANALYZED, "not analyzed", "Not analyzed"),
    ],
)
def test_claims_are_about_the_target(category, claimed, shouted):
    assert (claim(category, FRACTURE), headline(category, FRACTURE)) == (claimed, shouted)


def test_another_target_has_other_words():
    assert headline(TriageCategory.SUSPECTED, ABNORMALITY) == "SUSPECTED ABNORMALITY"
    assert ABNORMALITY.quantity == "P(abnormality)"


@pytest.mark.parametrize(
    ("score", "digits", "shown"),
    [
        (0.87, 3, "0.87"),
        (0.49996, 5, "0.49996"),  # with fewer it would be the 0.5 that it misses
        (0.5, 3, "0.5"),
        (0.79951, 4, "0.7995"),  # and here the 0.8 of `specific`
        (0.99996, 5, "0.99996"),  # never the 1 that it is not
        (1.0, 3, "1"),
        (0.0000123, 3, "0.0000123"),
    ],
)
def test_numbers_have_three_digits_and_more_only_beside_a_threshold(score, digits, shown):
    study = a_study(score)

    assert digits_of(study) == digits
    assert in_words(study.score, digits) == shown


@example(scores=[0.0814], sensitive=0.08144972689876141)
@given(scores=st.lists(INNER, min_size=1, max_size=4), sensitive=INNER)
def test_no_number_that_is_shown_contradicts_its_verdict(scores, sensitive):
    study = a_study(*scores, sensitive=sensitive, specific=max(sensitive, 0.8))
    digits = digits_of(study)

    for number in [study.score, *(view.probability for view in study.views)]:
        for point in study.bundle.operating_points:
            reaches = in_digits(number, digits) >= in_digits(point.threshold, digits)
            assert reaches == (number >= point.threshold)
            assert float(in_words(number, digits)) == in_digits(number, digits)
