"""A machine keeps its name, whatever the host is called."""

import fcntl
import os
import socket
import stat
import subprocess
import sys
from pathlib import Path
from typing import IO

import pytest

from daemon.errors import ConfigurationInvalid
from daemon.process.node import node_of
from tests.daemon.deadline import wait_until

NAMING = """
import pathlib, sys
from daemon.process.node import node_of
print(node_of('', pathlib.Path(sys.argv[1])))
"""


def test_name_is_made_once_and_kept(tmp_path, monkeypatch):
    first = node_of("", tmp_path)
    monkeypatch.setattr(socket, "gethostname", lambda: "another-container")
    assert node_of("", tmp_path) == first
    assert (tmp_path / "node").read_text() == f"{first}\n"
    (tmp_path / "elsewhere").mkdir()
    assert node_of("", tmp_path / "elsewhere") != first


def test_configured_name_counts_and_nothing_is_kept(tmp_path):
    assert node_of("gpu-1", tmp_path) == "gpu-1"
    assert list(tmp_path.iterdir()) == []


def test_processes_that_start_together_have_one_name(tmp_path):
    command = [sys.executable, "-c", NAMING, str(tmp_path)]
    (tmp_path / "run").mkdir()
    with (tmp_path / "run" / "node.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        processes = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(4)]
        wait_until(lambda: waiting_for(lock) == 4, "all of them have found no name")
    names = {process.communicate()[0] for process in processes}
    assert names == {f"{node_of('', tmp_path)}\n".encode()}


def waiting_for(lock: IO[str]) -> int:
    """Return how many processes wait for a lock, as the kernel lists it."""
    inode = os.fstat(lock.fileno()).st_ino
    return sum("->" in line and f":{inode} " in line for line in Path("/proc/locks").read_text().splitlines())


def test_what_is_kept_is_for_this_user_alone(tmp_path):
    before = os.umask(0o077)
    try:
        node_of("", tmp_path)
    finally:
        os.umask(before)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.rglob("*")}
    assert modes == {"node": 0o600, "run": 0o700, "node.lock": 0o600}


@pytest.mark.parametrize("content", ["", "../elsewhere", "a b", "x" * 49])
def test_what_is_no_name_is_refused(tmp_path, content):
    (tmp_path / "node").write_text(content)
    with pytest.raises(ConfigurationInvalid, match=r"storage\.node"):
        node_of("", tmp_path)
