import numpy as np
import pytest

from models.bundle.manifest import Preprocessing
from models.preprocess import Placement, placement, positions_in_view, preprocess
from models.resampling import resize

SQUARE = Preprocessing(input_size=(64, 96))
LETTERBOX = Preprocessing(input_size=(64, 96), resize="letterbox")


def an_image(rows, cols):
    return np.random.default_rng(1).random((rows, cols), dtype=np.float32)


def test_square_stretches_to_the_input_size():
    image = an_image(300, 200)

    np.testing.assert_array_equal(preprocess(image, SQUARE), resize(image, (64, 96)))


@pytest.mark.parametrize(
    ("shape", "place"),
    [
        ((640, 960), Placement(top=0, left=0, rows=64, cols=96)),  # same ratio
        ((640, 640), Placement(top=0, left=16, rows=64, cols=64)),
        ((100, 960), Placement(top=27, left=0, rows=10, cols=96)),
        ((10_000, 10), Placement(top=0, left=47, rows=64, cols=1)),  # never thinner than one pixel
        ((32, 32), Placement(top=0, left=16, rows=64, cols=64)),  # small views are enlarged
    ],
)
def test_letterbox_keeps_the_ratio_and_centers_the_view(shape, place):
    assert placement(shape, LETTERBOX) == place


def test_letterbox_pads_with_black():
    resized = preprocess(np.ones((640, 640), dtype=np.float32), LETTERBOX)

    np.testing.assert_allclose(resized[:, 16:80], 1.0, atol=1e-6)
    assert not resized[:, :16].any()
    assert not resized[:, 80:].any()


def test_normalization_maps_range_then_mean_and_std():
    spec = Preprocessing(input_size=(32, 32), lower=-1.0, upper=3.0, mean=0.5, std=0.25, resize="letterbox")
    image = np.full((64, 32), 0.5, dtype=np.float32)

    normalized = preprocess(image, spec)

    # 0.5 -> 1 -> (1 - 0.5) / 0.25 = 2; black padding: 0 -> -1 -> (-1 - 0.5) / 0.25 = -6
    np.testing.assert_allclose(normalized[:, 8:24], 2.0, atol=1e-5)
    np.testing.assert_allclose(normalized[:, :8], -6.0, atol=1e-5)


def test_view_is_left_as_it_was():
    image = an_image(64, 96)
    before = image.copy()

    preprocess(image, Preprocessing(input_size=(64, 96), std=0.5))

    np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize("shape", [(0, 5), (5, 0), (5,), (1, 5, 5), ()])
def test_array_that_is_no_view_is_refused(shape):
    with pytest.raises(ValueError, match="must be"):
        preprocess(np.zeros(shape, dtype=np.float32), SQUARE)


@pytest.mark.parametrize(
    ("shape", "pixel_aspect", "place"),
    [
        ((400, 160), 0.5, Placement(top=0, left=22, rows=64, cols=51)),  # as 400 x 320
        ((160, 240), 1.5, Placement(top=0, left=16, rows=64, cols=64)),
        ((640, 480), 0.5, Placement(top=0, left=0, rows=64, cols=96)),
    ],
)
def test_letterbox_keeps_the_proportions_of_pixels_that_are_not_square(shape, pixel_aspect, place):
    assert placement(shape, LETTERBOX, pixel_aspect) == place


def test_pixels_that_are_not_square_are_resized_into_their_place():
    image = an_image(40, 16)

    resized = preprocess(image, LETTERBOX, 0.5)

    np.testing.assert_array_equal(resized[:, 22:73], resize(image, (64, 51)))


@pytest.mark.parametrize("pixel_aspect", [0.25, 0.5, 1.0, 1.7, 4.0])
@pytest.mark.parametrize("spec", [SQUARE, LETTERBOX])
def test_positions_in_the_input_lead_back_to_stored_pixels(spec, pixel_aspect):
    # a bright block of stored pixels; its edges in the input are where half of its brightness is
    image = np.zeros((400, 160), dtype=np.float32)
    image[100:220, 40:110] = 1.0
    bright = preprocess(image, spec, pixel_aspect) > 0.5
    rows, cols = np.flatnonzero(bright.any(axis=1)), np.flatnonzero(bright.any(axis=0))
    corners = np.array([[rows[0], cols[0]], [rows[-1] + 1, cols[-1] + 1]], dtype=np.float64)

    back = positions_in_view(corners, image.shape, spec, pixel_aspect)

    place = placement(image.shape, spec, pixel_aspect)
    step = np.array(image.shape) / (place.rows, place.cols)
    assert (np.abs(back - [[100, 40], [220, 110]]) <= step).all()


def test_positions_in_the_padding_lead_to_the_border_of_the_view():
    back = positions_in_view(np.array([[0.0, 0.0], [64.0, 96.0]]), (400, 160), LETTERBOX, 0.5)

    np.testing.assert_allclose(back, [[0, 0], [400, 160]])
