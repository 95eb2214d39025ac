"""This module is the one clock of the daemon; whatever can be handed another takes it as a parameter."""

from datetime import UTC, datetime


def now() -> datetime:
    """Give the time as an aware UTC datetime."""
    return datetime.now(UTC)
