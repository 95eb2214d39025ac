"""A study that a person removes leaves nothing behind but a row without identifiers."""

import pytest
from sqlalchemy import func, select

from daemon.errors import ActionRefused, UnknownStudy
from daemon.store import deliveries, instances, lease, views
from daemon.store.forgetting import forget_study, holdings
from daemon.store.history import events_of
from daemon.store.listing import worklist_entries
from daemon.store.refusals import record_rejection
from daemon.store.shown import Rejection
from daemon.store.tables import metadata, tallies
from daemon.store.values import Recorded
from daemon.store.worklist import recent_rejections, study_detail
from daemon.study.lifecycle import DeliveryState, InstanceState, StudyState
from tests.daemon.store_factory import (
    ANALYZER,
    NOW,
    PACS,
    REPORTER,
    SENDER,
    after,
    analyzed_study,
    claim,
    delivered_study,
    excluded,
    received,
    record,
    reported_study,
)
from tests.factories import uid


def rows_left(store):
    with store.read() as connection:
        counts = {
            table.name: connection.scalar(select(func.count()).select_from(table))
            for table in metadata.sorted_tables
            if table is not tallies  # which count what there was, and what is gone
        }
    return {name: count for name, count in counts.items() if count}


def test_study_goes_with_all_its_rows_but_the_one_without_identifiers_and_its_end(store):
    delivered_study(store, view_count=2)
    record(store, excluded(1, 9))
    record_rejection(
        store, Rejection(rejected_at=NOW, source="PACS@h", sop_instance_uid=uid(1, 1, 1), reason="broken")
    )
    detail = study_detail(store, uid(1))
    expected = {one.path for one in detail.instances} | {one.path for one in detail.results}
    assert set(forget_study(store, uid(1), now=NOW)) == expected
    assert rows_left(store) == {"measurements": 1, "events": 1}
    with store.read() as connection:
        (last,) = events_of(connection, uid(1))
    assert (last.old_state, last.new_state, last.cause) == (StudyState.DELIVERED, "", "forgotten")


def test_other_studies_and_their_refusals_stay(store):
    delivered_study(store, 1)
    delivered_study(store, 2)
    record_rejection(
        store, Rejection(rejected_at=NOW, source="PACS@h", sop_instance_uid=uid(2, 1, 1), reason="broken")
    )
    before = study_detail(store, uid(2))
    forget_study(store, uid(1), now=NOW)
    assert [entry.study_instance_uid for entry in worklist_entries(store)] == [uid(2)]
    assert study_detail(store, uid(2)) == before
    assert len(recent_rejections(store, limit=9)) == 1


def test_what_would_be_removed_is_counted(store):
    reported_study(store, view_count=2)
    record(store, excluded(1, 9))
    found = holdings(store, uid(1))
    assert (found.state, found.results, len(found.paths)) == (StudyState.DELIVERING, 3, 6)
    assert found.instances == {InstanceState.ANALYZED: 2, InstanceState.EXCLUDED: 1}
    assert found.deliveries == {DeliveryState.PENDING: 3}


def test_study_that_comes_again_is_a_new_one(store):
    delivered_study(store)
    forget_study(store, uid(1), now=NOW)
    assert instances.record_instance(store, received(), now=after(60)) is Recorded.NEW
    entry = study_detail(store, uid(1)).entry
    assert (entry.state, entry.revision, entry.opened_at) == (StudyState.OPEN, 1, after(60))


def claimed_view(store):
    record(store, received())
    views.claim_views(store, owner=ANALYZER, limit=8, oldest_first=False, now=NOW)


def claimed_report(store):
    analyzed_study(store)
    claim(store)


def claimed_delivery(store):
    reported_study(store)
    deliveries.claim_deliveries(store, destination=PACS, owner=SENDER, limit=1, now=NOW)


@pytest.mark.parametrize(
    ("work", "owner"),
    [(claimed_view, ANALYZER), (claimed_report, REPORTER), (claimed_delivery, SENDER)],
    ids=["analyzer", "reporter", "sender"],
)
def test_study_that_a_stage_works_on_stays(store, work, owner):
    work(store)
    before = rows_left(store)
    with pytest.raises(ActionRefused, match=f"{owner} works on study"):
        forget_study(store, uid(1), now=after(1))
    assert rows_left(store) == before
    forget_study(store, uid(1), now=after(lease.LEASE.total_seconds() + 1))  # of one that died
    assert list(worklist_entries(store)) == []


def test_work_of_a_stage_on_a_study_that_is_gone_comes_to_nothing(store):
    reported_study(store)
    (delivery, *_) = deliveries.claim_deliveries(store, destination=PACS, owner=SENDER, limit=1, now=NOW)
    forget_study(store, uid(1), now=after(lease.LEASE.total_seconds() + 1))
    deliveries.record_sent(store, delivery, owner=SENDER, remark=None, now=NOW)
    assert rows_left(store) == {"measurements": 1, "events": 1}


def test_what_is_cut_off_before_the_rows_are_gone_leaves_the_study(store):
    delivered_study(store)

    def cut_off():
        raise OSError("on purpose")

    with pytest.raises(OSError, match="on purpose"):
        forget_study(store, uid(1), now=NOW, before=cut_off)
    assert len(list(worklist_entries(store))) == 1


def test_unknown_study_is_told(store):
    for ask in (holdings, lambda *words: forget_study(*words, now=NOW)):
        with pytest.raises(UnknownStudy, match=f"no study {uid(7)}"):
            ask(store, uid(7))
