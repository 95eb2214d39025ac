"""This module keeps the data directory in order: old studies go, leftovers are swept up."""

import logging
import math
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from daemon.spool import Spool
from daemon.stage import StageProcess, now
from daemon.store import retention, stages
from daemon.store.database import Store

ROUND_SECONDS = 300.0
# A file may be seconds older than its row; nothing younger than this is a leftover.
_LEFTOVER_AGE = timedelta(hours=1)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Housekeeper:
    """Ends the life of data after `retention_days`."""

    store: Store
    spool: Spool
    retention_days: int

    def run(self, stage: StageProcess) -> None:
        """Make a round now and then until the stage shall stop."""
        next_round = time.monotonic()
        while not stage.stopping:
            stage.alive()
            if time.monotonic() >= next_round:
                self.step(now())
                next_round = time.monotonic() + ROUND_SECONDS
            stage.wait(1.0)

    def step(self, moment: datetime) -> None:
        """Make one round."""
        horizon = moment - timedelta(days=self.retention_days)
        while paths := retention.purge_studies(self.store, closed_before=horizon):
            self.spool.remove(paths)
            log.info("old studies removed", extra={"files": len(paths)})
        retention.purge_rejections(self.store, before=horizon)
        stages.forget_stages_unseen_since(self.store, moment - timedelta(days=1))
        self._sweep(moment - _LEFTOVER_AGE)

    def _sweep(self, youngest: datetime) -> None:
        known = retention.known_paths(self.store)
        candidates = [*self.spool.stored_files(), *self.spool.incoming.iterdir()]
        for file in candidates:
            path = str(file.relative_to(self.spool.data_dir))
            if path not in known and _modified_at(file) < youngest.timestamp():
                file.unlink(missing_ok=True)
                log.info("leftover file removed", extra={"path": path})


def _modified_at(file: Path) -> float:
    """Give when a file was last written; never, where another process has just taken it away."""
    try:
        return file.stat().st_mtime
    except FileNotFoundError:
        return math.inf
