"""This module is the one door for state: whatever changes one goes through here.

The table of `daemon.study.lifecycle` is asked, the row is written, and an event says what changed, why, by
whom and when, all in the transaction of the caller. Events are the history of a study.

An event refers to its study, for which PostgreSQL shares a lock on the study's key. So callers lock studies
without their keys (``key_share``): else an analyzer that holds a view, and whoever holds its study and wants
that view, could wait for each other.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic

from sqlalchemy import Connection, Table, insert, update

from daemon.errors import StateChangedElsewhere
from daemon.store.database import author_of
from daemon.store.tables import deliveries, events, instances, studies
from daemon.study.lifecycle import (
    DeliveryState,
    Event,
    InstanceState,
    State,
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
    """Give a study, from its row."""
    return Subject(studies, row.id, row.id, StudyState(row.state))


def instance(row: Any) -> Subject[InstanceState]:
    """Give an instance, from a row with its `id`, `study_id` and `state`."""
    return Subject(instances, row.id, row.study_id, InstanceState(row.state))


def delivery(row: Any, study_id: int) -> Subject[DeliveryState]:
    """Give a delivery of a study, from a row with its `id` and `state`."""
    return Subject(deliveries, row.id, study_id, DeliveryState(row.state))


def change(
    connection: Connection, subject: Subject[State], event: Event, values: Mapping[str, Any] | None = None
) -> State:
    """Change a state and write what goes with it; give the new state.

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


def _note(connection: Connection, subject: Subject[State], *, old: str, new: str, cause: Event) -> None:
    author = author_of(connection)
    connection.execute(
        insert(events).values(
            study_id=subject.study_id,
            instance_id=subject.id if subject.table is instances else None,
            delivery_id=subject.id if subject.table is deliveries else None,
            old_state=old,
            new_state=new,
            cause=cause,
            author=author.name,
            at=author.clock(),
        )
    )
