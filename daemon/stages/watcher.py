"""This module is the watcher: it takes in the files that appear in folders."""

import logging
import math
import os
import shutil
import stat
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer

from daemon.errors import IntakeRefused
from daemon.intake import Arrival, Intake
from daemon.process.stage import POLL_SECONDS, StageProcess
from daemon.spool import Spool
from dicom_io.network.store_status import StoreStatus

RESCAN_SECONDS = 30.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Sighting:
    """How a file looked, and since when it has looked like that (monotonic seconds)."""

    size: int
    mtime_ns: int
    since: float


class Watcher:
    """Takes files from folders once they have not changed for a while.

    Parameters
    ----------
    intake, spool
        Where the files go.
    folders
        What is watched, with everything below.
    settle_seconds
        How long a file must stay as it is before it counts as complete: a copy in progress has a name
        long before it has all its bytes.
    """

    def __init__(
        self, intake: Intake, spool: Spool, folders: tuple[Path, ...], *, settle_seconds: float
    ) -> None:
        self._intake = intake
        self._spool = spool
        self._folders = folders
        self._settle_seconds = settle_seconds
        self._sightings: dict[Path, _Sighting] = {}
        self._touched: set[Path] = set()
        self._lock = threading.Lock()
        self._next_scan = 0.0

    def run(self, stage: StageProcess) -> None:
        """Watch until the stage is to stop."""
        observer = Observer()

        def touched(path: Path) -> None:
            self.touch(path)
            stage.wake()

        for folder in self._folders:
            folder.mkdir(parents=True, exist_ok=True)
            observer.schedule(_Touches(touched), str(folder), recursive=True)
        observer.start()
        try:
            while not stage.stopping:
                heard = stage.rings
                stage.alive()
                self.step(time.monotonic(), stage)
                stage.wait(heard, POLL_SECONDS if self._sightings else math.inf)
        finally:
            observer.stop()
            observer.join()

    def touch(self, path: Path) -> None:
        """Remember that something happened to a file."""
        with self._lock:
            self._touched.add(path)

    def step(self, moment: float, stage: StageProcess | None = None) -> None:
        """Look at what changed, and take what is complete.

        Parameters
        ----------
        moment
            Monotonic seconds.
        stage
            Told to live before each file that is taken, since there may be thousands; it may end there.
        """
        with self._lock:
            touched, self._touched = self._touched, set()
        if moment >= self._next_scan:
            # Events get lost: on network folders there are none, and a kernel queue can overflow.
            self._next_scan = moment + RESCAN_SECONDS
            touched |= {path for folder in self._folders for path in folder.rglob("*")}
        for path in sorted(touched | self._sightings.keys()):
            if stage is not None and stage.stopping:
                return
            if self._is_complete(path, moment):
                if stage is not None:
                    stage.alive()
                del self._sightings[path]
                self._take(path)

    def _is_complete(self, path: Path, moment: float) -> bool:
        status = _status_of(path)
        if status is None:
            self._sightings.pop(path, None)
            return False
        seen = self._sightings.get(path)
        if seen is None or (seen.size, seen.mtime_ns) != (status.st_size, status.st_mtime_ns):
            self._sightings[path] = _Sighting(status.st_size, status.st_mtime_ns, moment)
            return False
        return moment - seen.since >= self._settle_seconds

    def _take(self, path: Path) -> None:
        copy = self._spool.incoming / f"{uuid.uuid4().hex}.dcm"
        try:
            shutil.copyfile(path, copy)
            refusal = self._bring_in(copy)
            if refusal is not None and refusal.status is StoreStatus.OUT_OF_RESOURCES:
                return  # the file stays where it is and is found again by the next scan
            if refusal is not None:
                name = self._spool.set_aside(path, refusal.reason)
                log.warning(
                    "file of a folder moved to quarantine",
                    extra={"quarantine": name, "reason": refusal.reason},
                )
            path.unlink(missing_ok=True)
        except OSError as error:
            copy.unlink(missing_ok=True)
            log.warning(
                "file of a folder cannot be taken now", extra={"reason": os.strerror(error.errno or 0)}
            )

    def _bring_in(self, copy: Path) -> IntakeRefused | None:
        """Hand a copy to the intake, which removes it; give why it was not taken."""
        try:
            self._intake.accept(Arrival(path=copy, source="folder"))
        except IntakeRefused as refusal:
            return refusal
        return None


def _status_of(path: Path) -> os.stat_result | None:
    """Return the status of a file that may be taken; None where it is none, is hidden, or is gone by now."""
    try:
        status = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return status if stat.S_ISREG(status.st_mode) and not path.name.startswith(".") else None


class _Touches(FileSystemEventHandler):
    """Hands every path that an event names to a callback."""

    def __init__(self, touch: Callable[[Path], None]) -> None:
        self._touch = touch

    def on_any_event(self, event: FileSystemEvent) -> None:
        """Take note of an event."""
        for path in (event.src_path, event.dest_path):
            if path and not event.is_directory:
                self._touch(Path(os.fsdecode(path)))
