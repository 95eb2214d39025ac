"""This module is the one JSON form of a study, for pages, commands and whatever else tells programs of it.

docs/json.md lists its keys. A key that equals one data element carries its keyword in snake case. Keys are
added freely; `VERSION` rises when one goes or changes its meaning.
"""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from daemon.couriers.remark import remark_words
from daemon.pipeline.file_study import AnalyzedFile, FileStudy
from daemon.store.patients import PATIENT_MISMATCH
from daemon.store.places import place_values
from daemon.store.shown import DeliveryRecord, EventRecord, ResultRecord, StudyDetail, WorklistEntry
from daemon.store.values import InstanceRecord
from daemon.study.priority import Priority
from daemon.web.listing import is_current, turn_around
from models.finding import MemberFinding, view_probability
from models.places import Place
from models.reference.drift import InputCheck
from models.study_finding import TriageCategory
from sr_templates.reason import clause

VERSION = 1


def entry_values(entry: WorklistEntry) -> dict[str, Any]:
    """Return one study of the worklist; holds patient data."""
    elapsed = turn_around(entry)
    return {
        "version": VERSION,
        "study_instance_uid": entry.study_instance_uid,
        **asdict(entry.identity),
        "priority": Priority(entry.priority).name,
        "category": entry.standing,
        "category_is_current": is_current(entry),
        "probability": entry.score,
        "part": entry.part,
        "target": entry.target,
        "state": entry.state,
        "cause": entry.cause,
        "reason": entry.reason,
        "summary": entry.summary,
        "model": entry.model_label,
        "trained": entry.trained,
        "revision": entry.revision,
        "regions": list(entry.regions),
        "view_count": entry.view_count,
        "warned_view_count": entry.warned_view_count,
        "is_old": entry.is_old,
        "instance_count": entry.instance_count,
        "opened_at": _moment(entry.opened_at),
        "last_instance_at": _moment(entry.last_instance_at),
        "closed_at": _moment(entry.closed_at),
        "dead_destinations": list(entry.dead_destinations),
        "waiting_destinations": list(entry.waiting_destinations),
        "turn_around_seconds": elapsed.total_seconds() if elapsed is not None else None,
    }


def detail_values(detail: StudyDetail) -> dict[str, Any]:
    """Return all that the store knows of one study; holds patient data."""
    return {
        **entry_values(detail.entry),
        "instances": [_instance_values(record) for record in detail.instances],
        "results": [_result_values(record) for record in detail.results],
        "events": [_event_values(record) for record in detail.events],
    }


def file_study_values(study: FileStudy) -> dict[str, Any]:
    """Return one study of files on disk: what was found, without what only a daemon knows."""
    finding = study.finding
    views = [file for file in study.files if file.view]
    warned = [file.view for file in views if file.view and _warning(file.view.reading.input_check)]
    return {
        "version": VERSION,
        "study_instance_uid": "" if study.is_picture else study.study,
        "category": TriageCategory.NOT_ANALYZED if finding is None else finding.category,
        "probability": None if finding is None else finding.score,
        "part": "" if finding is None else finding.deciding_part,
        "target": None if finding is None else finding.bundle.target.text,
        "model": "" if finding is None else finding.bundle.label,
        "trained": None if finding is None else finding.bundle.trained,
        "reason": "" if study.judged else PATIENT_MISMATCH,
        "regions": sorted({file.shown.region for file in views if file.shown.region}),
        "view_count": len(views),
        "warned_view_count": len(warned),
        "instance_count": len(study.files),
        "instances": [_file_values(study, file) for file in study.files],
    }


def _instance_values(record: InstanceRecord) -> dict[str, Any]:
    return {
        "sop_instance_uid": record.sop_instance_uid,
        "sop_class_uid": record.sop_class_uid,
        "received_at": _moment(record.received_at),
        "source": record.source,
        "state": record.state,
        "reason": clause(record.reason),
        "exclusion": record.exclusion,
        "region": record.region,
        "laterality": record.laterality,
        "projection": record.projection,
        "age_caution": record.age_caution or "",
        **_found_values(record.members, record.places, record.input_check, record.engine),
    }


def _file_values(study: FileStudy, file: AnalyzedFile) -> dict[str, Any]:
    finding, shown = study.finding_of(file), file.shown
    reading = None if file.view is None else file.view.reading
    return {
        "path": str(file.path),
        "sop_instance_uid": file.sop_instance_uid,
        "state": file.state,
        "reason": clause(file.reason),
        "exclusion": "" if file.reason is None else file.reason.code,
        "region": shown.region or "",
        "laterality": shown.laterality,
        "projection": shown.projection,
        "age_caution": shown.age_caution or "",
        **_found_values(
            reading.members if reading else (),
            finding.places if finding else (),
            reading.input_check if reading else None,
            reading.engine if reading else "",
        ),
    }


def _found_values(
    members: Sequence[MemberFinding], places: Sequence[Place], check: InputCheck | None, engine: str
) -> dict[str, Any]:
    return {
        "probability": view_probability(members) if members else None,
        "places": [place_values(place) for place in places],
        "input_distance": None if check is None else check.distance,
        "input_warning": _warning(check),
        "engine": engine,
        "members": [
            {"member": member.member, "logit": member.logit, "probability": member.probability}
            for member in members
        ],
    }


def _warning(check: InputCheck | None) -> str:
    return "" if check is None else check.warning or ""


def _result_values(record: ResultRecord) -> dict[str, Any]:
    return {
        "revision": record.revision,
        "kind": record.kind,
        "sop_instance_uid": record.sop_instance_uid,
        "source_sop_instance_uid": record.source_sop_instance_uid,
        "created_at": _moment(record.created_at),
        "deliveries": [_delivery_values(delivery) for delivery in record.deliveries],
    }


def _event_values(record: EventRecord) -> dict[str, Any]:
    return {**asdict(record), "at": _moment(record.at)}


def _delivery_values(record: DeliveryRecord) -> dict[str, Any]:
    return {
        "destination": record.destination,
        "state": record.state,
        "reason": remark_words(record.remark),
        "remark": "" if record.remark is None else record.remark.code,
        "attempts": record.attempts,
        "retry_at": _moment(record.retry_at),
        "sent_at": _moment(record.sent_at),
    }


def _moment(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment is not None else None
