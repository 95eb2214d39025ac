"""This module keeps what was sent, in memory that has no name in any file system, for a limited time."""

import os
import re
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from daemon.predictor.errors import PredictorBusy, UnknownUpload, UnusableUpload, UploadTooLarge
from daemon.predictor.kept import UploadedFile, UploadedStudy

_TOKEN_BYTES = 24
_TOKEN = re.compile(r"[A-Za-z0-9_-]{32}")


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadLimits:
    """What is taken, and for how long.

    Attributes
    ----------
    file_bytes, study_files
        Of one file, and of one study.
    all_bytes
        Of all that is kept for everybody; what was not used for longest makes room.
    seconds
        A study that nobody looks at is kept for so long.
    """

    file_bytes: int = 64_000_000
    study_files: int = 40
    all_bytes: int = 512_000_000
    seconds: float = 1800.0


USUAL_LIMITS = UploadLimits()


class Uploads:
    """What is kept for everybody. Any thread may call.

    Parameters
    ----------
    clock
        Seconds that never go back.
    """

    def __init__(self, limits: UploadLimits, clock: Callable[[], float]) -> None:
        self.limits = limits
        self._clock = clock
        self._lock = threading.Lock()
        self._studies: dict[str, UploadedStudy] = {}  # the least recently used first
        self._coming = 0  # bytes of files that are not whole

    def find(self, token: str) -> UploadedStudy:
        """Return a study and keep it from now on; raise UnknownUpload."""
        with self._lock:
            study = self._studies.pop(token, None) if _TOKEN.fullmatch(token) else None
            if study is None:
                raise self._unknown()
            self._studies[token] = study
            study.used_at = self._clock()
            return study

    @contextmanager
    def receiving(self, token: str | None) -> Iterator["Incoming"]:
        """Take one file, for a new study where there is no token; it is dropped unless it is kept.

        Raises
        ------
        UnknownUpload, UploadTooLarge, UnusableUpload
            The token is of no study, or its study takes no more files.
        """
        incoming = Incoming(self, None if token is None else self._open_for_more(token))
        try:
            yield incoming
        finally:
            incoming.end()

    def add(self, study: UploadedStudy | None, file: UploadedFile) -> UploadedStudy:
        """Keep a whole file, and return its study."""
        with self._lock:
            if study is None:
                token = secrets.token_urlsafe(_TOKEN_BYTES)
                study = self._studies[token] = UploadedStudy(token, self._clock())
            elif study.token not in self._studies:
                raise self._unknown()
            self._require_place(study)
            study.files.append(file)
            return study

    def reserve(self, size: int, study: UploadedStudy | None) -> None:
        """Make room for bytes that come for a study; raise PredictorBusy where there is none."""
        with self._lock:
            self._coming += size
            while self._kept_bytes() + self._coming > self.limits.all_bytes:
                oldest = next((each for each in self._studies.values() if each is not study), None)
                if oldest is None:
                    raise PredictorBusy("There is no room for more files now. Try again in a while.")
                self._drop(oldest)

    def release(self, size: int) -> None:
        """Count bytes no more as coming: they are kept or dropped now."""
        with self._lock:
            self._coming -= size

    def forget_old(self) -> None:
        """Drop what nobody has looked at for long."""
        with self._lock:
            oldest = self._clock() - self.limits.seconds
            for study in [each for each in self._studies.values() if each.used_at <= oldest]:
                self._drop(study)

    @contextmanager
    def opened(self, study: UploadedStudy, number: int) -> Iterator[tuple[int, bool]]:
        """Hold a file of a study open: its descriptor in this process, and whether it is a picture."""
        with self._lock:
            if study.token not in self._studies or not 0 < number <= len(study.files):
                raise self._unknown()
            file = study.files[number - 1]
            # Its own: the number of a descriptor that is closed meanwhile goes to another file.
            descriptor = file.again()
        try:
            yield descriptor, file.is_picture
        finally:
            os.close(descriptor)

    def close(self) -> None:
        """Drop everything."""
        with self._lock:
            for study in list(self._studies.values()):
                self._drop(study)

    def _open_for_more(self, token: str) -> UploadedStudy:
        study = self.find(token)
        self._require_place(study)
        return study

    def _require_place(self, study: UploadedStudy) -> None:
        if study.predicted is not None or study.analyzed:
            raise UnusableUpload("This study is analyzed already. Drop all of its files together again.")
        if len(study.files) >= self.limits.study_files:
            raise UploadTooLarge(f"A study of more than {self.limits.study_files} files is not taken here.")

    def _unknown(self) -> UnknownUpload:
        minutes = self.limits.seconds / 60
        return UnknownUpload(
            f"Nothing is kept at this address. Files are kept in memory for {minutes:.0f} minutes after "
            "their last use, or until newer ones need the room. Drop them again."
        )

    def _kept_bytes(self) -> int:
        return sum(file.size for study in self._studies.values() for file in study.files)

    def _drop(self, study: UploadedStudy) -> None:
        del self._studies[study.token]
        for file in study.files:
            file.close()


class Incoming:
    """One file on its way; made by `Uploads.receiving`."""

    def __init__(self, uploads: Uploads, study: UploadedStudy | None) -> None:
        self._uploads = uploads
        self._study = study
        self._file: UploadedFile | None = UploadedFile()
        self._reserved = 0

    def require_size(self, size: int) -> None:
        """Raise UploadTooLarge where a file of so many bytes is not taken."""
        limit = self._uploads.limits.file_bytes
        if size > limit:
            raise UploadTooLarge(f"A file of more than {limit // 1_000_000} MB is not taken here.")

    def append(self, chunk: bytes) -> None:
        """Take the next bytes; raise UploadTooLarge at the limit, and PredictorBusy where no room is left."""
        assert self._file is not None
        self.require_size(self._file.size + len(chunk))
        self._reserved += len(chunk)
        self._uploads.reserve(len(chunk), self._study)
        self._file.append(chunk)

    def keep(self) -> UploadedStudy:
        """Keep the file, which is whole now, and return its study; raise UnusableUpload."""
        assert self._file is not None
        self._file.finish()
        study = self._uploads.add(self._study, self._file)
        self._file = None
        return study

    def end(self) -> None:
        """Drop the file unless it is kept."""
        self._uploads.release(self._reserved)
        if self._file is not None:
            self._file.close()
            self._file = None
