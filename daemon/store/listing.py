"""This module selects, counts, orders and pages the worklist, in the database.

A call costs about the same at any length of the worklist: counts are read from `tallies`, an index holds the
studies in reading order with all that selects among them, and what is shown is looked up for the page alone.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, time, timedelta
from typing import TypeVar

from sqlalchemy import ColumnElement, Connection, and_, case, false, func, select, true

from daemon.store.columns import OLD_RANK, READING_ORDER
from daemon.store.database import Store
from daemon.store.entries import entries_of
from daemon.store.selection import SPANS, Period, Selection, Worklist
from daemon.store.shown import Standing, WorklistEntry
from daemon.store.tables import studies
from daemon.store.tallies import StudyTally, ended_after, study_tallies
from daemon.study.lifecycle import StudyState, is_unfinished

_BATCH = 500
_ORDER = [studies.c[name] for name in READING_ORDER]

# Nobody has to act on these any more, so that they leave the list with their time.
_ENDED = StudyState.DELIVERED, StudyState.NOT_ANALYZED

_Count = Mapping[tuple[Standing, StudyState], int]
_Kind = TypeVar("_Kind", Standing, StudyState)


def worklist(store: Store, selection: Selection, *, now: datetime, limit: int, offset: int = 0) -> Worklist:
    """Return a page of the worklist in reading order, and the counts.

    Studies that are not finished, and those that failed, are shown however long ago they came: somebody or
    something still has to act on them. Old studies stand apart, thousands as they may be; in the list of a
    day or a week only those that failed are shown.
    """
    span = SPANS.get(selection.period)
    since = None if span is None else now - span
    with store.read() as connection:
        tallies = study_tallies(connection)
        lasting = [tally for tally in tallies if _stays(tally, selection.period)]
        recent = {} if since is None else _recent(connection, since)
        present = _count(lasting) + Counter(recent)
        selected = sum(number for key, number in present.items() if _fits(key, selection))
        stretch = slice(offset, min(offset + limit, selected))
        ids = _page(connection, _wanted(selection, since), stretch, selected) if offset < selected else ()
        return Worklist(
            entries=entries_of(connection, ids),
            selected=selected,
            standings=_sums((standing, number) for (standing, _), number in present.items()),
            states=_sums((state, number) for (_, state), number in present.items()),
            older=0 if since is None else _ended(tallies) - sum(recent.values()),
            old=sum(tally.number for tally in tallies if tally.is_old),
            untrained_labels=_untrained(connection, tallies, lasting, since),
        )


def worklist_entries(store: Store) -> Iterator[WorklistEntry]:
    """Return every study in reading order, however many, as they stood when the first was asked for.

    What is removed meanwhile is left out.
    """
    with store.read() as connection:
        ids = connection.scalars(select(studies.c.id).order_by(*_ORDER)).all()
        for first in range(0, len(ids), _BATCH):
            yield from entries_of(connection, ids[first : first + _BATCH])


def oldest_unfinished(store: Store) -> datetime | None:
    """Return when the last instance of the longest unfinished study came; None without one."""
    states = [state for state in StudyState if is_unfinished(state)]
    query = select(func.min(studies.c.last_instance_at)).where(studies.c.state.in_(states))
    with store.read() as connection:
        oldest: datetime | None = connection.scalar(query)
    return oldest


def _stays(tally: StudyTally, period: Period) -> bool:
    """Return whether studies are in the list of a period whenever they came."""
    if period is Period.ALL:
        return True
    if period is Period.OLD:
        return tally.is_old
    return tally.state is StudyState.FAILED if tally.is_old else tally.state not in _ENDED


def _fits(key: tuple[Standing, StudyState], selection: Selection) -> bool:
    standing, state = key
    return selection.category in (None, standing) and selection.state in (None, state)


def _count(tallies: Iterable[StudyTally]) -> Counter[tuple[Standing, StudyState]]:
    found: Counter[tuple[Standing, StudyState]] = Counter()
    for tally in tallies:
        found[tally.standing, tally.state] += tally.number
    return found


def _sums(numbers: Iterable[tuple[_Kind, int]]) -> Counter[_Kind]:
    found: Counter[_Kind] = Counter()
    for key, number in numbers:
        found[key] += number
    return found


def _ended(tallies: Iterable[StudyTally]) -> int:
    return sum(tally.number for tally in tallies if tally.state in _ENDED and not tally.is_old)


def _recent(connection: Connection, since: datetime) -> _Count:
    """Count the studies that have ended and whose last instance came since then.

    Whole days are counted already; of the first an index holds all that is asked.
    """
    first_day = since.astimezone(UTC).date()
    next_day = datetime.combine(first_day + timedelta(days=1), time(), UTC)
    query = (
        select(studies.c.standing, studies.c.state, func.count())
        .where(
            studies.c.state.in_(_ENDED),
            studies.c.standing.in_(list(Standing)),  # each is one stretch of the index
            studies.c.is_old == false(),
            studies.c.last_instance_at >= since,
            studies.c.last_instance_at < next_day,
        )
        .group_by(studies.c.state, studies.c.standing)
    )
    found = Counter(ended_after(connection, first_day))
    for standing, state, number in connection.execute(query):
        found[Standing(standing), StudyState(state)] += number
    return found


def _wanted(selection: Selection, since: datetime | None) -> list[ColumnElement[bool]]:
    """Return the conditions of a selection; the index in reading order holds all that they ask."""
    conditions = [_is_present(selection.period, since)]
    if selection.category is not None:
        conditions.append(studies.c.standing == selection.category)
    if selection.state is not None:
        # SQLite would look these up by another index, and sort what may be all studies.
        conditions.append(case((studies.c.state == selection.state, true()), else_=false()))
    return conditions


def _page(
    connection: Connection, wanted: Iterable[ColumnElement[bool]], stretch: slice, selected: int
) -> list[int]:
    """Return the row ids of a stretch of the selected studies, which is reached from the nearer end."""
    from_end = stretch.start > selected // 2
    order = [column.desc() for column in _ORDER] if from_end else _ORDER
    query = (
        select(studies.c.id)
        .where(*wanted)
        .order_by(*order)
        .limit(stretch.stop - stretch.start)
        .offset(selected - stretch.stop if from_end else stretch.start)
    )
    ids = list(connection.scalars(query))
    return ids[::-1] if from_end else ids


def _is_present(period: Period, since: datetime | None) -> ColumnElement[bool]:
    is_old = studies.c.reading_rank >= OLD_RANK  # other than `is_old` it is in the index
    if period is Period.OLD:
        return is_old
    if since is None:
        return true()
    return case(
        (is_old, studies.c.state == StudyState.FAILED),
        (studies.c.state.in_(_ENDED), studies.c.last_instance_at >= since),
        else_=true(),
    )


def _untrained(
    connection: Connection,
    tallies: Iterable[StudyTally],
    lasting: Iterable[StudyTally],
    since: datetime | None,
) -> tuple[str, ...]:
    labels = {tally.untrained_label for tally in lasting}
    if since is not None:
        others = {tally.untrained_label for tally in tallies} - labels
        labels |= {label for label in others if label and _has_recent(connection, label, since)}
    return tuple(sorted(labels - {""}))


def _has_recent(connection: Connection, label: str, since: datetime) -> bool:
    query = select(studies.c.id).where(
        and_(studies.c.untrained_label == label, studies.c.last_instance_at >= since),
        studies.c.state.in_(_ENDED),
        studies.c.is_old == false(),
    )
    return connection.scalar(query.limit(1)) is not None
