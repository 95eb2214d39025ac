"""This module reads out of an address which part of the worklist is asked for, and writes such addresses."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from enum import StrEnum
from typing import TypeVar

from daemon.store.patients import is_of_two_patients, needs_confirmation
from daemon.store.selection import Period, Selection
from daemon.store.shown import Standing, WorklistEntry
from daemon.study.lifecycle import StudyState

PAGE_SIZE = 40
MOST_PAGES = 999_999

_Choice = TypeVar("_Choice", bound=StrEnum)


class UnknownFilter(Exception):
    """A query asks for a selection that does not exist; the message says what is allowed."""


def selection_of(query: Mapping[str, str], *, period: Period) -> Selection:
    """Read a selection out of a query string; `period` holds where the query names none.

    Raises
    ------
    UnknownFilter
        A value is not one of those that exist.
    """
    return Selection(
        category=_choice(Standing, "category", query),
        state=_choice(StudyState, "state", query),
        period=_choice(Period, "period", query) or period,
    )


def query_of(selection: Selection, **changes: str | int | None) -> str:
    """Return the query string of the page for a selection with some of it changed; None removes."""
    chosen: dict[str, str | int | None] = {
        "category": selection.category,
        "state": selection.state,
        "period": None if selection.period is Period.DAY else selection.period,
    }
    pairs = ((name, value) for name, value in (chosen | changes).items() if value)
    joined = "&".join(f"{name}={str(value).replace(' ', '-')}" for name, value in pairs)
    return f"?{joined}" if joined else ""


def number_of(query: Mapping[str, str], name: str, *, default: int, least: int, most: int) -> int:
    """Read a number out of a query string.

    Raises
    ------
    UnknownFilter
        It is none, or too small or large.
    """
    text = query.get(name, "") or str(default)
    if not (text.isascii() and text.isdigit() and len(text) < 10 and least <= int(text) <= most):
        raise UnknownFilter(f"{name} must be a number from {least} to {most}")
    return int(text)


def is_current(entry: WorklistEntry) -> bool:
    """Return whether the category is of the present revision, not of one before a late view."""
    return bool(entry.category) and entry.closed_at is not None


def has_two_patients(entry: WorklistEntry) -> bool:
    """Return whether the study failed because two patients meet in it, or in its results."""
    return is_of_two_patients(entry.state, entry.cause)


def waits_for_confirmation(entry: WorklistEntry) -> bool:
    """Return whether a person has to say that results went out under another patient, and are removed."""
    return needs_confirmation(entry.state, entry.cause)


def can_be_tried_again(entry: WorklistEntry) -> bool:
    """Return whether `ulna requeue` helps: it does not where two patients meet in the study."""
    return entry.state is StudyState.FAILED and not has_two_patients(entry)


def is_paper_asked(query: Mapping[str, str]) -> bool:
    """Return whether the paper's own rule is asked for beside ulna's: ``rule=paper``.

    Raises
    ------
    UnknownFilter
        Another rule is asked for.
    """
    rule = query.get("rule", "")
    if rule not in ("", "paper"):
        raise UnknownFilter("rule must be paper, or left out")
    return bool(rule)


def turn_around(entry: WorklistEntry) -> timedelta | None:
    """Return the time from the last view of the present revision to its report; None before that."""
    return entry.closed_at - entry.last_instance_at if entry.closed_at is not None else None


def untrained_labels(entries: Iterable[WorklistEntry]) -> tuple[str, ...]:
    """Return the models, each once, whose results mean nothing because they were never trained."""
    return tuple(sorted({entry.model_label for entry in entries if entry.model_label and not entry.trained}))


def _choice(kind: type[_Choice], name: str, query: Mapping[str, str]) -> _Choice | None:
    text = query.get(name, "")
    if not text:
        return None
    choices = {choice.replace(" ", "-"): choice for choice in kind}
    if text not in choices:
        raise UnknownFilter(f"{name} must be one of: {', '.join(choices)}")
    return choices[text]
