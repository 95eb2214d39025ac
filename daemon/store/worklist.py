"""This module reads the store for people: one study in full, and what was refused."""

from sqlalchemy import Connection, select

from daemon.couriers.remark import Remark
from daemon.errors import UnknownStudy
from daemon.store.contents import instances_of
from daemon.store.database import Store
from daemon.store.entries import entries_of
from daemon.store.history import events_of
from daemon.store.shown import DeliveryRecord, Refusal, Rejection, ResultRecord, StudyDetail
from daemon.store.tables import deliveries, rejections, results, studies


def study_detail(store: Store, study_instance_uid: str) -> StudyDetail:
    """Return everything that is known of a study.

    Raises
    ------
    UnknownStudy
        The store does not hold it.
    """
    with store.read() as connection:
        query = select(studies.c.id).where(studies.c.study_instance_uid == study_instance_uid)
        ids = connection.scalars(query).all()
        entries = entries_of(connection, ids)
        if not entries:
            raise UnknownStudy(f"no study {study_instance_uid} in the store")
        (study_id,) = ids
        return StudyDetail(
            entry=entries[0],
            instances=instances_of(connection, study_id),
            results=_results(connection, study_id),
            events=events_of(connection, study_instance_uid),
        )


def recent_rejections(store: Store, *, limit: int) -> tuple[Rejection, ...]:
    """Return what was refused last, instances and associations."""
    newest = rejections.c.rejected_at.desc(), rejections.c.id.desc()
    query = select(rejections).order_by(*newest).limit(limit)
    with store.read() as connection:
        return tuple(
            Rejection(
                rejected_at=row.rejected_at,
                source=row.source,
                sop_instance_uid=row.sop_instance_uid,
                cause=Refusal(row.cause),
                reason=row.reason,
                number=row.number,
            )
            for row in connection.execute(query)
        )


def _results(connection: Connection, study_id: int) -> tuple[ResultRecord, ...]:
    sent: dict[int, list[DeliveryRecord]] = {}
    of_study = (
        select(deliveries).join(results).where(results.c.study_id == study_id).order_by(deliveries.c.id)
    )
    for row in connection.execute(of_study):
        sent.setdefault(row.result_id, []).append(
            DeliveryRecord(
                destination=row.destination,
                state=row.state,
                remark=Remark.stored(row.remark, row.details),
                attempts=row.attempts,
                retry_at=row.retry_at,
                sent_at=row.sent_at,
            )
        )
    query = select(results).where(results.c.study_id == study_id).order_by(results.c.id)
    return tuple(
        ResultRecord(
            revision=row.revision,
            kind=row.kind,
            sop_instance_uid=row.sop_instance_uid,
            source_sop_instance_uid=row.source_sop_instance_uid,
            path=row.path,
            created_at=row.created_at,
            deliveries=tuple(sent.get(row.id, ())),
        )
        for row in connection.execute(query)
    )
