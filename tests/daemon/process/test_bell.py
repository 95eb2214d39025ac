"""Bells: who waits is told at once, also by another process, and sleeps over nothing that came in between."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from daemon.process import stage
from daemon.process.bell import Bell
from daemon.process.stage import StageProcess
from daemon.process.stage_name import StageName
from tests.daemon.deadline import wait_until

LONG = 20.0
SOON = 10.0


def waits(bell: Bell, since: int, seconds: float = LONG) -> float:
    """Return how long a wait took."""
    begun = time.monotonic()
    bell.wait(since, seconds)
    return time.monotonic() - begun


def test_who_waits_is_told_at_once():
    bell = Bell()
    threading.Timer(0.2, bell.ring).start()
    assert waits(bell, bell.count) < SOON


def test_a_ring_before_the_wait_is_not_slept_over():
    bell = Bell()
    heard = bell.count
    bell.ring()
    assert waits(bell, heard) < SOON


def test_all_threads_that_wait_are_told():
    bell, told = Bell(), []
    threads = [threading.Thread(target=lambda: told.append(waits(bell, 0))) for _ in range(3)]
    for thread in threads:
        thread.start()
    bell.ring()
    for thread in threads:
        thread.join()
    assert max(told) < SOON


def test_without_a_ring_a_wait_lasts_as_long_as_it_may():
    bell = Bell()
    assert waits(bell, bell.count, 0.2) >= 0.2


@pytest.mark.parametrize("folder", ["data", "d" * 150], ids=["short", "longer than names of sockets"])
def test_another_process_rings_it(tmp_path: Path, folder: str):
    data_dir = tmp_path / folder
    data_dir.mkdir()
    bell = Bell(data_dir, "node/sender")
    program = (
        "import sys, pathlib; from daemon.process.bell import Bell;"
        "Bell(pathlib.Path(sys.argv[1]), 'node/reporter').ring_other('node/sender')"
    )
    ringing = subprocess.Popen([sys.executable, "-c", program, data_dir])
    assert waits(bell, bell.count) < SOON
    assert ringing.wait() == 0
    assert (data_dir / "run").stat().st_mode & 0o077 == 0


def test_the_next_process_of_a_stage_takes_the_bell_over(tmp_path: Path):
    before, after = (Bell(tmp_path, "node/sender") for _ in range(2))
    Bell(tmp_path, "node/reporter").ring_other("node/sender")
    assert waits(after, 0) < SOON
    assert waits(before, before.count, 0.1) >= 0.1


def test_a_stage_that_is_not_there_or_does_not_listen_keeps_nobody_waiting(tmp_path: Path):
    deaf = Bell(tmp_path, "node/analyzer")
    bell = Bell(tmp_path, "node/receiver")
    for _ in range(2000):
        bell.ring_other("node/analyzer")
    bell.ring_other("node/sender")
    assert deaf.count == 0


def test_rings_leave_no_descriptor_behind(tmp_path: Path):
    bell, _other = Bell(tmp_path, "n/a"), Bell(tmp_path, "n/b")
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(50):
        bell.ring_other("n/b")
        bell.ring_other("n/c")
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_stage_is_told_by_another_and_looks_again(sqlite_only, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(stage, "LOOK_SECONDS", LONG)
    looks: list[float] = []

    def look() -> bool:
        looks.append(time.monotonic())
        return False

    def nothing(*, forgive: bool) -> None:
        """Nothing is claimed."""

    sender = StageProcess(StageName.SENDER, sqlite_only, bell=Bell(tmp_path, "here/sender"))
    reporter = StageProcess(StageName.REPORTER, sqlite_only, bell=Bell(tmp_path, "here/reporter"))
    thread = threading.Thread(target=sender.repeat, args=(look, nothing))
    thread.start()
    try:
        wait_until(lambda: len(looks) == 1, "the first look")
        reporter.tell(StageName.SENDER)
        wait_until(lambda: len(looks) == 2, "the look that the reporter asked for", seconds=SOON)
    finally:
        sender.stop()
        thread.join()


def test_a_stage_that_rests_looks_when_something_is_due(sqlite_only, monkeypatch):
    monkeypatch.setattr(stage, "LOOK_SECONDS", LONG)
    looks: list[float] = []

    def look() -> bool:
        looks.append(time.monotonic())
        if len(looks) == 3:
            reporter.stop()
        return False

    def nothing(*, forgive: bool) -> None:
        """Nothing is claimed."""

    reporter = StageProcess(StageName.REPORTER, sqlite_only)
    reporter.repeat(look, nothing, rest=lambda: 0.1)
    assert 0.2 <= looks[-1] - looks[0] < SOON
