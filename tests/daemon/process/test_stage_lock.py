"""One process at a time is a stage of a node, and one machine is a node."""

import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from daemon.errors import StageAlreadyRunning
from daemon.process import stage_lock
from daemon.process.stage_lock import exclusive, is_held
from daemon.process.stage_name import StageName
from tests.daemon.deadline import wait_until

HOLDING = (
    "import pathlib, sys\nfrom daemon.process.stage_lock import exclusive, StageName\n"
    "with exclusive(pathlib.Path(sys.argv[1]), 'a', StageName.SENDER):\n"
    "    sys.stdout.write('held\\n'); sys.stdout.flush(); sys.stdin.read()"
)


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(stage_lock, "_WAIT_SECONDS", 0.1)


@pytest.fixture
def elsewhere(monkeypatch):
    """Let this process be on another machine than those it starts."""
    monkeypatch.setattr(stage_lock, "_machine", lambda: "another-kernel")


@contextmanager
def another_process_that_holds_it(data_dir: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-c", HOLDING, str(data_dir)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        try:
            yield holder
        finally:
            holder.kill()


def test_second_stage_of_a_kind_is_refused_and_told_who_the_first_is(tmp_path, impatient):
    with (
        another_process_that_holds_it(tmp_path) as holder,
        pytest.raises(StageAlreadyRunning, match=rf"another process \({holder.pid} on .+\) runs the sender"),
        exclusive(tmp_path, "a", StageName.SENDER),
    ):
        pass


def test_stages_of_different_kinds_and_of_different_nodes_run_side_by_side(tmp_path, impatient):
    with (
        exclusive(tmp_path, "a", StageName.SENDER),
        exclusive(tmp_path, "a", StageName.REPORTER),
        exclusive(tmp_path, "b", StageName.SENDER),
    ):
        pass


def test_lock_is_free_again_after_the_block(tmp_path, impatient):
    for _ in range(2):
        with exclusive(tmp_path, "a", StageName.SENDER):
            pass


def test_lock_of_a_killed_process_is_free(tmp_path):
    with another_process_that_holds_it(tmp_path) as holder:
        holder.kill()
        with exclusive(tmp_path, "a", StageName.SENDER):
            pass


def test_lock_is_waited_for_and_the_wait_is_told(tmp_path, caplog):
    caplog.set_level(logging.WARNING, "daemon.process.stage_lock")
    taken = threading.Event()

    def take() -> None:
        with exclusive(tmp_path, "a", StageName.SENDER):
            taken.set()

    with another_process_that_holds_it(tmp_path):
        waiting = threading.Thread(target=take)
        waiting.start()
        wait_until(lambda: "another process still holds the lock; waiting" in caplog.messages, "a message")
        assert not taken.is_set()
    waiting.join()
    assert taken.is_set()


def test_it_can_be_asked_whether_a_stage_runs(tmp_path):
    assert not is_held(tmp_path, "a/sender")
    with another_process_that_holds_it(tmp_path):
        assert is_held(tmp_path, "a/sender")
        assert not is_held(tmp_path, "b/sender")
    assert not is_held(tmp_path, "a/sender")


@pytest.mark.parametrize("name", [StageName.SENDER, StageName.ANALYZER])
def test_another_machine_of_the_same_name_is_refused_and_told_what_to_set(
    tmp_path, impatient, elsewhere, name
):
    with (
        another_process_that_holds_it(tmp_path),
        pytest.raises(StageAlreadyRunning, match=r"another machine \(.+\) works on .+ set storage\.node"),
        exclusive(tmp_path, "a", name),
    ):
        pass


def test_another_machine_with_a_name_of_its_own_works_beside_it(tmp_path, impatient, elsewhere):
    with another_process_that_holds_it(tmp_path), exclusive(tmp_path, "b", StageName.SENDER):
        pass


def test_what_a_machine_that_is_gone_wrote_into_its_lock_is_in_nobodys_way(tmp_path, impatient, elsewhere):
    with another_process_that_holds_it(tmp_path):
        pass
    with exclusive(tmp_path, "a", StageName.ANALYZER):
        pass
