import os
from pathlib import Path

import pytest

from models.engines.threads import available_threads


@pytest.fixture(autouse=True)
def eight_cores(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _process: set(range(8)))
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)


def machine(root: Path, groups: str, quotas: dict[str, str]) -> Path:
    """A machine whose process is in `groups`, with files below /sys/fs/cgroup."""
    for path, text in {
        "proc/self/cgroup": groups,
        **{f"sys/fs/cgroup/{k}": v for k, v in quotas.items()},
    }.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return root


def test_without_a_quota_it_is_the_cores_that_this_process_may_run_on(tmp_path):
    assert available_threads(tmp_path) == 8
    assert available_threads(machine(tmp_path, "0::/\n", {"cpu.max": "max 100000\n"})) == 8


@pytest.mark.parametrize(
    ("groups", "quotas", "threads"),
    [
        ("0::/a.slice/b.service\n", {"a.slice/b.service/cpu.max": "200000 100000\n"}, 2),
        ("0::/a.slice/b.service\n", {"a.slice/b.service/cpu.max": "150000 100000\n"}, 2),
        ("0::/a.slice/b.service\n", {"a.slice/b.service/cpu.max": "50000 100000\n"}, 1),
        # A slice holds all that lies in it.
        ("0::/a.slice/b.service\n", {"a.slice/cpu.max": "300000 100000\n"}, 3),
        # In a container the path is that of the host, and the top is what it has.
        ("0::/docker/1234\n", {"cpu.max": "400000 100000\n"}, 4),
        # Version 1, beside a hierarchy of version 2 without controllers.
        (
            "5:cpu,cpuacct:/c\n1:name=systemd:/c\n0::/c\n",
            {"cpu/c/cpu.cfs_quota_us": "500000\n", "cpu/c/cpu.cfs_period_us": "100000\n"},
            5,
        ),
        ("5:cpu:/c\n", {"cpu/c/cpu.cfs_quota_us": "-1\n", "cpu/c/cpu.cfs_period_us": "100000\n"}, 8),
        # Never more than the cores.
        ("0::/\n", {"cpu.max": "6400000 100000\n"}, 8),
    ],
)
def test_a_quota_of_processor_time_makes_it_fewer(tmp_path, groups, quotas, threads):
    assert available_threads(machine(tmp_path, groups, quotas)) == threads


@pytest.mark.parametrize(
    ("stated", "threads"), [("3", 3), ("3,1", 3), ("99", 8), ("0", 8), ("", 8), ("all", 8)]
)
def test_an_operator_may_name_fewer(tmp_path, monkeypatch, stated, threads):
    monkeypatch.setenv("OMP_NUM_THREADS", stated)

    assert available_threads(tmp_path) == threads
