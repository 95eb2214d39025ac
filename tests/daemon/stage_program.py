"""One stage that misbehaves on request: ``python -m tests.daemon.stage_program FOLDER NAME BEHAVIOR``.

It writes what it does into ``FOLDER/journal``: event, name, process id. Many are started, so that each
imports no more than it needs, and only where it needs it.
"""

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from daemon.process import sd_notify


def note(folder: Path, event: str, name: str) -> None:
    with (folder / "journal").open("a") as journal:
        journal.write(f"{event} {name} {os.getpid()}\n")


def notes(folder: Path, event: str = "", name: str = "") -> list[list[str]]:
    """Return the journal, or the lines of one event or one stage."""
    journal = folder / "journal"
    lines = [line.split() for line in journal.read_text().splitlines()] if journal.exists() else []
    return [line for line in lines if event in ("", line[0]) and name in ("", line[1])]


def live(folder: Path, name: str, *, stop_seconds: float = 0.0) -> int:
    """Give signs of life until told to stop."""
    stopping: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _frame: stopping.append(number))
    while not stopping:
        sd_notify.notify(sd_notify.READY, sd_notify.ALIVE, stage=name)
        if not notes(folder, "ready", name):
            note(folder, "ready", name)
        time.sleep(0.01)
    note(folder, "told", name)
    time.sleep(stop_seconds)
    note(folder, "ended", name)
    return 0


def crash_once(folder: Path, name: str) -> int:
    if len(notes(folder, "begun", name)) > 1:
        return live(folder, name)
    sd_notify.notify(sd_notify.READY, stage=name)
    return 1


def fall_silent_once(folder: Path, name: str) -> int:
    if len(notes(folder, "begun", name)) > 1:
        return live(folder, name)
    sd_notify.notify(sd_notify.READY, stage=name)
    time.sleep(600)
    return 0


def never_get_ready(folder: Path, name: str) -> int:
    if len(notes(folder, "begun", name)) > 1:
        return live(folder, name)
    time.sleep(600)
    return 0


def ignore_the_signal(folder: Path, name: str) -> int:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        sd_notify.notify(sd_notify.READY, sd_notify.ALIVE, stage=name)
        if not notes(folder, "ready", name):
            note(folder, "ready", name)
        time.sleep(0.01)


def work(folder: Path, name: str) -> int:
    """Be a real stage with a real store."""
    from daemon.process.lifeline import end_with_supervisor  # noqa: PLC0415
    from daemon.process.stage import StageProcess  # noqa: PLC0415
    from daemon.process.stage_name import StageName  # noqa: PLC0415
    from daemon.store.database import open_store  # noqa: PLC0415
    from daemon.store.location import database_url  # noqa: PLC0415

    end_with_supervisor()
    store = open_store(database_url("", folder))
    stage = StageProcess(StageName(name), store)
    stage.stop_on_signals()
    while not stage.stopping:
        stage.alive()
        if not notes(folder, "ready", name):
            note(folder, "ready", name)
        stage.pause(0.02)
    store.close()
    note(folder, "ended", name)
    return 0


def work_deaf_once(folder: Path, name: str) -> int:
    """Hold the lock of the stage like one that is deep in a computation; the next one is a real stage."""
    from daemon.process.lifeline import end_with_supervisor  # noqa: PLC0415
    from daemon.process.stage_lock import exclusive  # noqa: PLC0415
    from daemon.process.stage_name import StageName  # noqa: PLC0415

    end_with_supervisor()
    with exclusive(folder, "here", StageName(name)):
        if len(notes(folder, "begun", name)) > 1:
            return work(folder, name)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        note(folder, "deaf", name)
        time.sleep(600)
    return 0


def give_up(_folder: Path, _name: str) -> int:
    from daemon.process.stage_name import CANNOT_START  # noqa: PLC0415

    return CANNOT_START


BEHAVIORS: dict[str, Callable[[Path, str], int]] = {
    "live": live,
    "stop-slowly": lambda folder, name: live(folder, name, stop_seconds=1.0),
    "crash-once": crash_once,
    "fall-silent-once": fall_silent_once,
    "never-get-ready": never_get_ready,
    "ignore-the-signal": ignore_the_signal,
    "cannot-start": give_up,
    "work": work,
    "work-deaf-once": work_deaf_once,
}


if __name__ == "__main__":
    place, stage_name, behavior = sys.argv[1:]
    note(Path(place), "begun", stage_name)
    sys.exit(BEHAVIORS[behavior](Path(place), stage_name))
