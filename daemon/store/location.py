"""This module tells where the store lies; that needs no SQLAlchemy, which takes half a second to load."""

from pathlib import Path
from urllib.parse import quote, unquote

_SQLITE = "sqlite:///"


def database_url(configured: str, data_dir: Path) -> str:
    """Return the URL of the store: the configured one, or SQLite's file in the data directory."""
    return configured or f"{_SQLITE}{quote(str(data_dir / 'ulna.db'))}"


def database_files(url: str) -> tuple[Path, ...]:
    """Return the files that a store on SQLite has, or will have; none where it is a server's."""
    file = unquote(url.removeprefix(_SQLITE).partition("?")[0])
    if not url.startswith(_SQLITE) or not file:
        return ()
    return tuple(Path(f"{file}{suffix}") for suffix in ("", "-wal", "-shm"))
