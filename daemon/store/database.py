"""This module opens the store: engine, pragmas, migrations, and the two kinds of transaction."""

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from alembic import command
from alembic.config import Config as AlembicConfig
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import make_url

from daemon.errors import SchemaTooNew

BUSY_TIMEOUT_SECONDS = 30
_MIGRATIONS = Path(__file__).parent / "migrations"
_MIGRATION_LOCK = 0x756C6E61  # "ulna", for pg_advisory_xact_lock


@dataclass(frozen=True, slots=True)
class Store:
    """An open store; close it when done."""

    engine: Engine

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Run one writing transaction; it is durable when the block has been left.

        SQLite takes its write lock at once (BEGIN IMMEDIATE): a transaction that first reads and then
        writes can otherwise fail half-way.
        """
        with self.engine.execution_options(ulna_begin="IMMEDIATE").begin() as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Run one reading transaction."""
        with self.engine.begin() as connection:
            yield connection

    def close(self) -> None:
        """Give the connections back."""
        self.engine.dispose()


def database_url(configured: str, data_dir: Path) -> str:
    """Give the URL of the store: the configured one, or SQLite's file in the data directory."""
    return configured or f"sqlite:///{data_dir / 'ulna.db'}"


def open_store(url: str) -> Store:
    """Open the store at its newest schema.

    Raises
    ------
    SchemaTooNew
        A newer ulna has migrated it.
    """
    sqlite = make_url(url).get_backend_name() == "sqlite"
    arguments = {"timeout": BUSY_TIMEOUT_SECONDS} if sqlite else {}
    # Parameters of a failed statement would be part of the exception's text, and they hold patient data.
    engine = create_engine(url, connect_args=arguments, pool_pre_ping=not sqlite, hide_parameters=True)
    if sqlite:
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    with ExitStack() as on_failure:
        on_failure.callback(engine.dispose)
        _migrate(engine)
        on_failure.pop_all()
    return Store(engine)


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    # None: pysqlite must not open transactions by itself; _begin_sqlite does.
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql(f"BEGIN {connection.get_execution_options().get('ulna_begin', 'DEFERRED')}")


def _migrate(engine: Engine) -> None:
    configuration = AlembicConfig()
    configuration.set_main_option("script_location", str(_MIGRATIONS))
    scripts = ScriptDirectory.from_config(configuration)
    with Store(engine).write() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
        current = MigrationContext.configure(connection).get_current_revision()
        if current is not None and current not in {script.revision for script in scripts.walk_revisions()}:
            raise SchemaTooNew(
                f"the store has schema {current}, this ulna knows up to {scripts.get_current_head()}; "
                "run the newer ulna, or restore the backup that was taken before the upgrade"
            )
        if current != scripts.get_current_head():
            configuration.attributes["connection"] = connection
            command.upgrade(configuration, "head")
