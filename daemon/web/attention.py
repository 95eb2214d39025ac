"""This module tells what needs a person: what will not be right again by itself, and what to do about it."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType

from daemon.spool import Spool
from daemon.store.database import Store
from daemon.store.dead_letters import dead_letters
from daemon.store.tallies import Counts, StudyTally, counts
from daemon.study.lifecycle import DeliveryState, StudyEvent, StudyState
from daemon.web.health import Health, StageHealth

_SETTLED_SECONDS = 2.0


class NeedKind(StrEnum):
    """What can need a person."""

    DEAD_LETTERS = "dead letters"
    TWO_PATIENTS = "two patients"
    UNCONFIRMED_PATIENTS = "unconfirmed patients"
    FAILED_REPORTS = "failed reports"
    QUARANTINE = "quarantine"
    DISK = "disk"
    STAGES = "stages"
    NOTICES = "notices"


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """Something that needs a person.

    Attributes
    ----------
    number
        How many results, studies, files or stages it is.
    what, todo
        What it is, and what to do, as clauses without patient data.
    """

    kind: NeedKind
    number: int
    what: str
    todo: str


_OF_STUDIES: Mapping[NeedKind, tuple[frozenset[StudyEvent], Callable[[int], str], str]] = MappingProxyType(
    {
        NeedKind.TWO_PATIENTS: (
            frozenset({StudyEvent.PATIENT_MISMATCH}),
            lambda number: (
                f"{_counted(number, 'study holds', 'studies hold')} instances of different patients"
            ),
            "correct them in the PACS; no result is sent for them",
        ),
        NeedKind.UNCONFIRMED_PATIENTS: (
            frozenset({StudyEvent.CONFIRMATION_NEEDED}),
            lambda number: (
                f"results of {_counted(number, 'study', 'studies')} went out under another patient"
            ),
            "remove them from the PACS, then run: ulna requeue STUDY_UID --confirm-patient",
        ),
        NeedKind.FAILED_REPORTS: (
            frozenset({StudyEvent.REPORT_FAILED, StudyEvent.REPORT_BEGUN_TOO_OFTEN}),
            lambda count: f"{_counted(count, 'report', 'reports')} could not be built",
            "read the reason beside the study, then run: ulna requeue STUDY_UID",
        ),
    }
)
"""The causes of a failed study that need a person: which, what it is, and what to do."""


class Quarantine:
    """The files that were set aside, counted anew only when their folder has changed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._number = 0
        self._counted: float | None = None  # how the folder stood then: when it was changed last

    def count(self, now: datetime) -> int:
        """Return how many files there are."""
        try:
            changed_at = self._folder.stat().st_mtime
        except FileNotFoundError:
            return 0
        if changed_at != self._counted:
            self._number = sum(file.suffix == ".bin" for file in self._folder.iterdir())
            # A change that follows at once may leave the folder with the same time.
            is_settled = now.timestamp() - changed_at > _SETTLED_SECONDS
            self._counted = changed_at if is_settled else None
        return self._number


@dataclass(frozen=True, slots=True)
class Attention:
    """Looks at all that can need a person.

    Parameters
    ----------
    free_bytes
        Below this the receiver takes nothing.
    """

    store: Store
    spool: Spool
    health: Health
    free_bytes: int
    quarantine: Quarantine

    def needs(self, now: datetime, counted: Counts | None = None) -> tuple[Need, ...]:
        """Return what needs a person now; `counted` saves counting again."""
        counted = counted or counts(self.store)
        is_dead = counted.deliveries.get(DeliveryState.DEAD, 0) > 0  # else there is nothing to look up
        return (
            *_needs_of_stages(self.health.stages(now)),
            *_needs_of_disk(self.spool.free_bytes(), self.free_bytes),
            *_needs_of_letters(dead_letters(self.store).sendable if is_dead else {}),
            *_needs_of_studies(counted.studies),
            *_needs_of_quarantine(self.quarantine.count(now)),
        )


def _needs_of_stages(stages: Sequence[StageHealth]) -> Iterator[Need]:
    down = [stage for stage in stages if stage.problem]
    if down:
        said = "; ".join(f"{stage.name}: {stage.problem}" for stage in down)
        todo = "if it lasts, read the log of the service (journalctl -u ulna)"
        yield Need(kind=NeedKind.STAGES, number=len(down), what=f"stages do not work: {said}", todo=todo)
    noticed = [stage for stage in stages if stage.notice]
    if noticed:
        said = "; ".join(f"{stage.name}: {stage.notice}" for stage in noticed)
        todo = "studies go on; mend the cause, then restart the service"
        yield Need(kind=NeedKind.NOTICES, number=len(noticed), what=f"not as it should be: {said}", todo=todo)


def _needs_of_disk(free: int, kept: int) -> Iterator[Need]:
    if free < kept:
        yield Need(
            kind=NeedKind.DISK,
            number=1,
            what=f"nothing is received: {free:,} bytes are free, storage.min_free_bytes keeps {kept:,}",
            todo="make space; receiving resumes by itself",
        )


def _needs_of_letters(letters: Mapping[str, int]) -> Iterator[Need]:
    for destination, number in sorted(letters.items()):
        yield Need(
            kind=NeedKind.DEAD_LETTERS,
            number=number,
            what=f"{_counted(number, 'result was', 'results were')} not delivered to {destination}",
            todo=f"correct the cause there, then run: ulna requeue --destination {destination}",
        )


def _needs_of_studies(tallies: Iterable[StudyTally]) -> Iterator[Need]:
    failed = [tally for tally in tallies if tally.state is StudyState.FAILED]
    for kind, (causes, what, todo) in _OF_STUDIES.items():
        number = sum(tally.number for tally in failed if tally.cause in causes)
        if number:
            yield Need(kind=kind, number=number, what=what(number), todo=todo)


def _needs_of_quarantine(number: int) -> Iterator[Need]:
    if number:
        yield Need(
            kind=NeedKind.QUARANTINE,
            number=number,
            what=f"{_counted(number, 'file', 'files')} of watched folders could not be used",
            todo="look into quarantine/ in the data directory, which holds the reasons too, then delete them",
        )


def _counted(number: int, one: str, more: str) -> str:
    return f"{number:,} {one if number == 1 else more}"
