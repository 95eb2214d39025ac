"""The store knows which stages live, and what keeps one from working."""

from daemon.store import stages
from daemon.store.shown import StageRecord
from tests.daemon.store_factory import NOW, after


def stage_record(name="testhost/analyzer", **changes):
    values = {"name": name, "process_id": 7, "started_at": NOW, "seen_at": NOW, "condition": ""}
    return StageRecord(**(values | changes))


def test_stage_is_known_as_it_was_last_seen(store):
    stages.record_stage(store, stage_record())
    newest = stage_record(process_id=8, seen_at=after(5), condition="the bundle was refused", notice="slow")
    stages.record_stage(store, newest)
    stages.record_stage(store, stage_record("testhost/sender"))
    assert stages.stage_records(store) == (newest, stage_record("testhost/sender"))


def test_stage_that_no_machine_runs_any_more_is_forgotten(store):
    stages.record_stage(store, stage_record("old/analyzer", seen_at=NOW))
    stages.record_stage(store, stage_record("new/analyzer", seen_at=after(60)))
    stages.forget_stages_unseen_since(store, after(30))
    assert [stage.name for stage in stages.stage_records(store)] == ["new/analyzer"]
