"""This module reads the pixels of views for viewers, within a budget of time and memory.

One view is decoded at a time, a few wait, and the others are told to come again. What was read last is kept
for some minutes, in memory alone: a reader who turns back to a view does not wait, and nothing outlives him.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from daemon.errors import DaemonError
from dicom_io.decoding.decoder import Decoder
from dicom_io.decoding.messages import Limits
from models.picture import READER

MAX_PIXELS = 40_000_000
"""Rows times columns of the largest view that is shown: more than any detector has."""


class SourcesBusy(DaemonError):
    """As many views wait to be decoded as may; a second later there may be room."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What reading for viewers may take.

    `kept_bytes` is one patient's study at full size.
    """

    kept_bytes: int = 128_000_000
    kept_seconds: float = 600.0
    most_waiting: int = 4


USUAL_BUDGET = Budget()


@dataclass(frozen=True, slots=True)
class _Kept:
    content: bytes
    used_at: float


def _open_decoder() -> Decoder:
    return Decoder(Limits(max_pixels=MAX_PIXELS), picture_reader=READER)


class Sources:
    """Reads views as `dicom_io.decoding.stored_image.StoredImage.to_bytes` writes them; close it when done.

    The decoding process starts with the first view that is asked for. Any thread may read.

    Parameters
    ----------
    clock
        Seconds that never go back.
    open_decoder
        Starts the process that decodes.
    """

    def __init__(
        self,
        budget: Budget = USUAL_BUDGET,
        *,
        clock: Callable[[], float] = time.monotonic,
        open_decoder: Callable[[], Decoder] = _open_decoder,
    ) -> None:
        self._budget = budget
        self._clock = clock
        self._open_decoder = open_decoder
        self._lock = threading.Lock()
        self._decoding = threading.Lock()
        self._waiting = 0
        self._kept: dict[str, _Kept] = {}  # the least recently used first
        self._decoder: Decoder | None = None

    @property
    def waiting(self) -> int:
        """How many wait to be decoded, with the one that is."""
        return self._waiting

    @property
    def kept_bytes(self) -> int:
        """What is kept takes so much memory."""
        return sum(len(kept.content) for kept in self._kept.values())

    def read(self, path: Path, *, is_picture: bool = False, name: str = "") -> bytes:
        """Return the image in a file whose bytes never change.

        Parameters
        ----------
        name
            Under which it is kept, where another file may have the same path later; by default the path.

        Raises
        ------
        SourcesBusy
            Others wait already.
        UndecodablePixels, DecodingInterrupted, OSError
            As `Decoder.read_stored` does.
        """
        name = name or str(path)
        with self._lock:
            if (content := self._found(name)) is not None:
                return content
            if self._waiting > self._budget.most_waiting:
                raise SourcesBusy("other pictures are being read; try again in a moment")
            self._waiting += 1
        try:
            with self._decoding:
                return self._read_once(path, is_picture, name)
        finally:
            with self._lock:
                self._waiting -= 1

    def forget_old(self) -> None:
        """Give back the memory of what nobody has looked at for a while."""
        with self._lock:
            oldest = self._clock() - self._budget.kept_seconds
            self._kept = {name: kept for name, kept in self._kept.items() if kept.used_at > oldest}

    def close(self) -> None:
        """End the decoding process."""
        if self._decoder is not None:
            self._decoder.close()

    def _read_once(self, path: Path, is_picture: bool, name: str) -> bytes:
        with self._lock:  # whoever waited for the same view finds it here
            if (content := self._found(name)) is not None:
                return content
        if self._decoder is None:
            self._decoder = self._open_decoder()
        content = self._decoder.read_stored(path, picture=is_picture).to_bytes()
        with self._lock:
            self._keep(name, content)
        return content

    def _found(self, name: str) -> bytes | None:
        kept = self._kept.pop(name, None)
        if kept is None or kept.used_at <= self._clock() - self._budget.kept_seconds:
            return None
        self._kept[name] = _Kept(kept.content, self._clock())
        return kept.content

    def _keep(self, name: str, content: bytes) -> None:
        if len(content) > self._budget.kept_bytes:
            return
        self._kept[name] = _Kept(content, self._clock())
        while self.kept_bytes > self._budget.kept_bytes:
            self._kept.pop(next(iter(self._kept)))
