from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from models import places as module
from models.bundle.manifest import Preprocessing
from models.places import LEVEL, MOST, Place, places

SQUARE = Preprocessing(input_size=(224, 224))
LETTERBOX = Preprocessing(input_size=(224, 224), resize="letterbox")
# One pixel of the enlarged map is one cell, so that its values are those of the cells.
CELLS = Preprocessing(input_size=(32, 32))

COLD, HOT = -20.0, 6.0


def a_map(cells, side=7):
    activation = np.full((side, side), COLD, dtype=np.float32)
    for cell, odds in cells.items():
        activation[cell] = odds
    return activation


def probability(odds):
    return 1 / (1 + np.exp(-odds))


def extent(place):
    """The first and last row, and the first and last column of an outline."""
    rows, cols = zip(*place.outline, strict=True)
    return (min(rows), max(rows)), (min(cols), max(cols))


def a_place(*outline):
    return Place(outline=outline, peak=0.5, peak_at=outline[0])


def test_a_hot_cell_is_outlined_where_it_lies_in_a_letterboxed_portrait():
    # 448 x 192 becomes 224 x 96 with 64 columns of padding on each side: a cell is 64 pixels of the image,
    # columns 2, 3, 4 of the map lie over 0 to 192. Cell (5, 3) is rows 320-384, columns 64-128.
    (place,) = places(a_map({(5, 3): HOT}), (448, 192), LETTERBOX)

    # Keys' cubic, 1 - 2.5 x^2 + 1.5 x^3, brings the odds from 6 towards -20 down to log(1/9) = -2.1972 where
    # it is .68472 = (20 - 2.1972) / 26: at x = .4055 cells, 25.95 pixels.
    (top, bottom), (left, right) = extent(place)
    assert (top, bottom) == pytest.approx((352 - 25.95, 352 + 25.95), abs=0.2)
    assert (left, right) == pytest.approx((96 - 25.95, 96 + 25.95), abs=0.2)
    assert place.peak_at == pytest.approx((352, 96), abs=1.1)
    assert place.peak == pytest.approx(probability(HOT), abs=1e-4)
    assert place.area == pytest.approx(np.pi * 25.95**2, rel=0.1)


@pytest.mark.parametrize(("shape", "pixel_aspect"), [((224, 192), 2.0), ((448, 96), 0.5)])
def test_pixels_that_are_not_square_are_counted_as_they_are_stored(shape, pixel_aspect):
    # Both are shown as 448 x 192, the portrait above, in which the place is a circle around (352, 96).
    activation = a_map({(5, 3): HOT})
    (place,) = places(activation, shape, LETTERBOX, pixel_aspect)
    (square,) = places(activation, (448, 192), LETTERBOX)

    stretch = np.array(shape) / (448, 192)
    np.testing.assert_allclose(place.outline, np.array(square.outline) * stretch, atol=0.11)
    np.testing.assert_allclose(place.peak_at, square.peak_at * stretch, atol=0.11)


def test_a_speck_is_no_place_unless_it_is_all_there_is():
    # At odds of -1.9 the cubic stays above log(1/9) for .08 cells to each side: .02 cells in all.
    speck = {(1, 1): -1.9}

    assert len(places(a_map(speck | {(5, 3): HOT}), (224, 224), SQUARE)) == 1
    assert len(places(a_map({(1, 1): 3.0, (5, 3): HOT}), (224, 224), SQUARE)) == 2
    assert len(places(a_map(speck), (224, 224), SQUARE)) == 1


def test_outlines_do_not_depend_on_the_size_of_the_image():
    activation = a_map({(5, 3): HOT})
    (small,) = places(activation, (448, 192), LETTERBOX)
    (large,) = places(activation, (4480, 1920), LETTERBOX)

    np.testing.assert_allclose(large.outline, np.array(small.outline) * 10, atol=0.51)


def test_a_place_at_the_border_is_closed_along_it():
    (place,) = places(a_map({(0, 0): HOT}), (700, 700), SQUARE)

    # Beyond the border the cell's own value goes on, so that the place fills the corner.
    (top, _), (left, _) = extent(place)
    assert (top, left) == (0.0, 0.0)
    assert {(0.0, 0.0)} < set(place.outline)
    assert sum(row == 0.0 for row, _ in place.outline) == sum(col == 0.0 for _, col in place.outline) == 2


def test_a_map_that_is_hot_everywhere_is_one_place_with_four_corners():
    (place,) = places(np.full((7, 7), HOT, dtype=np.float32), (300, 200), LETTERBOX)

    assert set(place.outline) == {(0.0, 0.0), (0.0, 200.0), (300.0, 200.0), (300.0, 0.0)}
    assert place.area == 300 * 200


def test_places_come_by_peak_and_no_more_than_the_most():
    odds = {(1, 1): 3.0, (5, 5): 7.0, (1, 5): 5.0, (5, 1): 1.0}

    found = places(a_map(odds), (224, 224), SQUARE)

    assert MOST == 3
    assert [place.peak for place in found] == pytest.approx(
        [probability(each) for each in (7.0, 5.0, 3.0)], abs=5e-3
    )
    assert [tuple(int(at // 32) for at in place.peak_at) for place in found] == [(5, 5), (1, 5), (1, 1)]
    assert all(place.encloses(*place.peak_at) for place in found)


def test_only_what_exceeds_the_level_is_a_place_beside_another():
    barely = float(np.log(LEVEL / (1 - LEVEL)))

    def count(odds):
        wide = {(row, col): odds for row in (5, 6) for col in (5, 6)}
        return len(places(a_map({(1, 1): HOT} | wide, side=32), (32, 32), CELLS))

    assert count(barely + 0.1) == 2
    assert count(barely - 0.1) == 1


@pytest.mark.parametrize("peak", [-2.5, -19.0, -900.0])
def test_a_map_that_never_reaches_the_level_has_a_place_at_its_peak(peak):
    activation = np.full((7, 7), peak - 5, dtype=np.float32)
    activation[3, 3] = peak

    (place,) = places(activation, (224, 224), SQUARE)

    assert place.peak_at == pytest.approx((112, 112), abs=1)
    assert place.area < 32 * 32


def test_the_level_of_a_low_map_is_half_of_its_peak():
    # log(p / 2) of a small p is log(p) - log 2: of a slope of 1 for each cell, .69 cells on each side.
    activation = np.tile(-20 - np.abs(np.arange(32, dtype=np.float32) - 3), (32, 1))

    (place,) = places(activation, (32, 32), CELLS)

    _, (left, right) = extent(place)
    assert (left, right) == pytest.approx((3.5 - np.log(2), 3.5 + np.log(2)), abs=0.06)


def test_what_the_map_says_of_padding_is_never_a_place():
    # Columns 0, 1, 5 and 6 are padding; the highest odds by far lie there.
    padded = a_map({(2, 3): HOT, (5, 0): 30.0, (3, 1): 30.0, (3, 6): 30.0})

    assert places(padded, (448, 192), LETTERBOX) == places(a_map({(2, 3): HOT}), (448, 192), LETTERBOX)


def test_places_of_a_transposed_image_are_transposed():
    activation = a_map({(5, 3): HOT, (1, 2): 3.0, (2, 2): 3.0})

    upright = places(activation, (448, 192), LETTERBOX)
    turned = places(activation.T, (192, 448), LETTERBOX)

    assert len(upright) == 2
    for one, other in zip(upright, turned, strict=True):
        assert one.peak_at == pytest.approx(other.peak_at[::-1], abs=0.11)
        assert extent(one) == tuple(pytest.approx(each, abs=0.2) for each in extent(other)[::-1])
        assert one.area == pytest.approx(other.area, rel=1e-2)


def test_a_ring_is_one_place_and_what_lies_in_it_another():
    activation = a_map({}, side=32)
    activation[2:11, 2:11] = 2.0
    activation[3:10, 3:10] = COLD
    activation[6, 6] = HOT

    middle, ring = places(activation, (32, 32), CELLS)

    assert middle.peak_at == (6.5, 6.5)
    assert ring.peak == pytest.approx(probability(2.0))
    assert ring.encloses(*middle.peak_at)
    assert not middle.encloses(*ring.peak_at)


def test_a_place_can_be_compared_and_kept_in_sets():
    activation = a_map({(5, 3): HOT})

    assert {*places(activation, (448, 192), LETTERBOX), *places(activation, (448, 192), LETTERBOX)} == set(
        places(activation, (448, 192), LETTERBOX)
    )


def test_area_and_inside_as_worked_out_by_hand():
    triangle = a_place((0.0, 0.0), (0.0, 6.0), (4.0, 0.0))

    assert triangle.area == 12.0
    assert triangle.encloses(1.0, 4.4)
    assert not triangle.encloses(1.0, 4.6)
    # A notch is outside: the polygon is a U.
    notched = a_place((0, 0), (4, 0), (4, 6), (0, 6), (0, 4), (3, 4), (3, 2), (0, 2))
    assert [notched.encloses(1, col) for col in (1, 3, 5, 7)] == [True, False, True, False]
    assert notched.encloses(3.5, 3)


def test_an_outline_is_simple_and_as_good_as_every_point_of_it(monkeypatch):
    calls = partial(places, a_map({(5, 3): HOT}), (448, 192), LETTERBOX)
    (place,) = calls()
    monkeypatch.setattr(module, "_LEAST_TRIANGLE", 0.0)
    (full,) = calls()

    assert len(place.outline) < 40
    assert len(full.outline) > 100
    assert place.area == pytest.approx(full.area, rel=0.02)


@settings(deadline=None, max_examples=60)
@given(
    activation=arrays(np.float32, (7, 7), elements=st.floats(-30, 30, width=32)),
    shape=st.tuples(st.integers(32, 900), st.integers(32, 900)),
    pixel_aspect=st.sampled_from([0.5, 1.0, 2.0]),
    resize=st.sampled_from(["square", "letterbox"]),
)
def test_outlines_lie_within_the_image_and_peaks_within_outlines(activation, shape, pixel_aspect, resize):
    preprocessing = Preprocessing(input_size=(96, 96), resize=resize)

    found = places(activation, shape, preprocessing, pixel_aspect)

    assert 1 <= len(found) <= MOST
    for place in found:
        (top, bottom), (left, right) = extent(place)
        assert 0 <= top < bottom <= shape[0]
        assert 0 <= left < right <= shape[1]
        assert 0.0 <= place.peak <= 1.0
        assert place.encloses(*place.peak_at)
