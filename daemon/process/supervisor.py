"""This module starts the stages as processes, watches them, and stops them in order."""

import logging
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import FrameType

from daemon.process import sd_notify
from daemon.process.lifeline import Lifeline
from daemon.process.stage_name import CANNOT_START, StageName

_TICK_SECONDS = 0.5
_INTAKE = (StageName.RECEIVER, StageName.WATCHER)

# Of the stages that take instances in: while all load at once they share the processors, and senders wait.
_HEAD_START_SECONDS = 3.0

# Not part of the main job: they start when that is ready, so that it is ready sooner.
_AFTERWARDS = (StageName.HOUSEKEEPER, StageName.WEB)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a supervisor waits.

    Attributes
    ----------
    ready_seconds
        For the first sign of life of a stage: it may have to load a bundle.
    stall_seconds
        For the next sign of life.
    healthy_seconds
        Until the earlier failures of a stage are forgotten.
    first_pause_seconds, longest_pause_seconds
        Before a stage is started again; the pause doubles with each failure.
    stop_seconds
        For all stages to end; half of it for those that take instances in, which end first.
    """

    ready_seconds: float = 180.0
    stall_seconds: float = 120.0
    healthy_seconds: float = 60.0
    first_pause_seconds: float = 0.5
    longest_pause_seconds: float = 30.0
    stop_seconds: float = 9.0


@dataclass(slots=True)
class _Child:
    """One stage as the supervisor sees it."""

    name: StageName
    command: Sequence[str]
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    heard: float = 0.0
    ready: bool = False
    failures: int = 0
    start_at: float = field(default=0.0)

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None


class Supervisor:
    """Runs stages until it is told to stop.

    A stage that ends is started again, after a pause that grows with each failure; one that gives no
    sign of life is killed first. Only a stage that says it cannot start at all ends the service.

    Parameters
    ----------
    commands
        The command line of each stage.
    listener
        Where the stages are heard.
    patience
        How long it waits.
    """

    def __init__(
        self,
        commands: Mapping[StageName, Sequence[str]],
        listener: sd_notify.Listener,
        patience: Patience = Patience(),
    ) -> None:
        self._children: dict[str, _Child] = {
            name: _Child(name, command) for name, command in commands.items()
        }
        self._listener = listener
        self._lifeline = Lifeline()
        self._patience = patience
        self._stopping = False
        self._announced = False
        self._begun = time.monotonic()

    def run(self) -> int:
        """Run until a signal comes; return the exit status."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        status = 0
        while not self._stopping and status == 0:
            for child in self._children.values():
                status = status or self._look_after(child)
            self._announce()
            self._hear(_TICK_SECONDS)
        sd_notify.notify(sd_notify.STOPPING)
        self._stop()
        return status

    def _look_after(self, child: _Child) -> int:
        moment = time.monotonic()
        if child.running:
            limit = self._patience.stall_seconds if child.ready else self._patience.ready_seconds
            if moment - child.heard > limit:
                log.error("stage gives no sign of life and is killed", extra={"ended_stage": child.name})
                self._signal(child, signal.SIGKILL)
            elif moment - child.started > self._patience.healthy_seconds:
                child.failures = 0
            return 0
        if child.process is not None:
            status = child.process.returncode
            if status == CANNOT_START and not child.ready and child.failures == 0:
                log.error("stage cannot start; see its message above", extra={"ended_stage": child.name})
                return CANNOT_START
            self._plan_restart(child, status)
        elif moment >= child.start_at and self._is_its_turn(child, moment):
            self._start(child)
        return 0

    def _is_its_turn(self, child: _Child, moment: float) -> bool:
        if child.name in _AFTERWARDS:
            return self._announced
        intake = [other for other in self._children.values() if other.name in _INTAKE]
        return (
            child in intake
            or all(other.ready for other in intake)
            or moment - self._begun > _HEAD_START_SECONDS
        )

    def _start(self, child: _Child) -> None:
        child.process = subprocess.Popen(
            child.command,
            env=os.environ | self._listener.environment() | self._lifeline.environment(),
            pass_fds=[self._lifeline.descriptor],
            # Ctrl-C in a terminal reaches the supervisor alone, which stops them in order.
            process_group=0,
        )
        child.started = child.heard = time.monotonic()
        child.ready = False

    def _plan_restart(self, child: _Child, status: int) -> None:
        patience = self._patience
        pause = min(
            patience.longest_pause_seconds, patience.first_pause_seconds * 2.0 ** min(child.failures, 20)
        )
        child.failures += 1
        child.process, child.start_at = None, time.monotonic() + pause
        log.error(
            "stage ended and is started again",
            extra={"ended_stage": child.name, "exit_status": status, "pause_seconds": pause},
        )

    def _announce(self) -> None:
        main = [child for child in self._children.values() if child.name not in _AFTERWARDS]
        if not self._announced and all(child.running and child.ready for child in main):
            self._announced = True
            log.info("ready", extra={"stages": ",".join(child.name for child in main)})
            sd_notify.notify(sd_notify.READY)
        if self._announced:
            # Of the supervisor alone: a stage in trouble is its business, and being killed by systemd for
            # it would take the receiver down too.
            sd_notify.notify(sd_notify.ALIVE)

    def _hear(self, seconds: float) -> None:
        if not select.select([self._listener.socket], [], [], seconds)[0]:
            return
        while True:
            try:
                name, lines = self._listener.receive()
            except BlockingIOError:
                return
            child = self._children.get(name)
            if child is not None:
                child.heard = time.monotonic()
                child.ready = child.ready or sd_notify.READY in lines

    def _stop(self) -> None:
        """Stop listening first, then the rest; whoever is not done in time is killed and resumes later."""
        deadline = time.monotonic() + self._patience.stop_seconds
        intake = [self._children[name] for name in _INTAKE if name in self._children]
        others = [child for child in self._children.values() if child.name not in _INTAKE]
        for group, limit in ((intake, deadline - self._patience.stop_seconds / 2), (others, deadline)):
            for child in group:
                self._signal(child, signal.SIGTERM)
            while any(child.running for child in group) and time.monotonic() < limit:
                self._hear(0.05)  # unheard messages fill the socket, and a stage that talks would wait
        for child in self._children.values():
            if child.running:
                log.warning("stage did not stop in time and is killed", extra={"ended_stage": child.name})
                self._signal(child, signal.SIGKILL)
            if child.process is not None:
                child.process.wait()
        log.info("stopped")

    @staticmethod
    def _signal(child: _Child, number: signal.Signals) -> None:
        if child.running and child.process is not None:
            child.process.send_signal(number)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping = True


def stage_command(name: StageName, config_arguments: Sequence[str]) -> list[str]:
    """Return the command line that runs one stage."""
    return [sys.executable, "-m", "daemon", "serve", "--only", name, *config_arguments]
