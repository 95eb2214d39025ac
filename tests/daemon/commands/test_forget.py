"""``ulna forget``: says what it removes, asks, and leaves no file of the study."""

import io
from pathlib import Path

import pytest

from daemon.cli import main
from daemon.spool import Spool
from daemon.store.database import open_store
from daemon.store.listing import worklist_entries
from daemon.store.location import database_url
from daemon.store.worklist import study_detail
from tests.daemon import store_factory
from tests.daemon.store_factory import sqlite_store
from tests.factories import encode, make_instance, uid


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Make two studies with their files, one file of the first in quarantine; return those of the first."""
    spool = Spool(tmp_path)
    spool.prepare()
    store = sqlite_store(tmp_path)
    made: dict[int, list[Path]] = {}
    for number in (1, 2):
        store_factory.reported_study(store, number)
        detail = study_detail(store, uid(number))
        paths = [*(one.path for one in detail.instances), *(one.path for one in detail.results)]
        made[number] = [spool.absolute(path) for path in paths]
        for file in made[number]:
            file.write_bytes(b"content")
    store.close()
    refused = tmp_path / "refused"
    for number in (1, 2, 10):  # 10: a UID that the first one begins
        refused.write_bytes(encode(make_instance(study=number)))
        name = spool.set_aside(refused, "it is broken")
        if number == 1:
            made[1] += [spool.quarantine / f"{name}.bin", spool.quarantine / f"{name}.reason.txt"]
    refused.write_bytes(b"")
    spool.set_aside(refused, "it is empty")
    return made[1]


def forget(tmp_path: Path, *words: str) -> int:
    config = tmp_path / "config.toml"
    config.write_text(f'[storage]\ndata_dir = "{tmp_path}"\n')
    return main(["forget", "--config", str(config), *words])


def studies(tmp_path: Path) -> list[str]:
    store = open_store(database_url("", tmp_path))
    known = [entry.study_instance_uid for entry in worklist_entries(store)]
    store.close()
    return known


class Terminal(io.StringIO):
    """What a person types."""

    def isatty(self) -> bool:
        return True


def test_study_goes_with_its_files_and_nothing_else_does(tmp_path, files, capsys):
    everything = {file for file in tmp_path.rglob("*.*") if file.suffix in (".dcm", ".bin", ".txt")}
    assert forget(tmp_path, uid(1), "--yes") == 0
    said = capsys.readouterr().out
    assert f"study {uid(1)}, delivering" in said
    assert "instances   1 (1 analyzed)" in said
    assert "deliveries  2 (2 pending)" in said
    assert "files       3 in spool and results, 1 in quarantine" in said
    assert "2 deliveries have not reached their destination" in said
    assert "Testcase" not in said
    assert "TEST-1" not in said
    assert {file for file in everything if not file.exists()} == set(files)
    assert studies(tmp_path) == [uid(2)]


@pytest.mark.parametrize(
    ("answer", "status"), [("y\n", 0), ("\n", 1), ("n\n", 1), ("", 1)], ids=["yes", "enter", "no", "end"]
)
def test_a_person_is_asked(tmp_path, files, monkeypatch, capsys, answer, status):
    monkeypatch.setattr("sys.stdin", Terminal(answer))
    assert forget(tmp_path, uid(1)) == status
    assert "cannot be brought back" in capsys.readouterr().out
    stays = status != 0
    assert (uid(1) in studies(tmp_path)) == stays
    assert {file.exists() for file in files} == {stays}


def test_nothing_is_removed_where_nobody_can_be_asked(tmp_path, files, monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    assert forget(tmp_path, uid(1)) == 2
    assert "add --yes" in capsys.readouterr().err
    assert len(studies(tmp_path)) == 2
    assert all(file.exists() for file in files)


def test_unknown_study_is_an_error(tmp_path, files, capsys):
    assert forget(tmp_path, uid(7), "--yes") == 1
    assert f"no study {uid(7)}" in capsys.readouterr().err
