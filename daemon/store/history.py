"""This module reads the history of a study: what changed, why, by whom and when; and ends it."""

from datetime import datetime

from sqlalchemy import Connection, delete, select

from daemon.store.database import Store
from daemon.store.shown import EventRecord
from daemon.store.tables import events, studies


def events_of(connection: Connection, study_instance_uid: str) -> tuple[EventRecord, ...]:
    """Return the events of a study, of its instances and of its deliveries, in the order in which they came.

    A study that was removed and came again has those of its earlier life too.
    """
    query = select(events).where(events.c.study_instance_uid == study_instance_uid).order_by(events.c.id)
    return tuple(
        EventRecord(
            at=row.at,
            sop_instance_uid=row.sop_instance_uid,
            destination=row.destination,
            old_state=row.old_state,
            new_state=row.new_state,
            cause=row.cause,
            author=row.author,
        )
        for row in connection.execute(query)
    )


def purge_events(store: Store, *, before: datetime) -> None:
    """Forget the events before a moment, but for those of studies that are still in the store."""
    present = select(studies.c.study_instance_uid)
    with store.write() as connection:
        connection.execute(
            delete(events).where(events.c.at < before, events.c.study_instance_uid.not_in(present))
        )
