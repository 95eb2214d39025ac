"""Waiting for something to come true, but not for ever."""

import time
from collections.abc import Callable


def wait_until(holds: Callable[[], object], what: str, *, seconds: float = 60.0) -> None:
    """Return as soon as something holds.

    Raises
    ------
    TimeoutError
        It does not hold in time.
    """
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds:g} s for: {what}")
        time.sleep(0.02)
