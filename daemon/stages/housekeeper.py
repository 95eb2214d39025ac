"""This module keeps the data directory in order: old studies go, leftovers are swept up."""

import logging
import math
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from daemon.clock import has_jumped
from daemon.process.stage import LOOK_SECONDS, StageProcess
from daemon.spool import Spool
from daemon.store import retention, stages, tallies
from daemon.store.database import Store
from daemon.store.history import purge_events
from daemon.store.measurements import purge_measurements

ROUND_SECONDS = 300.0
FOLD_SECONDS = 60.0
# A file may be seconds older than its row; nothing younger than this is a leftover.
_LEFTOVER_AGE = timedelta(hours=1)
_AT_ONCE = 100  # leftovers that are removed while nothing can be recorded

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Housekeeper:
    """Ends the life of data after `retention_days`, of history and of rows without identifiers later."""

    store: Store
    spool: Spool
    retention_days: int
    event_days: int
    measurement_days: int

    def run(self, stage: StageProcess) -> None:
        """Make a round now and then until the stage is to stop.

        None at once: only a clock that has gone as the time did says what is old.
        """
        before, begun = stage.clock(), time.monotonic()
        next_fold = begun
        while not stage.stopping:
            stage.alive()
            if time.monotonic() >= next_fold:
                tallies.fold(self.store)
                next_fold = time.monotonic() + FOLD_SECONDS
            elapsed = time.monotonic() - begun
            if elapsed >= ROUND_SECONDS:
                moment = stage.clock()
                self.step_if_steady(before, moment, elapsed_seconds=elapsed)
                before, begun = moment, time.monotonic()
            stage.pause(LOOK_SECONDS)

    def step_if_steady(self, before: datetime, moment: datetime, *, elapsed_seconds: float) -> None:
        """Make one round, but none where the clock has jumped since a moment: everything would look old."""
        if has_jumped(before, moment, elapsed_seconds=elapsed_seconds):
            log.warning("the clock has jumped by more than a day: nothing is removed before the next round")
        else:
            self.step(moment)

    def step(self, moment: datetime) -> None:
        """Make one round."""
        horizon = moment - timedelta(days=self.retention_days)
        while paths := retention.purge_studies(self.store, closed_before=horizon):
            self.spool.remove(paths)
            log.info("old studies removed", extra={"files": len(paths)})
        retention.purge_rejections(self.store, before=horizon)
        purge_events(self.store, before=moment - timedelta(days=self.event_days))
        purge_measurements(self.store, now=moment, days=self.measurement_days)
        stages.forget_stages_unseen_since(self.store, moment - timedelta(days=1))
        self._sweep((moment - _LEFTOVER_AGE).timestamp())

    def _sweep(self, youngest: float) -> None:
        """Remove what was last written before a moment (seconds of the epoch) and is of no use."""
        # The store never speaks of these; an intake that still waits for one refuses it then.
        self._remove(map(self._path, self.spool.incoming_files()), youngest)
        unknown = set(map(self._path, self.spool.stored_files())) - retention.known_paths(self.store)
        candidates = [path for path in sorted(unknown) if self._is_old(path, youngest)]
        for first in range(0, len(candidates), _AT_ONCE):
            self._sweep_stored(frozenset(candidates[first : first + _AT_ONCE]), youngest)

    def _sweep_stored(self, candidates: frozenset[str], youngest: float) -> None:
        try:
            with retention.unrecorded(self.store, candidates) as leftovers:
                self._remove(leftovers, youngest)
        except DBAPIError:
            log.warning("the store is busy: leftover files stay until the next round")

    def _remove(self, paths: Iterable[str], youngest: float) -> None:
        for path in paths:
            if self._is_old(path, youngest):
                self.spool.remove([path])
                log.info("leftover file removed", extra={"path": path})

    def _is_old(self, path: str, youngest: float) -> bool:
        return _modified_at(self.spool.absolute(path)) < youngest

    def _path(self, file: Path) -> str:
        return str(file.relative_to(self.spool.data_dir))


def _modified_at(file: Path) -> float:
    """Return when a file was last written; never, where another process has just taken it away."""
    try:
        return file.stat().st_mtime
    except FileNotFoundError:
        return math.inf
