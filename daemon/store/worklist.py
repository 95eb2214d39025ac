"""This module reads the store for people: the worklist, one study in full, refused instances, counts."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Row, Select, func, select

from daemon.errors import UnknownStudy
from daemon.store.contents import instances_of
from daemon.store.database import Store
from daemon.store.history import events_of
from daemon.store.shown import DeliveryRecord, Rejection, ResultRecord, StudyDetail, WorklistEntry
from daemon.store.tables import deliveries, instances, rejections, results, studies
from daemon.store.values import StudyIdentity
from daemon.study.lifecycle import InstanceState, StudyState


def worklist_entries(store: Store) -> tuple[WorklistEntry, ...]:
    """Give every study, in the order of arrival; `daemon.study.closing.reading_order` puts them in order."""
    with store.read() as connection:
        rows = connection.execute(_entries().order_by(studies.c.id)).all()
        regions = _regions(connection)
    return tuple(_entry(row, regions.get(row.id, ())) for row in rows)


def study_detail(store: Store, study_instance_uid: str) -> StudyDetail:
    """Give everything that is known of a study.

    Raises
    ------
    UnknownStudy
        The store does not hold it.
    """
    with store.read() as connection:
        row = connection.execute(_entries().where(studies.c.study_instance_uid == study_instance_uid)).first()
        if row is None:
            raise UnknownStudy(f"no study {study_instance_uid} in the store")
        regions = _regions(connection, row.id)
        return StudyDetail(
            entry=_entry(row, regions.get(row.id, ())),
            instances=instances_of(connection, row.id),
            results=_results(connection, row.id),
            events=events_of(connection, row.study_instance_uid),
        )


def recent_rejections(store: Store, *, limit: int) -> tuple[Rejection, ...]:
    """Give the newest refused instances."""
    query = select(rejections).order_by(rejections.c.id.desc()).limit(limit)
    with store.read() as connection:
        return tuple(
            Rejection(
                rejected_at=row.rejected_at,
                source=row.source,
                sop_instance_uid=row.sop_instance_uid,
                reason=row.reason,
            )
            for row in connection.execute(query)
        )


def counts_by_state(store: Store) -> Mapping[str, Mapping[str, int]]:
    """Give how many studies, instances and deliveries are in each state, and how many were refused."""
    with store.read() as connection:
        counts = {
            table.name: {
                state: number
                for state, number in connection.execute(
                    select(table.c.state, func.count()).group_by(table.c.state)
                )
            }
            for table in (studies, instances, deliveries)
        }
        refused = connection.scalar(select(func.count()).select_from(rejections)) or 0
    return {**counts, "rejections": {"rejected": refused}}


def _entries() -> Select[Any]:
    views = InstanceState.RECEIVED, InstanceState.ANALYZED, InstanceState.UNREADABLE
    of_study = select(func.count()).select_from(instances).where(instances.c.study_id == studies.c.id)
    return select(
        studies,
        of_study.where(instances.c.state.in_(views)).scalar_subquery().label("view_count"),
        of_study.where(instances.c.input_warning != "").scalar_subquery().label("warned_view_count"),
        of_study.scalar_subquery().label("instance_count"),
    )


def _regions(connection: Connection, study_id: int | None = None) -> dict[int, tuple[str, ...]]:
    query = (
        select(instances.c.study_id, instances.c.region)
        .where(instances.c.region != "", instances.c.state != InstanceState.EXCLUDED)
        .distinct()
        .order_by(instances.c.region)
    )
    if study_id is not None:
        query = query.where(instances.c.study_id == study_id)
    regions: dict[int, tuple[str, ...]] = {}
    for row in connection.execute(query):
        regions[row.study_id] = (*regions.get(row.study_id, ()), row.region)
    return regions


def _entry(row: Row[Any], regions: tuple[str, ...]) -> WorklistEntry:
    return WorklistEntry(
        study_instance_uid=row.study_instance_uid,
        identity=StudyIdentity(
            patient_id=row.patient_id,
            issuer_of_patient_id=row.issuer_of_patient_id,
            patient_name=row.patient_name,
            accession_number=row.accession_number,
            study_date=row.study_date,
            study_description=row.study_description,
        ),
        state=StudyState(row.state),
        cause=row.cause,
        reason=row.reason,
        revision=row.revision,
        priority=row.priority,
        category=row.category,
        score=row.score,
        part=row.part,
        target=row.target,
        model_label=row.model_label,
        trained=row.trained,
        summary=row.summary,
        regions=regions,
        view_count=row.view_count,
        warned_view_count=row.warned_view_count,
        is_old=row.is_old,
        instance_count=row.instance_count,
        opened_at=row.opened_at,
        last_instance_at=row.last_instance_at,
        closed_at=row.closed_at,
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
                reason=row.reason,
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
