"""In the midst of their work stages tell that they live, and keep what they have claimed."""

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from daemon.config.configuration import read_config
from daemon.process.stage import StageProcess
from daemon.process.stage_name import StageName
from daemon.spool import Spool
from daemon.stages import analyzer as analyzer_module
from daemon.stages.analyzer import Analyzer
from daemon.stages.reporter import Reporter
from daemon.store.database import Store
from daemon.store.lease import LEASE
from daemon.store.renewal import Renewal
from daemon.store.tables import instances
from daemon.store.worklist import study_detail
from daemon.study.lifecycle import InstanceState
from dicom_io.decoding.decoder import Decoder
from models.bundle.loading import load_bundle
from models.engines.registry import open_engine
from models.ensemble import Ensemble
from models.finding import ViewReading
from tests.daemon import store_factory
from tests.daemon.spooled import put_views
from tests.factories import uid


class Heard(StageProcess):
    """A stage that keeps what it told, in the order in which things happened."""

    def __init__(self, name: StageName, store: Store) -> None:
        super().__init__(name, store)
        self.events: list[str] = []

    def working(self, renewal: Renewal) -> None:
        self.events.append("alive")
        super().working(renewal)


class Noted(Ensemble):
    """Notes the number of views in each pass."""

    events: list[str]

    def read(self, batch: NDArray[np.float32]) -> list[ViewReading]:
        self.events.append(f"pass of {len(batch)}")
        return super().read(batch)


def analyze(store: Store, spool: Spool, decoder: Decoder, bundle: Path) -> tuple[Ensemble, list[str]]:
    """Make one step; give what was told and passed in it."""
    stage = Heard(StageName.ANALYZER, store)
    loaded = load_bundle(bundle)
    ensemble = Noted(loaded, open_engine(loaded, device="cpu"))
    ensemble.events = stage.events
    Analyzer(store, spool, decoder, ensemble, operating_point="sensitive", max_batch=8).step(stage)
    return ensemble, stage.events


def test_analyzer_lives_before_each_view_and_each_pass_and_passes_are_short_on_a_slow_machine(
    sqlite_only, spool, decoder, bundle, monkeypatch
):
    monkeypatch.setattr(analyzer_module, "_PASS_SECONDS", 1e-9)  # every machine is too slow for that
    put_views(sqlite_only, spool, 3)
    _, events = analyze(sqlite_only, spool, decoder, bundle)
    assert events == ["alive"] * 3 + ["alive", "pass of 1"] * 3
    views = study_detail(sqlite_only, uid(1)).instances
    assert [view.state for view in views] == [InstanceState.ANALYZED] * 3


def test_passes_are_full_where_there_is_time(sqlite_only, spool, decoder, bundle, monkeypatch):
    monkeypatch.setattr(analyzer_module, "_PASS_SECONDS", 600.0)
    put_views(sqlite_only, spool, 4)
    _, events = analyze(sqlite_only, spool, decoder, bundle)
    assert [event for event in events if event != "alive"] == ["pass of 1", "pass of 3"]


def test_reporter_lives_before_each_view(sqlite_only, spool, decoder, bundle):
    put_views(sqlite_only, spool, 3)
    ensemble, _ = analyze(sqlite_only, spool, decoder, bundle)
    stage = Heard(StageName.REPORTER, sqlite_only)
    config = read_config(None, environment={})
    assert Reporter(sqlite_only, spool, decoder, config, bundle=ensemble.identity).step(stage)
    assert stage.events == ["alive"] * 3


def test_what_a_stage_works_on_is_claimed_for_longer(sqlite_only):
    begun = store_factory.NOW
    late = begun + timedelta(minutes=4)
    stage = StageProcess(StageName.ANALYZER, sqlite_only, clock=lambda: late)
    arrival = store_factory.received()
    store_factory.record(sqlite_only, arrival)
    with sqlite_only.write() as connection:
        connection.execute(instances.update().values(lease_owner=stage.owner, lease_until=begun + LEASE))
    claims = Renewal(sqlite_only, instances, [1], owner=stage.owner, now=begun)
    stage.working(claims)
    assert lease_until(sqlite_only) == late + LEASE


def lease_until(store: Store) -> datetime | None:
    with store.read() as connection:
        until: datetime | None = connection.scalar(
            instances.select().with_only_columns(instances.c.lease_until)
        )
    return until
