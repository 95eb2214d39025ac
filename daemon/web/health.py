"""This module answers probes: does the process live, does the service work."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from daemon.store.database import Store
from daemon.store.shown import StageRecord
from daemon.store.stages import stage_records

SEEN_WITHIN = timedelta(seconds=30)
BUSY_WITHIN = timedelta(minutes=5)
"""How long a process that runs but tells nothing counts as busy; the supervisor ends it before that."""

NOT_RUNNING = "not running"


@dataclass(frozen=True, slots=True, kw_only=True)
class StageHealth:
    """How a stage is; `problem` is empty where it works on at least one machine.

    `notice` is what is not as it should be though it works.

    What works `is_busy` where it has told nothing for a while: a pass can take long on a machine that does
    other things too.
    """

    name: str
    problem: str
    is_busy: bool = False
    notice: str = ""


def stage_health(
    records: Iterable[StageRecord],
    expected: Iterable[str],
    *,
    now: datetime,
    runs: Callable[[str], bool],
) -> tuple[StageHealth, ...]:
    """Return how each expected stage is; records are named node/stage.

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
    notice = "; ".join(sorted({record.notice for record in working if record.notice}))
    return StageHealth(name=name, problem="", is_busy=is_busy, notice=notice)


@dataclass(frozen=True, slots=True)
class Health:
    """The probes of the service."""

    store: Store
    expected_stages: Sequence[str]
    clock: Callable[[], datetime]
    runs: Callable[[str], bool]

    def stages(self, now: datetime) -> tuple[StageHealth, ...]:
        """Return how each stage is."""
        records = stage_records(self.store)
        return stage_health(records, self.expected_stages, now=now, runs=self.runs)

    def alive(self, _request: Request) -> Response:
        """Answer ``/healthz``: this process answers and the store can be read."""
        stage_records(self.store)
        return JSONResponse({"status": "ok"})

    def ready(self, _request: Request) -> Response:
        """Answer ``/readyz``: every stage works, else 503 and what is missing."""
        problems = {health.name: health.problem for health in self.stages(self.clock()) if health.problem}
        status = "not ready" if problems else "ready"
        return JSONResponse({"status": status, "problems": problems}, 503 if problems else 200)
