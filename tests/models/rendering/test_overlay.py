import numpy as np
import pytest

from models.bundle.manifest import Preprocessing
from models.rendering.overlay import blend, color_map, upsample_activation

SQUARE = Preprocessing(input_size=(224, 224))
LETTERBOX = Preprocessing(input_size=(224, 224), resize="letterbox")


def peak_at(row, col):
    activation = np.zeros((7, 7), dtype=np.float32)
    activation[row, col] = 1.0
    return activation


@pytest.mark.parametrize("shape", [(700, 700), (350, 1400), (70, 7)])
@pytest.mark.parametrize("cell", [(0, 0), (3, 3), (6, 1)])
def test_peak_lies_over_its_cell_of_the_view(shape, cell):
    enlarged = upsample_activation(peak_at(*cell), shape, SQUARE)

    row, col = np.unravel_index(enlarged.argmax(), shape)
    assert enlarged.shape == shape
    assert (row * 7 // shape[0], col * 7 // shape[1]) == cell


def test_enlarged_map_hardly_leaves_its_range():
    noise = np.random.default_rng(3).random((7, 7), dtype=np.float32)

    enlarged = upsample_activation(np.rint(noise), (300, 200), SQUARE)

    assert enlarged.dtype == np.float32
    # Keys' cubic overshoots by an eighth of a step along each axis.
    assert -0.3 < enlarged.min() <= 0.0
    assert 1.0 <= enlarged.max() < 1.3


def test_letterboxed_view_gets_its_own_part_of_the_map():
    # 7:3 view in a square input: it fills rows 64 to 160 of 224, which are rows 2 to 5 of the map.
    enlarged = upsample_activation(peak_at(2, 6), (300, 700), LETTERBOX)

    row, col = np.unravel_index(enlarged.argmax(), enlarged.shape)
    assert row // 100 == 0
    assert col // 100 == 6


def test_activation_in_the_padding_does_not_show_in_the_view():
    # Row 1 of the map is the last above the view; the kernel reaches two cells far.
    for row in (0, 1):
        assert not upsample_activation(peak_at(row, 3), (300, 700), LETTERBOX).any()


def test_view_without_activation_is_shown_as_it_is():
    view = np.linspace(0.0, 1.0, 256, dtype=np.float32).reshape(16, 16)

    picture = blend(view, np.zeros_like(view))

    np.testing.assert_array_equal(picture, np.repeat(np.arange(256).reshape(16, 16, 1), 3, axis=2))
    assert picture.dtype == np.uint8


def test_alpha_zero_shows_the_view():
    view = np.full((8, 8), 0.5, dtype=np.float32)

    assert np.ptp(blend(view, np.ones_like(view), alpha=0.0)) == 0


def test_white_bone_under_full_activation_stays_readable():
    # A bright edge below the hottest place keeps at least half of its contrast and takes a color.
    view = np.full((16, 16), 0.7, dtype=np.float32)
    view[:, 8:] = 1.0

    picture = blend(view, np.ones_like(view)).astype(int)

    contrast = picture[:, 8:].mean() - picture[:, :8].mean()
    assert contrast > 0.3 * 255 * 0.4
    red, _, blue = picture[0, 15]
    assert red - blue > 60


def test_activation_over_black_is_seen():
    black = np.zeros((8, 8), dtype=np.float32)

    assert blend(black, np.ones_like(black)).max() > 80


def test_no_line_crosses_the_colors():
    view = np.zeros((50, 101), dtype=np.float32)
    activation = np.tile(np.linspace(0.0, 1.0, 101, dtype=np.float32), (50, 1))

    brightness = blend(view, activation).astype(int).sum(axis=2)

    # From left to right the picture only gets brighter, but for what rounds in three channels.
    assert np.diff(brightness, axis=1).min() >= -3


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1)])
def test_view_of_one_line_can_be_blended(shape):
    view = np.ones(shape, dtype=np.float32)

    assert blend(view, view).shape == (*shape, 3)


def test_colors_rise_in_lightness_in_even_steps():
    srgb = color_map() / 255
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    luminance = linear @ [0.2126, 0.7152, 0.0722]
    lightness = 116 * np.cbrt(luminance) - 16  # CIE L*, valid above 0.9 %

    # Over any 16 neighboring colors the lightness rises, and no stretch is three times as steep as the mean.
    steps = lightness[16:] - lightness[:-16]
    assert steps.min() > 0
    assert steps.max() < 3 * steps.mean()


def test_no_color_is_a_gray():
    colors = color_map().astype(int)

    assert np.ptp(colors, axis=1).min() > 50
