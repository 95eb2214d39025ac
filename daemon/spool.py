"""This module is the files: instances and results, each written whole or not at all.

Layout below the data directory: ``spool/`` received instances by content, ``spool/incoming/`` those not
yet acknowledged, ``results/`` what we built, ``quarantine/`` files from folders that are no use.
Names never come from received values.
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
_META_START = 132  # PS3.10 7.1: 128 bytes preamble, then "DICM"
_MOST_META_ELEMENTS = 1000
_ELEMENT = struct.Struct("<HH2sHI")  # group, element, VR, then a length of 2 bytes, or 2 reserved and 4
_LONG_VRS = frozenset(
    {b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"}
)


@dataclass(frozen=True, slots=True)
class Spool:
    """The files of one data directory; paths given and taken are relative to it."""

    data_dir: Path

    @property
    def incoming(self) -> Path:
        """Where instances are written before they are acknowledged."""
        return self.data_dir / "spool" / "incoming"

    @property
    def quarantine(self) -> Path:
        """Where unusable files from folders go."""
        return self.data_dir / "quarantine"

    def prepare(self) -> None:
        """Make the folders, for this user only: they hold patient data."""
        self.data_dir.mkdir(parents=True, exist_ok=True)
        for folder in (self.incoming, self.data_dir / "results", self.quarantine):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def free_bytes(self) -> int:
        """Give the free space of the file system that holds the spool."""
        return shutil.disk_usage(self.data_dir).free

    def absolute(self, path: str) -> Path:
        """Give where a stored path lies."""
        return self.data_dir / path

    def adopt(self, incoming: Path, sha256: str) -> str:
        """Make a complete incoming file durable under the name of its content; give its path."""
        path = f"spool/{sha256[:2]}/{sha256}.dcm"
        target = self.data_dir / path
        _make_folder(target.parent)
        _sync(incoming)
        incoming.rename(target)
        _sync(target.parent)
        return path

    def write_result(self, sop_instance_uid: str, content: bytes) -> str:
        """Write a built result durably; give its path. The UID is ours, so it is safe as a name."""
        folder = self.data_dir / "results" / hashlib.sha256(sop_instance_uid.encode()).hexdigest()[:2]
        _make_folder(folder)
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
            yield from (file for file in folder.glob("*/*") if file.parent != self.incoming)


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


def _make_folder(folder: Path) -> None:
    if not folder.is_dir():
        folder.mkdir(mode=0o700, exist_ok=True)
        _sync(folder.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
