"""This module answers probes: does the process live, does the service work, what does it count."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from daemon.lifecycle import DeliveryState, InstanceState, StudyState
from daemon.store.database import Store
from daemon.store.shown import StageRecord
from daemon.store.stages import stage_records
from daemon.store.worklist import counts_by_state, worklist_entries
from daemon.study import is_unfinished
from daemon.web.listing import Standing, standing

SEEN_WITHIN = timedelta(seconds=30)

NOT_RUNNING = "not running"

_STATES: Mapping[str, Iterable[str]] = {
    "studies": StudyState,
    "instances": InstanceState,
    "deliveries": DeliveryState,
}
_METRICS_TYPE = "text/plain; version=0.0.4"


@dataclass(frozen=True, slots=True, kw_only=True)
class StageHealth:
    """How a stage is; `problem` is empty where it works on at least one machine."""

    name: str
    problem: str


def stage_health(
    records: Iterable[StageRecord], expected: Iterable[str], *, now: datetime
) -> tuple[StageHealth, ...]:
    """Tell how each expected stage is; records are named machine/stage."""
    present = [record for record in records if now - record.seen_at <= SEEN_WITHIN]
    healths = []
    for name in expected:
        conditions = [record.condition for record in present if record.name.rpartition("/")[2] == name]
        works = "" in conditions
        problem = "" if works else "; ".join(sorted(set(conditions))) or NOT_RUNNING
        healths.append(StageHealth(name=name, problem=problem))
    return tuple(healths)


@dataclass(frozen=True, slots=True)
class Health:
    """The probes of the service."""

    store: Store
    expected_stages: Sequence[str]
    clock: Callable[[], datetime]

    def stages(self) -> tuple[StageHealth, ...]:
        """Tell how each stage is."""
        return stage_health(stage_records(self.store), self.expected_stages, now=self.clock())

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
