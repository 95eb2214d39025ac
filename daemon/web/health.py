"""This module answers probes: does the process live, does the service work, what does it count."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from daemon.store.database import Store
from daemon.store.shown import StageRecord
from daemon.store.stages import stage_records
from daemon.store.worklist import counts_by_state, worklist_entries
from daemon.study.closing import is_unfinished
from daemon.study.lifecycle import DeliveryState, InstanceState, StudyState
from daemon.web.listing import Standing, standing

SEEN_WITHIN = timedelta(seconds=30)
BUSY_WITHIN = timedelta(minutes=5)
"""How long a process that runs but tells nothing counts as busy; the supervisor ends it before that."""

NOT_RUNNING = "not running"

_STATES: Mapping[str, Iterable[str]] = {
    "studies": StudyState,
    "instances": InstanceState,
    "deliveries": DeliveryState,
}
_METRICS_TYPE = "text/plain; version=0.0.4"


@dataclass(frozen=True, slots=True, kw_only=True)
class StageHealth:
    """How a stage is; `problem` is empty where it works on at least one machine.

    What works `is_busy` where it has told nothing for a while: a pass can take long on a machine that does
    other things too.
    """

    name: str
    problem: str
    is_busy: bool = False


def stage_health(
    records: Iterable[StageRecord],
    expected: Iterable[str],
    *,
    now: datetime,
    runs: Callable[[str], bool],
) -> tuple[StageHealth, ...]:
    """Tell how each expected stage is; records are named node/stage.

    Parameters
    ----------
    runs
        Tells by the name whether a process is this stage of this node now.
    """

    def is_present(record: StageRecord) -> bool:
        unseen = now - record.seen_at
        return unseen <= SEEN_WITHIN or (unseen <= BUSY_WITHIN and runs(record.name))

    present = [record for record in records if is_present(record)]
    return tuple(
        _health(name, [record for record in present if record.name.rpartition("/")[2] == name], now)
        for name in expected
    )


def _health(name: str, present: Sequence[StageRecord], now: datetime) -> StageHealth:
    working = [record for record in present if not record.condition]
    if not working:
        conditions = sorted({record.condition for record in present})
        return StageHealth(name=name, problem="; ".join(conditions) or NOT_RUNNING)
    is_busy = all(now - record.seen_at > SEEN_WITHIN for record in working)
    return StageHealth(name=name, problem="", is_busy=is_busy)


@dataclass(frozen=True, slots=True)
class Health:
    """The probes of the service."""

    store: Store
    expected_stages: Sequence[str]
    clock: Callable[[], datetime]
    runs: Callable[[str], bool]

    def stages(self) -> tuple[StageHealth, ...]:
        """Tell how each stage is."""
        records = stage_records(self.store)
        return stage_health(records, self.expected_stages, now=self.clock(), runs=self.runs)

    def alive(self, _request: Request) -> Response:
        """Answer ``/healthz``: this process answers and the store can be read."""
        stage_records(self.store)
        return JSONResponse({"status": "ok"})

    def ready(self, _request: Request) -> Response:
        """Answer ``/readyz``: every stage works, else 503 and what is missing."""
        problems = {health.name: health.problem for health in self.stages() if health.problem}
        status = "not ready" if problems else "ready"
        return JSONResponse({"status": status, "problems": problems}, 503 if problems else 200)

    def metrics(self, _request: Request) -> Response:
        """Answer ``/metrics`` in the text format of Prometheus; no label names a patient or an object."""
        return PlainTextResponse("\n".join(self._lines()) + "\n", media_type=_METRICS_TYPE)

    def _lines(self) -> Iterator[str]:
        counts = counts_by_state(self.store)
        for table, states in _STATES.items():
            numbers = {state: counts[table].get(state, 0) for state in states}
            yield from _gauge(f"ulna_{table}", f"Number of {table} by state.", "state", numbers)
        entries = worklist_entries(self.store)
        standings = Counter(map(standing, entries))
        categories = {str(category): standings[category] for category in Standing}
        yield from _gauge(
            "ulna_studies_by_category", "Number of studies by category.", "category", categories
        )
        refused = sum(counts["rejections"].values())
        yield from _gauge("ulna_refused_instances", "Refused instances on record.", "", {"": refused})
        waiting = [entry.last_instance_at for entry in entries if is_unfinished(entry.state)]
        age = (self.clock() - min(waiting)).total_seconds() if waiting else 0.0
        text = "Seconds since the last view of the study that has been unfinished for longest."
        yield from _gauge("ulna_oldest_unfinished_study_seconds", text, "", {"": age})
        up = {health.name: int(not health.problem) for health in self.stages()}
        yield from _gauge("ulna_stage_up", "Whether a stage works.", "stage", up)


def _gauge(name: str, text: str, label: str, values: Mapping[str, float]) -> Iterator[str]:
    yield f"# HELP {name} {text}"
    yield f"# TYPE {name} gauge"
    for value, number in values.items():
        labels = f'{{{label}="{value}"}}' if label else ""
        yield f"{name}{labels} {number:g}"
