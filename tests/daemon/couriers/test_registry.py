"""A further kind of destination is one module and one line: the sender and the checks find it there."""

import os
import subprocess
import sys
import threading
from datetime import timedelta

import pytest
from pydantic import ValidationError
from sqlalchemy import select

from daemon.config.configuration import Config
from daemon.config.sections import Destination
from daemon.couriers import registry
from daemon.couriers.courier import Courier
from daemon.couriers.registry import COURIERS, courier_of
from daemon.couriers.remark import remark_words
from daemon.process.stage import StageProcess
from daemon.process.stage_name import StageName
from daemon.stages.sender import Sender
from daemon.store import lease, tables
from daemon.store.worklist import study_detail
from daemon.study.lifecycle import DeliveryState, StudyState
from tests.daemon.couriers.folder import FIFO, FULL
from tests.daemon.deadline import wait_until
from tests.daemon.store_factory import NOW, SENDER, reported_study
from tests.factories import uid

DROP = "drop"


@pytest.fixture
def folder_kind(monkeypatch):
    monkeypatch.setattr(registry, "COURIERS", {**COURIERS, "folder": "tests.daemon.couriers.folder"})


def drop_folder(place):
    return Destination(name=DROP, kind="folder", host=str(place), ae_title="NONE", port=1)


def results_of(store):
    return study_detail(store, uid(1)).results


def written_study(store, spool):
    """Report a study whose results lie in the spool as they would."""
    reported_study(store, destinations=(DROP,))
    for result in results_of(store):
        path = spool.absolute(result.path)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(result.sop_instance_uid.encode())


def claimed_until(store):
    with store.read() as connection:
        return set(connection.scalars(select(tables.deliveries.c.lease_until)))


def stood(store):
    return {
        (one.state, remark_words(one.remark), one.retry_at)
        for result in results_of(store)
        for one in result.deliveries
    }


def test_results_reach_a_destination_of_a_kind_of_its_own(store, spool, tmp_path, folder_kind):
    written_study(store, spool)
    (tmp_path / "drop").mkdir()
    drop = drop_folder(tmp_path / "drop")
    sender = Sender(store, spool, (drop,), clock=lambda: NOW)
    assert sender.step(drop, SENDER)
    assert {file.name: file.read_text() for file in (tmp_path / "drop").iterdir()} == {
        f"{result.kind}-{result.sop_instance_uid}": result.sop_instance_uid for result in results_of(store)
    }
    assert stood(store) == {
        (DeliveryState.SENT, "dropped as sr", None),
        (DeliveryState.SENT, "dropped as sc", None),
    }
    assert study_detail(store, uid(1)).entry.state is StudyState.DELIVERED
    assert not sender.step(drop, SENDER)


def test_what_a_courier_could_not_bring_is_tried_again_after_a_pause(store, spool, tmp_path, folder_kind):
    written_study(store, spool)
    drop = drop_folder(tmp_path / "away")
    assert Sender(store, spool, (drop,), clock=lambda: NOW).step(drop, SENDER)
    ((state, reason, retry_at), *_) = stood(store)
    assert (state, reason) == (DeliveryState.WAITING, "the folder is away")
    assert timedelta(seconds=2.5) <= retry_at - NOW <= timedelta(seconds=5)
    assert not Sender(store, spool, (drop,), clock=lambda: NOW).step(drop, SENDER)
    (tmp_path / "away").mkdir()
    assert Sender(store, spool, (drop,), clock=lambda: NOW + timedelta(seconds=5)).step(drop, SENDER)
    assert {state for state, _, _ in stood(store)} == {DeliveryState.SENT}


def test_what_a_courier_will_never_bring_is_a_dead_letter(store, spool, tmp_path, folder_kind):
    written_study(store, spool)
    (tmp_path / FULL).touch()
    drop = drop_folder(tmp_path)
    assert Sender(store, spool, (drop,), clock=lambda: NOW).step(drop, SENDER)
    assert stood(store) == {(DeliveryState.DEAD, "the folder is full", None)}


def test_results_stay_claimed_while_a_courier_is_under_way(sqlite_only, spool, tmp_path, folder_kind):
    written_study(sqlite_only, spool)
    os.mkfifo(tmp_path / FIFO)
    drop = drop_folder(tmp_path)
    clock = [NOW]
    stage = StageProcess(StageName.SENDER, sqlite_only)
    sender = Sender(sqlite_only, spool, (drop,), clock=lambda: clock[0])
    thread = threading.Thread(target=sender.run, args=(stage,), daemon=True)
    thread.start()
    with (tmp_path / FIFO).open("wb"):  # which waits for the courier, as the courier now waits for us
        clock[0] = NOW + lease.LEASE / 2
        wait_until(
            lambda: claimed_until(sqlite_only) == {clock[0] + lease.LEASE}, "claimed for longer", seconds=20
        )
        stage.stop()
    thread.join(10)
    assert {state for state, _, _ in stood(sqlite_only)} == {DeliveryState.SENT}


def test_courier_probes_its_destination(tmp_path, folder_kind):
    assert courier_of("folder").probe(drop_folder(tmp_path)) == "is a folder"
    with pytest.raises(OSError, match="away"):
        courier_of("folder").probe(drop_folder(tmp_path / "away"))


@pytest.mark.parametrize("kind", COURIERS)
def test_every_kind_has_a_courier(kind):
    assert isinstance(courier_of(kind), Courier)


def test_kind_without_a_courier_is_a_mistake():
    with pytest.raises(ValidationError, match="must be one of 'dicom'"):
        Config.model_validate({"destinations": [{"name": "x", "kind": "stow", "host": "h", "port": 1}]})


def test_sender_loads_no_courier_before_it_needs_one():
    program = "import sys, daemon.stages.sender; sys.exit('pynetdicom' in sys.modules)"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    assert subprocess.run([sys.executable, "-c", program], check=False, env=environment).returncode == 0
