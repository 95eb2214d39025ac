"""Fixtures of the daemon's tests: a store on each database that ulna runs on."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.spool import Spool
from daemon.store.database import Store, open_store
from daemon.store.location import database_url
from dicom_io.decoding.decoder import Decoder
from models.picture import READER
from tests.daemon.postgresql import Cluster, empty, running_cluster
from tests.daemon.store_factory import sqlite_store


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Cluster]:
    with running_cluster() as cluster:
        yield cluster


@pytest.fixture(scope="session")
def shared_postgresql_store(postgresql: Cluster) -> Iterator[Store]:
    opened = open_store(postgresql.create_database())
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def migrated_sqlite_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("migrated")
    sqlite_store(folder).close()
    return folder / "ulna.db"


@pytest.fixture(scope="session")
def decoder() -> Iterator[Decoder]:
    with Decoder(picture_reader=READER) as running:
        yield running


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One untrained MobileNet; nobody changes it."""
    from models.bundle.loading import create_untrained  # noqa: PLC0415  # loads torch

    folder = tmp_path_factory.mktemp("bundles") / "mobilenet"
    create_untrained(folder, ensemble=("mobilenet",), seed=3, name="mobilenet-untrained", version="0.1.0")
    return folder


@pytest.fixture
def postgresql_store(shared_postgresql_store: Store) -> Store:
    """Store without rows, for facts about PostgreSQL alone."""
    empty(shared_postgresql_store)
    return shared_postgresql_store


@pytest.fixture
def sqlite_only(migrated_sqlite_file: Path, tmp_path: Path) -> Iterator[Store]:
    """Store without rows, for facts that do not depend on the database."""
    shutil.copyfile(migrated_sqlite_file, tmp_path / "ulna.db")
    opened = open_store(database_url("", tmp_path))
    yield opened
    opened.close()


@pytest.fixture(params=["sqlite_only", "postgresql_store"], ids=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest) -> Store:
    """Store without rows, on one database after the other."""
    opened: Store = request.getfixturevalue(request.param)
    return opened


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    prepared = Spool(tmp_path)
    prepared.prepare()
    return prepared
