import pytest

from models.networks.architectures import ARCHITECTURES
from models.networks.backbone import Level
from models.training.pairing import paired_levels


def levels(*strides: int) -> list[Level]:
    return [Level(1, stride) for stride in strides]


@pytest.mark.parametrize(
    ("student", "teacher", "pairs"),
    [
        ((8, 16, 32), (8, 16, 32), ((0, 0), (1, 1), (2, 2))),
        ((8, 8, 8, 8), (8, 8), ((1, 0), (3, 1))),
        ((8,), (8, 8, 8), ((0, 2),)),
        ((8, 8, 8), (8, 8, 8, 8, 8), ((0, 1), (1, 3), (2, 4))),
        ((4, 8, 32), (2, 8, 16, 32), ((1, 1), (2, 3))),
    ],
)
def test_levels_of_one_stride_are_paired_at_like_shares_of_the_way(student, teacher, pairs):
    assert paired_levels(levels(*student), levels(*teacher)) == pairs


@pytest.mark.parametrize("student", ARCHITECTURES)
@pytest.mark.parametrize("teacher", ARCHITECTURES)
def test_any_member_can_learn_from_any_other_at_three_sizes_and_the_last_from_the_last(student, teacher):
    mine, theirs = ARCHITECTURES[student].build().levels, ARCHITECTURES[teacher].build().levels
    pairs = paired_levels(mine, theirs)
    assert all(mine[a].stride == theirs[b].stride for a, b in pairs)
    assert {mine[a].stride for a, _ in pairs} >= {8, 16, 32}
    assert pairs == tuple(sorted(pairs))
    assert pairs[-1] == (len(mine) - 1, len(theirs) - 1)
    assert len({a for a, _ in pairs}) == len({b for _, b in pairs}) == len(pairs)
