"""This module is the lease: how work is claimed, so that a dead claimer's work is found again."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, and_, case, or_, update

MAX_ATTEMPTS = 2
"""How often a piece of work is begun before it is set aside as the cause of the failures."""

LEASE = timedelta(minutes=5)

# A claim that lasts longer was made before the clock stepped back; machines differ by less than the rest.
_FURTHEST = 2 * LEASE


def is_free(table: Table, now: datetime) -> ColumnElement[bool]:
    """Return the condition that nobody holds a row."""
    until = table.c.lease_until
    return or_(until.is_(None), until < now, until > now + _FURTHEST)


def is_used_up(table: Table, *, owner: str) -> ColumnElement[bool]:
    """Return the condition that a free row was begun too often, as this owner may judge.

    Of what another machine holds nobody else may: that its claim ran out may be the fault of a clock.
    """
    return and_(
        table.c.attempts >= MAX_ATTEMPTS, or_(table.c.lease_owner.is_(None), table.c.lease_owner == owner)
    )


def taken(table: Table, *, owner: str, now: datetime) -> dict[str, Any]:
    """Return the values that claim a row and count the attempt.

    Where the claim of another machine ran out, its attempt is not held against the work: that machine may be
    well, and a clock have stepped forward. One that died counts its own when it is back.
    """
    taken_over = and_(table.c.lease_owner.is_not(None), table.c.lease_owner != owner)
    attempts = case((taken_over, table.c.attempts), else_=table.c.attempts + 1)
    return {"lease_owner": owner, "lease_until": now + LEASE, "attempts": attempts}


def given_back() -> dict[str, Any]:
    """Return the values that end a claim; the attempts stay counted."""
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
