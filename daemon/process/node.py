"""This module names the machine that a process works for: in claims, locks and folders.

The host's name would not do: a container has a new one each time it is made, and would not find again what it
had claimed and received.
"""

import fcntl
import re
import uuid
from pathlib import Path

from daemon.errors import ConfigurationInvalid
from daemon.spool import write_whole

NODE_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,47}$"
"""What may name a node: it is part of file names, and of owners of at most 128 characters."""


def node_of(configured: str, data_dir: Path) -> str:
    """Return the configured name, or else the id that is made once for a data directory and kept in it.

    Raises
    ------
    ConfigurationInvalid
        What is kept there is no name.
    """
    if configured:
        return configured
    kept = data_dir / "node"
    if not kept.exists():
        _make(kept)
    name = kept.read_text(encoding="utf-8", errors="replace").strip()
    if not re.match(NODE_PATTERN, name):
        raise ConfigurationInvalid(
            str(kept), ["it holds no name; set storage.node, or remove the file while no ulna runs here"]
        )
    return name


def _make(kept: Path) -> None:
    folder = kept.parent / "run"
    folder.mkdir(exist_ok=True, mode=0o700)
    with (folder / "node.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # stages that start together have one name
        if not kept.exists():
            write_whole(kept, f"{uuid.uuid4().hex[:12]}\n".encode())
