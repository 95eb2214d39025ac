"""What rank a study has."""

import pytest

from daemon.study.priority import Priority, priority


@pytest.mark.parametrize(
    ("requested", "dimse", "is_stat_sender", "expected"),
    [
        ("", 0, False, Priority.MEDIUM),
        ("", 1, False, Priority.HIGH),
        ("", 2, False, Priority.LOW),
        ("", 7, False, Priority.MEDIUM),
        ("STAT", 2, False, Priority.STAT),
        ("HIGH", 0, False, Priority.HIGH),
        ("ROUTINE", 1, False, Priority.MEDIUM),
        ("MEDIUM", 1, False, Priority.MEDIUM),
        ("LOW", 1, False, Priority.LOW),
        ("URGENT?", 1, False, Priority.HIGH),
        ("LOW", 2, True, Priority.STAT),
    ],
)
def test_rank_of_a_study(requested, dimse, is_stat_sender, expected):
    assert (
        priority(requested_procedure_priority=requested, dimse_priority=dimse, is_stat_sender=is_stat_sender)
        is expected
    )


def test_what_was_urgent_in_an_old_study_no_longer_is():
    rank = priority(requested_procedure_priority="STAT", dimse_priority=1, is_stat_sender=True, is_old=True)
    assert rank is Priority.LOW
