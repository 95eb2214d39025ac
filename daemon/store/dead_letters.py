"""This module knows the results that reach their destination only when a person acts, and tries them again.

Results of earlier revisions are none of them: nobody needs these any more.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, case, func, literal_column, not_, select

from daemon.store import transitions
from daemon.store.database import Store
from daemon.store.deliveries import requeue_delivery
from daemon.store.patients import of_two_patients
from daemon.store.study_reason import WITHOUT_DETAILS
from daemon.store.tables import deliveries, results, studies
from daemon.study.lifecycle import CLOSED_STUDY_STATES, DeliveryState, StudyEvent, StudyState

_RESUMABLE = (*CLOSED_STUDY_STATES, StudyState.DELIVERING)

# As a literal: SQLite asks an index that holds such rows only, when it sees that no others are wanted.
_IS_DEAD = deliveries.c.state == literal_column(f"'{DeliveryState.DEAD}'")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetters:
    """Undelivered results, by destination; `withheld` are those of studies of two patients."""

    sendable: Mapping[str, int]
    withheld: Mapping[str, int]


def dead_letters(store: Store) -> DeadLetters:
    """Count the results that will not go without a person."""
    withheld = func.sum(case((of_two_patients(), 1), else_=0)).label("withheld")
    # Not the column itself: to have it in order SQLite would go through all deliveries, by another index.
    destination = func.coalesce(deliveries.c.destination, literal_column("''")).label("destination")
    query = _dead(destination, func.count().label("number"), withheld)
    with store.read() as connection:
        rows = connection.execute(query.group_by(destination)).all()
    sendable = {row.destination: row.number - row.withheld for row in rows}
    return DeadLetters(
        sendable={destination: number for destination, number in sendable.items() if number},
        withheld={row.destination: row.withheld for row in rows if row.withheld},
    )


def requeue_dead_letters(store: Store, destinations: Collection[str]) -> int:
    """Let all dead letters to some destinations be sent again; return how many they are.

    Those of a study in which two patients meet stay dead. Each study is a transaction of its own.
    """
    wanted = deliveries.c.destination.in_(destinations)
    query = _dead(studies.c.id).where(wanted, not_(of_two_patients())).distinct().order_by(studies.c.id)
    with store.read() as connection:
        ids = connection.scalars(query).all()
    return sum(_requeue(store, study_id, wanted) for study_id in ids)


def _requeue(store: Store, study_id: int, wanted: ColumnElement[bool]) -> int:
    with store.write() as connection:
        study = connection.execute(
            select(studies)
            .where(studies.c.id == study_id, studies.c.state.in_(_RESUMABLE), not_(of_two_patients()))
            .with_for_update(key_share=True)
        ).first()
        if study is None:
            return 0
        rows = connection.execute(_dead(deliveries).where(studies.c.id == study_id, wanted)).all()
        for row in rows:
            requeue_delivery(connection, row, study_id)
        if rows:
            event = StudyEvent.DELIVERY_REQUEUED
            transitions.change(connection, transitions.study(study), event, WITHOUT_DETAILS)
        return len(rows)


def _dead(*columns: Any) -> Select[Any]:
    return (
        select(*columns)
        .select_from(deliveries)
        .join(results)
        .join(studies, results.c.study_id == studies.c.id)
        .where(_IS_DEAD, results.c.revision == studies.c.revision)
    )
