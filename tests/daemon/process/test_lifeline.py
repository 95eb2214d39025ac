"""A stage ends with its supervisor, and with nobody else."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from daemon.process import lifeline, sd_notify
from tests.daemon.deadline import wait_until
from tests.daemon.stage_program import notes

REPOSITORY = Path(__file__).parents[3]


@pytest.fixture
def folder(tmp_path) -> Iterator[Path]:
    yield tmp_path
    for _, _, number in notes(tmp_path, "begun"):
        with suppress(ProcessLookupError):
            os.kill(int(number), signal.SIGKILL)


def start(folder: Path, *before: str, descriptor: int | None = None) -> subprocess.Popen[bytes]:
    environment = {key: value for key, value in os.environ.items() if key != lifeline.VARIABLE}
    environment["NOTIFY_SOCKET"] = str(folder / "notify")
    if descriptor is not None:
        environment[lifeline.VARIABLE] = str(descriptor)
    return subprocess.Popen(
        [*before, sys.executable, "-m", "tests.daemon.stage_program", str(folder), "sender", "work"],
        cwd=REPOSITORY,
        env=environment,
        pass_fds=[] if descriptor is None else [descriptor],
    )


def test_the_pipe_closes_when_the_last_who_holds_its_other_end_is_gone(folder):
    ours, theirs = os.pipe()
    stage = start(folder, descriptor=ours)
    wait_until(lambda: notes(folder, "ready"), "the stage works")
    assert notes(folder, "ended") == []
    os.close(theirs)
    assert stage.wait(60) == 0
    assert notes(folder, "ended") != []
    os.close(ours)


def test_stage_whose_supervisor_died_before_it_began_ends(folder):
    ours, theirs = os.pipe()
    os.close(theirs)
    assert start(folder, descriptor=ours).wait(60) in (0, -signal.SIGTERM)
    os.close(ours)


def test_stage_that_runs_alone_outlives_whoever_started_it(folder):
    listener = sd_notify.listen(folder / "notify")
    shell = start(folder, "sh", "-c", '"$@" & wait $!', "sh")
    wait_until(lambda: notes(folder, "ready"), "the stage works")
    shell.kill()
    shell.wait()
    while heard(listener):
        pass
    wait_until(lambda: heard(listener), "another sign of life")
    listener.close()
    assert notes(folder, "ended") == []


def heard(listener: sd_notify.Listener) -> bool:
    with suppress(BlockingIOError):
        return "WATCHDOG=1" in listener.receive()[1]
    return False
