"""A pass takes some seconds at most, however slow the machine is."""

import pytest

from daemon.process.pace import Pace


def pace_after(seconds: float, pieces: int) -> Pace:
    """Return the pace, of 8 pieces and 5 s, of one whose last pass took so long."""
    moments = iter([100.0, 100.0 + seconds])
    pace = Pace(8, seconds=5.0, clock=lambda: next(moments))
    with pace.measured(pieces):
        pass
    return pace


@pytest.mark.parametrize(
    ("seconds", "pieces", "affordable"),
    [(0.0, 8, 8), (4.0, 8, 8), (1.0, 1, 5), (8.0, 8, 5), (16.0, 8, 2), (4.0, 1, 1), (300.0, 1, 1)],
)
def test_the_next_pass_holds_what_there_is_time_for_and_at_least_one(seconds, pieces, affordable):
    assert pace_after(seconds, pieces).affordable(unmeasured=3) == affordable


def test_before_the_first_pass_nothing_is_known():
    pace = Pace(8, seconds=5.0)
    assert [pace.affordable(unmeasured=count) for count in (1, 8)] == [1, 8]
