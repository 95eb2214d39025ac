"""This module ends the life of data: what may go, and what the spool must keep."""

from datetime import datetime

from sqlalchemy import delete, select

from daemon.lifecycle import CLOSED_STUDY_STATES
from daemon.store.database import Store
from daemon.store.tables import instances, rejections, results, studies


def purge_studies(store: Store, *, closed_before: datetime, limit: int = 50) -> tuple[str, ...]:
    """Forget closed studies without news since a moment, a few at a time; give the paths of their files.

    The rows go first: a file without a row is an orphan that the sweep finds; a row without a file
    would be a loss.
    """
    with store.write() as connection:
        ids = connection.scalars(
            select(studies.c.id)
            .where(studies.c.state.in_(CLOSED_STUDY_STATES), studies.c.last_instance_at < closed_before)
            .order_by(studies.c.id)
            .limit(limit)
            # A study that is being written just now has news, and will be read again in the next round.
            .with_for_update(skip_locked=True)
        ).all()
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
    """Give the path of every file that the store speaks of."""
    with store.read() as connection:
        return frozenset(
            path for table in (instances, results) for path in connection.scalars(select(table.c.path))
        )
