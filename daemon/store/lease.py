"""This module is the lease: how work is claimed, so that a dead claimer's work is found again."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, or_, update

MAX_ATTEMPTS = 2
"""How often a piece of work is begun before it is set aside as the cause of the failures."""

LEASE = timedelta(minutes=5)


def is_free(table: Table, now: datetime) -> ColumnElement[bool]:
    """Give the condition that nobody holds a row."""
    return or_(table.c.lease_until.is_(None), table.c.lease_until < now)


def taken(table: Table, *, owner: str, now: datetime) -> dict[str, Any]:
    """Give the values that claim a row and count the attempt."""
    return {"lease_owner": owner, "lease_until": now + LEASE, "attempts": table.c.attempts + 1}


def given_back() -> dict[str, Any]:
    """Give the values that end a claim; the attempts stay counted."""
    return {"lease_owner": None, "lease_until": None}


def release(connection: Connection, table: Table, *, owner: str, forgive: bool) -> None:
    """End all claims of an owner.

    Parameters
    ----------
    forgive
        True when the owner stops on purpose: the attempt that was begun does not count. False when a
        new process finds the claims of a dead one.
    """
    values = given_back()
    if forgive:
        values["attempts"] = table.c.attempts - 1
    connection.execute(update(table).where(table.c.lease_owner == owner).values(values))
