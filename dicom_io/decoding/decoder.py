"""Views of instances, read without trusting their bytes.

This module has `dicom_io.decoding.process` read them, and turns what becomes of that into values and errors.
"""

import mmap
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from dicom_io.decoding.messages import DEFAULT_LIMITS, MAX_MESSAGE_BYTES, Answer, Limits, Request
from dicom_io.decoding.stored_image import StoredImage
from dicom_io.decoding.view import View
from dicom_io.defects import Defect
from dicom_io.errors import DecodingInterrupted, UndecodablePixels

_PROCESS = sys.executable, "-m", "dicom_io.decoding.process"

_START_SECONDS = 100.0
"""A process that has not started by then does not."""

_SPARE_SECONDS = 30.0
"""An answer that is this much later than a child may live does not come."""

# Signals by which a decoder ends itself. The others come from outside: a person, or a system without memory.
_OF_THE_FRAME = frozenset(
    {
        signal.SIGABRT,
        signal.SIGBUS,
        signal.SIGFPE,
        signal.SIGILL,
        signal.SIGSEGV,
        signal.SIGSYS,
        signal.SIGTRAP,
    }
)
_OF_THE_LIMITS = frozenset({signal.SIGALRM, signal.SIGXCPU})


class Decoder:
    """Reads views in processes of their own; close it when done.

    The process that forks the others starts at once and is ready within about a second; it is started again
    if it ends. A view costs a few milliseconds more than in this process. Any thread may read.

    Parameters
    ----------
    limits : Limits
        What may be spent on one view.
    picture_reader : str
        Where the process finds the `dicom_io.decoding.pictures.PictureReader`, as ``module:name``. Without
        one no picture is read.
    """

    def __init__(self, limits: Limits = DEFAULT_LIMITS, *, picture_reader: str = "") -> None:
        self._limits = limits
        self._picture_reader = picture_reader
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._requests: socket.socket | None = None
        self._running()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, stack: TracebackType | None
    ) -> None:
        self.close()

    def wait_until_ready(self) -> None:
        """Return when the next view does not have to wait for the process to start.

        Raises
        ------
        DecodingInterrupted
            It does not start.
        """
        requests = self._running()
        requests.settimeout(_START_SECONDS)
        try:
            greeting = requests.recv(MAX_MESSAGE_BYTES)
        except (TimeoutError, ConnectionResetError):
            greeting = b""
        finally:
            requests.settimeout(None)
        if not greeting:
            raise DecodingInterrupted(Defect.DECODING_NOT_STARTED)

    @property
    def process_id(self) -> int:
        """The process that forks the others."""
        self._running()
        assert self._process is not None
        return self._process.pid

    def close(self) -> None:
        """End the process; whoever still waits for a view gets `DecodingInterrupted`."""
        with self._lock:
            self._end()

    def read_view(self, path: Path, *, picture: bool = False) -> View:
        """Read the image of an instance as `dicom_io.decoding.pixels.read_view` does, or a picture.

        Raises
        ------
        UndecodablePixels
            There is no usable image, or decoding it crashed or took more than the limits.
        DecodingInterrupted
            The process was ended from outside; the same call may succeed later.
        OSError
            The file cannot be opened or read, or the machine has no process or memory left.
        """
        answer, memory = self._read(path, Request(limits=self._limits, picture=picture))
        image = np.frombuffer(memory, np.float32).reshape(answer.rows, answer.columns)
        return View(image=image, pixel_aspect=answer.pixel_aspect)

    def read_stored(self, path: Path, *, picture: bool = False) -> StoredImage:
        """Read the stored values of an image, and how it is shown; raise as `read_view` does."""
        _, memory = self._read(path, Request(limits=self._limits, stored=True, picture=picture))
        return StoredImage.from_bytes(memory)

    def _read(self, path: Path, request: Request) -> tuple[Answer, mmap.mmap]:
        """Return the answer, and the memory that came with it, which is given back with its last user."""
        message = request.to_bytes()
        with path.open("rb") as file:
            asked = self._asked(message, file.fileno()) or self._asked(message, file.fileno())
        answer, memory = asked or (Answer(), None)
        if memory is None:
            raise self._error(answer)
        try:
            return answer, mmap.mmap(memory, os.fstat(memory).st_size)
        finally:
            os.close(memory)

    def _asked(self, request: bytes, file: int) -> tuple[Answer, int | None] | None:
        """Return the answer, and the descriptor that came with it; None where the process was gone."""
        requests = self._running()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with ours:
            ours.settimeout(self._limits.wall_seconds + _SPARE_SECONDS)
            try:
                with theirs:
                    socket.send_fds(requests, [request], [file, theirs.fileno()])
                message, descriptors, _, _ = socket.recv_fds(ours, MAX_MESSAGE_BYTES, 1)
            except (BrokenPipeError, ConnectionResetError, TimeoutError):
                message, descriptors = b"", []
        if not message:
            self._give_up(requests)
            return None
        return Answer.from_bytes(message), descriptors[0] if descriptors else None

    def _running(self) -> socket.socket:
        """Return where requests go; start the process where there is none."""
        with self._lock:
            if self._requests is None:
                self._requests = self._start()
            return self._requests

    def _give_up(self, requests: socket.socket) -> None:
        """End a process that does not answer, unless another thread has."""
        with self._lock:
            if self._requests is requests:
                self._end()

    def _start(self) -> socket.socket:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [*_PROCESS, str(theirs.fileno()), self._picture_reader],
                pass_fds=[theirs.fileno()],
                # A process that forks must have one thread; it computes nothing that would need more.
                env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,  # some decoders print, and their words may come out of the image
                stderr=subprocess.DEVNULL,
                process_group=0,  # Ctrl-C in a terminal is for the process that asks
            )
        return ours

    def _end(self) -> None:
        if self._requests is not None:
            self._requests.close()  # the process ends when nobody can ask it any more
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)  # with the children that are decoding
            self._process.wait()
        self._requests = self._process = None

    def _error(self, answer: Answer) -> Exception:
        if answer.defect:
            return UndecodablePixels(Defect(answer.defect), **answer.details)
        if answer.errno:
            return OSError(answer.errno, os.strerror(answer.errno))
        if answer.signal in _OF_THE_LIMITS:
            return UndecodablePixels(
                Defect.DECODING_TOO_LONG,
                cpu_seconds=self._limits.cpu_seconds,
                wall_seconds=self._limits.wall_seconds,
            )
        if answer.signal in _OF_THE_FRAME:
            name = signal.Signals(answer.signal).name
            return UndecodablePixels(Defect.DECODING_CRASHED, signal=name)
        return DecodingInterrupted()
