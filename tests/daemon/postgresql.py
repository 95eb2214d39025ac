"""A PostgreSQL cluster that lives as long as a test session: on a Unix socket, in a folder of its own."""

import itertools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from daemon.store.database import open_store

_TEMPLATE = "ulna_template"
_ADMINISTRATOR = "postgres"
# Nothing here outlives the session, so nothing needs to reach the disk.
_SETTINGS = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "listen_addresses=")


@dataclass(frozen=True, slots=True)
class Cluster:
    """A running cluster; every database that it gives is new and at the newest schema."""

    folder: Path
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def url(self, database: str) -> str:
        """Return the URL of a database."""
        return f"postgresql+pg8000://{_ADMINISTRATOR}@/{database}?unix_sock={self.folder / '.s.PGSQL.5432'}"

    def create_database(self, template: str = _TEMPLATE) -> str:
        """Create a database and return its URL; the template `template0` gives an empty one."""
        name = f"test_{next(self._numbers)}"
        engine = create_engine(self.url("postgres"), isolation_level="AUTOCOMMIT", poolclass=NullPool)
        with engine.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {template}"))
        return self.url(name)


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
            yield _with_template(Cluster(folder))
        finally:
            _run("pg_ctl", "stop", "--mode=immediate", "-D", str(data))
    finally:
        shutil.rmtree(folder)


def _with_template(cluster: Cluster) -> Cluster:
    engine = create_engine(cluster.url("postgres"), isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {_TEMPLATE}"))
    open_store(cluster.url(_TEMPLATE)).close()
    return cluster


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
