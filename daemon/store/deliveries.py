"""This module is the outbox: which result still has to reach which destination."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, not_, or_, select, update

from daemon.couriers.backoff import LONGEST_SECONDS
from daemon.couriers.remark import Note, Remark, remark_words
from daemon.errors import UnknownStudy
from daemon.store import lease, patients, transitions
from daemon.store.columns import remark_values
from daemon.store.database import Store
from daemon.store.result_kind import ResultKind
from daemon.store.tables import deliveries, results, studies
from daemon.store.values import ClaimedDelivery
from daemon.study.lifecycle import (
    CLOSED_STUDY_STATES,
    DeliveryEvent,
    DeliveryState,
    StudyEvent,
    StudyState,
)
from models.study_finding import TriageCategory

_UNSENT = (DeliveryState.PENDING, DeliveryState.WAITING)


def claim_deliveries(
    store: Store, *, destination: str, owner: str, limit: int, now: datetime
) -> tuple[ClaimedDelivery, ...]:
    """Claim what is due for a destination, most urgent study first."""
    query = (
        select(
            deliveries.c.id,
            deliveries.c.attempts,
            results.c.sop_instance_uid,
            results.c.kind,
            results.c.path,
            studies.c.study_instance_uid,
        )
        .join_from(deliveries, results)
        .join(studies)
        .where(deliveries.c.destination == destination, _is_due(now))
        .order_by(studies.c.priority, deliveries.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True, of=deliveries)
    )
    with store.read() as connection:
        if connection.execute(query.limit(1)).first() is None:
            return ()
    with store.write() as connection:
        rows = connection.execute(query).all()
        connection.execute(
            update(deliveries)
            .where(deliveries.c.id.in_([row.id for row in rows]))
            .values(lease.taken(deliveries, owner=owner, now=now))
        )
    return tuple(
        ClaimedDelivery(
            id=row.id,
            study_instance_uid=row.study_instance_uid,
            sop_instance_uid=row.sop_instance_uid,
            kind=ResultKind(row.kind),
            path=row.path,
            attempts=row.attempts + 1,
        )
        for row in rows
    )


def record_sent(
    store: Store, delivery: ClaimedDelivery, *, owner: str, remark: Remark | None, now: datetime
) -> None:
    """Record that the destination acknowledged the result, and what there is to note."""
    _record(store, delivery, owner, DeliveryEvent.ACKNOWLEDGED, remark, sent_at=now, retry_at=None)


def record_to_retry(
    store: Store, delivery: ClaimedDelivery, *, owner: str, remark: Remark | None, retry_at: datetime
) -> None:
    """Record that the result could not be delivered now, and when the next attempt is due."""
    _record(store, delivery, owner, DeliveryEvent.FAILED_TRANSIENTLY, remark, retry_at=retry_at)


def record_dead(store: Store, delivery: ClaimedDelivery, *, owner: str, remark: Remark | None) -> None:
    """Record that the result will not go without a person; its study fails visibly."""
    _record(store, delivery, owner, DeliveryEvent.FAILED_PERMANENTLY, remark, retry_at=None)


def release_deliveries(store: Store, *, owner: str, forgive: bool) -> None:
    """End all claims of an owner; see `lease.release`."""
    with store.write() as connection:
        lease.release(connection, deliveries, owner=owner, forgive=forgive)


def bury_deliveries_to_unknown_destinations(store: Store, known: Collection[str]) -> None:
    """Make dead letters of what is bound for a destination that the configuration no longer names."""
    with store.write() as connection:
        stranded = (deliveries.c.state.in_(_UNSENT), deliveries.c.destination.not_in(known))
        of_stranded = select(results.c.study_id).join(deliveries).where(*stranded)
        # The studies first, as everybody does who locks both.
        connection.execute(
            select(studies.c.id)
            .where(studies.c.id.in_(of_stranded))
            .order_by(studies.c.id)
            .with_for_update(key_share=True)
        )
        query = select(deliveries.c.id, deliveries.c.state, results.c.study_id).join(results).where(*stranded)
        for row in connection.execute(query).all():
            gone = transitions.delivery(row, row.study_id)
            values = remark_values(Remark(Note.DESTINATION_GONE))
            transitions.change(connection, gone, DeliveryEvent.DESTINATION_GONE, values)
            settle_study(connection, row.study_id)


def requeue_study(store: Store, study_instance_uid: str) -> int:
    """Let a person try again: a report that failed is built again, results that failed are sent again.

    Where nothing failed, all results of the newest revision are sent again.

    Returns
    -------
    int
        How many results are on their way again; 0 where the report is built anew.

    Raises
    ------
    UnknownStudy
        The store does not hold the study.
    ActionRefused
        Two patients meet in it.
    """
    with store.write() as connection:
        study = connection.execute(
            select(studies)
            .where(studies.c.study_instance_uid == study_instance_uid)
            .with_for_update(key_share=True)
        ).first()
        if study is None:
            raise UnknownStudy(f"no study {study_instance_uid} in the store; `ulna worklist` lists them")
        patients.require_one_patient(study)
        state = StudyState(study.state)
        rows = _deliveries_of(connection, study.id, study.revision)
        if not rows and state is StudyState.FAILED:
            values = {"reason": "", "attempts": 0}
            transitions.change(connection, transitions.study(study), StudyEvent.REPORT_REQUEUED, values)
        elif rows and (state in CLOSED_STUDY_STATES or state is StudyState.DELIVERING):
            rows = [row for row in rows if row.state != DeliveryState.SENT] or rows
            for row in rows:
                requeue_delivery(connection, row, study.id)
            values = {"reason": ""}
            transitions.change(connection, transitions.study(study), StudyEvent.DELIVERY_REQUEUED, values)
        return len(rows)


def settle_study(connection: Connection, study_id: int) -> None:
    """End the delivering of a study once no result of its revision is under way; part of a transaction."""
    study = connection.execute(
        select(studies).where(studies.c.id == study_id).with_for_update(key_share=True)
    ).one()
    if study.state != StudyState.DELIVERING:
        return
    rows = _deliveries_of(connection, study_id, study.revision)
    if any(row.state in _UNSENT for row in rows):
        return
    values: dict[str, Any] = {"reason": ""}
    dead = [row for row in rows if row.state == DeliveryState.DEAD]
    if dead:
        event = StudyEvent.DELIVERY_DEAD
        remark = Remark.stored(dead[0].remark, dead[0].details)
        values["reason"] = f"delivery to {dead[0].destination} failed: {remark_words(remark)}"
    elif study.category == TriageCategory.NOT_ANALYZED:
        event = StudyEvent.NOTHING_TO_REPORT
        values["reason"] = study.not_analyzed
    else:
        event = StudyEvent.ALL_SENT
    transitions.change(connection, transitions.study(study), event, values)


def requeue_delivery(connection: Connection, row: Any, study_id: int) -> None:
    """Make a result due again, its attempts counted anew; part of a transaction."""
    if row.state == DeliveryState.PENDING:
        return
    values = {"retry_at": None, "attempts": 0, **remark_values(None)}
    transitions.change(connection, transitions.delivery(row, study_id), DeliveryEvent.REQUEUED, values)


def _is_due(now: datetime) -> ColumnElement[bool]:
    """Return the condition that a delivery may be sent: never for a study in which two patients meet.

    A pause that would last longer than the longest began before the clock stepped back, and is over.
    """
    retry_at = deliveries.c.retry_at
    return and_(
        deliveries.c.state.in_(_UNSENT),
        or_(retry_at.is_(None), retry_at <= now, retry_at > now + timedelta(seconds=LONGEST_SECONDS)),
        lease.is_free(deliveries, now),
        not_(patients.of_two_patients()),
    )


def _record(
    store: Store,
    delivery: ClaimedDelivery,
    owner: str,
    event: DeliveryEvent,
    remark: Remark | None,
    **values: object,
) -> None:
    with store.write() as connection:
        study_id = connection.scalar(
            select(results.c.study_id).join(deliveries).where(deliveries.c.id == delivery.id)
        )
        # The study first, as `requeue_study` does: two that lock in different order can wait for each other.
        connection.execute(
            select(studies.c.id).where(studies.c.id == study_id).with_for_update(key_share=True)
        )
        row = connection.execute(
            select(deliveries.c.id, deliveries.c.state).where(
                deliveries.c.id == delivery.id, deliveries.c.lease_owner == owner
            )
        ).first()
        if row is None or study_id is None:
            return
        sent = transitions.delivery(row, study_id)
        if sent.state is DeliveryState.SUPERSEDED:
            values |= {"retry_at": None}
        transitions.change(connection, sent, event, values | remark_values(remark) | lease.given_back())
        settle_study(connection, study_id)


def _deliveries_of(connection: Connection, study_id: int, revision: int) -> Sequence[Any]:
    query = (
        select(deliveries)
        .join(results)
        .where(results.c.study_id == study_id, results.c.revision == revision)
        .order_by(deliveries.c.id)
    )
    return connection.execute(query).all()
