"""A machine keeps its name, whatever the host is called."""

import os
import socket
import stat
import subprocess
import sys

import pytest

from daemon.errors import ConfigurationInvalid
from daemon.node import node_of

NAMING = "import pathlib, sys; from daemon.node import node_of; print(node_of('', pathlib.Path(sys.argv[1])))"


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
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(4)]
    names = {process.communicate()[0] for process in processes}
    assert names == {f"{node_of('', tmp_path)}\n".encode()}


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
