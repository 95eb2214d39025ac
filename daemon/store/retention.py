"""This module ends the life of data: what may go, and what the spool must keep."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy import delete, select, text

from daemon.store import transitions
from daemon.store.database import Store
from daemon.store.tables import instances, rejections, results, studies
from daemon.study.lifecycle import CLOSED_STUDY_STATES, StudyEnd

_LOCK_WAIT_MILLISECONDS = 2_000  # whoever waits behind us waits as long


def purge_studies(store: Store, *, closed_before: datetime, limit: int = 50) -> tuple[str, ...]:
    """Forget closed studies without news since a moment, a few at a time; return the paths of their files.

    The rows go first: a file without a row is an orphan that the sweep finds; a row without a file
    would be a loss. The history stays, and ends with their removal.
    """
    with store.write() as connection:
        rows = connection.execute(
            select(studies.c.id, studies.c.state)
            .where(studies.c.state.in_(CLOSED_STUDY_STATES), studies.c.last_instance_at < closed_before)
            .order_by(studies.c.id)
            .limit(limit)
            # A study that is being written just now has news, and will be read again in the next round.
            .with_for_update(skip_locked=True)
        ).all()
        for row in rows:
            transitions.end(connection, transitions.study(row), StudyEnd.RETENTION_ENDED)
        ids = [row.id for row in rows]
        paths = [
            path
            for table in (instances, results)
            for path in connection.scalars(select(table.c.path).where(table.c.study_id.in_(ids)))
        ]
        connection.execute(delete(studies).where(studies.c.id.in_(ids)))
    return tuple(paths)


def purge_rejections(store: Store, *, before: datetime) -> None:
    """Forget old refusals."""
    with store.write() as connection:
        connection.execute(delete(rejections).where(rejections.c.rejected_at < before))


def known_paths(store: Store) -> frozenset[str]:
    """Return the path of every file that the store speaks of."""
    with store.read() as connection:
        return frozenset(
            path for table in (instances, results) for path in connection.scalars(select(table.c.path))
        )


@contextmanager
def unrecorded(store: Store, paths: frozenset[str]) -> Iterator[frozenset[str]]:
    """Return those of some paths that the store does not speak of; until the block ends, it will not either.

    Every transaction that records a file locks its study first, so a lock on all studies keeps the answer
    true: what records later finds the file gone (`record_instance`, `confirm`).

    Raises
    ------
    sqlalchemy.exc.DBAPIError
        Others keep the store locked.
    """
    with store.write() as connection:
        if connection.dialect.name == "postgresql":  # on SQLite there is one writer at a time
            connection.execute(text(f"SET LOCAL lock_timeout = {_LOCK_WAIT_MILLISECONDS}"))
            connection.execute(text(f"LOCK TABLE {studies.name} IN EXCLUSIVE MODE"))
        known = {
            path
            for table in (instances, results)
            for path in connection.scalars(select(table.c.path).where(table.c.path.in_(paths)))
        }
        yield paths - known
