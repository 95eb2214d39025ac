"""This module reads the lines of the worklist: of some studies, at a cost that goes by their number."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, case, func, select

from daemon.store.shown import Standing, WorklistEntry
from daemon.store.study_reason import study_reason
from daemon.store.tables import deliveries, instances, results, studies
from daemon.store.values import StudyIdentity
from daemon.study.lifecycle import DeliveryState, InstanceState, StudyState

_VIEWS = InstanceState.RECEIVED, InstanceState.ANALYZED, InstanceState.UNREADABLE
_WAITING = DeliveryState.PENDING, DeliveryState.WAITING
_DELIVERING = StudyState.DELIVERING, StudyState.FAILED

# Each one more costs time with each line.
_COLUMNS = (
    studies.c.id,
    studies.c.study_instance_uid,
    studies.c.patient_id,
    studies.c.issuer_of_patient_id,
    studies.c.patient_name,
    studies.c.accession_number,
    studies.c.study_date,
    studies.c.study_description,
    studies.c.state,
    studies.c.cause,
    studies.c.details,
    studies.c.not_analyzed,
    studies.c.revision,
    studies.c.priority,
    studies.c.standing,
    studies.c.category,
    studies.c.score,
    studies.c.part,
    studies.c.target,
    studies.c.model_label,
    studies.c.trained,
    studies.c.summary,
    studies.c.is_old,
    studies.c.opened_at,
    studies.c.last_instance_at,
    studies.c.closed_at,
)


@dataclass(slots=True)
class _Contents:
    """What a study holds."""

    regions: tuple[str, ...] = ()
    views: int = 0
    warned: int = 0
    instances: int = 0


def entries_of(connection: Connection, ids: Sequence[int]) -> tuple[WorklistEntry, ...]:
    """Return the lines of studies by their row ids, in that order; what is gone is left out."""
    query = select(*_COLUMNS).where(studies.c.id.in_(ids))
    rows = {row.id: row for row in connection.execute(query)}
    contents = _contents(connection, rows)
    outbox = _outbox(connection, [row.id for row in rows.values() if row.state in _DELIVERING])
    return tuple(
        _entry(rows[study_id], contents.get(study_id, _Contents()), outbox.get(study_id, {}))
        for study_id in ids
        if study_id in rows
    )


def _contents(connection: Connection, ids: Iterable[int]) -> dict[int, _Contents]:
    def count(condition: Any) -> Any:
        return func.sum(case((condition, 1), else_=0))

    query = (
        select(
            instances.c.study_id,
            instances.c.region,
            count(instances.c.state.in_(_VIEWS)).label("views"),
            count(instances.c.input_warning != "").label("warned"),
            count(instances.c.state != InstanceState.EXCLUDED).label("included"),
            func.count().label("instances"),
        )
        .where(instances.c.study_id.in_(list(ids)))
        .group_by(instances.c.study_id, instances.c.region)
    )
    found: dict[int, _Contents] = {}
    for row in sorted(connection.execute(query).all(), key=lambda row: str(row.region)):
        contents = found.setdefault(row.study_id, _Contents())
        if row.region and row.included:
            contents.regions += (row.region,)
        contents.views += row.views
        contents.warned += row.warned
        contents.instances += row.instances
    return found


def _outbox(connection: Connection, ids: Sequence[int]) -> dict[int, dict[str, set[str]]]:
    """Return the states in which unsent results of the present revision are, by study and destination."""
    query = (
        select(results.c.study_id, deliveries.c.destination, deliveries.c.state)
        .join_from(results, deliveries)
        .join(studies, results.c.study_id == studies.c.id)
        .where(
            results.c.study_id.in_(ids),
            results.c.revision == studies.c.revision,
            deliveries.c.state.in_([DeliveryState.DEAD, *_WAITING]),
        )
        .distinct()
    )
    found: dict[int, dict[str, set[str]]] = {}
    for row in connection.execute(query) if ids else ():
        found.setdefault(row.study_id, {}).setdefault(row.destination, set()).add(row.state)
    return found


def _entry(row: Any, contents: _Contents, outbox: Mapping[str, set[str]]) -> WorklistEntry:
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
        reason=study_reason(row.cause, row.details, row.not_analyzed),
        revision=row.revision,
        priority=row.priority,
        standing=Standing(row.standing),
        category=row.category,
        score=row.score,
        part=row.part,
        target=row.target,
        model_label=row.model_label,
        trained=row.trained,
        summary=row.summary,
        regions=contents.regions,
        view_count=contents.views,
        warned_view_count=contents.warned,
        is_old=row.is_old,
        instance_count=contents.instances,
        opened_at=row.opened_at,
        last_instance_at=row.last_instance_at,
        closed_at=row.closed_at,
        dead_destinations=_in_states(outbox, (DeliveryState.DEAD,)),
        waiting_destinations=_in_states(outbox, _WAITING),
    )


def _in_states(outbox: Mapping[str, set[str]], states: Sequence[DeliveryState]) -> tuple[str, ...]:
    if not outbox:  # of most studies
        return ()
    return tuple(sorted(name for name, found in outbox.items() if not found.isdisjoint(states)))
