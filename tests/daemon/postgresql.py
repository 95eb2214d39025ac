"""A PostgreSQL cluster that lives as long as a test session: on a Unix socket, in a folder of its own."""

import itertools
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from daemon.store.database import Store
from daemon.store.tables import metadata

_ADMINISTRATOR = "postgres"
# Nothing here outlives the session, so nothing needs to reach the disk; and who waits long is stuck.
_SETTINGS = (
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "lock_timeout=20s",
    "listen_addresses=",
)


@dataclass(frozen=True, slots=True)
class Cluster:
    """A running cluster."""

    folder: Path
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def url(self, database: str) -> str:
        """Return the URL of a database."""
        return f"postgresql+pg8000://{_ADMINISTRATOR}@/{database}?unix_sock={self.folder / '.s.PGSQL.5432'}"

    def create_database(self) -> str:
        """Create an empty database and return its URL."""
        name = f"test_{next(self._numbers)}"
        engine = create_engine(self.url("postgres"), isolation_level="AUTOCOMMIT", poolclass=NullPool)
        with engine.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
        return self.url(name)


def empty(store: Store) -> None:
    """Remove every row of a store on PostgreSQL; ids begin anew."""
    with store.write() as connection:
        connection.execute(text(f"TRUNCATE {', '.join(metadata.tables)} RESTART IDENTITY CASCADE"))


@contextmanager
def running_cluster() -> Iterator[Cluster]:
    """Run a cluster until the block is left."""
    # Not below pytest's own folder, which only its owner can enter: PostgreSQL refuses to run as root.
    folder = Path(tempfile.mkdtemp(prefix="ulna-postgresql-"))
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, _ADMINISTRATOR)
        data = folder / "data"
        _run("initdb", f"--username={_ADMINISTRATOR}", "--auth=trust", "--no-sync", "--pgdata", str(data))
        settings = " ".join(f"-c {setting}" for setting in (*_SETTINGS, f"unix_socket_directories={folder}"))
        _run("pg_ctl", "start", "--wait", "-D", str(data), "-l", str(folder / "log"), "-o", settings)
        try:
            yield Cluster(folder)
        finally:
            _run("pg_ctl", "stop", "--mode=immediate", "-D", str(data))
    finally:
        shutil.rmtree(folder)


def wait_for_blocked(store: Store, count: int) -> None:
    """Return once that many transactions of a database wait for the locks of others."""
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with store.read() as connection:
            if connection.scalar(waiting) == count:
                return
        time.sleep(0.01)
    raise TimeoutError(f"{count} transactions should wait for locks")


def _run(program: str, *arguments: str) -> None:
    user = _ADMINISTRATOR if os.geteuid() == 0 else None
    command = [str(_programs() / program), *arguments]
    # To a file, not a pipe: the server inherits it, and a pipe would stay open as long as the server runs.
    with tempfile.TemporaryFile() as output:
        status = subprocess.run(
            command, check=False, stdout=output, stderr=subprocess.STDOUT, user=user, cwd="/"
        ).returncode
        output.seek(0)
        if status:
            raise RuntimeError(f"{program} ended with {status}: {output.read().decode(errors='replace')}")


def _programs() -> Path:
    folders: Sequence[Path] = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if folders:
        return folders[-1]
    found = shutil.which("initdb")
    if found is None:
        raise RuntimeError("PostgreSQL is not installed; on Debian: apt-get install postgresql")
    return Path(found).parent
