"""Refused associations: who asked and why not, in words, counted, and in few rows however many ask."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from daemon.stages import refusals
from daemon.stages.refusals import RefusedAssociations
from daemon.store.database import Store
from daemon.store.shown import Refusal
from daemon.store.tables import rejections
from daemon.store.tallies import counts
from daemon.store.worklist import recent_rejections
from dicom_io.network.admission import CALLED_AE_TITLE_NOT_RECOGNIZED, LOCAL_LIMIT_EXCEEDED, Rejection
from dicom_io.network.interface import RefusedAssociation
from tests.daemon.store_factory import NOW, after


def refused(
    title: str = "CR1", rejection: Rejection = LOCAL_LIMIT_EXCEEDED, *, reason: str = "all 16 are taken"
) -> RefusedAssociation:
    return RefusedAssociation(
        calling_ae_title=title, peer_host="10.0.0.7", rejection=rejection, reason=reason
    )


def shown(store: Store) -> list[tuple[str, Refusal, str, int]]:
    found = recent_rejections(store, limit=9)
    return [(one.source, one.cause, one.reason, one.number) for one in found]


def row_count(store: Store) -> int:
    with store.read() as connection:
        return connection.scalar(select(func.count()).select_from(rejections)) or 0


def test_peer_reason_and_number_are_kept(store):
    gathered = RefusedAssociations(store)
    for one in (refused(), refused(), refused("", CALLED_AE_TITLE_NOT_RECOGNIZED, reason="wrong title")):
        gathered.add(one)
    gathered.write_down(NOW)
    assert sorted(shown(store)) == [
        ("10.0.0.7", Refusal.CALLED_AE_TITLE, "wrong title", 1),
        ("CR1@10.0.0.7", Refusal.TOO_MANY, "all 16 are taken", 2),
    ]
    assert counts(store).refusals == {Refusal.CALLED_AE_TITLE: 1, Refusal.TOO_MANY: 2}


def test_what_is_refused_again_within_the_hour_shares_a_row(sqlite_only):
    gathered = RefusedAssociations(sqlite_only)
    for minutes in (0, 10, 59, 60):
        gathered.add(refused())
        gathered.write_down(NOW + timedelta(minutes=minutes))
    assert [number for *_, number in shown(sqlite_only)] == [1, 3]
    assert recent_rejections(sqlite_only, limit=2)[1].rejected_at == NOW + timedelta(minutes=59)


def test_nothing_refused_writes_nothing(sqlite_only):
    RefusedAssociations(sqlite_only).write_down(NOW)
    assert row_count(sqlite_only) == 0


def test_a_crowd_of_peers_is_counted_but_not_told_apart(sqlite_only, monkeypatch):
    monkeypatch.setattr(refusals, "_MOST_PEERS", 3)
    gathered = RefusedAssociations(sqlite_only)
    for number in range(20):
        gathered.add(refused(f"STRANGER{number}"))
    gathered.write_down(NOW)
    assert row_count(sqlite_only) == 4
    assert counts(sqlite_only).refusals == {Refusal.TOO_MANY: 20}


def test_what_cannot_be_written_down_is_the_next_time(sqlite_only, monkeypatch):
    def fail(*_: object, **__: object) -> None:
        raise SQLAlchemyError("away")

    gathered = RefusedAssociations(sqlite_only)
    gathered.add(refused())
    with monkeypatch.context() as broken:
        broken.setattr(refusals, "record_repeated", fail)
        gathered.write_down(NOW)
    gathered.add(refused())
    gathered.write_down(after(10))
    assert [number for *_, number in shown(sqlite_only)] == [2]
    gathered.write_down(after(20))
    assert counts(sqlite_only).refusals == {Refusal.TOO_MANY: 2}


@pytest.mark.parametrize("cause", Refusal)
def test_a_cause_says_whether_an_instance_was_refused(cause):
    assert cause.is_of_instance == cause.startswith("instance")
