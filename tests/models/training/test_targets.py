import numpy as np
import pytest

from models.training.targets import UNKNOWN, cell_targets, view_target

NO_BOXES = np.empty((0, 4))


def box(left: float, top: float, right: float, bottom: float) -> np.ndarray:
    return np.array([[left, top, right, bottom]])


def test_a_view_without_boxes_is_normal_everywhere():
    assert view_target(NO_BOXES, 96) == 0.0
    assert not cell_targets(NO_BOXES, 96).any()


@pytest.mark.parametrize(
    ("left", "label"),
    [(0.0, 1.0), (-10.0, 1.0), (-10.1, UNKNOWN), (-17.9, UNKNOWN), (-18.0, 0.0), (-40.0, 0.0)],
)
def test_a_box_counts_by_how_much_of_it_is_seen(left: float, label: float):
    assert view_target(box(left, 10, left + 20, 30), 96) == label


def test_the_cell_around_a_small_box_is_positive_and_its_neighbors_are_not():
    assert cell_targets(box(40, 40, 56, 56), 96).tolist() == [[0, 0, 0], [0, 1, 0], [0, 0, 0]]


def test_a_box_over_four_corners_marks_the_cell_of_its_center_and_leaves_the_others_open():
    # A quarter of the box lies in each cell; its center (64, 64) belongs to the last one.
    expected = [[0, 0, 0], [0, UNKNOWN, UNKNOWN], [0, UNKNOWN, 1]]
    assert cell_targets(box(54, 54, 74, 74), 96).tolist() == expected


def test_all_cells_of_a_large_box_are_positive_and_its_rim_is_open():
    # Cols 0 to 70: two whole cells, and 6 of 32 pixels (19 %) of the third.
    expected = [[1, 1, UNKNOWN], [1, 1, UNKNOWN], [0, 0, 0]]
    assert cell_targets(box(0, 0, 70, 66), 96).tolist() == expected


def test_a_center_outside_marks_no_cell():
    assert not (cell_targets(box(-90, 10, 2, 20), 96) == 1).any()
