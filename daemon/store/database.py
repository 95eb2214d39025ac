"""This module opens the store: engine, pragmas, and the two kinds of transaction."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.engine import make_url

from daemon.clock import now
from daemon.store.schema import SCHEMA

BUSY_TIMEOUT_SECONDS = 30
_WAL_RETRY_SECONDS = 0.01


@dataclass(frozen=True, slots=True)
class Author:
    """Who writes to the store, and when: a stage, or what a person runs."""

    name: str
    clock: Callable[[], datetime]


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


def author_of(connection: Connection) -> Author:
    """Return who writes through this connection."""
    author: Author = connection.get_execution_options()["ulna_author"]
    return author


def open_store(url: str, *, author: str = "command", clock: Callable[[], datetime] = now) -> Store:
    """Open the store at its newest schema.

    Parameters
    ----------
    author, clock
        Who writes, and what time it is, for the events of the history.

    Raises
    ------
    SchemaTooNew
        A newer ulna has migrated it.
    """
    sqlite = make_url(url).get_backend_name() == "sqlite"
    arguments = {"timeout": BUSY_TIMEOUT_SECONDS} if sqlite else {}
    # Parameters of a failed statement would be part of the exception's text, and they hold patient data.
    engine = create_engine(
        url,
        connect_args=arguments,
        pool_pre_ping=not sqlite,
        hide_parameters=True,
        execution_options={"ulna_author": Author(author, clock)},
    )
    if sqlite:
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    with ExitStack() as on_failure:
        on_failure.callback(engine.dispose)
        if not _is_current(engine):
            # Alembic is large, and almost every process finds the schema as it should be.
            from daemon.store.migration import migrate  # noqa: PLC0415

            migrate(Store(engine))
        on_failure.pop_all()
    return Store(engine)


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    # None: pysqlite must not open transactions by itself; _begin_sqlite does.
    connection.isolation_level = None
    _use_write_ahead_log(connection)
    for pragma in ("synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _use_write_ahead_log(connection: sqlite3.Connection) -> None:
    """Turn WAL on; SQLite waits for no lock here, whatever the timeout, when processes open a new file."""
    give_up = time.monotonic() + BUSY_TIMEOUT_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            # The lowest byte is the primary code; what is above it says which kind of busy.
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > give_up:
                raise
            time.sleep(_WAL_RETRY_SECONDS)
        else:
            return


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql(f"BEGIN {connection.get_execution_options().get('ulna_begin', 'DEFERRED')}")


def _is_current(engine: Engine) -> bool:
    with engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return False
        return bool(connection.scalar(text("SELECT version_num FROM alembic_version")) == SCHEMA)
