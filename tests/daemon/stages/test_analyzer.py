"""The analyzer's step: which views it takes, what it records of them, and of those that it cannot read."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from sqlalchemy import select

from daemon.process.stage import StageProcess
from daemon.process.stage_name import StageName
from daemon.spool import Spool
from daemon.stages.analyzer import Analyzer
from daemon.store import lease, tables
from daemon.store.database import Store
from daemon.store.values import ReceivedInstance
from daemon.store.worklist import study_detail
from daemon.study.lifecycle import InstanceEvent, InstanceState
from dicom_io.decoding.decoder import Decoder
from dicom_io.decoding.view import View
from dicom_io.defects import Defect
from dicom_io.errors import DecodingInterrupted, UndecodablePixels
from models.engines.engine import MemberPass
from models.ensemble import Ensemble
from sr_templates.reason import clause
from tests.daemon import store_factory
from tests.daemon.store_factory import NOW, after, received
from tests.factories import uid
from tests.models.fake_engine import FakeEngine, bundle_without_weights


class Shown(Decoder):
    """Views of one level all over, by the path of their file; there are no files, and no process.

    An error in place of a level is raised.
    """

    def __init__(self, levels: Mapping[Path, float | Exception]) -> None:
        self._levels = levels

    def read_view(self, path: Path, *, picture: bool = False) -> View:
        level = self._levels[path]
        if isinstance(level, Exception):
            raise level
        return View(image=np.full((128, 192), level, dtype=np.float32))


class PartlyBlind(FakeEngine):
    """Each member has a level at which it gives NaN."""

    def __init__(self, biases: Mapping[str, float], blind_at: Mapping[str, float]) -> None:
        super().__init__(biases)
        self._blind_at = blind_at

    def run(self, batch: NDArray[np.float32]) -> Mapping[str, MemberPass]:
        levels = batch.mean(axis=(1, 2))
        passes = super().run(batch)
        return {
            name: replace(
                found, logit=np.where(np.isclose(levels, self._blind_at[name]), np.nan, found.logit)
            )
            for name, found in passes.items()
        }


def step_over(store: Store, spool: Spool, levels: list[float], blind_at: Mapping[str, float]) -> None:
    """Let the analyzer take one batch of views of these levels, numbered from 1."""
    arrivals = [store_factory.received(1, number) for number in range(1, len(levels) + 1)]
    store_factory.record(store, *arrivals)
    shown = {spool.absolute(a.path): level for a, level in zip(arrivals, levels, strict=True)}
    ensemble = Ensemble(
        bundle_without_weights(), PartlyBlind({"first": -2.0, "second": 2.0}, blind_at=blind_at)
    )
    analyzer = Analyzer(store, spool, Shown(shown), ensemble, operating_point="sensitive", max_batch=8)
    assert analyzer.step(StageProcess(StageName.ANALYZER, store))


def test_views_beside_one_without_a_finite_number_get_their_own_findings(sqlite_only: Store, spool: Spool):
    # Each member is blind to another view, so that the batch is read three times.
    step_over(sqlite_only, spool, [0.25, 1.0, 0.5, 0.75], blind_at={"first": 1.0, "second": 0.5})

    views = study_detail(sqlite_only, uid(1)).instances
    found = [[member.logit for member in view.members] for view in views]
    assert found == [pytest.approx([-1.75, 2.25]), [], [], pytest.approx([-1.25, 2.75])]
    analyzed, aside = InstanceState.ANALYZED, InstanceState.UNREADABLE
    assert [view.state for view in views] == [analyzed, aside, aside, analyzed]
    assert [clause(views[1].reason), clause(views[2].reason)] == [
        "member first gives no finite number for this view",
        "member second gives no finite number for this view",
    ]
    assert causes(sqlite_only)[-3:].count(InstanceEvent.NO_NUMBER) == 2


def test_a_batch_without_a_finite_number_is_set_aside_whole(sqlite_only: Store, spool: Spool):
    step_over(sqlite_only, spool, [1.0, 1.0], blind_at={"first": 1.0, "second": 1.0})

    views = study_detail(sqlite_only, uid(1)).instances
    assert [view.state for view in views] == [InstanceState.UNREADABLE] * 2


def analyzer_of(store: Store, spool: Spool, *, max_batch: int = 8, **levels: float | Exception) -> Analyzer:
    """Return an analyzer to which each view is gray, but for those told as `view_STUDY_INSTANCE`."""
    shown: dict[Path, float | Exception] = {}
    for study in range(1, 6):
        for number in range(1, 6):
            path = spool.absolute(received(study, number).path)
            shown[path] = levels.get(f"view_{study}_{number}", 0.5)
    ensemble = Ensemble(bundle_without_weights(), FakeEngine({"first": -2.0, "second": 2.0}))
    return Analyzer(store, spool, Shown(shown), ensemble, operating_point="sensitive", max_batch=max_batch)


def stage_at(store: Store, seconds: float = 0.0) -> StageProcess:
    return StageProcess(StageName.ANALYZER, store, node="testhost", clock=lambda: after(seconds))


def analyzed(store: Store) -> list[str]:
    """Give the studies of analyzed views by their UIDs."""
    return [uid(n) for n in range(1, 6) if state_of(store, received(n)) is InstanceState.ANALYZED]


def causes(store: Store) -> list[str]:
    """Return the causes of the history of the first study."""
    return [event.cause for event in study_detail(store, uid(1)).events]


def state_of(store: Store, view: ReceivedInstance) -> InstanceState | None:
    with store.read() as connection:
        state = connection.scalar(
            select(tables.instances.c.state).where(
                tables.instances.c.sop_instance_uid == view.sop_instance_uid
            )
        )
    return None if state is None else InstanceState(state)


def test_nothing_waits_then_nothing_is_done(sqlite_only: Store, spool: Spool):
    assert not analyzer_of(sqlite_only, spool).step(stage_at(sqlite_only))


def test_every_third_claim_takes_the_oldest_view_whatever_its_rank(sqlite_only: Store, spool: Spool):
    store_factory.record(sqlite_only, received(1, priority=3))
    store_factory.record(sqlite_only, *(received(study, priority=0) for study in range(2, 6)))
    analyzer = analyzer_of(sqlite_only, spool, max_batch=1)
    turns = []
    for _ in range(5):
        before = analyzed(sqlite_only)
        assert analyzer.step(stage_at(sqlite_only))
        turns += sorted(set(analyzed(sqlite_only)) - set(before))
    assert turns == [uid(study) for study in (2, 3, 1, 4, 5)]


def test_one_step_takes_views_of_several_studies_but_no_more_than_a_batch(sqlite_only: Store, spool: Spool):
    store_factory.record(sqlite_only, *(received(study) for study in range(1, 5)))
    analyzer_of(sqlite_only, spool, max_batch=3).step(stage_at(sqlite_only))
    assert analyzed(sqlite_only) == [uid(1), uid(2), uid(3)]


@pytest.mark.parametrize(
    ("error", "cause", "words"),
    [
        (
            UndecodablePixels(Defect.BITS_ALLOCATED, bits_allocated=12),
            InstanceEvent.UNDECODABLE,
            "BitsAllocated is 12: expected 8 or 16",
        ),
        (
            FileNotFoundError(2, "whatever the system says"),
            InstanceEvent.FILE_LOST,
            "its file in the spool cannot be read: No such file or directory",
        ),
    ],
)
def test_a_view_that_cannot_be_read_is_set_aside_and_the_others_are_analyzed(
    sqlite_only: Store, spool: Spool, error: Exception, cause: InstanceEvent, words: str
):
    store_factory.record(sqlite_only, received(1, 1), received(1, 2))
    analyzer_of(sqlite_only, spool, view_1_1=error).step(stage_at(sqlite_only))
    broken, whole = study_detail(sqlite_only, uid(1)).instances
    assert (broken.state, whole.state) == (InstanceState.UNREADABLE, InstanceState.ANALYZED)
    assert clause(broken.reason) == words
    assert cause in causes(sqlite_only)


def test_a_view_whose_decoding_ends_is_tried_once_more_alone_then_set_aside(sqlite_only: Store, spool: Spool):
    store_factory.record(sqlite_only, received(1, 1), received(1, 2), received(1, 3))
    analyzer = analyzer_of(sqlite_only, spool, view_1_1=DecodingInterrupted())
    after_lease = lease.LEASE.total_seconds() + 1
    assert analyzer.step(stage_at(sqlite_only))
    assert state_of(sqlite_only, received(1, 1)) is InstanceState.RECEIVED
    assert state_of(sqlite_only, received(1, 2)) is InstanceState.ANALYZED
    assert not analyzer.step(stage_at(sqlite_only, after_lease - 2))
    for turn in (1, 2):
        assert analyzer.step(stage_at(sqlite_only, turn * after_lease))
    assert state_of(sqlite_only, received(1, 1)) is InstanceState.UNREADABLE


def test_a_claim_runs_out_by_the_clock_of_the_stage(sqlite_only: Store, spool: Spool):
    store_factory.record(sqlite_only, received())
    stage = stage_at(sqlite_only, 60)
    stage.stop()
    analyzer_of(sqlite_only, spool).step(stage)
    with sqlite_only.read() as connection:
        held = connection.execute(select(tables.instances)).one()
    assert (held.lease_owner, held.lease_until) == (stage.owner, NOW + timedelta(seconds=60) + lease.LEASE)
