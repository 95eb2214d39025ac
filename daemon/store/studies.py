"""This module serves the reporter: it finds studies that may close, claims them, records their reports."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select, update

from daemon.store import deliveries as outbox
from daemon.store import lease, transitions
from daemon.store.contents import instances_of
from daemon.store.database import Store
from daemon.store.measurements import record_measurement
from daemon.store.patients import patient_of
from daemon.store.queueing import fill_outbox
from daemon.store.reports import insert_result, keep_places
from daemon.store.result_kind import ResultKind
from daemon.store.study_reason import WITHOUT_DETAILS, report_failed
from daemon.store.tables import instances, results, studies
from daemon.store.values import ClaimedStudy, OpenStudy, Report, ViewKind
from daemon.store.views import return_views
from daemon.study.lifecycle import InstanceState, StudyEvent, StudyState
from dicom_io.objects.previous_report import PreviousReport
from dicom_io.selection.laterality import Laterality


def open_studies(store: Store) -> tuple[OpenStudy, ...]:
    """Return the open studies in which no view waits for its analysis, most urgent first."""
    waiting = select(instances.c.study_id).where(instances.c.state == InstanceState.RECEIVED)
    query = (
        select(studies)
        .where(studies.c.state == StudyState.OPEN, studies.c.id.not_in(waiting))
        .order_by(studies.c.priority, studies.c.id)
    )
    with store.read() as connection:
        rows = connection.execute(query).all()
        kinds = _view_kinds(connection) if rows else {}
    return tuple(_open_study(row, kinds.get(row.id, ())) for row in rows)


def claim_study(store: Store, study: OpenStudy, *, owner: str, now: datetime) -> ClaimedStudy | None:
    """Claim a study for reporting; None when it grew or was taken since it was read.

    A study whose report was begun too often fails instead.
    """
    with store.write() as connection:
        row = connection.execute(
            select(studies)
            .where(
                studies.c.id == study.id,
                studies.c.state == StudyState.OPEN,
                studies.c.generation == study.generation,
            )
            .with_for_update(key_share=True)
        ).first()
        if row is None:
            return None
        if row.attempts >= lease.MAX_ATTEMPTS:
            event = StudyEvent.REPORT_BEGUN_TOO_OFTEN
            transitions.change(connection, transitions.study(row), event, WITHOUT_DETAILS)
            return None
        claim = lease.taken(studies, owner=owner, now=now)
        transitions.change(connection, transitions.study(row), StudyEvent.CLAIMED, claim)
        return _claimed_study(connection, row)


def record_report(store: Store, study: ClaimedStudy, report: Report, *, owner: str, now: datetime) -> bool:
    """Record a report, its results and their deliveries.

    Gives False and records nothing when the study grew meanwhile: it is open again, and the next report
    will hold the new view too.
    """
    with store.write() as connection:
        row = _held(connection, study, owner)
        if row is None:
            return False
        if row.generation != study.generation:
            _reopen(connection, row, attempts=0)
            return False
        event = StudyEvent.REPORTED if report.results else StudyEvent.NOTHING_TO_REPORT
        values = {
            "category": report.category,
            "score": report.score,
            "part": report.part,
            "target": report.target,
            "model_label": report.model_label,
            "trained": report.trained,
            "summary": report.summary,
            "not_analyzed": report.not_analyzed,
            **WITHOUT_DETAILS,
            "closed_at": now,
            "attempts": 0,
            **lease.given_back(),
        }
        transitions.change(connection, transitions.study(row), event, values)
        ids = [
            insert_result(connection, study, result, patient=patient_of(row), now=now)
            for result in report.results
        ]
        keep_places(connection, study, report)
        record_measurement(connection, row, report, now=now)
        fill_outbox(
            connection, study.id, [(ids[index], destination) for index, destination in report.deliveries]
        )
        outbox.settle_study(connection, study.id)
    return True


def record_report_failed(store: Store, study: ClaimedStudy, *, owner: str, error: str) -> None:
    """Record why no report could be built."""
    with store.write() as connection:
        row = _held(connection, study, owner)
        if row is not None:
            values = {"details": report_failed(error), **lease.given_back()}
            transitions.change(connection, transitions.study(row), StudyEvent.REPORT_FAILED, values)


def return_study_to_analyzer(store: Store, study: ClaimedStudy, *, owner: str, bundle_digest: str) -> None:
    """Give a study back because another bundle than the present one analyzed views of it."""
    outdated = select(instances.c.id).where(
        instances.c.study_id == study.id,
        instances.c.state == InstanceState.ANALYZED,
        instances.c.bundle_digest != bundle_digest,
    )
    with store.write() as connection:
        row = _held(connection, study, owner)
        if row is not None:
            return_views(connection, connection.scalars(outdated).all())
            _reopen(connection, row, attempts=0)


def release_studies(store: Store, *, owner: str, forgive: bool) -> None:
    """Open the studies again that an owner had claimed; see `lease.release`."""
    with store.write() as connection:
        held = select(studies).where(studies.c.lease_owner == owner, studies.c.state == StudyState.REPORTING)
        rows = connection.execute(held.with_for_update(key_share=True)).all()
        lease.release(connection, studies, owner=owner, forgive=forgive)
        for row in rows:
            _reopen(connection, row)


def reopen_abandoned_studies(store: Store, *, now: datetime) -> None:
    """Open the studies again whose claimer let its lease run out; the attempt is forgiven, as in `taken`."""
    abandoned = select(studies).where(studies.c.state == StudyState.REPORTING, lease.is_free(studies, now))
    with store.read() as connection:
        if connection.execute(abandoned.limit(1)).first() is None:
            return  # almost always; a reporter that looks must not write
    with store.write() as connection:
        for row in connection.execute(abandoned.with_for_update(key_share=True)).all():
            _reopen(connection, row, attempts=row.attempts - 1)


def collect_from_now(store: Store, *, now: datetime) -> None:
    """Let the longest wait of open studies begin now that would begin later: the clock has stepped back."""
    early = studies.c.state == StudyState.OPEN, studies.c.collecting_since > now
    with store.read() as connection:
        if connection.execute(select(studies.c.id).where(*early).limit(1)).first() is None:
            return  # almost always; a reporter that looks must not write
    with store.write() as connection:
        connection.execute(update(studies).where(*early).values(collecting_since=now))


def _view_kinds(connection: Connection) -> dict[int, tuple[ViewKind, ...]]:
    """Return what the views of every open study show; one query, however many there are."""
    query = (
        select(instances.c.study_id, instances.c.region, instances.c.laterality, instances.c.projection)
        .join(studies)
        .where(studies.c.state == StudyState.OPEN, instances.c.state != InstanceState.EXCLUDED)
    )
    kinds: dict[int, tuple[ViewKind, ...]] = {}
    for row in connection.execute(query):
        kind = ViewKind(row.region, Laterality(row.laterality), row.projection)
        kinds[row.study_id] = (*kinds.get(row.study_id, ()), kind)
    return kinds


def _open_study(row: Row[Any], view_kinds: tuple[ViewKind, ...]) -> OpenStudy:
    return OpenStudy(
        id=row.id,
        generation=row.generation,
        collecting_since=row.collecting_since,
        last_instance_at=row.last_instance_at,
        association_open=row.association_open,
        view_kinds=view_kinds,
    )


def _claimed_study(connection: Connection, row: Row[Any]) -> ClaimedStudy:
    return ClaimedStudy(
        id=row.id,
        study_instance_uid=row.study_instance_uid,
        generation=row.generation,
        revision=row.revision,
        opened_at=row.opened_at,
        instances=instances_of(connection, row.id),
        predecessor=_predecessor(connection, row),
    )


def _predecessor(connection: Connection, study: Row[Any]) -> PreviousReport | None:
    """Return the newest report; none where the study has another patient since, whom it must not name."""
    row = connection.execute(
        select(results)
        .where(results.c.study_id == study.id, results.c.kind == ResultKind.STRUCTURED_REPORT)
        .order_by(results.c.revision.desc())
        .limit(1)
    ).first()
    if row is None or patient_of(row).contradicts(patient_of(study)):
        return None
    return PreviousReport(
        sop_class_uid=row.sop_class_uid,
        sop_instance_uid=row.sop_instance_uid,
        series_instance_uid=row.series_instance_uid,
        created_at=row.created_at,
    )


def _held(connection: Connection, study: ClaimedStudy, owner: str) -> Row[Any] | None:
    return connection.execute(
        select(studies)
        .where(
            studies.c.id == study.id,
            studies.c.state == StudyState.REPORTING,
            studies.c.lease_owner == owner,
        )
        .with_for_update(key_share=True)
    ).first()


def _reopen(connection: Connection, row: Row[Any], **values: int) -> None:
    transitions.change(
        connection, transitions.study(row), StudyEvent.CLAIM_ABANDONED, lease.given_back() | values
    )
