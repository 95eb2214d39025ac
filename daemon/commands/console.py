"""This module is how commands speak: tables and progress for people, one JSON document for programs."""

import json
import sys
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Any

from rich.console import Console


def console() -> Console:
    """Give the console on standard output."""
    return Console(soft_wrap=not sys.stdout.isatty(), highlight=False)


def error_console() -> Console:
    """Give the console on standard error, for progress beside a JSON document."""
    return Console(stderr=True, highlight=False)


def print_json(document: Any) -> None:
    """Print one JSON document and nothing else."""
    print(json.dumps(document, default=_plain, ensure_ascii=False, indent=2))


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")
