"""Processes as the kernel sees them."""

from pathlib import Path


def children_of(process_id: int) -> list[int]:
    """Return the processes that the main thread of a process has started and that still run."""
    found = Path(f"/proc/{process_id}/task/{process_id}/children").read_text()
    return [int(child) for child in found.split()]
