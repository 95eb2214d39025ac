"""The schema of a store is known without SQLAlchemy only where that is certain."""

from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url

from daemon.store.database import open_store
from daemon.store.location import database_files, database_url
from daemon.store.schema import is_known_current


def test_new_schema_is_known(tmp_path: Path):
    url = database_url("", tmp_path)
    open_store(url).close()
    assert is_known_current(url)


def test_data_directory_may_have_any_name(tmp_path: Path):
    folder = tmp_path / "100 %41 of #1?x=y"
    folder.mkdir()
    url = database_url("", folder)
    open_store(url).close()
    assert (folder / "ulna.db").exists()
    assert is_known_current(url)


def test_schema_of_a_store_that_others_have_open_is_known(tmp_path: Path):
    url = database_url("", tmp_path)
    store = open_store(url)
    with store.write():
        assert is_known_current(url)
    store.close()


@pytest.mark.parametrize(
    "statement", ["UPDATE alembic_version SET version_num = '0001'", "DROP TABLE alembic_version"]
)
def test_other_schema_is_not_known(tmp_path: Path, statement: str):
    url = database_url("", tmp_path)
    store = open_store(url)
    with store.write() as connection:
        connection.execute(text(statement))
    assert not is_known_current(url)
    store.close()


def test_asking_makes_no_store(tmp_path: Path):
    assert not is_known_current(database_url("", tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_file_that_is_no_store_is_not_known(tmp_path: Path):
    (tmp_path / "ulna.db").write_bytes(b"no database" * 1000)
    assert not is_known_current(database_url("", tmp_path))


def test_store_of_a_server_is_not_known():
    assert not is_known_current("postgresql+pg8000://u@h/n")


@pytest.mark.parametrize(
    "url", ["sqlite:////var/lib/ulna/ulna.db", "sqlite:///here.db", "sqlite:////a b/100%25#1.db?timeout=5"]
)
def test_files_of_a_store_are_those_that_sqlalchemy_opens(url: str):
    file = str(make_url(url).database)
    assert database_files(url) == (Path(file), Path(f"{file}-wal"), Path(f"{file}-shm"))
