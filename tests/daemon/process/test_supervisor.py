"""The supervisor keeps real stage processes alive, and stops them in order."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from daemon.process import sd_notify
from daemon.process.stage_name import CANNOT_START
from tests.daemon.deadline import wait_until
from tests.daemon.stage_program import notes
from tests.processes import is_alive

REPOSITORY = Path(__file__).parents[3]


@dataclass(frozen=True, slots=True)
class Service:
    """Supervisors in a folder, and what their stages wrote into its journal."""

    folder: Path
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, *stages: str, **patience: float) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "tests.daemon.supervised", str(self.folder), json.dumps(patience)]
        environment = {key: value for key, value in os.environ.items() if key != "NOTIFY_SOCKET"}
        environment |= {"NOTIFY_SOCKET": str(self.folder / "systemd")}
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen([*command, *stages], cwd=REPOSITORY, env=environment, stderr=log)
        self.started.append(process)
        return process

    def events(self, name: str) -> list[str]:
        return [event for event, _, _ in notes(self.folder, name=name)]

    def process_ids(self, name: str) -> list[int]:
        """Give the ids of all processes that were this stage."""
        return [int(number) for _, _, number in notes(self.folder, "begun", name)]

    def wait_for(self, event: str, *names: str) -> None:
        for name in names:
            wait_until(lambda name=name: event in self.events(name), f"{name} {event}")  # type: ignore[misc]

    def end_all(self) -> None:
        for process in self.started:
            process.kill()
            process.wait()
        for _, _, number in notes(self.folder, "begun"):
            with suppress(ProcessLookupError):
                os.kill(int(number), signal.SIGKILL)


@pytest.fixture
def service(tmp_path) -> Iterator[Service]:
    opened = Service(tmp_path)
    yield opened
    opened.end_all()


@pytest.fixture
def systemd(tmp_path) -> Iterator[sd_notify.Listener]:
    listener = sd_notify.listen(tmp_path / "systemd")
    yield listener
    listener.close()


def stop(process: subprocess.Popen[bytes]) -> int:
    process.send_signal(signal.SIGTERM)
    return process.wait(60)


def test_stages_stop_in_order_and_the_service_ends_well(service):
    process = service.start("sender=live", "receiver=stop-slowly", "watcher=live")
    service.wait_for("ready", "sender", "receiver", "watcher")
    assert stop(process) == 0
    order = [(event, name) for event, name, _ in notes(service.folder) if event in ("told", "ended")]
    assert order.index(("ended", "receiver")) < order.index(("told", "sender"))
    assert order.index(("ended", "watcher")) < order.index(("told", "sender"))
    assert order[-1] == ("ended", "supervisor")


def test_stages_that_talk_while_others_stop_are_not_held_up(service):
    process = service.start("receiver=stop-slowly", "analyzer=live", "reporter=live", stop_seconds=30.0)
    service.wait_for("ready", "receiver", "analyzer", "reporter")
    assert stop(process) == 0
    assert service.events("analyzer")[-1] == service.events("reporter")[-1] == "ended"


def test_interrupt_stops_like_the_signal_of_systemd(service):
    process = service.start("sender=live")
    service.wait_for("ready", "sender")
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 0
    assert service.events("sender")[-1] == "ended"


def test_stage_that_does_not_stop_in_time_is_killed(service):
    process = service.start("sender=ignore-the-signal", stop_seconds=1.0)
    service.wait_for("ready", "sender")
    assert stop(process) == 0
    assert not is_alive(service.process_ids("sender")[0])


def test_stage_that_ends_is_started_again(service):
    process = service.start("sender=crash-once", "reporter=live", first_pause_seconds=0.05)
    service.wait_for("ready", "sender", "reporter")
    assert len(service.process_ids("sender")) == 2
    assert len(service.process_ids("reporter")) == 1
    assert stop(process) == 0


def test_stage_that_is_killed_is_started_again(service):
    service.start("sender=live", first_pause_seconds=0.05)
    service.wait_for("ready", "sender")
    os.kill(service.process_ids("sender")[0], signal.SIGKILL)
    wait_until(lambda: len(service.process_ids("sender")) == 2, "a second sender")


@pytest.mark.parametrize(
    ("behavior", "patience"),
    [("fall-silent-once", {"stall_seconds": 2.0}), ("never-get-ready", {"ready_seconds": 4.0})],
)
def test_stage_without_a_sign_of_life_is_killed_and_started_again(service, behavior, patience):
    service.start(f"sender={behavior}", first_pause_seconds=0.05, **patience)
    service.wait_for("ready", "sender")
    first, *_ = service.process_ids("sender")
    assert not is_alive(first)


def test_stage_that_cannot_start_ends_the_service(service):
    process = service.start("sender=live", "analyzer=cannot-start")
    assert process.wait(60) == CANNOT_START
    assert not any(is_alive(number) for number in service.process_ids("sender"))
    assert len(service.process_ids("analyzer")) == 1


def test_stages_of_a_killed_supervisor_end_by_themselves(service):
    process = service.start("sender=work", "reporter=work")
    service.wait_for("ready", "sender", "reporter")
    process.kill()
    process.wait()
    service.wait_for("ended", "sender", "reporter")


def test_stage_deep_in_its_work_ends_with_a_killed_supervisor_and_its_lock_is_free(service):
    process = service.start("sender=work-deaf-once")
    service.wait_for("deaf", "sender")
    process.kill()
    process.wait()
    successor = service.start("sender=work-deaf-once")
    service.wait_for("ready", "sender")
    first, second = service.process_ids("sender")
    assert not is_alive(first)
    assert is_alive(second)
    assert stop(successor) == 0


def test_systemd_hears_when_all_are_ready_and_when_they_stop(service, systemd):
    process = service.start("sender=live", "reporter=live")
    service.wait_for("ready", "sender", "reporter")
    heard: list[str] = []

    def hear(wanted: str) -> bool:
        with suppress(BlockingIOError):
            while True:
                heard.extend(sorted(systemd.receive()[1]))
        return wanted in heard

    wait_until(lambda: hear("READY=1"), "READY=1")
    wait_until(lambda: hear("WATCHDOG=1"), "WATCHDOG=1")
    process.send_signal(signal.SIGTERM)
    wait_until(lambda: hear("STOPPING=1"), "STOPPING=1")
    assert process.wait(60) == 0
    assert heard.index("READY=1") < heard.index("WATCHDOG=1") < heard.index("STOPPING=1")
    assert heard.count("READY=1") == 1


def test_page_and_housekeeping_start_when_the_main_job_is_ready(service):
    service.start("web=live", "sender=live", "reporter=never-get-ready", ready_seconds=60.0)
    service.wait_for("ready", "sender")
    wait_until(lambda: service.process_ids("reporter"), "the reporter has begun")
    assert service.process_ids("web") == []


def test_what_takes_instances_in_starts_first_and_the_rest_when_it_is_ready_or_late(service):
    service.start("sender=live", "receiver=live")
    service.wait_for("ready", "sender", "receiver")
    order = [(event, name) for event, name, _ in notes(service.folder)]
    assert order.index(("ready", "receiver")) < order.index(("begun", "sender"))


def test_the_rest_does_not_wait_for_ever_for_what_takes_instances_in(service):
    service.start("sender=live", "receiver=never-get-ready", ready_seconds=60.0)
    service.wait_for("ready", "sender")
    assert service.events("receiver") == ["begun"]


def test_systemd_is_not_told_of_a_service_whose_stage_is_not_ready(service, systemd):
    service.start("sender=live", "reporter=fall-silent-once", "watcher=never-get-ready", ready_seconds=60.0)
    service.wait_for("ready", "sender")
    wait_until(lambda: service.process_ids("watcher"), "the watcher has begun")
    with pytest.raises(BlockingIOError):
        systemd.receive()
