"""This module decides what the worklist shows: which studies, in which order, counted how."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Self, TypeVar

from daemon.store.patients import is_of_two_patients, needs_confirmation
from daemon.store.shown import WorklistEntry
from daemon.study.closing import is_unfinished, reading_order
from daemon.study.lifecycle import StudyState

MAX_SHOWN = 300

_Choice = TypeVar("_Choice", bound=StrEnum)


class UnknownFilter(Exception):
    """A query asks for a selection that does not exist; the message says what is allowed."""


class Standing(StrEnum):
    """What a study is to its reader now: its category, or why it has none."""

    LIKELY = "likely"
    SUSPECTED = "suspected"
    FAILED = "failed"
    NOT_ANALYZED = "not analyzed"
    IN_PROGRESS = "in progress"
    NOT_FLAGGED = "not flagged"


class Period(StrEnum):
    """How far back the worklist looks; old studies are of no day, whenever they came."""

    DAY = "day"
    WEEK = "week"
    ALL = "all"
    OLD = "old"


_SPANS: Mapping[Period, timedelta] = {Period.DAY: timedelta(days=1), Period.WEEK: timedelta(days=7)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which studies a reader asked for; None selects all."""

    category: Standing | None
    state: StudyState | None
    period: Period

    @classmethod
    def from_query(cls, query: Mapping[str, str], *, period: Period) -> Self:
        """Read a selection out of a query string; `period` holds where the query names none.

        Raises
        ------
        UnknownFilter
            A value is not one of those that exist.
        """
        return cls(
            category=_choice(Standing, "category", query),
            state=_choice(StudyState, "state", query),
            period=_choice(Period, "period", query) or period,
        )

    def query(self, **changes: str | None) -> str:
        """Give the query string of this selection with some of it changed; None removes."""
        chosen: dict[str, str | None] = {
            "category": self.category,
            "state": self.state,
            "period": None if self.period is Period.DAY else self.period,
        }
        pairs = ((name, value) for name, value in (chosen | changes).items() if value)
        joined = "&".join(f"{name}={value.replace(' ', '-')}" for name, value in pairs)
        return f"?{joined}" if joined else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Worklist:
    """The worklist as one reader asked for it.

    Attributes
    ----------
    entries
        In reading order, at most `MAX_SHOWN`; `selected` tells how many there are.
    standings, states
        How many studies of the period there are of each.
    older
        How many studies lie before the period.
    old
        How many old studies there are, shown or not.
    """

    entries: tuple[WorklistEntry, ...]
    selected: int
    standings: Mapping[Standing, int]
    states: Mapping[StudyState, int]
    older: int
    old: int
    untrained_labels: tuple[str, ...]

    @property
    def in_period(self) -> int:
        """How many studies the period holds."""
        return sum(self.states.values())


def worklist(entries: Iterable[WorklistEntry], selection: Selection, *, now: datetime) -> Worklist:
    """Select, count and order the studies.

    Studies that are not finished, and those that failed, are shown however long ago they came: somebody or
    something still has to act on them. Old studies stand apart, thousands as they may be; in the list of a
    day or a week only those that failed are shown.
    """
    everything = list(entries)
    present = [entry for entry in everything if _is_present(entry, selection.period, now)]
    chosen = [
        entry
        for entry in present
        if selection.category in (None, standing(entry)) and selection.state in (None, entry.state)
    ]
    return Worklist(
        entries=tuple(reading_order(chosen)[:MAX_SHOWN]),
        selected=len(chosen),
        standings=Counter(map(standing, present)),
        states=Counter(entry.state for entry in present),
        older=sum(_is_older(entry, selection.period, now) for entry in everything),
        old=sum(entry.is_old for entry in everything),
        untrained_labels=untrained_labels(present),
    )


def standing(entry: WorklistEntry) -> Standing:
    """Give what a study is to its reader.

    A study that failed before its present views were reported has no finding that counts, whatever an
    earlier revision said; one whose results merely could not be delivered keeps its category.
    """
    if entry.state is StudyState.FAILED and (not is_current(entry) or has_two_patients(entry)):
        return Standing.FAILED
    return Standing(entry.category) if entry.category else Standing.IN_PROGRESS


def is_current(entry: WorklistEntry) -> bool:
    """Tell whether the category is of the present revision, not of one before a late view."""
    return bool(entry.category) and entry.closed_at is not None


def has_two_patients(entry: WorklistEntry) -> bool:
    """Tell whether the study failed because two patients meet in it, or in its results."""
    return is_of_two_patients(entry.state, entry.cause)


def waits_for_confirmation(entry: WorklistEntry) -> bool:
    """Tell whether a person has to say that results went out under another patient, and are removed."""
    return needs_confirmation(entry.state, entry.cause)


def can_be_tried_again(entry: WorklistEntry) -> bool:
    """Tell whether `ulna requeue` helps: it does not where two patients meet in the study."""
    return entry.state is StudyState.FAILED and not has_two_patients(entry)


def turn_around(entry: WorklistEntry) -> timedelta | None:
    """Give the time from the last view of the present revision to its report; None before that."""
    return entry.closed_at - entry.last_instance_at if entry.closed_at is not None else None


def untrained_labels(entries: Iterable[WorklistEntry]) -> tuple[str, ...]:
    """Give the models, each once, whose results mean nothing because they were never trained."""
    return tuple(sorted({entry.model_label for entry in entries if entry.model_label and not entry.trained}))


def _is_present(entry: WorklistEntry, period: Period, now: datetime) -> bool:
    if period is Period.OLD:
        return entry.is_old
    if entry.is_old and period in _SPANS:
        return entry.state is StudyState.FAILED
    return not _is_older(entry, period, now)


def _is_older(entry: WorklistEntry, period: Period, now: datetime) -> bool:
    """Tell whether a study came before the period, and nobody has to act on it; an old study stands apart."""
    if entry.is_old or is_unfinished(entry.state) or entry.state is StudyState.FAILED:
        return False
    return period in _SPANS and now - entry.last_instance_at > _SPANS[period]


def _choice(kind: type[_Choice], name: str, query: Mapping[str, str]) -> _Choice | None:
    text = query.get(name, "")
    if not text:
        return None
    choices = {choice.replace(" ", "-"): choice for choice in kind}
    if text not in choices:
        raise UnknownFilter(f"{name} must be one of: {', '.join(choices)}")
    return choices[text]
