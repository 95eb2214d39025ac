"""A full disk, or a store that is away, stops work for a while and counts against nothing."""

import errno
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from sqlalchemy import Connection, event, text
from sqlalchemy.exc import DBAPIError, IntegrityError, ProgrammingError

from daemon.config.configuration import read_config
from daemon.process.hindrance import hindrance
from daemon.process.stage import StageProcess
from daemon.process.stage_name import StageName
from daemon.spool import Spool
from daemon.stages.analyzer import Analyzer
from daemon.stages.reporter import Reporter
from daemon.store import studies
from daemon.store.database import Store, open_store
from daemon.store.stages import stage_records
from daemon.store.worklist import study_detail
from daemon.study.lifecycle import InstanceState, StudyState
from dicom_io.decoding.decoder import Decoder
from models.bundle.loading import load_bundle
from models.engines.engine import MemberPass
from models.ensemble import Ensemble, open_ensemble
from sr_templates.reason import Withheld
from tests.daemon import store_factory
from tests.daemon.built import built_results
from tests.daemon.deadline import wait_until
from tests.daemon.spooled import put_views
from tests.factories import uid

FULL = Path("/dev/full")  # takes no byte: every write to it ends in ENOSPC


def condition_of(store: Store) -> str:
    return "; ".join(record.condition for record in stage_records(store))


@contextmanager
def running(stage: StageProcess, run: Callable[[StageProcess], None]) -> Iterator[None]:
    """Run a stage in a thread until the block is left."""
    thread = threading.Thread(target=run, args=(stage,))
    thread.start()
    try:
        yield
    finally:
        stage.stop()
        thread.join()


# What hinders


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "the disk is full (ENOSPC)"),
        (errno.EDQUOT, "the disk is full (EDQUOT)"),
        (errno.ENOMEM, "(ENOMEM)"),
        (errno.EMFILE, "(EMFILE)"),
    ],
)
def test_what_all_files_meet_alike_passes(number, words):
    assert words in hindrance(OSError(number, os.strerror(number)))


@pytest.mark.parametrize("error", [FileNotFoundError(errno.ENOENT, ""), OSError(errno.EIO, ""), ValueError()])
def test_what_one_file_has_does_not(error):
    assert hindrance(error) == ""


def refused(store: Store, statement: str) -> DBAPIError:
    with pytest.raises(DBAPIError) as caught, store.write() as connection:
        connection.execute(text(statement))
    return caught.value


def test_a_fault_of_ours_in_the_store_does_not_pass(sqlite_only, postgresql_store):
    for store in (sqlite_only, postgresql_store):
        error = refused(store, "INSERT INTO stages (name) VALUES (NULL)")
        assert isinstance(error, IntegrityError | ProgrammingError)
        assert hindrance(error) == ""


def test_a_database_that_is_told_to_go_away_passes(postgresql):
    store = open_store(postgresql.create_database())
    error = refused(store, "SELECT pg_terminate_backend(pg_backend_pid())")
    store.close()
    assert "the store cannot be used now" in hindrance(error)


def test_a_full_sqlite_passes(sqlite_only):
    event.listen(sqlite_only.engine, "begin", fill)
    error = refused(sqlite_only, f"INSERT INTO stages VALUES ('{'x' * 100_000}', 1, '', '', '', '')")
    assert "full" in str(error.orig)
    assert "the store cannot be used now" in hindrance(error)


def fill(connection: Connection) -> None:
    """Let SQLite's file grow no more, as on a full disk."""
    pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
    connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")


# What a stage makes of it


def test_a_hindered_step_is_tried_again_and_what_it_held_is_given_back(sqlite_only, tmp_path):
    stage = StageProcess(StageName.REPORTER, sqlite_only)
    target = tmp_path / "result"
    target.symlink_to(FULL)
    seen: list[str] = []

    def step() -> bool:
        stage.alive()
        seen.append(f"step: {condition_of(sqlite_only)}")
        with target.open("wb") as file:
            file.write(b"x" * 10)
        stage.stop()
        return True

    def release(*, forgive: bool) -> None:
        seen.append(f"{'forgive' if forgive else 'count'}: {condition_of(sqlite_only)}")
        if len(seen) == 5:
            target.unlink()

    stage.repeat(step, release)
    told = "the disk is full (ENOSPC)"
    again = (f"forgive: {told}", f"step: {told}")
    assert seen == ["count: ", "step: ", *again, *again, f"forgive: {told}"]


def test_another_error_ends_the_stage(sqlite_only):
    stage = StageProcess(StageName.REPORTER, sqlite_only)
    with pytest.raises(FileNotFoundError):
        stage.repeat(lambda: bool(Path("/nowhere/at/all").read_bytes()), release=lambda *, forgive: None)


def test_a_view_whose_analysis_raises_is_set_aside_after_two_attempts(sqlite_only, spool, decoder, bundle):
    class Stumbling:
        label = "none"

        def run(self, batch: NDArray[np.float32]) -> Mapping[str, MemberPass]:
            raise RuntimeError("CUDA error: an illegal memory access was encountered")

    put_views(sqlite_only, spool, 1)
    ensemble = Ensemble(load_bundle(bundle), Stumbling())
    analyzer = Analyzer(sqlite_only, spool, decoder, ensemble, operating_point="sensitive", max_batch=8)
    for _ in range(2):
        with pytest.raises(RuntimeError, match="illegal memory access"):
            analyzer.run(StageProcess(StageName.ANALYZER, sqlite_only))

    def is_set_aside() -> bool:
        (view,) = study_detail(sqlite_only, uid(1)).instances
        return (view.state, view.exclusion) == (InstanceState.UNREADABLE, Withheld.BEGUN_TOO_OFTEN)

    with running(StageProcess(StageName.ANALYZER, sqlite_only), analyzer.run):
        wait_until(is_set_aside, "the end of the view")


def test_a_report_that_finds_no_room_is_written_when_there_is(sqlite_only, spool, decoder, bundle):
    put_views(sqlite_only, spool, 1)
    ensemble = open_ensemble(load_bundle(bundle), "cpu")
    stage = StageProcess(StageName.REPORTER, sqlite_only)
    Analyzer(sqlite_only, spool, decoder, ensemble, operating_point="sensitive", max_batch=8).step(stage)
    names = names_of_results(sqlite_only, spool, decoder, ensemble)
    config = read_config(None, environment={})
    reporter = Reporter(sqlite_only, spool, decoder, config, bundle=ensemble.identity)
    for name in names:
        written = spool.absolute(spool.write_result(name, b""))
        written.unlink()
        (written.parent / f".{written.name}.{os.getpid()}.part").symlink_to(FULL)  # gone once it was tried
    conditions = set()

    def has_ended() -> bool:
        conditions.add(condition_of(sqlite_only))
        return study_detail(sqlite_only, uid(1)).entry.state not in (StudyState.OPEN, StudyState.REPORTING)

    with running(stage, reporter.run):
        wait_until(has_ended, "the report")
    assert "the disk is full (ENOSPC)" in conditions
    assert study_detail(sqlite_only, uid(1)).entry.state is StudyState.DELIVERED
    assert {result.sop_instance_uid for result in study_detail(sqlite_only, uid(1)).results} == names


def names_of_results(store: Store, spool: Spool, decoder: Decoder, ensemble: Ensemble) -> set[str]:
    """Return the UIDs of the results that the study will have."""
    built = built_results(store, spool, decoder, ensemble.identity)
    studies.release_studies(store, owner=store_factory.REPORTER, forgive=True)
    return {str(result.dataset.SOPInstanceUID) for result in built.results}


def test_a_finding_that_finds_no_room_costs_its_view_no_attempt(sqlite_only, spool, decoder, bundle, caplog):
    put_views(sqlite_only, spool, 60)  # their findings take several pages
    ensemble = open_ensemble(load_bundle(bundle), "cpu")
    analyzer = Analyzer(sqlite_only, spool, decoder, ensemble, operating_point="sensitive", max_batch=8)
    stage = StageProcess(StageName.ANALYZER, sqlite_only)
    full = threading.Event()
    full.set()

    def begin(connection: Connection) -> None:
        """Let the file grow, or not, in every transaction from here on."""
        limit = connection.exec_driver_sql("PRAGMA page_count").scalar() if full.is_set() else 2**30
        connection.exec_driver_sql(f"PRAGMA max_page_count={limit}")

    event.listen(sqlite_only.engine, "begin", begin)

    def states() -> list[InstanceState]:
        return [view.state for view in study_detail(sqlite_only, uid(1)).instances]

    with running(stage, analyzer.run):
        wait_until(lambda: times(caplog) >= 3, "hindrances")
        assert InstanceState.RECEIVED in states()
        full.clear()
        wait_until(lambda: set(states()) == {InstanceState.ANALYZED}, "the analysis")


def times(caplog: pytest.LogCaptureFixture) -> int:
    return caplog.messages.count("hindered; tried again")
