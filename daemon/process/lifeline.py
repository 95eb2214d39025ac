"""This module is the lifeline: a pipe that the kernel closes when the supervisor ends, however it ends.

Every stage reads one end; nobody ever writes to the other, which the supervisor alone holds. Asking for the
parent's process id instead needs somebody who asks, and a supervisor that is process 1 looks like none.
"""

import logging
import os
import signal
import threading

VARIABLE = "ULNA_LIFELINE"
"""Environment variable that holds the descriptor of a stage's end; absent where a stage runs alone."""

GRACE_SECONDS = 1
"""Within this a stage whose supervisor is gone ends in order; then it ends as if it were killed.

A new service waits for its locks and its port. The abrupt end loses nothing: what is acknowledged is durable,
and what was claimed is found again.
"""

log = logging.getLogger(__name__)


class Lifeline:
    """The supervisor's end; it closes when this process ends.

    Attributes
    ----------
    descriptor
        The other end, to be handed to every stage.
    """

    def __init__(self) -> None:
        self.descriptor, self._held = os.pipe()  # no process that is started inherits the second

    def environment(self) -> dict[str, str]:
        """Return the variables that a stage needs to find its end."""
        return {VARIABLE: str(self.descriptor)}


def end_with_supervisor() -> None:
    """Let this process end soon after its supervisor, whatever it does then; alone it needs nothing."""
    descriptor = os.environ.get(VARIABLE)
    if descriptor is not None:
        threading.Thread(target=_end_at_the_end_of, args=(int(descriptor),), daemon=True).start()


def _end_at_the_end_of(descriptor: int) -> None:
    os.read(descriptor, 1)
    # Nobody handles it: the kernel ends the process, also where Python is on its way out and runs no thread.
    signal.alarm(GRACE_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)
    log.error("the supervisor is gone; this stage ends")
