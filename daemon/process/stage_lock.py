"""This module is the lock of a stage: two of one kind in one node's name would take each other's claims.

A node is one machine. The file of a lock says which machine holds it, so that a second one which uses the
same name is told so instead of sharing claims with the first.
"""

import fcntl
import logging
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from daemon.errors import StageAlreadyRunning
from daemon.process.stage import POLL_SECONDS
from daemon.process.stage_name import StageName

_WAIT_SECONDS = 10.0
_QUIET_SECONDS = 1.0  # whoever only asks holds a lock for a moment

log = logging.getLogger(__name__)


@contextmanager
def exclusive(data_dir: Path, node: str, name: StageName) -> Iterator[None]:
    """Hold the lock of a stage.

    The process that held it before may still be on its way out, so a taken lock is waited for briefly.

    Raises
    ------
    StageAlreadyRunning
        Another process keeps the lock, or another machine runs stages in this node's name.
    """
    place = _path(data_dir, node, name)
    place.parent.mkdir(exist_ok=True, mode=0o700)
    with place.open("a+") as file:
        if not _comes_free(file, name):
            raise StageAlreadyRunning(_complaint(data_dir, node, name))
        file.truncate(0)
        file.write(f"{_machine()} {socket.gethostname()} {os.getpid()}\n")
        file.flush()
        # After its own lock: of two machines that start at once, one sees the other.
        _require_one_machine(data_dir, node)
        log.debug("lock taken")
        yield


def is_held(data_dir: Path, owner: str) -> bool:
    """Return whether a process holds the lock of a stage, which is named as in claims: node/stage."""
    node, _, name = owner.rpartition("/")
    try:
        with _path(data_dir, node, name).open() as file:
            return not _locked(file, fcntl.LOCK_SH)
    except FileNotFoundError:
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Holder:
    """Who wrote himself into a lock; the host's name and the process are for people."""

    machine: str
    host: str
    process: str


def _comes_free(file: IO[str], name: StageName) -> bool:
    begun, told = time.monotonic(), False
    while not _locked(file, fcntl.LOCK_EX):
        waited = time.monotonic() - begun
        if waited > _WAIT_SECONDS:
            return False
        if waited > _QUIET_SECONDS and not told:
            told = True
            log.warning("another process still holds the lock; waiting", extra={"lock": name})
        time.sleep(POLL_SECONDS)
    return True


def _locked(file: IO[str], kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _complaint(data_dir: Path, node: str, name: StageName) -> str:
    holder = _holder(data_dir, node, name)
    if holder is not None and holder.machine != _machine():
        return _shared(data_dir, node, holder)
    process = "another process" if holder is None else f"another process ({holder.process} on {holder.host})"
    return f"{process} runs the {name} on {data_dir}; stop it, or give this one a storage.data_dir of its own"


def _require_one_machine(data_dir: Path, node: str) -> None:
    for name in StageName:
        holder = _holder(data_dir, node, name)
        if holder is None or holder.machine == _machine():
            continue
        if is_held(data_dir, f"{node}/{name}"):  # what a machine that is gone wrote stays behind
            raise StageAlreadyRunning(_shared(data_dir, node, holder))


def _shared(data_dir: Path, node: str, holder: _Holder) -> str:
    return (
        f"another machine ({holder.host}) works on {data_dir} as node {node} too; "
        "set storage.node on each machine that shares it, to a name of its own"
    )


def _holder(data_dir: Path, node: str, name: StageName) -> _Holder | None:
    try:
        words = _path(data_dir, node, name).read_text().split()
    except FileNotFoundError:
        return None
    return _Holder(machine=words[0], host=words[1], process=words[2]) if len(words) == 3 else None


def _path(data_dir: Path, node: str, name: str) -> Path:
    return data_dir / "run" / f"{node}-{name}.lock"


def _machine() -> str:
    """Identify the running kernel: alike in all containers of a machine, and on no other machine."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
