"""This module is how commands speak: tables and progress for people, one JSON document for programs."""

import json
import sys
from collections.abc import Iterable
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Any

from rich.console import Console

_WIDER_THAN_ANY_TABLE, _LINES = 100_000, 25


def console(*, wide: bool = False) -> Console:
    """Return the console on standard output.

    Where that is no terminal, or `wide`, tables take the width that they need: a program that reads a cut
    UID has none, and a terminal folds long lines by itself.
    """
    if not wide and sys.stdout.isatty():
        return Console(highlight=False)
    # With a width alone rich takes a dumb terminal for one of 80 columns all the same.
    return Console(soft_wrap=True, width=_WIDER_THAN_ANY_TABLE, height=_LINES, highlight=False)


def error_console() -> Console:
    """Return the console on standard error, for progress beside a JSON document."""
    return Console(stderr=True, highlight=False)


def print_json(document: Any) -> None:
    """Print one JSON document and nothing else."""
    print(json.dumps(document, default=_plain, ensure_ascii=False, indent=2))


def print_json_list(documents: Iterable[Any]) -> None:
    """Print a list as one JSON document and nothing else, item by item, however many come."""
    before = "["
    for document in documents:
        print(before, json.dumps(document, default=_plain, ensure_ascii=False, indent=2), sep="\n", end="")
        before = ","
    print("[]" if before == "[" else "\n]")


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")
