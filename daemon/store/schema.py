"""This module knows which schema a store is to have, and asks a file of SQLite for it without SQLAlchemy."""

import sqlite3
from contextlib import closing
from urllib.parse import quote

from daemon.store.location import database_files

SCHEMA = "0013"
"""The newest migration; `daemon/store/migrations/versions` begins its file names with it."""


def is_known_current(url: str) -> bool:
    """Return whether the store is a file that has this schema already; anything else is for `open_store`."""
    files = database_files(url)
    if not files:
        return False
    try:
        # "rw" makes no file where there is none.
        with closing(
            sqlite3.connect(f"file:{quote(str(files[0].absolute()))}?mode=rw", uri=True)
        ) as connection:
            found = connection.execute("SELECT version_num FROM alembic_version").fetchall()
    except sqlite3.Error:
        return False
    return found == [(SCHEMA,)]
