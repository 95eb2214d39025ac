"""This module keeps the data directory to the user who runs ulna: it holds names and radiographs."""

import os
import pwd
import stat
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

_OTHERS = 0o077  # what a mode allows to the group and to everybody
_NAMES = ("spool", "results", "quarantine", "run", "node")
_NO_CONTENT = "lost+found"  # of a file system that is mounted there


def keep_private(data_dir: Path, database: Sequence[Path]) -> None:
    """Let nobody else read what this process writes from now on, nor what lies in the data directory.

    Only what belongs to this user is narrowed. A data directory that holds other things too, like a home or
    ``/tmp``, keeps its mode, which others may count on; what is ulna's in it is narrowed all the same.
    `exposures` tells what stays open.

    Parameters
    ----------
    database
        The files of the store, whether or not they are there.
    """
    os.umask(_OTHERS)
    if _is_ours(data_dir.stat()) and _holds_nothing_else(data_dir, database):
        _narrow(data_dir)
    private = _private(data_dir, database)
    # Trees are long. What lies in folders that are narrow already, nobody else can reach.
    if any(_is_ours(status) and _is_open(status) for status in private.values()):
        for path in private:
            _narrow_all(path)


def exposures(data_dir: Path, database: Sequence[Path]) -> list[str]:
    """Return what of the data directory others can read, or own, and what to do about it."""
    top, me = data_dir.stat(), this_user()
    if not _is_ours(top):
        owner = _user(top.st_uid)
        return [
            f"{data_dir} belongs to {owner}, and this is {me}: run ulna as {owner}, "
            f"or name a folder of {me} in storage.data_dir"
        ]
    places = {data_dir: top} | _private(data_dir, database)
    found = [line for path, status in places.items() if (line := _exposure(path, status, me))]
    if found and not _holds_nothing_else(data_dir, database):
        found.append(
            f"{data_dir} holds other things too: better name a folder of ulna's own in storage.data_dir"
        )
    return found


def this_user() -> str:
    """Name the user who runs this process."""
    return _user(os.geteuid())


def _exposure(path: Path, status: os.stat_result, me: str) -> str:
    if not _is_ours(status):
        return f"{path} belongs to {_user(status.st_uid)}, not to {me}: chown -R {me} {path}"
    if _is_open(status):
        mode = stat.S_IMODE(status.st_mode)
        return f"{path} is open to others (mode {mode:04o}): chmod {mode & ~_OTHERS:o} {path}"
    return ""


def _private(data_dir: Path, database: Sequence[Path]) -> dict[Path, os.stat_result]:
    """Return the places of patient data that are there."""
    statuses = {}
    for path in (*(data_dir / name for name in _NAMES), *database):
        # SQLite removes files of its own; and a data directory of somebody else shows nothing.
        with suppress(FileNotFoundError, PermissionError):
            statuses[path] = path.stat()
    return statuses


def _holds_nothing_else(data_dir: Path, database: Sequence[Path]) -> bool:
    names = {*_NAMES, _NO_CONTENT, *(path.name for path in database)}
    return names.issuperset(os.listdir(data_dir))


def _narrow_all(top: Path) -> None:
    """Narrow a file; or a folder after all that lies in it, so that an interrupted round is begun anew."""
    for folder, folders, files in os.walk(top, topdown=False):
        for path in (Path(folder, name) for name in (*folders, *files)):
            if not path.is_symlink():
                _narrow(path)
    _narrow(top)


def _narrow(path: Path) -> None:
    # Another process may have taken it away, and not every file system has modes.
    with suppress(OSError):
        status = path.stat()
        if _is_ours(status) and _is_open(status):
            path.chmod(stat.S_IMODE(status.st_mode) & ~_OTHERS)


def _is_ours(status: os.stat_result) -> bool:
    return status.st_uid == os.geteuid()


def _is_open(status: os.stat_result) -> bool:
    return bool(status.st_mode & _OTHERS)


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"user {number}"
