import numpy as np
import pytest

from models.bundle.manifest import Preprocessing
from models.datasets.sample import Box
from models.evaluation.localization import localize
from models.finding import cell_probabilities

SQUARE = Preprocessing(input_size=(224, 224), resize="square")
LETTERBOX = Preprocessing(input_size=(224, 224), resize="letterbox")


def a_map(cells, side=7):
    activation = np.zeros((side, side), dtype=np.float32)
    for cell, value in cells.items():
        activation[cell] = value
    return activation


def box_of(*, rows, cols):
    return Box(top=rows[0], left=cols[0], height=rows[1] - rows[0], width=cols[1] - cols[0])


def test_a_peak_inside_a_box_is_a_hit_and_outside_a_miss():
    # A view of 140 x 70: with the square resize, cell (1, 5) lies over rows 20-40, columns 50-60.
    activation = a_map({(1, 5): 3.0})

    inside = localize(activation, [box_of(rows=(20, 40), cols=(50, 60))], (140, 70), SQUARE)
    mirrored = localize(activation, [box_of(rows=(20, 40), cols=(10, 20))], (140, 70), SQUARE)
    transposed = localize(activation, [box_of(rows=(100, 120), cols=(10, 20))], (140, 70), SQUARE)

    assert inside.pointing_game is True
    assert inside.energy_inside > 0.5
    assert mirrored.pointing_game is transposed.pointing_game is False
    assert mirrored.energy_inside == transposed.energy_inside == 0.0
    assert mirrored.iou == transposed.iou == 0.0


@pytest.mark.parametrize("long_rows", [True, False])
def test_boxes_of_a_letterboxed_view_are_mapped_past_the_padding(long_rows):
    # 448 x 192 becomes 224 x 96 with 64 columns of padding on each side: a cell is 64 pixels of the view and
    # columns 2, 3, 4 lie over 0 to 192. Cell (5, 2) is rows 320-384, columns 0-64.
    box = box_of(rows=(320, 384), cols=(0, 64))
    activation, shape = a_map({(5, 2): 1.0}), (448, 192)
    if not long_rows:
        box = box_of(rows=(0, 64), cols=(320, 384))
        activation, shape = activation.T, (192, 448)

    found = localize(activation, [box], shape, LETTERBOX)

    assert found.pointing_game
    assert found.box_share == pytest.approx(64 * 64 / (448 * 192))
    # Without regard to the padding the map would be stretched: cell (5, 2) over columns 55-82.
    assert found.energy_inside > 0.5


def test_energy_as_worked_out_by_hand():
    # Two cells far apart, the weaker half as strong: the box around the stronger holds two thirds. Both are
    # inside the view, so that no part of their bumps is cut off.
    activation = a_map({(1, 1): 2.0, (5, 5): 1.0})

    found = localize(activation, [box_of(rows=(0, 112), cols=(0, 112))], (224, 224), SQUARE)

    assert found.energy_inside == pytest.approx(2 / 3, abs=1e-3)


def test_iou_as_worked_out_by_hand():
    # One column of high cells, enlarged 32 times. At x cells from its middle Keys' cubic is 1 - 2.5 x^2 +
    # 1.5 x^3: .5410 for the 17th pixel (x = 16.5/32), .4977 for the 18th. So 34 columns of 224 are high.
    activation = np.zeros((7, 7), dtype=np.float32)
    activation[:, 3] = 1.0

    found = localize(activation, [box_of(rows=(0, 112), cols=(96, 128))], (224, 224), SQUARE)

    # The box is the upper half of the cell's 32 columns.
    assert found.iou == pytest.approx((112 * 32) / (224 * 34), rel=1e-6)


def test_boxes_that_overlap_count_once():
    activation = a_map({(3, 3): 1.0})
    left, right = box_of(rows=(0, 224), cols=(0, 120)), box_of(rows=(0, 224), cols=(100, 224))

    found = localize(activation, [left, right], (224, 224), SQUARE)

    assert found.box_share == 1.0
    assert found.energy_inside == pytest.approx(1.0)


def test_a_peak_in_any_of_several_boxes_is_a_hit():
    boxes = [box_of(rows=(0, 10), cols=(0, 10)), box_of(rows=(100, 124), cols=(100, 124))]

    assert localize(a_map({(3, 3): 1.0}), boxes, (224, 224), SQUARE).pointing_game


def test_what_the_map_says_of_padding_is_ignored():
    # 448 x 192: columns 0, 1, 5 and 6 of the map are padding. Far the highest value lies there.
    box = box_of(rows=(192, 256), cols=(64, 128))
    inside_alone = localize(a_map({(3, 3): 1.0}), [box], (448, 192), LETTERBOX)

    found = localize(a_map({(3, 3): 1.0, (0, 0): 100.0}), [box], (448, 192), LETTERBOX)

    assert found.pointing_game
    assert found.energy_inside == pytest.approx(inside_alone.energy_inside, rel=1e-5)
    assert found.iou == inside_alone.iou > 0.0


def test_scale_of_a_map_does_not_matter():
    box = box_of(rows=(30, 90), cols=(50, 130))
    activation = np.random.default_rng(2).normal(size=(7, 7)).astype(np.float32)

    found = localize(activation, [box], (200, 300), LETTERBOX)

    assert localize(activation * np.float32(64), [box], (200, 300), LETTERBOX) == found


def test_peak_between_two_equal_cells_is_one_place_between_them():
    # The kernel overshoots between two neighbors of the same height. Clipped at their height, as a picture's
    # values would be, it were a plateau, whose first pixel lies up and left of the peak.
    activation = a_map({(3, 3): 1.0, (3, 4): 1.0, (4, 3): 1.0, (4, 4): 1.0})
    between = box_of(rows=(126, 130), cols=(126, 130))

    assert localize(activation, [between], (224, 224), SQUARE).pointing_game


def test_a_pixel_belongs_to_the_box_that_holds_its_center():
    # 7 x 7 pixels, so that pixels are cells. The peak's center is (3.5, 3.5).
    activation = a_map({(3, 3): 1.0})

    def hit(rows, cols):
        return localize(activation, [box_of(rows=rows, cols=cols)], (7, 7), SQUARE).pointing_game

    assert hit((3.5, 4.0), (3.4, 3.6))
    assert not hit((3.6, 4.0), (3.4, 3.6))
    assert not hit((3.0, 3.5), (3.4, 3.6))
    assert not hit((3.4, 3.6), (2.0, 3.5))


@pytest.mark.parametrize("activation", [a_map({}), np.full((7, 7), -1.0, dtype=np.float32)])
def test_a_map_without_anything_positive_points_nowhere(activation):
    found = localize(activation, [box_of(rows=(0, 112), cols=(0, 224))], (224, 224), SQUARE)

    assert (found.pointing_game, found.energy_inside, found.iou) == (False, 0.0, 0.0)
    assert found.box_share == 0.5


def test_a_map_that_is_positive_in_the_padding_alone_points_nowhere():
    found = localize(a_map({(3, 0): 1.0}), [box_of(rows=(0, 448), cols=(0, 192))], (448, 192), LETTERBOX)

    assert (found.pointing_game, found.energy_inside, found.iou) == (False, 0.0, 0.0)


def test_a_map_that_knows_nothing_has_the_energy_of_chance():
    box = box_of(rows=(10, 80), cols=(20, 200))

    found = localize(np.ones((7, 7), dtype=np.float32), [box], (300, 260), LETTERBOX)

    assert found.energy_inside == pytest.approx(found.box_share, rel=1e-5)


def test_what_is_measured_is_what_is_shown_of_the_enlarged_map():
    activation = a_map({(1, 1): 3.0, (5, 5): 6.0}) - np.float32(3.0)
    upper, lower = (box_of(rows=(c, c + 32), cols=(c, c + 32)) for c in (32, 160))

    found = localize(activation, [lower], (224, 224), SQUARE, shown=cell_probabilities)

    assert found.pointing_game
    assert not localize(activation, [upper], (224, 224), SQUARE, shown=cell_probabilities).pointing_game
    # Elsewhere P is 0.05, which counts, while log-odds of -3 count nothing.
    assert found.energy_inside < 0.5 < localize(activation, [lower], (224, 224), SQUARE).energy_inside


def test_a_view_without_boxes_is_refused():
    with pytest.raises(ValueError, match="at least one box"):
        localize(a_map({(0, 0): 1.0}), [], (224, 224), SQUARE)
