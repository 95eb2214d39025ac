"""This module says how much work there is time for at once, by what the work before took."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_SHORTEST_SECONDS = 1e-6  # clocks tick


class Pace:
    """Keeps passes over pieces of work to some seconds, on a machine that may be busy with other things too.

    Parameters
    ----------
    most
        Pieces in one pass.
    seconds
        What a pass may take; one of a single piece takes what it takes.
    clock
        Gives monotonic seconds.
    """

    def __init__(self, most: int, *, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._seconds = seconds
        self._clock = clock
        self._seconds_per_piece: float | None = None

    def affordable(self, *, unmeasured: int) -> int:
        """Return how many pieces a pass may hold now; `unmeasured` before the first pass."""
        if self._seconds_per_piece is None:
            return unmeasured
        return max(1, min(self._most, int(self._seconds / self._seconds_per_piece)))

    @contextmanager
    def measured(self, pieces: int) -> Iterator[None]:
        """Take the time of a pass over so many pieces."""
        started = self._clock()
        yield
        self._seconds_per_piece = max(self._clock() - started, _SHORTEST_SECONDS) / pieces
