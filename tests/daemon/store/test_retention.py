"""Old closed studies are forgotten; nothing that still lives is."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select, text, update

from daemon.store import instances, retention
from daemon.store.history import events_of, purge_events
from daemon.store.listing import worklist_entries
from daemon.store.refusals import record_rejection
from daemon.store.shown import Rejection
from daemon.store.tables import metadata, studies
from daemon.store.worklist import recent_rejections, study_detail
from daemon.study.lifecycle import StudyState
from tests.daemon.postgresql import wait_for_blocked
from tests.daemon.store_factory import (
    NOW,
    after,
    delivered_study,
    excluded,
    received,
    record,
    refuse_all,
    reported_study,
)
from tests.factories import uid

LATER = after(3600)


def known(store):
    return [entry.study_instance_uid for entry in worklist_entries(store)]


def paths_of(detail):
    return {row.path for row in (*detail.instances, *detail.results)}


def test_old_closed_study_goes_with_all_its_rows_and_names_its_files(store):
    delivered_study(store, view_count=2)
    expected = paths_of(study_detail(store, uid(1)))
    assert set(retention.purge_studies(store, closed_before=LATER)) == expected
    with store.read() as connection:
        left = {
            table.name: connection.scalar(select(func.count()).select_from(table))
            for table in metadata.sorted_tables
        }
    assert left.pop("measurements") == 1  # which names nothing of the study
    assert left.pop("events") > 0  # which name it by its UIDs
    assert left.pop("tallies") > 0  # which say that nothing is left
    assert set(left.values()) == {0}


def test_the_history_of_a_study_outlives_it_and_says_when_it_was_removed(store):
    delivered_study(store)
    before = study_detail(store, uid(1)).events
    retention.purge_studies(store, closed_before=LATER)
    with store.read() as connection:
        *earlier, last = events_of(connection, uid(1))
    assert tuple(earlier) == before
    assert (last.old_state, last.new_state, last.cause) == ("delivered", "", "retention ended")


def test_a_study_that_comes_again_shows_its_earlier_life(store):
    delivered_study(store)
    retention.purge_studies(store, closed_before=LATER)
    record(store, received())
    causes = [event.cause for event in study_detail(store, uid(1)).events]
    assert causes[-3:] == ["retention ended", "opened", "arrived"]


def test_old_events_go_but_for_those_of_studies_that_are_still_there(store):
    delivered_study(store, 1)
    delivered_study(store, 2)
    retention.purge_studies(store, closed_before=LATER, limit=1)
    assert known(store) == [uid(2)]
    purge_events(store, before=NOW)
    with store.read() as connection:
        assert events_of(connection, uid(1))
        there = events_of(connection, uid(2))
    purge_events(store, before=after(3600 * 24 * 365 * 100))
    with store.read() as connection:
        assert events_of(connection, uid(1)) == ()
        assert events_of(connection, uid(2)) == there


def test_young_study_stays(store):
    delivered_study(store, 1, now=NOW)
    delivered_study(store, 2, now=LATER)
    retention.purge_studies(store, closed_before=LATER)
    assert known(store) == [uid(2)]


@pytest.mark.parametrize("state", [StudyState.OPEN, StudyState.REPORTING, StudyState.DELIVERING])
def test_unfinished_study_stays_however_old(store, state):
    record(store, received())
    with store.write() as connection:
        connection.execute(update(studies).values(state=state))
    assert retention.purge_studies(store, closed_before=LATER) == ()
    assert known(store) == [uid(1)]


def test_failed_study_goes_too(store):
    reported_study(store)
    refuse_all(store, reason="C-STORE refused")
    assert retention.purge_studies(store, closed_before=LATER)
    assert known(store) == []


def test_studies_go_a_few_at_a_time_the_oldest_first(store):
    for number in (1, 2, 3):
        delivered_study(store, number)
    retention.purge_studies(store, closed_before=LATER, limit=2)
    assert known(store) == [uid(3)]


def test_nothing_to_purge_gives_no_paths(store):
    assert retention.purge_studies(store, closed_before=LATER) == ()


def test_known_paths_are_those_of_instances_and_results(store):
    delivered_study(store)
    record(store, excluded(2))
    assert retention.known_paths(store) == paths_of(study_detail(store, uid(1))) | {excluded(2).path}


def test_a_path_that_was_recorded_since_it_was_looked_for_is_no_leftover(store):
    delivered_study(store)
    leftover = frozenset({"spool/ab/left.dcm"})
    with retention.unrecorded(store, retention.known_paths(store) | leftover) as unrecorded:
        assert unrecorded == leftover


def test_old_rejections_go(store):
    for moment in (NOW, LATER):
        record_rejection(
            store, Rejection(rejected_at=moment, source="folder", sop_instance_uid="", reason="broken")
        )
    retention.purge_rejections(store, before=LATER)
    assert [rejection.rejected_at for rejection in recent_rejections(store, limit=9)] == [LATER]


def test_view_that_arrives_during_the_purge_keeps_its_study(postgresql_store):
    store = postgresql_store
    delivered_study(store)
    with ThreadPoolExecutor(2) as pool:
        with store.write() as other:
            other.execute(text("SELECT id FROM studies FOR UPDATE"))
            arrival = pool.submit(instances.record_instance, store, received(1, 2), now=LATER)
            wait_for_blocked(store, 1)
            # In its way stands a study that is being written: it is not old news, and not waited for.
            assert retention.purge_studies(store, closed_before=LATER) == ()
        arrival.result()
    assert known(store) == [uid(1)]
    assert len(study_detail(store, uid(1)).instances) == 2
