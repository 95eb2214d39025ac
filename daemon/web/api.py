"""This module gives the worklist and single studies as JSON.

A field equal to one data element carries its keyword in snake case.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from daemon.store.database import Store
from daemon.store.listing import worklist
from daemon.store.places import place_values
from daemon.store.selection import Period
from daemon.store.shown import DeliveryRecord, EventRecord, ResultRecord, WorklistEntry
from daemon.store.values import InstanceRecord, StudyIdentity
from daemon.store.worklist import study_detail
from daemon.study.closing import Priority
from daemon.web.address import requested_study
from daemon.web.attention import Attention
from daemon.web.detail import ensemble_probability
from daemon.web.listing import is_current, number_of, selection_of, turn_around

_IDENTITY = [field.name for field in fields(StudyIdentity)]

USUAL_LIMIT = 100
MOST_AT_ONCE = 300
_MOST_SKIPPED = 99_999_999


@dataclass(frozen=True, slots=True)
class Api:
    """The worklist for programs; the same selection as on the page, by default of all times."""

    store: Store
    attention: Attention
    clock: Callable[[], datetime]

    def studies(self, request: Request) -> Response:
        """Answer ``/api/studies``: studies in reading order, the counts, what needs a person."""
        now, query = self.clock(), request.query_params
        selection = selection_of(query, period=Period.ALL)
        limit = number_of(query, "limit", default=USUAL_LIMIT, least=1, most=MOST_AT_ONCE)
        offset = number_of(query, "offset", default=0, least=0, most=_MOST_SKIPPED)
        shown = worklist(self.store, selection, now=now, limit=limit, offset=offset)
        following = offset + limit
        return JSONResponse(
            {
                "studies": [study_values(entry) for entry in shown.entries],
                "selected": shown.selected,
                "limit": limit,
                "offset": offset,
                "next_offset": following if following < shown.selected else None,
                "categories": shown.standings,
                "states": shown.states,
                "needs_person": [asdict(need) for need in self.attention.needs(now)],
            }
        )

    def study(self, request: Request) -> Response:
        """Answer ``/api/studies/{study_instance_uid}``: all that is known of one study."""
        detail = study_detail(self.store, requested_study(request))
        return JSONResponse(
            {
                **study_values(detail.entry),
                "instances": [_instance_values(record) for record in detail.instances],
                "results": [_result_values(record) for record in detail.results],
                "events": [_event_values(record) for record in detail.events],
            }
        )


def study_values(entry: WorklistEntry) -> dict[str, Any]:
    """Give one study as JSON values; holds patient data."""
    elapsed = turn_around(entry)
    return {
        "study_instance_uid": entry.study_instance_uid,
        **{name: getattr(entry.identity, name) for name in _IDENTITY},
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


def _instance_values(record: InstanceRecord) -> dict[str, Any]:
    return {
        "sop_instance_uid": record.sop_instance_uid,
        "sop_class_uid": record.sop_class_uid,
        "received_at": _moment(record.received_at),
        "source": record.source,
        "state": record.state,
        "reason": record.reason,
        "exclusion": record.exclusion,
        "region": record.region,
        "laterality": record.laterality,
        "projection": record.projection,
        "probability": ensemble_probability(record),
        "places": [place_values(place) for place in record.places],
        "input_distance": None if record.input_check is None else record.input_check.distance,
        "input_warning": record.warning or "",
        "age_caution": record.age_caution or "",
        "members": [
            {"member": member.member, "logit": member.logit, "probability": member.probability}
            for member in record.members
        ],
    }


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
        "reason": record.reason,
        "attempts": record.attempts,
        "retry_at": _moment(record.retry_at),
        "sent_at": _moment(record.sent_at),
    }


def _moment(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment is not None else None
