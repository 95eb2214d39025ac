"""Processes as the kernel sees them."""

from pathlib import Path


def is_alive(process_id: int) -> bool:
    """Return whether a process runs. One that has ended stays as a zombie where process 1 buries nobody."""
    try:
        return Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def children_of(process_id: int) -> list[int]:
    """Return the processes that the main thread of a process has started and that still run."""
    found = Path(f"/proc/{process_id}/task/{process_id}/children").read_text()
    return [int(child) for child in found.split()]
