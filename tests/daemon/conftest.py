"""Fixtures of the daemon's tests: a store on each database that ulna runs on."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.spool import Spool
from daemon.store.database import Store, database_url, open_store
from tests.daemon.postgresql import Cluster, empty, running_cluster


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Cluster]:
    with running_cluster() as cluster:
        yield cluster


@pytest.fixture(scope="session")
def postgresql_url(postgresql: Cluster) -> str:
    """URL of the one database that the tests share; `empty` it before use."""
    url = postgresql.create_database()
    open_store(url).close()
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of a database without rows."""
    if request.param == "sqlite":
        return database_url("", tmp_path)
    url: str = request.getfixturevalue("postgresql_url")
    empty(url)
    return url


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


@pytest.fixture
def postgresql_store(postgresql_url: str) -> Iterator[Store]:
    """Store for facts about PostgreSQL alone."""
    empty(postgresql_url)
    opened = open_store(postgresql_url)
    yield opened
    opened.close()
