"""This module is the files: instances and results, each written whole or not at all.

Layout below the data directory: ``spool/`` received instances by content, ``spool/incoming/`` those not
yet acknowledged, in a folder for each node, ``results/`` what we built, ``quarantine/`` files from folders
that are no use. Names never come from received values.
"""

import hashlib
import mmap
import os
import re
import shutil
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from dicom_io.errors import UnusableInstance

_BLOCK = 1 << 20
_BY_CONTENT = tuple(f"{number:02x}" for number in range(256))  # the first two digits of a digest


@dataclass(frozen=True, slots=True)
class Spool:
    """The files of one data directory; paths given and taken are relative to it.

    Attributes
    ----------
    node
        This machine, see `daemon.process.node`: several may share a data directory, and none touches what
        another receives.
    """

    data_dir: Path
    node: str = "here"

    @property
    def incoming(self) -> Path:
        """Where this machine writes instances before they are acknowledged."""
        return self._all_incoming / self.node

    @property
    def quarantine(self) -> Path:
        """Where unusable files from folders go."""
        return self.data_dir / "quarantine"

    @property
    def _all_incoming(self) -> Path:
        return self.data_dir / "spool" / "incoming"

    def prepare(self) -> None:
        """Make every folder, for this user only, so that a power cut takes none of them away.

        All of them now: an instance is acknowledged only when the name of its folder is durable too, and of
        two threads that need a new folder, one would find it before the other has synced its name.
        """
        make_data_dir(self.data_dir)
        _make_folders(self.data_dir, "spool", "results", "quarantine")
        _make_folders(self.data_dir / "spool", "incoming", *_BY_CONTENT)
        _make_folders(self._all_incoming, self.node)
        _make_folders(self.data_dir / "results", *_BY_CONTENT)

    def free_bytes(self) -> int:
        """Return the free space of the file system that holds the spool."""
        return shutil.disk_usage(self.data_dir).free

    def absolute(self, path: str) -> Path:
        """Return where a stored path lies."""
        return self.data_dir / path

    def adopt(self, incoming: Path, sha256: str) -> str:
        """Make a complete incoming file durable under a name of its own; return its path.

        The name begins with the content's digest and ends with a number that no other file ever has: the
        same instance may be removed with an old study, or come over another association, at this moment,
        and neither touches this file.
        """
        path = f"spool/{sha256[:2]}/{sha256}-{uuid.uuid4().hex}.dcm"
        target = self.data_dir / path
        _sync(incoming)
        incoming.rename(target)
        _sync(target.parent)
        return path

    def require(self, path: str) -> None:
        """Make sure that a stored file is there.

        It is opened, because only that asks the server of a network file system anew.

        Raises
        ------
        FileNotFoundError
            Somebody has removed it.
        """
        (self.data_dir / path).open("rb").close()

    def write_result(self, sop_instance_uid: str, content: bytes) -> str:
        """Write a built result durably; return its path. The UID is ours, so it is safe as a name."""
        folder = self.data_dir / "results" / hashlib.sha256(sop_instance_uid.encode()).hexdigest()[:2]
        target = folder / f"{sop_instance_uid}.dcm"
        write_whole(target, content)
        return str(target.relative_to(self.data_dir))

    def set_aside(self, file: Path, reason: str) -> str:
        """Copy an unusable file into the quarantine, with the reason beside it; return its name there.

        The name is ours: that of the file may hold a patient's.
        """
        name = uuid.uuid4().hex
        copy = self.quarantine / f"{name}.bin"
        shutil.copyfile(file, copy)
        _sync(copy)
        write_whole(self.quarantine / f"{name}.reason.txt", f"{reason}\n".encode())
        return name

    def quarantined(self, uid: str) -> list[str]:
        """Return the files in quarantine that name a UID, and the reasons beside them."""
        named = re.compile(rb"(?<![0-9.])" + re.escape(uid.encode()) + rb"(?![0-9.])")
        files = [file for file in sorted(self.quarantine.glob("*.bin")) if _holds(file, named)]
        beside = [file.with_suffix(".reason.txt") for file in files]
        return [str(file.relative_to(self.data_dir)) for file in (*files, *beside)]

    def remove(self, paths: Iterable[str]) -> None:
        """Remove stored files; one that is gone already is no error."""
        for path in paths:
            (self.data_dir / path).unlink(missing_ok=True)

    def stored_files(self) -> Iterator[Path]:
        """Return every instance and result, also half-written ones; those in ``incoming`` left out."""
        for folder in (self.data_dir / "spool", self.data_dir / "results"):
            yield from (file for file in folder.glob("*/*") if file.parent != self._all_incoming)

    def incoming_files(self) -> Iterator[Path]:
        """Return every file that is not acknowledged yet, also those of other machines."""
        return (file for file in self._all_incoming.rglob("*") if not file.is_dir())


def make_data_dir(folder: Path) -> None:
    """Make the data directory durably, for this user only, and what is missing above it."""
    missing = [one for one in folder.parents if not one.exists()]
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for made in (folder, *missing):
        # What we cannot read we cannot sync; an administrator has made what lies in it.
        if os.access(made.parent, os.R_OK):
            _sync(made.parent)


def data_set_digest(file: Path) -> str:
    """Return the SHA-256 of a Part 10 file without its File Meta Information; of all bytes of any other file.

    The meta group is left out because it tells of the last transport, not of the instance: the same
    instance sent twice by different programs must be recognized as the same.
    """
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        stream.seek(_data_set_position(stream))
        while block := stream.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def write_whole(target: Path, content: bytes) -> None:
    """Write a file so that it is there complete or not at all, and still there after a power cut."""
    temporary = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with temporary.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.rename(target)
    except OSError:
        temporary.unlink(missing_ok=True)  # on a full disk it is in the way
        raise
    _sync(target.parent)


def _data_set_position(stream: BinaryIO) -> int:
    # It loads pydicom, which the supervisor, who only makes the folders, need not wait for.
    from dicom_io.reading.part10 import read_file_meta  # noqa: PLC0415

    try:
        return read_file_meta(stream).data_set_position
    except UnusableInstance:
        return 0


def _holds(file: Path, pattern: re.Pattern[bytes]) -> bool:
    with file.open("rb") as stream:
        if not os.fstat(stream.fileno()).st_size:
            return False  # which cannot be mapped
        with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return pattern.search(content) is not None


def _make_folders(parent: Path, *names: str) -> None:
    present = set(os.listdir(parent))
    for name in names:
        if name not in present:
            (parent / name).mkdir(mode=0o700, exist_ok=True)
    # Also where nothing was missing: another process may have made them and not synced them yet.
    _sync(parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
