"""The pause before the next attempt doubles up to an hour, and is spread."""

import pytest

from daemon.couriers.backoff import pause


@pytest.mark.parametrize(
    ("attempts", "seconds"),
    [(1, 5), (2, 10), (3, 20), (4, 40), (10, 2560), (11, 3600), (12, 3600), (100_000, 3600)],
)
def test_pause_doubles_up_to_an_hour(attempts, seconds):
    assert pause(attempts, jitter=0.0).total_seconds() == seconds


def test_jitter_takes_away_up_to_half():
    assert pause(1, jitter=0.5).total_seconds() == 3.75
    assert 2.5 < pause(1, jitter=0.999).total_seconds() < 2.51
    assert pause(50, jitter=0.5).total_seconds() == 2700
