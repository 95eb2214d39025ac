"""This module reads what a study holds: its instances with the members' findings."""

from typing import Any

import numpy as np
from sqlalchemy import Connection, Row, select

from daemon.store.places import places_of
from daemon.store.tables import activations, instances
from daemon.store.values import InstanceRecord
from daemon.study.lifecycle import InstanceState
from dicom_io.selection.age import AgeCaution
from models.finding import MemberFinding, ViewGeometry
from models.reference.drift import InputCheck, InputWarning
from sr_templates.reason import Reason


def instances_of(connection: Connection, study_id: int) -> tuple[InstanceRecord, ...]:
    """Return the instances of a study in the order of their arrival."""
    findings = _findings(connection, study_id)
    query = select(instances).where(instances.c.study_id == study_id).order_by(instances.c.id)
    return tuple(_record(row, findings.get(row.id, [])) for row in connection.execute(query))


def _findings(connection: Connection, study_id: int) -> dict[int, list[MemberFinding]]:
    query = (
        select(activations)
        .join(instances)
        .where(instances.c.study_id == study_id)
        .order_by(activations.c.instance_id, activations.c.position)
    )
    findings: dict[int, list[MemberFinding]] = {}
    for row in connection.execute(query):
        activation = np.frombuffer(row.map, dtype="<f4").reshape(row.rows, row.columns)
        findings.setdefault(row.instance_id, []).append(
            MemberFinding(
                member=row.member,
                logit=row.logit,
                probability=row.probability,
                activation=activation,
                vote=row.vote,
            )
        )
    return findings


def _record(row: Row[Any], members: list[MemberFinding]) -> InstanceRecord:
    return InstanceRecord(
        sop_instance_uid=row.sop_instance_uid,
        sop_class_uid=row.sop_class_uid,
        path=row.path,
        received_at=row.received_at,
        source=row.source,
        state=InstanceState(row.state),
        reason=Reason.stored(row.exclusion, row.details),
        region=row.region,
        laterality=row.laterality,
        laterality_conflict=row.laterality_conflict,
        projection=row.projection,
        bundle_digest=row.bundle_digest,
        engine=row.engine,
        members=tuple(members),
        input_check=_input_check(row),
        geometry=_geometry(row),
        places=places_of(row.places),
        age_caution=AgeCaution(row.age_caution) if row.age_caution else None,
        minimum_age_years=row.minimum_age_years,
    )


def _geometry(row: Row[Any]) -> ViewGeometry | None:
    if row.image_rows is None:
        return None
    return ViewGeometry(rows=row.image_rows, columns=row.image_columns, pixel_aspect=row.pixel_aspect)


def _input_check(row: Row[Any]) -> InputCheck | None:
    if row.input_distance is None:
        return None
    warning = InputWarning(row.input_warning) if row.input_warning else None
    return InputCheck(distance=row.input_distance, warning=warning)
