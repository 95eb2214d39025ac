"""People read the store: every study, one study in full, and what was refused."""

import pytest

from daemon.errors import UnknownStudy
from daemon.store import instances
from daemon.store.shown import Rejection
from daemon.store.worklist import counts_by_state, study_detail, worklist_entries
from daemon.study.lifecycle import DeliveryState, InstanceState, StudyState
from tests.daemon.store_factory import (
    NOW,
    PACS,
    after,
    analyzed_study,
    delivered_study,
    excluded,
    identity,
    received,
    record,
    reported_study,
    unreadable,
)
from tests.factories import uid


def test_worklist_holds_every_study_in_the_order_of_arrival(store):
    record(store, received(2), excluded(1))
    reported_study(store, 3)
    assert [(entry.study_instance_uid, entry.state) for entry in worklist_entries(store)] == [
        (uid(2), StudyState.OPEN),
        (uid(1), StudyState.OPEN),
        (uid(3), StudyState.DELIVERING),
    ]


def test_entry_counts_views_and_instances(store):
    record(store, received(1, 1), unreadable(1, 2), excluded(1, 3), received(2, 1))
    counts = [(entry.view_count, entry.instance_count) for entry in worklist_entries(store)]
    assert counts == [(2, 3), (1, 1)]


def test_regions_are_those_of_views(store):
    record(store, received(1, 1), received(1, 2, region="HAND"), excluded(1, 3, region="ELBOW"))
    record(store, excluded(2))
    assert [entry.regions for entry in worklist_entries(store)] == [("HAND", "WRIST"), ()]


def test_entry_tells_who_and_when(store):
    delivered_study(store)
    record(store, received(1, 2), now=after(60))
    (entry,) = worklist_entries(store)
    assert entry.identity == identity()
    assert (entry.opened_at, entry.last_instance_at, entry.revision) == (NOW, after(60), 2)


def test_worklist_and_detail_say_the_same(store):
    reported_study(store)
    assert study_detail(store, uid(1)).entry == worklist_entries(store)[0]


def test_detail_holds_the_study_and_nothing_of_others(store):
    reported_study(store, 1, view_count=2)
    reported_study(store, 2)
    detail = study_detail(store, uid(1))
    assert [view.sop_instance_uid for view in detail.instances] == [uid(1, 1, 1), uid(1, 1, 2)]
    assert [len(view.members) for view in detail.instances] == [2, 2]
    assert [result.source_sop_instance_uid for result in detail.results] == ["", uid(1, 1, 1), uid(1, 1, 2)]
    assert [[one.destination for one in result.deliveries] for result in detail.results] == [[PACS]] * 3


def test_unknown_study_is_an_error(store):
    with pytest.raises(UnknownStudy, match=uid(9)):
        study_detail(store, uid(9))


def test_counts_by_state(store):
    reported_study(store, 1, view_count=2)
    analyzed_study(store, 2)
    record(store, excluded(3))
    instances.record_rejection(
        store, Rejection(rejected_at=NOW, source="folder", sop_instance_uid="", reason="broken")
    )
    assert counts_by_state(store) == {
        "studies": {StudyState.DELIVERING: 1, StudyState.OPEN: 2},
        "instances": {InstanceState.ANALYZED: 3, InstanceState.EXCLUDED: 1},
        "deliveries": {DeliveryState.PENDING: 3},
        "rejections": {"rejected": 1},
    }


def test_empty_store_has_nothing_to_tell(store):
    assert worklist_entries(store) == ()
    assert counts_by_state(store) == {
        "studies": {},
        "instances": {},
        "deliveries": {},
        "rejections": {"rejected": 0},
    }
