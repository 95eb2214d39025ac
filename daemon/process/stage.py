"""This module is what all stages share: one process, its signals and its sign of life."""

import logging
import math
import os
import signal
import time
from collections.abc import Callable
from datetime import datetime
from types import FrameType
from typing import Protocol

from sqlalchemy.exc import SQLAlchemyError

from daemon.clock import now
from daemon.process import sd_notify
from daemon.process.bell import Bell
from daemon.process.hindrance import hindrance
from daemon.process.stage_name import StageName
from daemon.store.database import Store
from daemon.store.renewal import Renewal
from daemon.store.shown import StageRecord
from daemon.store.stages import record_stage

log = logging.getLogger(__name__)

POLL_SECONDS = 0.2
"""How often one looks for what nobody rings a bell for."""

LOOK_SECONDS = 2.0
"""How often a stage looks for work that nobody told it of: a ring was lost, or a time has come."""

SHARED_LOOK_SECONDS = 0.5
"""The same where stages of other machines may have made it."""

LONGEST_HINDRANCE_SECONDS = 10.0
_RECORD_SECONDS = 5.0


class Release(Protocol):
    """Gives back whatever a stage has claimed."""

    def __call__(self, *, forgive: bool) -> None:
        """Give it back; `forgive` says that what was begun with it does not count as an attempt."""


class StageProcess:
    """This process as a stage: tells that it lives, and when it is to stop.

    Parameters
    ----------
    node
        The machine that it works for, see `daemon.process.node`.
    clock
        Gives the time of all that the stage does.
    bell
        Where other stages tell this one that there is work; None for a stage that nobody tells.
    shared
        Whether stages of other machines make work for it too: their bells are not heard here.

    Attributes
    ----------
    owner
        How the stage names itself in claims: a process that replaces a dead one finds its claims by it.
    """

    def __init__(
        self,
        name: StageName,
        store: Store,
        *,
        node: str = "here",
        clock: Callable[[], datetime] = now,
        bell: Bell | None = None,
        shared: bool = False,
    ) -> None:
        self.name = name
        self.owner = f"{node}/{name}"
        self.clock = clock
        self._store = store
        self._node = node
        self._bell = bell or Bell()
        self._look_seconds = SHARED_LOOK_SECONDS if shared else LOOK_SECONDS
        self._stopping = False
        self._started_at = clock()
        self._ready = False
        self._recorded = float("-inf")
        self._condition = ""
        self._notice = ""

    @property
    def stopping(self) -> bool:
        """Whether the stage is to end."""
        return self._stopping

    @property
    def rings(self) -> int:
        """How often the stage was told of work; `wait` wants to know what was heard before it looked."""
        return self._bell.count

    def stop(self) -> None:
        """Let the stage end at the next occasion; a signal handler may call it."""
        self._stopping = True
        self._bell.ring()

    def wake(self) -> None:
        """Let the stage look for work now; any thread of it may call this."""
        self._bell.ring()

    def tell(self, name: StageName) -> None:
        """Tell another stage that there is work for it."""
        self._bell.ring_other(f"{self._node}/{name}")

    def stop_on_signals(self) -> None:
        """Let SIGTERM and SIGINT set the flag that the loop reads; a handler must do no more."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)

    def alive(self, condition: str | None = None) -> None:
        """Tell the supervisor, and now and then the store, that the stage lives.

        Parameters
        ----------
        condition
            What keeps the stage from working, in plain words; empty when it works. None leaves what was
            told before: a step that lives need not know that the one before it was hindered.
        """
        lines = [sd_notify.ALIVE] if self._ready else [sd_notify.ALIVE, sd_notify.READY]
        sd_notify.notify(*lines, stage=self.name)
        self._ready = True
        told = self._condition
        if condition is not None:
            self._condition = condition
        if self._condition != told or time.monotonic() - self._recorded >= _RECORD_SECONDS:
            self._recorded = time.monotonic()
            self._record()

    def note(self, notice: str) -> None:
        """Keep for people, as long as this process lives, what is not as it should be though it works.

        `notice` is a sentence without patient data.
        """
        self._notice = notice

    def working(self, renewal: Renewal) -> None:
        """Tell in the midst of a step that the stage lives, and keep what it has claimed for that step."""
        self.alive()
        renewal.renew(self.clock())

    def repeat(
        self,
        step: Callable[[], bool],
        release: Release,
        *,
        rest: Callable[[], float] = lambda: math.inf,
    ) -> None:
        """Take step after step until the stage ends; rest after one that found nothing to do.

        A full disk, or a store that is away, ends a step but not the stage: it tells what hinders it, and
        tries again after a pause that grows. Any other error ends the stage.

        Parameters
        ----------
        release
            Called before the first step for what a process that died had claimed, which counts as an
            attempt; and, forgiving it, before the step that follows a hindered one, and at the end. After
            an error that ends the stage it is not called: the next process counts the attempt, or
            what raised it would be tried for ever.
        rest
            Seconds after which there will be something to do, if nobody tells of any before.
        """
        release(forgive=False)
        failures, hindered = 0, ""
        while not self.stopping:
            heard = self.rings
            self.alive(hindered)
            try:
                if hindered:
                    release(forgive=True)
                worked = step()
            except (OSError, SQLAlchemyError) as error:
                hindered = hindrance(error)
                if not hindered:
                    raise
                failures += 1
                log.exception("hindered; tried again", extra={"failures": failures})
                self.pause(min(LONGEST_HINDRANCE_SECONDS, POLL_SECONDS * 2.0**failures))
                continue
            failures, hindered = 0, ""
            if not worked:
                self.wait(heard, rest())
        release(forgive=True)

    def wait(self, heard: int, seconds: float = math.inf) -> None:
        """Sleep until the stage is told of work or is to end, or it is time to look without being told.

        Parameters
        ----------
        heard
            `rings` before the stage looked for work: what came in between is not slept over.
        seconds
            Until something is due; it looks by then.
        """
        self._bell.wait(heard, min(seconds, self._look_seconds))

    def pause(self, seconds: float = POLL_SECONDS) -> None:
        """Sleep whatever is told, but no longer than until the stage is to end."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            heard = self.rings  # before the flag: the ring of its end is not slept over
            if self.stopping:
                return
            self._bell.wait(heard, left)

    def _record(self) -> None:
        record = StageRecord(
            name=self.owner,
            process_id=os.getpid(),
            started_at=self._started_at,
            seen_at=self.clock(),
            condition=self._condition,
            notice=self._notice,
        )
        try:
            record_stage(self._store, record)
        except SQLAlchemyError:
            # On a full disk a receiver must live to answer "out of resources", whatever the page shows.
            log.exception("sign of life is not recorded")

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self.stop()
