"""This module takes instances into the store."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from daemon.store import transitions
from daemon.store.database import Store
from daemon.store.shown import Rejection
from daemon.store.tables import instances, rejections, studies
from daemon.store.values import CONFLICTING_DUPLICATE, ReceivedInstance, Recorded
from daemon.study.lifecycle import CLOSED_STUDY_STATES, InstanceEvent, InstanceState, StudyEvent, StudyState
from dicom_io.selection.patient import PatientIdentity

PATIENT_MISMATCH = "patient_mismatch"
"""What a study says for a reason where two patients meet in it."""

_UNFINISHED = (StudyState.OPEN, StudyState.REPORTING)


def is_recorded(store: Store, *, sop_instance_uid: str, sha256: str) -> bool:
    """Tell whether exactly this instance was recorded before."""
    with store.read() as connection:
        return _find(connection, sop_instance_uid, sha256) is not None


def is_known_or_fits(store: Store, *, study_instance_uid: str, max_open_studies: int) -> bool:
    """Tell whether the study is known, or the queue has room for one more."""
    with store.read() as connection:
        known = connection.scalar(
            select(studies.c.id).where(studies.c.study_instance_uid == study_instance_uid)
        )
        unfinished = select(func.count()).select_from(studies).where(studies.c.state.in_(_UNFINISHED))
        return known is not None or (connection.scalar(unfinished) or 0) < max_open_studies


def record_instance(
    store: Store, instance: ReceivedInstance, *, now: datetime, confirm: Callable[[], None] = lambda: None
) -> Recorded:
    """Record an instance and what it means for its study.

    A repeat changes nothing. A SOP Instance UID that comes with other bytes is kept beside the first and
    excluded. A view opens its study, or reopens it with the next revision. A second patient fails it. One
    fresh instance makes an old study a fresh one, with the rank that the instance has.

    Parameters
    ----------
    confirm
        Raises when the instance's file is gone; then nothing is recorded. It is called while
        `retention.unrecorded` can give the file to nobody.
    """
    with store.write() as connection:
        # Its lock comes first: the same instance may arrive over two associations at once.
        study = _study_row(connection, instance, now)
        if _find(connection, instance.sop_instance_uid, instance.sha256) is not None:
            return Recorded.IDENTICAL
        conflicting = _find(connection, instance.sop_instance_uid) is not None
        row = connection.execute(
            insert(instances)
            .values(_instance_values(instance, study.id, conflicting, now))
            .returning(instances.c.id, instances.c.study_id, instances.c.state)
        ).one()
        transitions.begin(connection, transitions.instance(row), InstanceEvent.ARRIVED)
        is_view = instance.state is not InstanceState.EXCLUDED and not conflicting
        _record_in_study(connection, study, instance, is_view=is_view, now=now)
        confirm()
    return Recorded.CONFLICTING if conflicting else Recorded.NEW


def record_association_released(store: Store, association_id: str) -> None:
    """Record that an association ended: what it brought is complete as far as it is concerned."""
    with store.write() as connection:
        connection.execute(
            update(studies)
            .where(studies.c.last_association_id == association_id, studies.c.association_open)
            .values(association_open=False)
        )


def record_all_associations_ended(store: Store) -> None:
    """Record, when a receiver starts, that no association of its predecessor lives on."""
    with store.write() as connection:
        connection.execute(update(studies).where(studies.c.association_open).values(association_open=False))


def record_rejection(store: Store, rejection: Rejection) -> None:
    """Record an instance that was refused."""
    with store.write() as connection:
        connection.execute(
            insert(rejections).values(
                rejected_at=rejection.rejected_at,
                source=rejection.source,
                sop_instance_uid=rejection.sop_instance_uid,
                reason=rejection.reason,
            )
        )


def _find(connection: Connection, sop_instance_uid: str, sha256: str | None = None) -> int | None:
    query = select(instances.c.id).where(instances.c.sop_instance_uid == sop_instance_uid)
    if sha256 is not None:
        query = query.where(instances.c.sha256 == sha256)
    return connection.scalar(query.limit(1))


def _study_row(connection: Connection, instance: ReceivedInstance, now: datetime) -> Row[Any]:
    query = (
        select(studies)
        .where(studies.c.study_instance_uid == instance.study_instance_uid)
        .with_for_update(key_share=True)
    )
    row = connection.execute(query).first()
    if row is not None:
        return row
    # Two associations may bring the first instances of one study at the same time.
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    identity = instance.identity
    opened = connection.execute(
        dialect.insert(studies)
        .values(
            study_instance_uid=instance.study_instance_uid,
            state=StudyState.OPEN,
            priority=instance.priority,
            is_old=instance.is_old,
            opened_at=now,
            collecting_since=now,
            last_instance_at=now,
            patient_id=identity.patient_id,
            issuer_of_patient_id=identity.issuer_of_patient_id,
            patient_name=identity.patient_name,
            accession_number=identity.accession_number,
            study_date=identity.study_date,
            study_description=identity.study_description,
        )
        .on_conflict_do_nothing()
    ).rowcount
    row = connection.execute(query).one()
    if opened:
        transitions.begin(connection, transitions.study(row), StudyEvent.OPENED)
    return row


def _instance_values(
    instance: ReceivedInstance, study_id: int, conflicting: bool, now: datetime
) -> dict[str, Any]:
    values = {
        "study_id": study_id,
        "sop_instance_uid": instance.sop_instance_uid,
        "sop_class_uid": instance.sop_class_uid,
        "series_instance_uid": instance.series_instance_uid,
        "sha256": instance.sha256,
        "path": instance.path,
        "size_bytes": instance.size_bytes,
        "received_at": now,
        "source": instance.source,
        "state": instance.state,
        "reason": instance.reason,
        "exclusion": instance.exclusion,
        "region": instance.region,
        "laterality": instance.laterality,
        "laterality_conflict": instance.laterality_conflict,
        "projection": instance.projection,
        "device": instance.device,
        "age_caution": instance.age_caution,
        "minimum_age_years": instance.minimum_age_years,
    }
    if conflicting:
        values |= {
            "state": InstanceState.EXCLUDED,
            "exclusion": CONFLICTING_DUPLICATE,
            "reason": "the same SOP Instance UID came before with other content; the first stays in use",
        }
    return values


def _record_in_study(
    connection: Connection, study: Row[Any], instance: ReceivedInstance, *, is_view: bool, now: datetime
) -> None:
    """Write what an instance means for its study."""
    values = _counted(study, instance)
    if is_view or study.state == StudyState.OPEN:
        values |= {
            "last_instance_at": now,
            "last_association_id": instance.association_id,
            "association_open": bool(instance.association_id),
        }
    known, new = _patient_of(study), instance.identity.patient
    if known.contradicts(new):
        values |= {"reason": PATIENT_MISMATCH}
        transitions.change(connection, transitions.study(study), StudyEvent.PATIENT_MISMATCH, values)
        return
    values |= asdict(known.completed_by(new))
    if is_view and not is_of_two_patients(study.state, study.cause):
        values |= _reopened(study, now)
        transitions.change(connection, transitions.study(study), StudyEvent.VIEW_ARRIVED, values)
    else:
        connection.execute(update(studies).where(studies.c.id == study.id).values(values))


def is_of_two_patients(state: str, cause: str) -> bool:
    """Tell whether two patients meet in a study: then nothing of it is sent."""
    return state == StudyState.FAILED and cause == StudyEvent.PATIENT_MISMATCH


def _counted(study: Row[Any], instance: ReceivedInstance) -> dict[str, Any]:
    return {
        "generation": study.generation + 1,
        "priority": min(study.priority, instance.priority),
        "is_old": study.is_old and instance.is_old,
    }


def _reopened(study: Row[Any], now: datetime) -> dict[str, Any]:
    """Give what a view changes in a study that was closed, or whose results are under way."""
    if study.state not in CLOSED_STUDY_STATES and study.state != StudyState.DELIVERING:
        return {}
    return {
        "revision": study.revision + 1,
        "collecting_since": now,
        "closed_at": None,
        "reason": "",
        "attempts": 0,
    }


def _patient_of(study: Row[Any]) -> PatientIdentity:
    return PatientIdentity(
        patient_id=study.patient_id,
        issuer_of_patient_id=study.issuer_of_patient_id,
        patient_name=study.patient_name,
    )
