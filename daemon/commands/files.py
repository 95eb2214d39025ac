"""This module finds the files that commands are given, and names what is written beside them."""

import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path


def files_below(paths: Iterable[Path]) -> Iterable[Path]:
    """Return the files named, and those in the folders named, hidden ones left out.

    Raises
    ------
    FileNotFoundError
        A path does not exist.
    """
    for path in paths:
        if path.is_dir():
            yield from sorted(f for f in path.rglob("*") if f.is_file() and not f.name.startswith("."))
        elif path.exists():
            yield path
        else:
            raise FileNotFoundError(_missing(path))


def present(paths: Sequence[Path]) -> list[Path]:
    """Return the paths that exist, for commands that go on without the others; those are told.

    Raises
    ------
    FileNotFoundError
        None exists.
    """
    found = [path for path in paths if os.path.exists(path)]  # no error where this user may not look
    missing = [_missing(path) for path in paths if path not in found]
    if not found:
        raise FileNotFoundError("\n".join(missing))
    for line in missing:
        print(f"left out: {line}", file=sys.stderr)
    return found


def names_apart(files: Iterable[Path]) -> dict[Path, str]:
    """Return a name for what is written of each file: its stem, or its way where stems are alike.

    >>> list(names_apart([Path("left/1.png"), Path("right/1.png"), Path("right/2.png")]).values())
    ['left-1.png', 'right-1.png', '2']
    """
    groups: dict[str, list[Path]] = {}
    for file in dict.fromkeys(files):
        groups.setdefault(file.stem, []).append(file)
    names: dict[Path, str] = {}
    taken: set[str] = set()
    for stem, group in groups.items():
        for file, name in zip(group, [stem] if len(group) == 1 else _with_folders(group), strict=True):
            unique = name
            while unique in taken:  # "a-1.png" may be a stem as well
                unique += "-2"
            taken.add(unique)
            names[file] = unique
    return names


def _with_folders(files: Sequence[Path]) -> list[str]:
    """Name files by their way from the folder that holds them all."""
    absolute = [os.path.abspath(file) for file in files]
    common = os.path.commonpath([os.path.dirname(file) for file in absolute])
    return ["-".join(Path(os.path.relpath(file, common)).parts) for file in absolute]


def _missing(path: Path) -> str:
    if os.path.exists(path.parent) and not os.access(path.parent, os.X_OK):
        return f"{path} is in a folder that this user may not look into; run this as a user who may"
    return f"{path} does not exist; name files or folders"
