"""This module writes what an instance that arrives means for its study."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select, update
from sqlalchemy.dialects import postgresql, sqlite

from daemon.store import patients, transitions
from daemon.store.revision import next_revision
from daemon.store.study_reason import WITHOUT_DETAILS
from daemon.store.tables import studies
from daemon.store.values import ReceivedInstance
from daemon.study.lifecycle import CLOSED_STUDY_STATES, StudyEvent, StudyState
from dicom_io.selection.exclusion import Exclusion


def study_of(connection: Connection, instance: ReceivedInstance, now: datetime) -> Row[Any]:
    """Return the study of an instance that arrives, locked; it is opened where there is none."""
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


def record_in_study(
    connection: Connection,
    study: Row[Any],
    instance: ReceivedInstance,
    *,
    is_view: bool,
    replaces: bool,
    now: datetime,
) -> None:
    """Write what an instance means for its study."""
    values = _counted(study, instance)
    if is_view or study.state == StudyState.OPEN:
        values |= {
            "last_instance_at": now,
            "last_association_id": instance.association_id,
            "association_open": bool(instance.association_id),
        }
    # Our own results name whom an earlier revision named; of whom the study is, they say nothing.
    is_own = instance.exclusion == Exclusion.OWN_RESULT
    known, new = patients.patient_of(study), instance.identity.patient
    disputed = patients.is_of_two_patients(study.state, study.cause)
    if replaces:
        values |= asdict(instance.identity)
    elif not (is_own or disputed or known.contradicts(new)):
        values |= asdict(known.completed_by(new))
    if not (is_own or disputed) and known.contradicts(new):
        values |= WITHOUT_DETAILS
        transitions.change(connection, transitions.study(study), StudyEvent.PATIENT_MISMATCH, values)
        disputed = True
    elif is_view and not disputed:
        values |= _reopened(study, now)
        transitions.change(connection, transitions.study(study), StudyEvent.VIEW_ARRIVED, values)
    else:
        connection.execute(update(studies).where(studies.c.id == study.id).values(values))
    if disputed:
        patients.settle_patient(connection, study.id, now=now)


def _counted(study: Row[Any], instance: ReceivedInstance) -> dict[str, Any]:
    return {
        "generation": study.generation + 1,
        "priority": min(study.priority, instance.priority),
        "is_old": study.is_old and instance.is_old,
    }


def _reopened(study: Row[Any], now: datetime) -> dict[str, Any]:
    """Return what a view changes in a study that was closed, or whose results are under way."""
    if study.state not in CLOSED_STUDY_STATES and study.state != StudyState.DELIVERING:
        return {}
    return next_revision(study, now)
