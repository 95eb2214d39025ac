from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.fold import Fold

PROBABILITIES = st.lists(st.floats(0, 1), min_size=1, max_size=6)


@pytest.mark.parametrize(
    ("fold", "expected"),
    [(Fold.MEAN, 0.4), (Fold.HIGHEST, 0.8), (Fold.TWO_HIGHEST, 0.6), (Fold.NOISY_OR, 0.92 + 0.08 * 0.0)],
)
def test_three_views_by_hand(fold, expected):
    # 0.0, 0.4 and 0.8; noisy-or: 1 - 1.0 * 0.6 * 0.2 = 0.88
    expected = 0.88 if fold is Fold.NOISY_OR else expected
    for order in permutations((0.0, 0.4, 0.8)):
        assert fold.of(order) == pytest.approx(expected, abs=1e-15)


@pytest.mark.parametrize("fold", Fold)
@given(probability=st.floats(0, 1))
def test_one_view_keeps_its_probability_to_the_last_bit(fold, probability):
    assert fold.of([probability]) == probability


@pytest.mark.parametrize("fold", [Fold.MEAN, Fold.HIGHEST, Fold.TWO_HIGHEST])
@given(probability=st.floats(0, 1), count=st.integers(1, 7))
def test_views_that_agree_keep_their_probability_to_the_last_bit(fold, probability, count):
    assert fold.of([probability] * count) == probability


@pytest.mark.parametrize("fold", Fold)
@given(probabilities=PROBABILITIES)
def test_a_fold_lies_between_the_mean_and_what_independent_views_say(fold, probabilities):
    folded = fold.of(probabilities)

    assert 0.0 <= Fold.MEAN.of(probabilities) <= folded + 1e-12
    assert folded <= Fold.NOISY_OR.of(probabilities) + 1e-12 <= 1.0 + 2e-12


@pytest.mark.parametrize("fold", Fold)
def test_no_views_have_no_fold(fold):
    with pytest.raises(ValueError, match="at least one"):
        fold.of([])


def test_words_say_what_was_folded():
    assert Fold.HIGHEST.words(1) == Fold.MEAN.words(1) == "1 view"
    assert [fold.words(3) for fold in Fold] == [
        "mean of 3 views",
        "highest of 3 views",
        "mean of the two highest of 3 views",
        "noisy-or of 3 views",
    ]
