"""``ulna worklist``: what it prints where, and that nothing of it is cut."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from daemon.cli import main
from daemon.store.database import Store
from models.study_finding import TriageCategory
from tests.daemon import store_factory
from tests.factories import uid

COLUMNS = 80  # of a dumb terminal, which has no colors either


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Name a store with one study that was delivered."""
    store: Store = store_factory.sqlite_store(tmp_path)
    store_factory.delivered_study(store, 1)
    store.close()
    file = tmp_path / "config.toml"
    file.write_text(f'[storage]\ndata_dir = "{tmp_path}"\n')
    return file


def in_a_terminal(*words: object) -> str:
    """Run a command in a terminal; return what it shows."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "dumb"}
    command = [sys.executable, "-m", "daemon", *map(str, words)]
    subprocess.run(command, stdout=theirs, stdin=theirs, env=environment, check=True)
    os.close(theirs)
    shown = b""
    while piece := _piece(ours):
        shown += piece
    os.close(ours)
    return shown.decode()


def _piece(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # Linux' end of a terminal that nobody writes to any more
        return b""


def test_uids_are_whole_without_a_terminal_however_narrow_it_says_to_be(
    config: Path, capsys: pytest.CaptureFixture[str], monkeypatch
):
    monkeypatch.setenv("COLUMNS", "40")
    assert main(["worklist", "--config", str(config)]) == 0
    (row,) = (line for line in capsys.readouterr().out.splitlines() if "MEDIUM" in line)
    assert uid(1) in row
    assert "delivered" in row


def test_in_a_terminal_the_table_fits_and_is_whole_on_request(config: Path):
    words = ("worklist", "--config", config)
    assert max(map(len, in_a_terminal(*words).splitlines())) <= COLUMNS
    assert uid(1) in in_a_terminal(*words, "--wide")


def test_json_holds_what_the_table_shows(config: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["worklist", "--config", str(config), "--json"]) == 0
    (entry,) = json.loads(capsys.readouterr().out)
    assert (entry["study_instance_uid"], entry["state"]) == (uid(1), "delivered")


def test_a_store_that_is_none_is_told_without_a_statement(config: Path, capsys: pytest.CaptureFixture[str]):
    (config.parent / "ulna.db").write_bytes(b"rubbish" * 1000)
    assert main(["worklist", "--config", str(config)]) == 1
    said = capsys.readouterr().err
    assert said == (
        "ulna worklist: the store cannot be used (DatabaseError); see [storage] in the configuration\n"
    )


def test_json_of_no_study_is_an_empty_list(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file = tmp_path / "config.toml"
    file.write_text(f'[storage]\ndata_dir = "{tmp_path}"\n')
    assert main(["worklist", "--config", str(file), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []


def test_studies_are_listed_in_reading_order_with_what_needs_a_person(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    store = store_factory.sqlite_store(tmp_path)
    store_factory.delivered_study(store, 1, category=TriageCategory.NOT_FLAGGED, score=0.1)
    store_factory.reported_study(store, 2, destinations=("pacs", "viewer"))
    store_factory.refuse_all(store, reason="refused")
    store.close()
    file = tmp_path / "config.toml"
    file.write_text(f'[storage]\ndata_dir = "{tmp_path}"\n')
    assert main(["worklist", "--config", str(file), "--json"]) == 0
    entries = json.loads(capsys.readouterr().out)
    assert [entry["study_instance_uid"] for entry in entries] == [uid(2), uid(1)]
    assert (entries[0]["dead_destinations"], entries[0]["waiting_destinations"]) == (["pacs"], ["viewer"])
    assert main(["worklist", "--config", str(file)]) == 0
    said = "delivering: not delivered to pacs, needs a person; viewer will be tried again"
    assert said in capsys.readouterr().out
