"""Counts the CPU threads that this process may use: what it is granted, not what the machine has."""

import math
import os
from collections.abc import Iterator
from pathlib import Path


def available_threads(root: Path = Path("/")) -> int:
    """Return how many threads can compute at once here, at least 1.

    That is the number of cores this process may run on, or less where a cgroup has a quota of processor time
    (a container's, a unit's CPUQuota=) or OMP_NUM_THREADS names fewer. Part of a core counts as one.

    Parameters
    ----------
    root
        Where ``proc`` and ``sys`` are.
    """
    stated = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0]
    limits = [len(os.sched_getaffinity(0)), *(math.ceil(quota) for quota in _quotas(root))]
    return max(1, min([*limits, int(stated)] if stated.isdecimal() and int(stated) else limits))


def _quotas(root: Path) -> Iterator[float]:
    """Yield the quotas, in cores, of this process's cgroups and of those that they lie in."""
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if not controllers:
            top = root / "sys/fs/cgroup"
        elif "cpu" in controllers.split(","):
            top = root / "sys/fs/cgroup/cpu"
        else:
            continue
        group = top / path.strip("/")
        # In a container the path may be that of the host, which is not there: then the top is its own.
        for folder in (group, *group.parents):
            if not folder.is_relative_to(top):
                break
            yield from _quota(folder)


def _quota(folder: Path) -> Iterator[float]:
    """Yield the quota of one cgroup, of version 2 or 1; nothing where it has none."""
    numbers = _text(folder / "cpu.max").split()
    if not numbers:
        numbers = (_text(folder / "cpu.cfs_quota_us") + " " + _text(folder / "cpu.cfs_period_us")).split()
    if len(numbers) == 2 and all(number.isdecimal() and int(number) for number in numbers):
        yield int(numbers[0]) / int(numbers[1])


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii")
    except OSError:
        return ""
