import numpy as np
import pytest
from PIL import Image

from models.places import Place
from models.rendering.outlines import Line, draw_outlines

SQUARE = ((50.0, 50.0), (50.0, 150.0), (150.0, 150.0), (150.0, 50.0))


def drawn(line, *outlines, background=0, size=(200, 200), shape=(200, 200)):
    picture = Image.new("RGB", size, (background,) * 3)
    places = [Place(outline=outline, peak=0.5, peak_at=outline[0]) for outline in outlines]
    draw_outlines(picture, places, shape, line)
    return np.asarray(picture).astype(int)


def alternations(values):
    """How often a line turns light from dark, all the way around."""
    light = values > 128
    return int((light & ~np.roll(light, 1)).sum())


def around(picture):
    """The values along the square, clockwise; its line is two pixels wide, one of them this."""
    low, high = 50, 149
    gray = picture.min(axis=2)
    sides = [
        gray[low, low:high],
        gray[low:high, high],
        gray[high, high:low:-1],
        gray[high:low:-1, low],
    ]
    return np.concatenate(sides)


@pytest.mark.parametrize("background", [0, 90])
def test_a_dashed_line_is_light_and_not_in_turns_and_a_solid_one_never_ends(background):
    dashed = around(drawn(Line.DASHED, SQUARE, background=background))
    solid = around(drawn(Line.SOLID, SQUARE, background=background))

    # 400 pixels around, 14 for a dash and its gap.
    assert alternations(dashed) == round(400 / 14)
    assert 0.45 < (dashed > 128).mean() < 0.7
    assert solid.min() > 150  # corners are round


@pytest.mark.parametrize("line", Line)
def test_a_line_is_light_with_a_dark_edge_on_any_ground(line):
    for background in (0, 128, 255):
        # Across the middle of the second dash of the upper side, 13.8 to 21.7 pixels from its start.
        across = drawn(line, SQUARE, background=background).min(axis=2)[40:60, 67]
        assert across[9:11].min() > 170
        assert across[[8, 11]].max() < 80
        assert set(across[:7]) == set(across[13:]) == {background}


def test_lines_are_smooth():
    slanted = drawn(Line.SOLID, ((20.0, 20.0), (60.0, 180.0), (180.0, 100.0)))

    shades = np.unique(slanted[30:50, 60:140].min(axis=2))
    assert len(shades) > 8


def test_an_outline_is_scaled_from_stored_pixels_to_those_of_the_picture():
    large = drawn(Line.SOLID, SQUARE)
    stretched = drawn(Line.SOLID, tuple((row * 4, col * 10) for row, col in SQUARE), shape=(800, 2000))

    np.testing.assert_array_equal(stretched, large)


def test_an_outline_along_the_border_is_seen_whole():
    picture = drawn(Line.SOLID, ((0.0, 0.0), (0.0, 200.0), (200.0, 200.0), (200.0, 0.0)))

    for side in (picture[:4], picture[-4:], picture[:, :4].swapaxes(0, 1), picture[:, -4:].swapaxes(0, 1)):
        assert sorted((side[:, 10:-10] > 128).all(axis=(1, 2))) == [False, False, True, True]


def test_a_small_place_is_dashed_too():
    small = ((100.0, 100.0), (100.0, 108.0), (108.0, 108.0), (108.0, 100.0))
    dashed, solid = (drawn(line, small)[95:113, 95:113].min(axis=2) > 128 for line in Line)

    assert 0.4 < dashed.sum() / solid.sum() < 0.85


@pytest.mark.parametrize("line", Line)
@pytest.mark.parametrize("size", [(1, 1), (3, 200), (200, 2)])
def test_a_picture_of_any_size_can_be_drawn_on(line, size):
    assert drawn(line, SQUARE, size=size).shape == (size[1], size[0], 3)


def test_without_places_the_picture_stays_as_it_is():
    assert not drawn(Line.SOLID).any()
