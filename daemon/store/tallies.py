"""This module counts without looking at what is counted, so that a count costs the same at any length.

Triggers of the database write a row for each change of a count, in the transaction of the change: a count is
right after every crash, whoever wrote, and no writer waits for another's. `fold` keeps the rows few.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, func, insert, select

from daemon.store.database import Store
from daemon.store.shown import Refusal, Standing
from daemon.store.tables import deliveries, instances, rejections, studies, tallies
from daemon.study.lifecycle import StudyState

_MANY = 200

_KEY = (
    tallies.c.counted,
    tallies.c.state,
    tallies.c.cause,
    tallies.c.standing,
    tallies.c.is_old,
    tallies.c.untrained_label,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyTally:
    """How many studies are alike.

    `cause` is what failed them, a value of `daemon.study.lifecycle.StudyEvent`, and empty where nothing did.
    """

    state: StudyState
    cause: str
    standing: Standing
    is_old: bool
    untrained_label: str
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How many there are of everything, by kind."""

    studies: tuple[StudyTally, ...]
    instances: Mapping[str, int]
    deliveries: Mapping[str, int]
    refusals: Mapping[Refusal, int]


def counts(store: Store) -> Counts:
    """Return how many studies, instances and deliveries are in each state, and how many were refused."""
    with store.read() as connection:
        rows = connection.execute(_sums()).all()
    return Counts(
        studies=tuple(_study_tallies(rows)),
        instances={row.state: row.number for row in rows if row.counted == instances.name},
        deliveries={row.state: row.number for row in rows if row.counted == deliveries.name},
        refusals={Refusal(row.cause): row.number for row in rows if row.counted == rejections.name},
    )


def study_tallies(connection: Connection) -> tuple[StudyTally, ...]:
    """Return how many studies there are of each kind; part of a transaction."""
    rows = connection.execute(_sums(tallies.c.counted == studies.name)).all()
    return tuple(_study_tallies(rows))


def fold(store: Store) -> None:
    """Put the rows of each kind together into one, once there are many."""
    with store.read() as connection:
        if (connection.scalar(select(func.count()).select_from(tallies)) or 0) < _MANY:
            return  # a service that has nothing to do must not write
    with store.write() as connection:
        sums: Counter[tuple[Any, ...]] = Counter()
        for *key, number in connection.execute(delete(tallies).returning(*_KEY, tallies.c.number)):
            sums[tuple(key)] += number
        names = [column.name for column in _KEY]
        rows = [
            {**dict(zip(names, key, strict=True)), "number": number} for key, number in sums.items() if number
        ]
        if rows:
            connection.execute(insert(tallies), rows)


def _sums(*conditions: ColumnElement[bool]) -> Any:
    number = func.sum(tallies.c.number)
    return select(*_KEY, number.label("number")).where(*conditions).group_by(*_KEY).having(number != 0)


def _study_tallies(rows: Sequence[Row[Any]]) -> Iterator[StudyTally]:
    for row in rows:
        if row.counted == studies.name:
            yield StudyTally(
                state=StudyState(row.state),
                cause=row.cause,
                standing=Standing(row.standing),
                is_old=row.is_old,
                untrained_label=row.untrained_label,
                number=row.number,
            )
