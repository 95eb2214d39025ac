"""This module lets a stage that made work tell the one that does it, so that nobody has to keep looking.

Each stage has a bell, a local socket that takes datagrams. That it rang says only "look": a ring that is lost
costs the time until the stage looks anyway, and one too many costs a look.
"""

import contextlib
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue

_FOLDER = "run"
_RING = b"!"


class Bell:
    """The bell of this process. Any thread may wait for it, and a signal handler may ring it.

    Parameters
    ----------
    data_dir
        Where the other stages of this machine find it; None for a bell that only this process rings.
    owner
        Whose it is, as `daemon.process.stage.StageProcess.owner`.
    """

    def __init__(self, data_dir: Path | None = None, owner: str = "") -> None:
        self._data_dir = data_dir
        self._count = 0
        self._rung = threading.Condition()
        self._unheard: SimpleQueue[None] = SimpleQueue()
        self._listening = threading.Lock()  # held by the thread that listens, which starts when one waits
        if data_dir is not None:
            arguments = (_bound(data_dir, owner),)
            threading.Thread(target=self._receive, args=arguments, name="rings", daemon=True).start()

    @property
    def count(self) -> int:
        """How often it has rung."""
        return self._count

    def wait(self, since: int, seconds: float) -> None:
        """Return when it has rung since it had rung `since` times, or after so many seconds."""
        if self._listening.acquire(blocking=False):
            threading.Thread(target=self._listen, name="bell", daemon=True).start()
        with self._rung:
            self._rung.wait_for(lambda: self._count != since, seconds)

    def ring(self) -> None:
        """Ring this bell."""
        self._unheard.put(None)  # which a signal handler may do: it takes no lock that this thread may hold

    def ring_other(self, owner: str) -> None:
        """Ring the bell of another stage of this machine, where there is one."""
        if self._data_dir is None:
            return
        with (
            contextlib.suppress(OSError),  # nobody is there, or has not heard the last hundred rings
            _address(self._data_dir, owner) as address,
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as ringing,
        ):
            ringing.sendto(_RING, address)

    def _listen(self) -> None:
        while True:
            self._unheard.get()
            with self._rung:
                self._count += 1
                self._rung.notify_all()

    def _receive(self, bound: socket.socket) -> None:
        while True:
            bound.recv(len(_RING))
            self.ring()


def _bound(data_dir: Path, owner: str) -> socket.socket:
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    (data_dir / _FOLDER).mkdir(exist_ok=True, mode=0o700)
    with _address(data_dir, owner) as address:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(address)  # of a process before this one: a stage runs once
        bound.bind(address)
    return bound


@contextmanager
def _address(data_dir: Path, owner: str) -> Iterator[str]:
    """Give the name of a stage's socket; a short one, since names of sockets have 107 characters at most."""
    folder = os.open(data_dir / _FOLDER, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{owner.replace('/', '.')}.bell"
    finally:
        os.close(folder)
