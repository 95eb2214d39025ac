"""The reporter's step: which studies it reports, from which views, for which destinations, and when."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import Dataset, dcmread

from daemon.config.configuration import Config
from daemon.process.stage import StageProcess
from daemon.process.stage_name import StageName
from daemon.spool import Spool
from daemon.stages.reporter import Reporter
from daemon.store import lease, studies
from daemon.store.database import Store
from daemon.store.shown import StudyDetail
from daemon.store.values import ReceivedInstance
from daemon.store.worklist import study_detail
from daemon.study.lifecycle import InstanceState, StudyState
from dicom_io.decoding.decoder import Decoder
from dicom_io.decoding.view import View
from dicom_io.errors import DecodingInterrupted
from dicom_io.selection.exclusion import Exclusion
from sr_templates.reason import Reason
from tests.daemon.store_factory import (
    DIGEST,
    NOW,
    REPORTER,
    after,
    analyze_all,
    excluded,
    open_study,
    received,
    record,
)
from tests.factories import make_instance, uid, write_instance
from tests.models.builders import an_identity

QUIET = {"study": {"quiet_seconds": 60, "settle_seconds": 5, "max_wait_seconds": 600}}
PACS = {"name": "pacs", "ae_title": "PACS", "host": "127.0.0.1", "port": 104}
VIEWER = {**PACS, "name": "viewer", "ae_title": "VIEWER"}


class Shown(Decoder):
    """A view of one level for every file, in no process of its own."""

    def __init__(self) -> None:
        """Start nothing."""

    def read_view(self, path: Path, *, picture: bool = False) -> View:
        return View(image=np.full((256, 192), 0.5, dtype=np.float32))


class Ended(Shown):
    """The process that decodes ends at every file, as one that took too much memory."""

    def read_view(self, path: Path, *, picture: bool = False) -> View:
        raise DecodingInterrupted()


def arrive(store: Store, spool: Spool, *arrivals: ReceivedInstance, now: datetime = NOW) -> None:
    """Record instances, each with a file that its header was read from."""
    for arrival in arrivals:
        path = spool.absolute(arrival.path)
        path.parent.mkdir(parents=True, exist_ok=True)
        ds = make_instance(rows=8, columns=8)
        ds.StudyInstanceUID, ds.SOPInstanceUID = arrival.study_instance_uid, arrival.sop_instance_uid
        ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
        write_instance(ds, path)
    record(store, *arrivals, now=now)


def step(
    store: Store,
    spool: Spool,
    *,
    at: datetime,
    digest: str = DIGEST,
    decoder: Decoder | None = None,
    config: Mapping[str, Any] | None = None,
) -> bool:
    """Take one step of a reporter whose clock stands still."""
    settings = Config.model_validate({"destinations": [PACS], **QUIET, **(config or {})})
    bundle = an_identity(members=("densenet201", "mobilenet"), digest=digest)
    reporter = Reporter(store, spool, decoder or Shown(), settings, bundle=bundle)
    return reporter.step(StageProcess(StageName.REPORTER, store, node="testhost", clock=lambda: at))


def detail(store: Store, study: int = 1) -> StudyDetail:
    return study_detail(store, uid(study))


def structured_report(store: Store, spool: Spool) -> Dataset:
    (report,) = (result for result in detail(store).results if result.kind == "sr")
    return dcmread(spool.absolute(report.path))


def test_a_quiet_study_is_reported_at_the_time_of_the_clock(sqlite_only, spool):
    arrive(sqlite_only, spool, received(), received(instance=2))
    analyze_all(sqlite_only)
    assert step(sqlite_only, spool, at=after(60))
    reported = detail(sqlite_only)
    assert reported.entry.state is StudyState.DELIVERING
    assert {result.created_at for result in reported.results} == {after(60)}
    assert sorted(result.kind for result in reported.results) == ["sc", "sc", "sr"]
    assert all(spool.absolute(result.path).is_file() for result in reported.results)


def test_a_study_that_may_grow_is_left_alone(sqlite_only, spool):
    arrive(sqlite_only, spool, received())
    analyze_all(sqlite_only)
    assert not step(sqlite_only, spool, at=after(59))
    assert detail(sqlite_only).entry.state is StudyState.OPEN


def test_a_study_of_which_a_view_waits_is_not_reported(sqlite_only, spool):
    arrive(sqlite_only, spool, received())
    assert not step(sqlite_only, spool, at=after(3600))


def test_all_studies_that_close_are_reported_in_one_step(sqlite_only, spool):
    for study in (1, 2):
        arrive(sqlite_only, spool, received(study))
    analyze_all(sqlite_only)
    step(sqlite_only, spool, at=after(60))
    states = [detail(sqlite_only, study).entry.state for study in (1, 2)]
    assert states == [StudyState.DELIVERING] * 2


def test_a_study_of_another_bundle_goes_back_to_the_analyzer(sqlite_only, spool):
    arrive(sqlite_only, spool, received())
    analyze_all(sqlite_only, bundle_digest="e" * 64)
    step(sqlite_only, spool, at=after(60))
    returned = detail(sqlite_only)
    assert returned.entry.state is StudyState.OPEN
    assert [view.state for view in returned.instances] == [InstanceState.RECEIVED]
    assert returned.results == ()


def test_each_destination_gets_the_kinds_of_results_that_it_wants(sqlite_only, spool):
    arrive(sqlite_only, spool, received())
    analyze_all(sqlite_only)
    destinations = [{**PACS, "results": ["sr"]}, {**VIEWER, "results": ["sc"]}]
    step(sqlite_only, spool, at=after(60), config={"destinations": destinations})
    bound = {
        (result.kind, delivery.destination)
        for result in detail(sqlite_only).results
        for delivery in result.deliveries
    }
    assert bound == {("sr", "pacs"), ("sc", "viewer")}


def test_a_conflicting_duplicate_is_no_source_of_the_report(sqlite_only, spool):
    arrive(sqlite_only, spool, received())
    arrive(sqlite_only, spool, received(content="other bytes"), now=after(30))
    analyze_all(sqlite_only)
    step(sqlite_only, spool, at=after(90))
    reported = detail(sqlite_only)
    assert [view.state for view in reported.instances] == [InstanceState.ANALYZED, InstanceState.EXCLUDED]
    assert "Not analyzed" not in reported.entry.summary
    evidence = structured_report(sqlite_only, spool).CurrentRequestedProcedureEvidenceSequence[0]
    (series,) = evidence.ReferencedSeriesSequence
    named = [item.ReferencedSOPInstanceUID for item in series.ReferencedSOPSequence]
    assert named.count(uid(1, 1, 1)) == 1


def test_a_report_is_as_old_as_its_newest_instance(sqlite_only, spool):
    arrive(sqlite_only, spool, received(), now=NOW)
    arrive(sqlite_only, spool, received(instance=2), now=after(20))
    arrive(sqlite_only, spool, received(instance=3), now=after(10))
    analyze_all(sqlite_only)
    step(sqlite_only, spool, at=after(80))
    report = structured_report(sqlite_only, spool)
    made = datetime.strptime(f"{report.ContentDate}{report.ContentTime[:6]}", "%Y%m%d%H%M%S")
    assert made == after(20).astimezone().replace(tzinfo=None)


def test_own_results_alone_are_answered_with_nothing(sqlite_only, spool):
    arrive(sqlite_only, spool, excluded(reason=Reason(Exclusion.OWN_RESULT)))
    assert step(sqlite_only, spool, at=after(60))
    ended = detail(sqlite_only)
    assert (ended.entry.state, ended.results) == (StudyState.NOT_ANALYZED, ())
    assert "this is a result of ulna itself" in ended.entry.summary


def test_a_report_that_cannot_be_built_fails_its_study_and_no_other(sqlite_only, spool):
    for study in (1, 2):
        arrive(sqlite_only, spool, received(study))
    analyze_all(sqlite_only)
    spool.absolute(received(1).path).unlink()
    step(sqlite_only, spool, at=after(60))
    assert detail(sqlite_only).entry.state is StudyState.FAILED
    assert detail(sqlite_only, 2).entry.state is StudyState.DELIVERING


def test_a_report_whose_decoding_ends_twice_is_not_begun_again(sqlite_only, spool):
    arrive(sqlite_only, spool, received())
    analyze_all(sqlite_only)
    for _ in range(lease.MAX_ATTEMPTS):
        step(sqlite_only, spool, at=after(60), decoder=Ended())
        assert detail(sqlite_only).entry.state is StudyState.OPEN
    step(sqlite_only, spool, at=after(60), decoder=Ended())
    assert detail(sqlite_only).entry.reason == studies.BEGUN_TOO_OFTEN


@pytest.mark.parametrize(("seconds", "reported"), [(-1, False), (1, True)])
def test_a_study_that_a_dead_reporter_held_is_reported_after_its_lease(sqlite_only, spool, seconds, reported):
    arrive(sqlite_only, spool, received())
    analyze_all(sqlite_only)
    studies.claim_study(sqlite_only, open_study(sqlite_only), owner=f"other-{REPORTER}", now=after(60))
    at = after(60 + lease.LEASE.total_seconds() + seconds)
    assert step(sqlite_only, spool, at=at) is reported
