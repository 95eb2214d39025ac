"""This module keeps patients apart: a study in which two meet fails, and goes on when it is corrected.

An archive corrects an instance under the SOP Instance UID that it had. So while two patients meet in a study,
newer bytes take the place of the first, which stay recorded beside them. Once all that is in use may be of
one patient the study goes on by itself; where results may have gone out under another one, a person says so.
"""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, delete, not_, or_, select

from daemon.couriers.remark import Note, Remark
from daemon.errors import ActionRefused, UnknownStudy
from daemon.store import lease, transitions
from daemon.store.columns import reason_values, remark_values
from daemon.store.database import Store
from daemon.store.revision import next_revision
from daemon.store.tables import activations, deliveries, instances, results, studies
from daemon.study.lifecycle import (
    DeliveryEvent,
    DeliveryState,
    InstanceEvent,
    StudyEvent,
    StudyState,
)
from dicom_io.selection.exclusion import Exclusion
from dicom_io.selection.patient import PatientIdentity, one_patient
from sr_templates.reason import Reason, Withheld

PATIENT_MISMATCH = "patient_mismatch"
"""What a study says for a reason where two patients meet in it."""

NOT_IN_USE = (Withheld.CONFLICTING_DUPLICATE, Withheld.REPLACED)
"""Exclusions of what stands beside the instance whose SOP Instance UID it bears."""

_CONFIRMATION_NEEDED = (
    "its instances name one patient again, but results went out under another; remove those from the PACS, "
    "then run `ulna requeue STUDY_UID --confirm-patient`"
)
_HELD = (StudyEvent.PATIENT_MISMATCH, StudyEvent.CONFIRMATION_NEEDED)
_UNSENT = (DeliveryState.PENDING, DeliveryState.WAITING)
# What the first patient's images showed is not said of the second.
_NO_FINDING = {
    "category": "",
    "score": None,
    "part": "",
    "target": "",
    "model_label": "",
    "summary": "",
    "not_analyzed": "",
}


def is_of_two_patients(state: str, cause: str) -> bool:
    """Return whether two patients meet in a study, or in its results: then nothing of it is sent."""
    return state == StudyState.FAILED and cause in _HELD


def needs_confirmation(state: str, cause: str) -> bool:
    """Return whether a study of one patient waits because results went out under another."""
    return state == StudyState.FAILED and cause == StudyEvent.CONFIRMATION_NEEDED


def require_one_patient(study: Row[Any]) -> None:
    """Let a person do what makes no sense before a study is corrected only after that.

    Raises
    ------
    ActionRefused
        Two patients meet in it; the message says what to do.
    """
    if not is_of_two_patients(study.state, study.cause):
        return
    raise ActionRefused(
        f"study {study.study_instance_uid}: {_CONFIRMATION_NEEDED}"
        if needs_confirmation(study.state, study.cause)
        else f"study {study.study_instance_uid} holds instances of different patients; correct them in the "
        "PACS, and send them again"
    )


def of_two_patients() -> ColumnElement[bool]:
    """Return the condition on studies that says what `is_of_two_patients` tells."""
    return and_(studies.c.state == StudyState.FAILED, studies.c.cause.in_(_HELD))


def is_in_use(row: Row[Any]) -> bool:
    """Return whether an instance is the one of those with its SOP Instance UID that counts."""
    return row.exclusion not in NOT_IN_USE


def set_aside(connection: Connection, ids: Sequence[int]) -> None:
    """Set instances aside because another now has their SOP Instance UID; part of a transaction."""
    values = {
        **reason_values(Reason(Withheld.REPLACED)),
        "bundle_digest": "",
        "input_distance": None,
        "input_warning": "",
        **lease.given_back(),
    }
    query = select(instances.c.id, instances.c.study_id, instances.c.state).where(instances.c.id.in_(ids))
    for row in connection.execute(query.with_for_update(key_share=True)).all():
        transitions.change(connection, transitions.instance(row), InstanceEvent.REPLACED, values)
    connection.execute(delete(activations).where(activations.c.instance_id.in_(ids)))


def settle_patient(connection: Connection, study_id: int, *, now: datetime) -> None:
    """Let a study that is of two patients go on if it is so no longer; part of a transaction."""
    study = connection.execute(select(studies).where(studies.c.id == study_id)).one()
    patient = _patient_in_use(connection, study_id)
    if patient is None:
        _fail(connection, study, StudyEvent.PATIENT_MISMATCH, PATIENT_MISMATCH)
    elif any(
        row.is_begun and patient_of(row).contradicts(patient)  # an attempt that failed may have arrived
        for row in _deliveries_of(connection, study_id, now)
    ):
        _fail(connection, study, StudyEvent.CONFIRMATION_NEEDED, _CONFIRMATION_NEEDED)
    else:
        _resume(connection, study, patient, StudyEvent.PATIENT_CORRECTED, now)


def confirm_patient(store: Store, study_instance_uid: str, *, now: datetime) -> None:
    """Let a person say that a corrected study may go on though results went out under another patient.

    Raises
    ------
    UnknownStudy
        The store does not hold the study.
    ActionRefused
        There is nothing to confirm: its patient is in no doubt, or its instances still name several.
    """
    with store.write() as connection:
        study = connection.execute(
            select(studies)
            .where(studies.c.study_instance_uid == study_instance_uid)
            .with_for_update(key_share=True)
        ).first()
        if study is None:
            raise UnknownStudy(f"no study {study_instance_uid} in the store; `ulna worklist` lists them")
        if not is_of_two_patients(study.state, study.cause):
            raise ActionRefused(f"study {study_instance_uid} is of one patient; there is nothing to confirm")
        patient = _patient_in_use(connection, study.id)
        if patient is None:
            raise ActionRefused(
                f"study {study_instance_uid} still holds instances of different patients, or such that came "
                "before ulna kept whom they name; correct them in the PACS, and send the whole study again"
            )
        if any(row.is_claimed for row in _deliveries_of(connection, study.id, now)):
            raise ActionRefused(
                f"a result of study {study_instance_uid} is being sent; run the command again in a minute"
            )
        _resume(connection, study, patient, StudyEvent.PATIENT_CONFIRMED, now)


def patient_of(row: Any) -> PatientIdentity:
    """Return whom a study, an instance or a result names, from its row."""
    return PatientIdentity(
        patient_id=row.patient_id,
        issuer_of_patient_id=row.issuer_of_patient_id,
        patient_name=row.patient_name,
    )


def _patient_in_use(connection: Connection, study_id: int) -> PatientIdentity | None:
    """Return the one patient whom all that is in use may name; None where there is none, or one says nothing.

    What came beside an instance of another study counts, for it is here that it names a patient. Our own
    results do not: they name whom an earlier revision named.
    """
    rows = connection.execute(
        select(instances.c.patient_id, instances.c.issuer_of_patient_id, instances.c.patient_name)
        .where(
            instances.c.study_id == study_id,
            instances.c.exclusion.not_in((Withheld.REPLACED, Exclusion.OWN_RESULT)),
        )
        .distinct()
    ).all()
    if any(row.patient_id is None for row in rows):
        return None
    return one_patient(map(patient_of, rows))


def _deliveries_of(connection: Connection, study_id: int, now: datetime) -> Sequence[Row[Any]]:
    """Return the deliveries of a study, and whom their results name; no sender can take them meanwhile."""
    query = (
        select(
            results.c.patient_id,
            results.c.issuer_of_patient_id,
            results.c.patient_name,
            deliveries.c.id,
            deliveries.c.state,
            or_(deliveries.c.attempts > 0, deliveries.c.sent_at.is_not(None)).label("is_begun"),
            not_(lease.is_free(deliveries, now)).label("is_claimed"),
        )
        .join_from(results, deliveries)
        .where(results.c.study_id == study_id)
        .order_by(deliveries.c.id)
    )
    return connection.execute(query.with_for_update(key_share=True, of=deliveries)).all()


def _fail(connection: Connection, study: Row[Any], event: StudyEvent, reason: str) -> None:
    if study.cause != event:
        transitions.change(connection, transitions.study(study), event, {"reason": reason})


def _resume(
    connection: Connection,
    study: Row[Any],
    patient: PatientIdentity,
    event: StudyEvent,
    now: datetime,
) -> None:
    """Begin the next revision under the patient whom the study now names."""
    for row in _deliveries_of(connection, study.id, now):
        if row.state in _UNSENT and patient_of(row).contradicts(patient):
            # A claim that ran out ends here: what its sender still finds out is no news any more.
            values = remark_values(Remark(Note.PATIENT_CHANGED)) | lease.given_back()
            withdrawn = transitions.delivery(row, study.id)
            transitions.change(connection, withdrawn, DeliveryEvent.PATIENT_CHANGED, values)
    values = next_revision(study, now) | _NO_FINDING | asdict(patient) | lease.given_back()
    transitions.change(connection, transitions.study(study), event, values)
