"""This module is the one clock of the daemon; whatever can be handed another takes it as a parameter."""

from datetime import UTC, datetime, timedelta

_STEADY = timedelta(days=1)


def now() -> datetime:
    """Return the time as an aware UTC datetime."""
    return datetime.now(UTC)


def has_jumped(before: datetime, after: datetime, *, elapsed_seconds: float) -> bool:
    """Return whether the clock went by more than a day otherwise than the time did.

    >>> morning = datetime(2026, 3, 1, 8, tzinfo=UTC)
    >>> has_jumped(morning, morning + timedelta(minutes=5), elapsed_seconds=300.0)
    False
    >>> has_jumped(morning, morning + timedelta(days=40), elapsed_seconds=300.0)
    True

    Parameters
    ----------
    elapsed_seconds
        Between the two, by the monotonic clock.
    """
    return abs(after - before - timedelta(seconds=elapsed_seconds)) > _STEADY
