"""This module looks at a store without leaving a trace: no file is made, no schema migrated."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import create_engine, inspect, text
from sqlalchemy.engine import URL, make_url

from daemon.errors import SchemaTooNew
from daemon.store.location import database_files
from daemon.store.schema import SCHEMA


def look_at_store(url: str) -> str:
    """Return what there is, in words.

    Raises
    ------
    OSError
        It is a file that this user cannot read and write.
    SchemaTooNew
        A newer ulna has migrated it.
    SQLAlchemyError
        It cannot be reached, or is no database.
    """
    shown = make_url(url).render_as_string(hide_password=True)
    files = database_files(url)
    if not files:
        return f"{shown}, {_schema(make_url(url))}"
    file, log, _ = files
    if not os.path.exists(file):  # also where this user may not look
        return f"{shown}, made at the first start"
    for one in files:
        if one.exists() and not os.access(one, os.R_OK | os.W_OK):
            raise PermissionError(f"{one} cannot be read and written by this user; run ulna as its owner")
    if log.exists() and log.stat().st_size:
        # What is not in the file yet is in its log, and whoever reads that writes beside it.
        return f"{shown}, in use, or resumed at the next start"
    return f"{shown}, {_schema(_untouched(file))}"


def _untouched(file: Path) -> URL:
    """Return the address under which SQLite neither writes, nor locks, nor makes files beside this one."""
    # "immutable" is only for a file that nobody writes; the log was empty a moment ago.
    query: Mapping[str, Any] = {"mode": "ro", "immutable": "1", "uri": "true"}
    return URL.create("sqlite", database=f"file:{quote(str(file.absolute()))}", query=query)


def _schema(url: URL) -> str:
    engine = create_engine(url, hide_parameters=True)
    try:
        with engine.connect() as connection:
            if not inspect(connection).has_table("alembic_version"):
                return "empty; its tables are made at the first start"
            found = connection.scalar(text("SELECT version_num FROM alembic_version"))
    finally:
        engine.dispose()
    if found > SCHEMA:  # they are numbered
        raise SchemaTooNew(
            f"the store has schema {found}, this ulna knows up to {SCHEMA}; run the newer ulna"
        )
    return "ready" if found == SCHEMA else f"of schema {found}; migrated to {SCHEMA} at the next start"
