"""A stage is one process with a sign of life, and a flag that ends it."""

import os
import signal
import time
from datetime import timedelta

import pytest

from daemon.clock import now
from daemon.process import sd_notify
from daemon.process.stage import StageProcess
from daemon.process.stage_name import StageName
from daemon.store.stages import stage_records
from tests.daemon.deadline import wait_until


@pytest.fixture
def restored_signals():
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_sets_the_flag(sqlite_only, restored_signals, number):
    process = StageProcess(StageName.SENDER, sqlite_only)
    process.stop_on_signals()
    assert not process.stopping
    os.kill(os.getpid(), number)
    wait_until(lambda: process.stopping, "the flag")


def test_wait_ends_when_the_stage_shall_stop(sqlite_only, restored_signals):
    process = StageProcess(StageName.SENDER, sqlite_only)
    process.stop_on_signals()
    os.kill(os.getpid(), signal.SIGTERM)
    begun = time.monotonic()
    process.wait(process.rings, 60.0)
    assert time.monotonic() - begun < 30.0


def test_sign_of_life_is_recorded(sqlite_only):
    process = StageProcess(StageName.SENDER, sqlite_only)
    process.alive("no route to pacs")
    (record,) = stage_records(sqlite_only)
    assert (record.name, record.process_id) == (process.owner, os.getpid())
    assert record.condition == "no route to pacs"
    assert timedelta(0) <= now() - record.seen_at < timedelta(seconds=30)
    assert record.started_at <= record.seen_at


def test_a_notice_stays_and_hinders_nothing(sqlite_only):
    process = StageProcess(StageName.SENDER, sqlite_only)
    process.note("slower than it should be")
    process.alive("")
    process.alive("disk is full")
    process.alive("")
    (record,) = stage_records(sqlite_only)
    assert (record.condition, record.notice) == ("", "slower than it should be")


def test_new_condition_is_recorded_at_once_and_the_same_only_now_and_then(sqlite_only):
    process = StageProcess(StageName.SENDER, sqlite_only)
    process.alive()
    (first,) = stage_records(sqlite_only)
    process.alive()
    assert stage_records(sqlite_only) == (first,)
    process.alive("disk is full")
    process.alive()
    assert [record.condition for record in stage_records(sqlite_only)] == ["disk is full"]
    process.alive("")
    (last,) = stage_records(sqlite_only)
    assert last.condition == ""
    assert last.seen_at > first.seen_at


def test_supervisor_hears_once_that_the_stage_is_ready(sqlite_only, tmp_path, monkeypatch):
    listener = sd_notify.listen(tmp_path / "notify")
    monkeypatch.setenv("NOTIFY_SOCKET", str(listener.path))
    process = StageProcess(StageName.SENDER, sqlite_only)
    process.alive()
    process.alive()
    heard = [listener.receive() for _ in range(2)]
    listener.close()
    assert [name for name, _ in heard] == ["sender", "sender"]
    assert [sd_notify.READY in lines for _, lines in heard] == [True, False]
    assert all(sd_notify.ALIVE in lines for _, lines in heard)


def test_owner_is_the_same_for_the_process_that_replaces_a_dead_one(sqlite_only):
    first, second = (StageProcess(StageName.SENDER, sqlite_only) for _ in range(2))
    assert first.owner == second.owner
    assert first.owner != StageProcess(StageName.REPORTER, sqlite_only).owner
    assert first.owner != StageProcess(StageName.SENDER, sqlite_only, node="elsewhere").owner
