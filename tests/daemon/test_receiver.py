"""The receiver: what several of them share, and what none takes from another."""

import threading

from daemon.config import Config
from daemon.intake import Intake, IntakeRule
from daemon.receiver import Receiver
from daemon.spool import Spool
from daemon.stage import StageName, StageProcess
from tests.daemon.deadline import wait_until
from tests.daemon.store_factory import NOW

CONFIG = Config.model_validate({"receiver": {"host": "127.0.0.1", "port": 0, "allow_any_peer": True}})


def test_receiver_that_starts_removes_its_own_leftovers_and_no_other_machines(sqlite_only, tmp_path):
    here, there = Spool(tmp_path, "here"), Spool(tmp_path, "there")
    leftovers = []
    for spool in (here, there):
        spool.prepare()
        leftovers.append(spool.incoming / "half.incoming")
        leftovers[-1].write_bytes(b"half an instance")
    own, foreign = leftovers
    receiver = Receiver(
        Intake(here, sqlite_only, IntakeRule.from_config(CONFIG), lambda: NOW), sqlite_only, CONFIG
    )
    process = StageProcess(StageName.RECEIVER, sqlite_only)
    thread = threading.Thread(target=receiver.run, args=(process,))
    thread.start()
    try:
        wait_until(lambda: not own.exists(), "the own leftover removed")
    finally:
        process._stopping.set()
        thread.join()
    assert foreign.exists()
