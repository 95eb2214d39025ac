"""This module counts without looking at what is counted, so that a count costs the same at any length.

Triggers of the database write a row for each change of a count, in the transaction of the change: a count is
right after every crash, whoever wrote, and no writer waits for another's. `fold` keeps the rows few.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
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
_WHOLE_KEY = (*_KEY, tallies.c.day)


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


def ended_after(connection: Connection, day: date) -> Mapping[tuple[Standing, StudyState], int]:
    """Return how many studies have ended whose last instance came after that day (UTC); old ones apart."""
    number = func.sum(tallies.c.number)
    query = (
        select(tallies.c.standing, tallies.c.state, number.label("number"))
        .where(tallies.c.counted == studies.name, tallies.c.day > day.isoformat())
        .group_by(tallies.c.standing, tallies.c.state)
    )
    return {(Standing(row.standing), StudyState(row.state)): row.number for row in connection.execute(query)}


def fold(store: Store) -> None:
    """Put the rows of each kind together into one, once there are many that can be."""
    kinds = select(*_WHOLE_KEY).distinct().subquery()
    excess = select(
        select(func.count()).select_from(tallies).scalar_subquery()
        - select(func.count()).select_from(kinds).scalar_subquery()
    )
    with store.read() as connection:
        if (connection.scalar(excess) or 0) < _MANY:
            return  # a service that has nothing to do must not write
    with store.write() as connection:
        sums: Counter[tuple[Any, ...]] = Counter()
        for *key, number in connection.execute(delete(tallies).returning(*_WHOLE_KEY, tallies.c.number)):
            sums[tuple(key)] += number
        names = [column.name for column in _WHOLE_KEY]
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
