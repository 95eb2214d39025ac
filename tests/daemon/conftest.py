"""Fixtures of the daemon's tests: a store on each database that ulna runs on."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.spool import Spool
from daemon.store.database import Store, database_url, open_store
from tests.daemon.postgresql import Cluster, running_cluster


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Cluster]:
    with running_cluster() as cluster:
        yield cluster


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of a new database."""
    if request.param == "sqlite":
        return database_url("", tmp_path)
    cluster: Cluster = request.getfixturevalue("postgresql")
    return cluster.create_database()


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    opened = open_store(store_url)
    yield opened
    opened.close()


@pytest.fixture
def sqlite_only(tmp_path: Path) -> Iterator[Store]:
    """Store for facts that do not depend on the database."""
    opened = open_store(database_url("", tmp_path))
    yield opened
    opened.close()


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    prepared = Spool(tmp_path)
    prepared.prepare()
    return prepared
