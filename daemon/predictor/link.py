"""This module starts the process that analyzes what is dropped on the page, asks it, and ends it."""

import os
import signal
import socket
import subprocess
import sys
import threading

from daemon.pipeline.file_study import AnalyzedFile
from daemon.predictor.errors import PredictionFailed
from daemon.predictor.messages import MAX_MESSAGE_BYTES, Greeting, Task, WorkerSetting, from_memory
from daemon.process.lifeline import Lifeline

_PROCESS = sys.executable, "-m", "daemon.predictor.worker"

START_SECONDS = 180.0
"""A process that is not ready by then does not come."""

_ANSWER_SECONDS = 240.0
"""Decoding alone may take 100 s; an answer that is this late does not come."""

_ENDED = "The program that analyzes ended without an answer. Drop the file again: it starts anew."


class Worker:
    """One process that analyzes; it begins to load at once. One thread at a time may ask.

    Parameters
    ----------
    digest
        Of the bundle whose operating points the page states.
    """

    def __init__(self, setting: WorkerSetting, lifeline: Lifeline, digest: str) -> None:
        self._digest = digest
        self._requests, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [*_PROCESS, str(theirs.fileno()), setting.to_text()],
                pass_fds=[theirs.fileno(), lifeline.descriptor],
                env={**os.environ, **lifeline.environment()},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,  # a traceback may quote a patient
                process_group=0,  # Ctrl-C in a terminal is for the process that asks
            )
        self._settled = threading.Event()
        self._problem = ""
        threading.Thread(target=self._await_greeting, name="predictor", daemon=True).start()

    @property
    def process_id(self) -> int:
        """The process."""
        return self._process.pid

    @property
    def is_ready(self) -> bool:
        """Whether the next file does not have to wait for models to be loaded."""
        return self._settled.is_set() and not self._problem

    @property
    def problem(self) -> str:
        """Why it will never be ready; empty as long as it may be."""
        return self._problem if self._settled.is_set() else ""

    @property
    def is_usable(self) -> bool:
        """Whether it analyzes, or will."""
        return self._runs and not self.problem

    @property
    def _runs(self) -> bool:
        return self._process.poll() is None

    def analyze(self, descriptor: int, is_picture: bool) -> AnalyzedFile:
        """Have an open file analyzed.

        Raises
        ------
        PredictionFailed
            The process could not start, or ended; it is of no further use.
        """
        if not self._settled.wait(START_SECONDS):
            raise PredictionFailed("The models could not be loaded in time.")
        if self._problem:
            raise PredictionFailed(self._problem)
        try:
            socket.send_fds(self._requests, [Task(is_picture=is_picture).to_bytes()], [descriptor])
            self._requests.settimeout(_ANSWER_SECONDS)
            _, descriptors, _, _ = socket.recv_fds(self._requests, MAX_MESSAGE_BYTES, 1)
        except OSError as error:  # also where it was ended from this side
            raise PredictionFailed(_ENDED) from error
        if not descriptors:
            raise PredictionFailed(_ENDED)
        return from_memory(descriptors[0])

    def end(self) -> None:
        """End the process with its decoder; whoever still waits for an answer gets PredictionFailed."""
        if self._runs:
            os.kill(self._process.pid, signal.SIGKILL)  # its decoder ends when nobody can ask it any more
        self._process.wait()
        self._requests.close()  # last: only the end of the other side wakes a thread that waits here

    def _await_greeting(self) -> None:
        try:
            message = self._requests.recv(MAX_MESSAGE_BYTES)
        except OSError:
            message = b""
        greeting = (
            Greeting.from_bytes(message) if message else Greeting(problem="The models could not be loaded.")
        )
        self._problem = greeting.problem
        if not greeting.problem and greeting.digest != self._digest:
            self._problem = "The bundle has changed since this program started. Start it again."
        self._settled.set()
