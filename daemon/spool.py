"""This module is the files: instances and results, each written whole or not at all.

Layout below the data directory: ``spool/`` received instances by content, ``spool/incoming/`` those not
yet acknowledged, in a folder for each node, ``results/`` what we built, ``quarantine/`` files from folders
that are no use. Names never come from received values.
"""

import hashlib
import os
import shutil
import struct
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

_BLOCK = 1 << 20
_BY_CONTENT = tuple(f"{number:02x}" for number in range(256))  # the first two digits of a digest
_META_START = 132  # PS3.10 7.1: 128 bytes preamble, then "DICM"
_MOST_META_ELEMENTS = 1000
_ELEMENT = struct.Struct("<HH2sHI")  # group, element, VR, then a length of 2 bytes, or 2 reserved and 4
_LONG_VRS = frozenset(
    {b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"}
)


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
        """Give the free space of the file system that holds the spool."""
        return shutil.disk_usage(self.data_dir).free

    def absolute(self, path: str) -> Path:
        """Give where a stored path lies."""
        return self.data_dir / path

    def adopt(self, incoming: Path, sha256: str) -> str:
        """Make a complete incoming file durable under a name of its own; give its path.

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
        """Write a built result durably; give its path. The UID is ours, so it is safe as a name."""
        folder = self.data_dir / "results" / hashlib.sha256(sop_instance_uid.encode()).hexdigest()[:2]
        target = folder / f"{sop_instance_uid}.dcm"
        write_whole(target, content)
        return str(target.relative_to(self.data_dir))

    def set_aside(self, file: Path, reason: str) -> str:
        """Copy an unusable file into the quarantine durably, with the reason beside it; give its name there.

        The name is ours: that of the file may hold a patient's.
        """
        name = uuid.uuid4().hex
        copy = self.quarantine / f"{name}.bin"
        shutil.copyfile(file, copy)
        _sync(copy)
        write_whole(self.quarantine / f"{name}.reason.txt", f"{reason}\n".encode())
        return name

    def remove(self, paths: Iterable[str]) -> None:
        """Remove stored files; one that is gone already is no error."""
        for path in paths:
            (self.data_dir / path).unlink(missing_ok=True)

    def stored_files(self) -> Iterator[Path]:
        """Give every instance and result, also half-written ones; those in ``incoming`` left out."""
        for folder in (self.data_dir / "spool", self.data_dir / "results"):
            yield from (file for file in folder.glob("*/*") if file.parent != self._all_incoming)

    def incoming_files(self) -> Iterator[Path]:
        """Give every file that is not acknowledged yet, also those of other machines."""
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
    """Give the SHA-256 of a Part 10 file without its File Meta Information.

    The meta group is left out because it tells of the last transport, not of the instance: the same
    instance sent twice by different programs must be recognized as the same.
    """
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        stream.seek(_data_set_offset(stream))
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


def _data_set_offset(stream: BinaryIO) -> int:
    """Give where the data set begins: after the last element of group 0002; 0 where there is none.

    The group length is not believed: with a wrong one, two instances could look alike.
    """
    position = _META_START
    for _ in range(_MOST_META_ELEMENTS):
        stream.seek(position)
        head = stream.read(_ELEMENT.size)
        if len(head) < _ELEMENT.size:
            return 0
        group, _element, vr, length, long_length = _ELEMENT.unpack(head)
        if group != 0x0002:
            return position if position > _META_START else 0
        # PS3.5 7.1.2: some VRs have two reserved bytes and then a length of four.
        position += 12 + long_length if vr in _LONG_VRS else 8 + length
    return 0


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
