"""The gray tones of an image, by hand."""

import numpy as np
import pytest

from models.reference.tones import TONES, tones, without_black_margins


def named(image):
    return dict(zip(TONES, tones(image), strict=True))


def test_tones_of_a_step_by_hand():
    # 16 rows, left half 0.25, right half 0.75; the rim is one pixel wide.
    image = np.repeat(np.array([[0.25, 0.75]], dtype=np.float32), 16, axis=0).repeat(8, axis=1)

    found = named(image)

    assert found["mean"] == found["mean of the border"] == found["mean of the middle"] == 0.5
    assert found["standard deviation"] == 0.25
    assert [found[f"quantile {q}"] for q in ("0.05", "0.25", "0.75", "0.95")] == [0.25, 0.25, 0.75, 0.75]
    # One of 15 steps across is 0.5; two of 14 inner columns differ by 0.5 from a neighbor.
    assert found["log gradient"] == pytest.approx(np.log(np.sqrt(0.25 / 15) + 1e-3))
    assert found["log Laplacian"] == pytest.approx(np.log(2 * 0.5 / 14 + 1e-3))


def test_border_and_middle_are_told_apart():
    image = np.full((32, 32), 0.5, dtype=np.float32)
    image[:2] = image[-2:] = image[:, :2] = image[:, -2:] = 1.0
    image[8:24, 8:24] = 0.25

    found = named(image)

    assert (found["mean of the border"], found["mean of the middle"]) == (1.0, 0.25)


def test_black_margins_do_not_count():
    content = np.random.default_rng(0).uniform(0.1, 1.0, (40, 30)).astype(np.float32)
    padded = np.pad(content, ((0, 9), (20, 3)))

    assert np.array_equal(without_black_margins(padded), content)
    assert np.array_equal(tones(padded), tones(content))


@pytest.mark.parametrize("lit", [0, 3])
def test_image_that_is_black_but_for_a_speck_is_taken_whole(lit):
    image = np.zeros((32, 32), dtype=np.float32)
    image[10 : 10 + lit, 10 : 10 + lit] = 1.0

    assert without_black_margins(image) is image
    assert np.isfinite(tones(image)).all()
