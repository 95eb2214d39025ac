"""What the analyzer records of views for which a member has no number, and of those beside them."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from daemon.process.stage import StageProcess
from daemon.process.stage_name import StageName
from daemon.spool import Spool
from daemon.stages.analyzer import Analyzer
from daemon.store.database import Store
from daemon.store.worklist import study_detail
from daemon.study.lifecycle import InstanceState
from dicom_io.decoding.decoder import Decoder
from dicom_io.decoding.view import View
from models.engines.engine import MemberPass
from models.ensemble import Ensemble
from tests.daemon import store_factory
from tests.factories import uid
from tests.models.fake_engine import FakeEngine, bundle_without_weights


class Shown(Decoder):
    """Views of one level all over, by the path of their file; there are no files, and no process."""

    def __init__(self, levels: Mapping[Path, float]) -> None:
        self._levels = levels

    def read_view(self, path: Path) -> View:
        return View(image=np.full((128, 192), self._levels[path], dtype=np.float32))


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
    assert [views[1].reason, views[2].reason] == [
        "member first gives no finite number for this view",
        "member second gives no finite number for this view",
    ]


def test_a_batch_without_a_finite_number_is_set_aside_whole(sqlite_only: Store, spool: Spool):
    step_over(sqlite_only, spool, [1.0, 1.0], blind_at={"first": 1.0, "second": 1.0})

    views = study_detail(sqlite_only, uid(1)).instances
    assert [view.state for view in views] == [InstanceState.UNREADABLE] * 2
