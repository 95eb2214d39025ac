"""This module puts the results of a new report into the outbox, in place of those of older reports."""

from collections.abc import Collection, Sequence

from sqlalchemy import Connection, insert, select

from daemon.store import transitions
from daemon.store.tables import deliveries, results
from daemon.study.lifecycle import DeliveryEvent, DeliveryState

_UNDELIVERED = (DeliveryState.PENDING, DeliveryState.WAITING, DeliveryState.DEAD)


def fill_outbox(connection: Connection, study_id: int, wanted: Sequence[tuple[int, str]]) -> None:
    """Put results of a new report into the outbox: (result id, destination name) each; part of a transaction.

    From then on no destination that gets one of them is sent what an older report said. So no claim has to
    ask which report is the newest.
    """
    _supersede(connection, study_id, {name for _, name in wanted})
    for result_id, name in wanted:
        row = connection.execute(
            insert(deliveries)
            .values(result_id=result_id, destination=name, state=DeliveryState.PENDING)
            .returning(deliveries.c.id, deliveries.c.state)
        ).one()
        transitions.begin(connection, transitions.delivery(row, study_id), DeliveryEvent.QUEUED)


def _supersede(connection: Connection, study_id: int, destinations: Collection[str]) -> None:
    """End what is not delivered of a study's reports so far; what is on its way ends as it ends."""
    query = (
        select(deliveries.c.id, deliveries.c.state)
        .join(results)
        .where(
            results.c.study_id == study_id,
            deliveries.c.destination.in_(destinations),
            deliveries.c.state.in_(_UNDELIVERED),
        )
        .order_by(deliveries.c.id)
        .with_for_update(of=deliveries)
    )
    for row in connection.execute(query).all():
        older = transitions.delivery(row, study_id)
        transitions.change(connection, older, DeliveryEvent.NEWER_REPORTED, {"retry_at": None})
