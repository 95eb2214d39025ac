"""This module speaks the service notification protocol of systemd (sd_notify), both ways.

The supervisor tells systemd of itself, and listens to its stages in the same words, so a stage that is
run alone under systemd needs nothing else.
"""

import os
import socket
from dataclasses import dataclass
from pathlib import Path

READY = "READY=1"
ALIVE = "WATCHDOG=1"
STOPPING = "STOPPING=1"

_SOCKET_VARIABLE = "NOTIFY_SOCKET"
_STAGE_KEY = "X_ULNA_STAGE"


def notify(*lines: str, stage: str = "") -> None:
    """Send lines to whoever started this process; does nothing when nobody listens."""
    address = os.environ.get(_SOCKET_VARIABLE)
    if not address:
        return
    if stage:
        lines = (*lines, f"{_STAGE_KEY}={stage}")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as peer:
        try:
            # A leading @ stands for the null byte of Linux' abstract name space.
            peer.sendto("\n".join(lines).encode(), address.replace("@", "\0", 1))
        except OSError:
            return  # the listener is gone; `daemon.process.lifeline` ends this process soon


@dataclass(frozen=True, slots=True)
class Listener:
    """The socket on which a supervisor hears its stages."""

    socket: socket.socket
    path: Path

    def environment(self) -> dict[str, str]:
        """Return the variables that a stage needs to be heard."""
        return {_SOCKET_VARIABLE: str(self.path)}

    def receive(self) -> tuple[str, frozenset[str]]:
        """Return the stage and the lines of the next message.

        Raises
        ------
        BlockingIOError
            No message waits.
        """
        lines = frozenset(self.socket.recv(4096).decode(errors="replace").splitlines())
        names = [line.partition("=")[2] for line in lines if line.startswith(f"{_STAGE_KEY}=")]
        return (names[0] if names else ""), lines

    def close(self) -> None:
        """Close and remove the socket."""
        self.socket.close()
        self.path.unlink(missing_ok=True)


def listen(path: Path) -> Listener:
    """Open a socket at a path."""
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listener.setblocking(False)
    listener.bind(str(path))
    path.chmod(0o600)
    return Listener(listener, path)
