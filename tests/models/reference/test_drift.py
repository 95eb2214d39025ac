"""What is said of an input that is unlike the training data."""

import pytest

from models.reference.drift import UNLIKE_ANY_RADIOGRAPH, InputCheck, InputWarning


@pytest.mark.parametrize("warning", InputWarning)
def test_every_warning_is_a_printable_sentence(warning):
    assert warning.sentence.startswith("This view ")
    assert "treat its result with caution" in warning.sentence
    assert warning.sentence.isascii()
    assert warning.sentence.isprintable()


@pytest.mark.parametrize(
    ("distance", "warning"),
    [(1.1, None), (1.0, InputWarning.TONES), (-0.1, None), (float("inf"), InputWarning.TONES)],
)
def test_distance_and_warning_must_agree(distance, warning):
    with pytest.raises(ValueError, match="distance"):
        InputCheck(distance=distance, warning=warning)


def test_a_distance_of_1_is_still_within():
    assert InputCheck(distance=1.0).warning is None


@pytest.mark.parametrize(
    ("check", "defect"),
    [
        (
            InputCheck(distance=1.2, warning=InputWarning.INVERTED),
            InputWarning.INVERTED,
        ),
        (
            InputCheck(distance=UNLIKE_ANY_RADIOGRAPH, warning=InputWarning.CONTENT),
            InputWarning.CONTENT,
        ),
        (InputCheck(distance=0.99 * UNLIKE_ANY_RADIOGRAPH, warning=InputWarning.CONTENT), None),
        (InputCheck(distance=0.9), None),
    ],
)
def test_only_what_is_inverted_or_unlike_any_radiograph_makes_a_low_score_worthless(check, defect):
    assert check.defect is defect
