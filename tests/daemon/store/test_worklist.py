"""People read the store: every study, one study in full, and what was refused."""

import pytest

from daemon.errors import UnknownStudy
from daemon.store.listing import worklist_entries
from daemon.store.worklist import study_detail
from tests.daemon.store_factory import (
    NOW,
    PACS,
    after,
    delivered_study,
    identity,
    received,
    record,
    reported_study,
)
from tests.factories import uid


def test_entry_tells_who_and_when(store):
    delivered_study(store)
    record(store, received(1, 2), now=after(60))
    (entry,) = worklist_entries(store)
    assert entry.identity == identity()
    assert (entry.opened_at, entry.last_instance_at, entry.revision) == (NOW, after(60), 2)


def test_worklist_and_detail_say_the_same(store):
    reported_study(store)
    assert [study_detail(store, uid(1)).entry] == list(worklist_entries(store))


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
