import pytest

from dicom_io.selection.laterality import Laterality
from dicom_io.selection.parts import NOWHERE, Part, parts_of
from dicom_io.selection.regions import Region

LEFT, RIGHT = Part(Region.HAND, Laterality.LEFT), Part(Region.HAND, Laterality.RIGHT)
BOTH, HAND = Part(Region.HAND, Laterality.BOTH), Part(Region.HAND, Laterality.UNKNOWN)
WRIST = Part(Region.WRIST, Laterality.UNKNOWN)


@pytest.mark.parametrize(
    ("shown", "parts"),
    [
        ([LEFT, RIGHT], [LEFT, RIGHT]),
        ([LEFT, HAND], [LEFT, LEFT]),
        ([HAND, LEFT, LEFT], [LEFT, LEFT, LEFT]),
        ([LEFT, RIGHT, HAND], [LEFT, RIGHT, HAND]),
        ([LEFT, BOTH, HAND], [LEFT, BOTH, HAND]),
        ([HAND, HAND], [HAND, HAND]),
        ([LEFT, WRIST], [LEFT, WRIST]),
        ([NOWHERE, LEFT], [NOWHERE, LEFT]),
        ([], []),
    ],
)
def test_a_view_without_a_side_is_of_the_only_one_there_is(shown, parts):
    assert parts_of(shown) == tuple(parts)


def test_names():
    assert [part.name for part in (LEFT, RIGHT, BOTH, HAND, NOWHERE)] == [
        "left hand",
        "right hand",
        "bilateral hand",
        "hand",
        "",
    ]
