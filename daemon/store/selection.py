"""This module says which part of the worklist is asked for, and holds the answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType

from daemon.store.shown import Standing, WorklistEntry
from daemon.study.lifecycle import StudyState


class Period(StrEnum):
    """How far back the worklist looks; old studies are of no day, whenever they came."""

    DAY = "day"
    WEEK = "week"
    ALL = "all"
    OLD = "old"


SPANS: Mapping[Period, timedelta] = MappingProxyType(
    {Period.DAY: timedelta(days=1), Period.WEEK: timedelta(days=7)}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which studies a reader asked for; None selects all."""

    category: Standing | None = None
    state: StudyState | None = None
    period: Period = Period.ALL


@dataclass(frozen=True, slots=True, kw_only=True)
class Worklist:
    """The worklist as one reader asked for it.

    Attributes
    ----------
    entries
        In reading order, at most as many as asked for; `selected` tells how many there are.
    standings, states
        How many studies of the period there are of each.
    older
        How many studies lie before the period.
    old
        How many old studies there are, shown or not.
    untrained_labels
        The models of studies of the period, each once, whose results mean nothing: they were never trained.
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
