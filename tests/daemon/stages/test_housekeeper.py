"""Old studies go with their files, leftovers are swept up, and nothing else is touched."""

import os
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select, text

from daemon.clock import now
from daemon.config.configuration import Config
from daemon.errors import IntakeRefused
from daemon.intake import Arrival, Intake
from daemon.intake_rule import IntakeRule
from daemon.process.stage import StageProcess
from daemon.process.stage_name import StageName
from daemon.spool import Spool
from daemon.stages import housekeeper as housekeeping
from daemon.stages.housekeeper import Housekeeper
from daemon.store import instances, retention, stages, tables, tallies
from daemon.store.database import Store
from daemon.store.history import events_of
from daemon.store.listing import worklist_entries
from daemon.store.refusals import record_rejection
from daemon.store.shown import Rejection, StageRecord
from daemon.store.values import Recorded
from daemon.store.worklist import recent_rejections, study_detail
from dicom_io.network.store_status import StoreStatus
from tests.daemon.deadline import wait_until
from tests.daemon.store_factory import NOW, delivered_study, received, record
from tests.factories import make_instance, uid, write_instance

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)


@pytest.fixture
def housekeeper(sqlite_only, spool) -> Housekeeper:
    return Housekeeper(sqlite_only, spool, retention_days=30, event_days=90, measurement_days=365)


def make_file(housekeeper: Housekeeper, path: str, *, age: timedelta = 2 * DAY) -> Path:
    """Make a file that was last written some time before NOW."""
    file = housekeeper.spool.absolute(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"content")
    moment = (NOW - age).timestamp()
    os.utime(file, (moment, moment))
    return file


def files_of(housekeeper: Housekeeper, study: int) -> list[Path]:
    detail = study_detail(housekeeper.store, uid(study))
    paths = [*(view.path for view in detail.instances), *(result.path for result in detail.results)]
    return [make_file(housekeeper, path) for path in paths]


def test_history_goes_later_than_its_study(sqlite_only, spool):
    # The store tells the time of its own events; the keeper is told its own.
    written = now()
    keeper = Housekeeper(sqlite_only, spool, retention_days=30, event_days=90, measurement_days=365)
    delivered_study(keeper.store, 1, now=written)
    keeper.step(written + 60 * DAY)
    assert list(worklist_entries(keeper.store)) == []
    with keeper.store.read() as connection:
        assert events_of(connection, uid(1))[-1].cause == "retention ended"
    keeper.step(written + 91 * DAY)
    with keeper.store.read() as connection:
        assert events_of(connection, uid(1)) == ()


def test_study_older_than_the_retention_goes_with_its_files(housekeeper):
    delivered_study(housekeeper.store, 1, view_count=2, now=NOW - 31 * DAY)
    delivered_study(housekeeper.store, 2, now=NOW - 29 * DAY)
    old, young = files_of(housekeeper, 1), files_of(housekeeper, 2)
    housekeeper.step(NOW)
    assert [entry.study_instance_uid for entry in worklist_entries(housekeeper.store)] == [uid(2)]
    assert not [file for file in old if file.exists()]
    assert [file for file in young if file.exists()] == young


def test_more_studies_than_one_transaction_takes_go_in_one_round(housekeeper):
    for number in range(1, 54):
        record(housekeeper.store, received(number), now=NOW - 31 * DAY)
    with housekeeper.store.write() as connection:
        connection.exec_driver_sql("UPDATE studies SET state = 'delivered'")
    housekeeper.step(NOW)
    assert list(worklist_entries(housekeeper.store)) == []


def test_clock_that_jumps_ahead_removes_nothing_before_the_next_round(housekeeper):
    delivered_study(housekeeper.store, now=NOW - DAY)
    left = make_file(housekeeper, "spool/ab/left.dcm")
    ahead = NOW + 60 * DAY
    housekeeper.step_if_steady(NOW, ahead, elapsed_seconds=300.0)
    assert [entry.study_instance_uid for entry in worklist_entries(housekeeper.store)] == [uid(1)]
    assert left.exists()
    housekeeper.step_if_steady(ahead, ahead + 5 * MINUTE, elapsed_seconds=300.0)
    assert list(worklist_entries(housekeeper.store)) == []
    assert not left.exists()


def test_clock_that_was_set_back_removes_nothing_before_the_next_round(housekeeper):
    delivered_study(housekeeper.store, now=NOW - 31 * DAY)
    housekeeper.step_if_steady(NOW + 10 * DAY, NOW, elapsed_seconds=300.0)
    assert len(list(worklist_entries(housekeeper.store))) == 1


def test_study_whose_time_is_to_come_stays(housekeeper):
    delivered_study(housekeeper.store, now=NOW + DAY)
    housekeeper.step(NOW)
    assert len(list(worklist_entries(housekeeper.store))) == 1


def test_no_round_is_made_before_the_clock_is_known_to_go_right(housekeeper, monkeypatch):
    monkeypatch.setattr(housekeeping, "ROUND_SECONDS", 0.2)
    rounds: list[float] = []
    begun = time.monotonic()

    def note(_keeper, _before, _moment, *, elapsed_seconds):
        rounds.append(time.monotonic() - begun)

    monkeypatch.setattr(Housekeeper, "step_if_steady", note)
    stage = StageProcess(StageName.HOUSEKEEPER, housekeeper.store)
    monkeypatch.setattr(StageProcess, "pause", lambda self, _seconds: self.stop() if rounds else None)
    housekeeper.run(stage)
    assert rounds[0] >= 0.2


def test_files_that_the_store_knows_stay_however_old(housekeeper):
    delivered_study(housekeeper.store, now=NOW - DAY)
    files = files_of(housekeeper, 1)
    housekeeper.step(NOW)
    assert [file for file in files if file.exists()] == files


@pytest.mark.parametrize(
    "path",
    [
        "spool/ab/left.dcm",
        "results/ab/left.dcm",
        "results/ab/.left.dcm.7.part",
        "spool/incoming/left",
        "spool/incoming/gone-machine/left.incoming",
    ],
)
def test_leftover_is_swept_up_once_it_is_old(housekeeper, path):
    young = make_file(housekeeper, f"{path}-young", age=timedelta(minutes=59))
    old = make_file(housekeeper, path, age=timedelta(minutes=61))
    housekeeper.step(NOW)
    assert young.exists()
    assert not old.exists()


def test_quarantine_store_and_locks_are_no_leftovers(housekeeper):
    kept = [
        make_file(housekeeper, path)
        for path in ("quarantine/1.bin", "run/sender.lock", "ulna.db-backup", "spool/note.txt")
    ]
    housekeeper.step(NOW)
    assert [file for file in kept if file.exists()] == kept


def test_file_that_is_taken_away_meanwhile_is_no_error(housekeeper):
    # A name without a file, as when the receiver adopts one between the listing and the look at it.
    (housekeeper.spool.incoming / "gone").symlink_to("nowhere")
    old = make_file(housekeeper, "spool/incoming/left")
    housekeeper.step(NOW)
    assert not old.exists()


def test_old_refusals_and_stages_of_gone_machines_are_forgotten(housekeeper):
    for age in (31 * DAY, 29 * DAY):
        record_rejection(
            housekeeper.store,
            Rejection(rejected_at=NOW - age, source="folder", sop_instance_uid="", reason="broken"),
        )
    for name, age in (("old/sender", 2 * DAY), ("new/sender", DAY / 2)):
        moment = NOW - age
        stages.record_stage(
            housekeeper.store,
            StageRecord(name=name, process_id=7, started_at=moment, seen_at=moment, condition=""),
        )
    housekeeper.step(NOW)
    assert [one.rejected_at for one in recent_rejections(housekeeper.store, limit=9)] == [NOW - 29 * DAY]
    assert [one.name for one in stages.stage_records(housekeeper.store)] == ["new/sender"]


def sweeping_intake(store: Store, spool: Spool) -> Intake:
    """Return an intake between whose file and row the housekeeper makes a round, hours later."""
    rule = IntakeRule.from_config(Config.model_validate({"storage": {"min_free_bytes": 0}}))

    def hours_later() -> datetime:
        moment = now() + timedelta(hours=2)
        Housekeeper(store, spool, retention_days=30, event_days=90, measurement_days=365).step(moment)
        return moment

    return Intake(spool, store, rule, hours_later)


def arrive(intake: Intake) -> Recorded:
    file = write_instance(make_instance(), intake.spool.incoming / "arrival.dcm")
    return intake.accept(Arrival(path=file, source="folder"))


def test_instance_whose_file_was_swept_up_before_its_row_came_is_not_acknowledged(store, spool):
    intake = sweeping_intake(store, spool)
    with pytest.raises(IntakeRefused) as refusal:
        arrive(intake)
    assert refusal.value.status is StoreStatus.OUT_OF_RESOURCES
    assert list(worklist_entries(store)) == []
    assert arrive(replace(intake, clock=now)) is Recorded.NEW
    (kept,) = study_detail(store, uid(1)).instances
    assert spool.absolute(kept.path).exists()


def test_sweep_waits_for_who_is_recording_a_file(store, spool):
    keeper = Housekeeper(store, spool, retention_days=30, event_days=90, measurement_days=365)
    arrival = received()
    file = make_file(keeper, arrival.path)
    with ThreadPoolExecutor(1) as pool:
        rounds: list[Future[None]] = []

        def confirm() -> None:
            rounds.append(pool.submit(keeper.step, NOW))
            wait(rounds, timeout=1.0)  # the row is written and not yet committed

        instances.record_instance(store, arrival, now=NOW, confirm=confirm)
        rounds[0].result()
    assert file.exists()


def test_sweep_does_not_wait_long(postgresql_store, spool, monkeypatch):
    monkeypatch.setattr(retention, "_LOCK_WAIT_MILLISECONDS", 1)
    keeper = Housekeeper(postgresql_store, spool, retention_days=30, event_days=90, measurement_days=365)
    file = make_file(keeper, "spool/ab/left.dcm")
    with postgresql_store.write() as other:
        other.execute(text("SELECT id FROM studies FOR UPDATE"))
        keeper.step(NOW)
        assert file.exists()
    keeper.step(NOW)
    assert not file.exists()


def test_more_leftovers_than_one_transaction_takes_go_in_one_round(housekeeper):
    files = [make_file(housekeeper, f"spool/ab/{number}.dcm") for number in range(101)]
    housekeeper.step(NOW)
    assert [file for file in files if file.exists()] == []


def test_counts_are_folded_now_and_then(housekeeper, monkeypatch):
    monkeypatch.setattr(tallies, "_MANY", 1)
    delivered_study(housekeeper.store, view_count=9, now=now())
    count = select(func.count()).select_from(tables.tallies)

    def rows() -> int:
        with housekeeper.store.read() as connection:
            return connection.scalar(count) or 0

    kinds = 3  # a study, its instances, its deliveries
    assert rows() > kinds
    stage = StageProcess(StageName.HOUSEKEEPER, housekeeper.store)
    thread = threading.Thread(target=housekeeper.run, args=(stage,))
    thread.start()
    try:
        wait_until(lambda: rows() == kinds, "the counts folded")
    finally:
        stage.stop()
        thread.join()
