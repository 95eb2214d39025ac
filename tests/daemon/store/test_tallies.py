"""Counts that are kept: right after whatever happened, also to what nobody spoke of."""

from collections import Counter
from datetime import timedelta
from itertools import chain
from typing import Any

import pytest
from sqlalchemy import delete, func, insert, select, update

from daemon.store import deliveries, retention, tallies
from daemon.store.database import open_store
from daemon.store.refusals import record_rejection, record_repeated
from daemon.store.shown import Refusal, Rejection
from daemon.store.tables import instances, studies
from daemon.store.tables import tallies as rows_of_tallies
from daemon.study.lifecycle import DeliveryState, InstanceState, StudyState
from tests.daemon.store_factory import (
    NOW,
    after,
    analyzed_study,
    delivered_study,
    excluded,
    identity,
    received,
    record,
    refuse_all,
    reported_study,
)
from tests.factories import uid


def counted_anew(store) -> tuple[Any, ...]:
    """Return what `tallies.counts` should give, by looking at every row."""
    with store.read() as connection:
        rows = connection.execute(
            select(
                studies.c.state,
                studies.c.cause,
                studies.c.standing,
                studies.c.is_old,
                studies.c.trained,
                studies.c.model_label,
            )
        )
        of_studies = Counter(
            (
                row.state,
                row.cause if row.state == StudyState.FAILED else "",
                row.standing,
                row.is_old,
                "" if row.trained else row.model_label,
            )
            for row in rows
        )
        of_instances = Counter(connection.scalars(select(instances.c.state)))
    return of_studies, of_instances


def kept(store) -> tuple[Any, ...]:
    counts = tallies.counts(store)
    of_studies = {
        (one.state, one.cause, one.standing, one.is_old, one.untrained_label): one.number
        for one in counts.studies
    }
    return of_studies, counts.instances


def live(store) -> None:
    """Let studies go through all that can happen to them."""
    delivered_study(store, 1, view_count=2)
    record(store, received(1, 3))
    reported_study(store, 2)
    refuse_all(store, reason="no")
    deliveries.requeue_study(store, uid(2))
    record(store, received(3), received(3, 2, identity=identity(9)), excluded(4), received(5, is_old=True))
    record(store, received(5, 2))
    record(store, received(6))


def test_counts_are_those_of_the_rows(store):
    live(store)
    assert kept(store) == counted_anew(store)


def ended_by_day(store) -> Counter[tuple[str, str, str]]:
    """Return what the tallies hold by day, without asking `tallies`."""
    found: Counter[tuple[str, str, str]] = Counter()
    with store.read() as connection:
        for row in connection.execute(select(rows_of_tallies)):
            found[row.standing, row.state, row.day] += row.number if row.day else 0
    return +found


def test_studies_that_have_ended_are_counted_by_the_day_of_their_last_instance(store):
    later = NOW + timedelta(days=3)
    for number in (1, 2, 3):
        delivered_study(store, number)
    with store.write() as connection:
        for number, changes in ((2, {}), (3, {"is_old": True})):
            study = studies.c.study_instance_uid == uid(number)
            connection.execute(update(studies).where(study).values(last_instance_at=later, **changes))
    kind = next((one.standing, one.state) for one in tallies.counts(store).studies)
    assert ended_by_day(store) == {(*kind, "2026-03-01"): 1, (*kind, "2026-03-04"): 1}
    with store.read() as connection:
        assert tallies.ended_after(connection, NOW.date()) == {kind: 1}
        assert tallies.ended_after(connection, later.date()) == {}


def test_a_study_that_opens_again_is_not_among_those_that_ended(store):
    delivered_study(store, 1)
    record(store, received(1, 9))
    assert ended_by_day(store) == {}


def test_studies_that_are_removed_take_their_counts_along(store):
    delivered_study(store, 1, view_count=2)
    analyzed_study(store, 2)
    retention.purge_studies(store, closed_before=after(1))
    counts = tallies.counts(store)
    assert [(one.state, one.number) for one in counts.studies] == [(StudyState.OPEN, 1)]
    assert (counts.instances, counts.deliveries) == ({InstanceState.ANALYZED: 1}, {})


def test_what_another_program_writes_is_counted(store):
    analyzed_study(store, 1)
    with store.write() as connection:
        connection.execute(update(studies).values(is_old=True))
        connection.execute(delete(instances))
    assert kept(store) == counted_anew(store)


def test_a_transaction_that_failed_is_not_counted(store):
    def fail() -> None:
        with store.write() as connection:
            connection.execute(delete(studies))
            raise RuntimeError("on purpose")

    analyzed_study(store, 1)
    with pytest.raises(RuntimeError, match="on purpose"):
        fail()
    assert kept(store) == counted_anew(store)


def test_folding_changes_no_count_and_leaves_a_row_for_each_kind(store, monkeypatch):
    monkeypatch.setattr(tallies, "_MANY", 1)
    live(store)
    before = kept(store)
    tallies.fold(store)
    assert kept(store) == before
    with store.read() as connection:
        number = connection.scalar(select(func.count()).select_from(rows_of_tallies))
    assert number == len(list(chain(*before))) + len(tallies.counts(store).deliveries)


def test_few_rows_are_not_folded_so_that_an_idle_service_writes_nothing(store):
    analyzed_study(store, 1)
    with store.read() as connection:
        before = connection.execute(select(rows_of_tallies)).all()
    tallies.fold(store)
    with store.read() as connection:
        assert connection.execute(select(rows_of_tallies)).all() == before


def test_writers_of_one_count_do_not_wait_for_each_other(postgresql_store, monkeypatch):
    monkeypatch.setattr(tallies, "_MANY", 1)
    other = open_store(postgresql_store.engine.url.render_as_string(hide_password=False))
    row = {"priority": 2, "opened_at": NOW, "collecting_since": NOW, "last_instance_at": NOW}
    with postgresql_store.write() as first:
        first.execute(insert(studies).values(study_instance_uid=uid(1), state=StudyState.OPEN, **row))
        with other.write() as second:
            second.execute(insert(studies).values(study_instance_uid=uid(2), state=StudyState.OPEN, **row))
        tallies.fold(other)
    assert sum(one.number for one in tallies.counts(other).studies) == 2
    other.close()


def test_deliveries_and_refusals_are_counted(store):
    reported_study(store, 1, view_count=2)
    record_rejection(store, Rejection(rejected_at=NOW, source="folder", reason="broken"))
    refused = ("PACS@10.0.0.7", Refusal.CALLER, "not known")
    record_repeated(store, {refused: 3}, now=NOW)
    record_repeated(store, {refused: 4}, now=after(60))
    counts = tallies.counts(store)
    assert counts.deliveries == {DeliveryState.PENDING: 3}
    assert counts.refusals == {Refusal.UNREADABLE: 1, Refusal.CALLER: 7}


def test_an_empty_store_counts_nothing(store):
    assert tallies.counts(store) == tallies.Counts(studies=(), instances={}, deliveries={}, refusals={})
