"""This module says how long to wait before the next attempt."""

from datetime import timedelta

FIRST_SECONDS = 5.0
LONGEST_SECONDS = 3600.0


def pause(attempts: int, *, jitter: float) -> timedelta:
    """Return the pause after a number of failed attempts.

    It doubles from 5 s up to an hour. The jitter takes away up to half of it, so that what failed
    together does not come back together.

    Parameters
    ----------
    attempts
        Failed attempts so far, 1 or more.
    jitter
        In [0, 1), random.

    >>> [pause(n, jitter=0.0).total_seconds() for n in (1, 2, 3, 20)]
    [5.0, 10.0, 20.0, 3600.0]
    """
    doubled = FIRST_SECONDS * 2.0 ** min(attempts - 1, 20)
    return timedelta(seconds=min(LONGEST_SECONDS, doubled) * (1.0 - jitter / 2.0))
