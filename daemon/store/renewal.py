"""This module renews claims while their owner works on them, however long that takes.

A claim that runs out is anybody's: two machines would work on one view, and the attempts of both would make a
good view look like one that takes the analyzer down.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Table, update

from daemon.store.database import Store
from daemon.store.lease import LEASE
from daemon.store.tables import deliveries, instances, studies
from daemon.store.values import ClaimedDelivery, ClaimedStudy, ClaimedView

RENEW_AFTER = LEASE / 5


class Renewal:
    """The claims on some rows, which their owner works on one after the other.

    Parameters
    ----------
    ids
        The rows; what the owner holds beside them runs out in its time.
    now
        When they were claimed.
    """

    def __init__(self, store: Store, table: Table, ids: Sequence[int], *, owner: str, now: datetime) -> None:
        self._store = store
        self._table = table
        self._ids = ids
        self._owner = owner
        self._renewed_at = now

    def renew(self, now: datetime) -> None:
        """Claim them for longer where their time has begun to run out; what was lost stays lost.

        A clock that has stepped back is a reason too: others take a claim that lasts too long for a dead one.
        """
        if abs(now - self._renewed_at) < RENEW_AFTER:
            return
        table = self._table
        with self._store.write() as connection:
            connection.execute(
                update(table)
                .where(table.c.id.in_(self._ids), table.c.lease_owner == self._owner)
                .values(lease_until=now + LEASE)
            )
        self._renewed_at = now


def of_views(store: Store, claimed: Sequence[ClaimedView], *, owner: str, now: datetime) -> Renewal:
    """Return the renewal of claimed views."""
    return Renewal(store, instances, [view.id for view in claimed], owner=owner, now=now)


def of_study(store: Store, claimed: ClaimedStudy, *, owner: str, now: datetime) -> Renewal:
    """Return the renewal of a claimed study."""
    return Renewal(store, studies, [claimed.id], owner=owner, now=now)


def of_deliveries(store: Store, claimed: Sequence[ClaimedDelivery], *, owner: str, now: datetime) -> Renewal:
    """Return the renewal of claimed deliveries."""
    return Renewal(store, deliveries, [delivery.id for delivery in claimed], owner=owner, now=now)
