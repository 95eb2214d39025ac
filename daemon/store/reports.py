"""This module writes the rows of a report: its results, and the places of its views."""

from dataclasses import asdict
from datetime import datetime

from sqlalchemy import Connection, insert, update

from daemon.store.places import places_text
from daemon.store.tables import instances, results
from daemon.store.values import ClaimedStudy, NewResult, Report
from daemon.study.lifecycle import InstanceState
from dicom_io.selection.patient import PatientIdentity


def insert_result(
    connection: Connection,
    study: ClaimedStudy,
    result: NewResult,
    *,
    patient: PatientIdentity,
    now: datetime,
) -> int:
    """Write one of a report's results, and whom it names; return the id of its row."""
    query = (
        insert(results)
        .values(
            study_id=study.id,
            revision=study.revision,
            kind=result.kind,
            sop_instance_uid=result.sop_instance_uid,
            sop_class_uid=result.sop_class_uid,
            series_instance_uid=result.series_instance_uid,
            source_sop_instance_uid=result.source_sop_instance_uid,
            path=result.path,
            created_at=now,
            **asdict(patient),
        )
        .returning(results.c.id)
    )
    result_id: int = connection.scalars(query).one()
    return result_id


def keep_places(connection: Connection, study: ClaimedStudy, report: Report) -> None:
    """Write the places that a report shows to the rows of its views."""
    for sop_instance_uid, places in report.places.items():
        connection.execute(
            update(instances)
            .where(
                instances.c.study_id == study.id,
                instances.c.sop_instance_uid == sop_instance_uid,
                instances.c.state == InstanceState.ANALYZED,
            )
            .values(places=places_text(places))
        )
