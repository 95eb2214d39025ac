"""This module reads the history of a study: what changed, why, by whom and when."""

from sqlalchemy import Connection, select

from daemon.store.shown import EventRecord
from daemon.store.tables import deliveries, events, instances, results


def events_of(connection: Connection, study_id: int) -> tuple[EventRecord, ...]:
    """Give the events of a study, of its instances and of its deliveries, in the order in which they came."""
    query = (
        select(
            events,
            instances.c.sop_instance_uid.label("instance_uid"),
            results.c.sop_instance_uid.label("result_uid"),
            deliveries.c.destination,
        )
        .join_from(events, instances, events.c.instance_id == instances.c.id, isouter=True)
        .join(deliveries, events.c.delivery_id == deliveries.c.id, isouter=True)
        .join(results, deliveries.c.result_id == results.c.id, isouter=True)
        .where(events.c.study_id == study_id)
        .order_by(events.c.id)
    )
    return tuple(
        EventRecord(
            at=row.at,
            sop_instance_uid=row.instance_uid or row.result_uid or "",
            destination=row.destination or "",
            old_state=row.old_state,
            new_state=row.new_state,
            cause=row.cause,
            author=row.author,
        )
        for row in connection.execute(query)
    )
