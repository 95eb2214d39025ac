"""This module is what was sent: files in memory that has no name in any file system, and studies of them."""

import fcntl
import os
from dataclasses import dataclass, field

from daemon.predictor.content import HEAD_BYTES, is_picture
from daemon.predictor.study import PredictedStudy

_SEALS = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL


class UploadedFile:
    """The bytes of one file. Nobody writes them after `finish`."""

    def __init__(self) -> None:
        self._descriptor = os.memfd_create("upload", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        self.size = 0
        self.is_picture = False

    def append(self, chunk: bytes) -> None:
        """Take the next bytes."""
        rest = memoryview(chunk)
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]
        self.size += len(chunk)

    def finish(self) -> None:
        """Look what it is; raise UnusableUpload where it is nothing that is read here."""
        fcntl.fcntl(self._descriptor, fcntl.F_ADD_SEALS, _SEALS)
        self.is_picture = is_picture(os.pread(self._descriptor, HEAD_BYTES, 0))

    def again(self) -> int:
        """Return another descriptor of the bytes; whoever asks closes it."""
        return os.dup(self._descriptor)

    def close(self) -> None:
        """Give the memory back as soon as nobody reads it any more."""
        os.close(self._descriptor)


@dataclass(slots=True, eq=False)
class UploadedStudy:
    """The files of one study, in the order in which they came.

    Attributes
    ----------
    token
        Nobody can guess it; whoever has it sees the study.
    analyzed
        How many of the files are analyzed.
    predicted
        None before they all are.
    """

    token: str
    used_at: float
    files: list[UploadedFile] = field(default_factory=list)
    analyzed: int = 0
    predicted: PredictedStudy | None = None
