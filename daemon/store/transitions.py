"""This module is the one door for state: whatever changes one goes through here.

The table of `daemon.study.lifecycle` is asked, the row is written, and an event says what changed, why, by
whom and when, all in the transaction of the caller. Events are the history of a study.

An instance and a result refer to their study, for which PostgreSQL shares a lock on the study's key. So
callers lock studies without their keys (``key_share``): else whoever inserts one, and whoever holds its study
and wants what the first has locked, could wait for each other.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic

from sqlalchemy import Connection, Select, Table, insert, literal, select, update

from daemon.errors import StateChangedElsewhere
from daemon.store.columns import UtcDateTime
from daemon.store.database import author_of
from daemon.store.tables import deliveries, events, instances, results, studies
from daemon.study.lifecycle import (
    DeliveryState,
    Event,
    InstanceState,
    State,
    StudyEnd,
    StudyState,
    advance,
)


@dataclass(frozen=True, slots=True)
class Subject(Generic[State]):
    """A row that has a state, as the caller has read it; of which study it is."""

    table: Table
    id: int
    study_id: int
    state: State


def study(row: Any) -> Subject[StudyState]:
    """Return a study, from its row."""
    return Subject(studies, row.id, row.id, StudyState(row.state))


def instance(row: Any) -> Subject[InstanceState]:
    """Return an instance, from a row with its `id`, `study_id` and `state`."""
    return Subject(instances, row.id, row.study_id, InstanceState(row.state))


def delivery(row: Any, study_id: int) -> Subject[DeliveryState]:
    """Return a delivery of a study, from a row with its `id` and `state`."""
    return Subject(deliveries, row.id, study_id, DeliveryState(row.state))


def change(
    connection: Connection, subject: Subject[State], event: Event, values: Mapping[str, Any] | None = None
) -> State:
    """Change a state and write what goes with it; return the new state.

    Parameters
    ----------
    event
        What happened; it is the cause that the history tells.
    values
        Other columns of the row.

    Raises
    ------
    IllegalTransition
        The tables hold no such pair.
    StateChangedElsewhere
        The row no longer has the state that the caller read; nothing is written.
    """
    state = advance(subject.state, event)
    rows = subject.table
    cause = {"cause": event} if rows is studies else {}
    outcome = connection.execute(
        update(rows)
        .where(rows.c.id == subject.id, rows.c.state == subject.state)
        .values(state=state, **cause, **(values or {}))
    )
    if outcome.rowcount != 1:
        raise StateChangedElsewhere(
            f"row {subject.id} of {rows.name} is no longer {subject.state.value!r}; nothing was written"
        )
    if state is not subject.state or state is StudyState.FAILED:  # which may fail again, of another cause
        _note(connection, subject, old=subject.state, new=state, cause=event)
    return state


def begin(connection: Connection, subject: Subject[State], event: Event) -> None:
    """Tell that a row has come into being, in the state that it has."""
    _note(connection, subject, old="", new=subject.state, cause=event)


def end(connection: Connection, subject: Subject[StudyState], cause: StudyEnd) -> None:
    """Tell that a study is about to be deleted; call it before it is."""
    _note(connection, subject, old=subject.state, new="", cause=cause)


def _note(
    connection: Connection, subject: Subject[State], *, old: str, new: str, cause: Event | StudyEnd
) -> None:
    author = author_of(connection)
    told = _names(subject).add_columns(
        literal(old),
        literal(new),
        literal(str(cause)),
        literal(author.name),
        literal(author.clock(), UtcDateTime()),
    )
    connection.execute(insert(events).from_select([column.name for column in events.c][1:], told))


def _names(subject: Subject[State]) -> Select[Any]:
    """Return a query for what an event calls its subject by: study, instance or result, destination."""
    nothing = literal("")
    if subject.table is instances:
        named = select(studies.c.study_instance_uid, instances.c.sop_instance_uid, nothing)
        return named.join_from(instances, studies).where(instances.c.id == subject.id)
    if subject.table is deliveries:
        named = select(studies.c.study_instance_uid, results.c.sop_instance_uid, deliveries.c.destination)
        return named.join_from(deliveries, results).join(studies).where(deliveries.c.id == subject.id)
    return select(studies.c.study_instance_uid, nothing, nothing).where(studies.c.id == subject.id)
