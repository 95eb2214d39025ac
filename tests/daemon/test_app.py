"""What a process of the daemon loads before it does its work: all who send wait for the receiver."""

import subprocess
import sys
from pathlib import Path

import pytest

# What takes long to load, and what only some need.
_LARGE = {"alembic", "highdicom", "jinja2", "pydicom", "pynetdicom", "numpy", "sqlalchemy", "torch"}

_LOADED_BY = """
import sys
from pathlib import Path
from daemon.cli import main

def told(*_anything):
    print(*sorted(set(sys.argv[1].split(",")) & sys.modules.keys()))
    raise SystemExit

def supervise():
    from daemon.process import supervisor
    supervisor.Supervisor.run = told
    main(["serve", "--config", sys.argv[2]])

def receive():
    from dicom_io.network import acceptor
    acceptor.Acceptor.start = told
    main(["serve", "--only", "receiver", "--config", sys.argv[2]])

globals()[sys.argv[3]]()
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    place = tmp_path / "config.toml"
    place.write_text(
        f'[storage]\ndata_dir = "{tmp_path}/data"\n'
        '[receiver]\nhost = "127.0.0.1"\nport = 0\n[web]\nenabled = false\n'
    )
    return place


def loaded(config: Path, what: str) -> set[str]:
    """Return which of the large packages a process has loaded when it begins its work."""
    command = [sys.executable, "-c", _LOADED_BY, ",".join(_LARGE), str(config), what]
    return set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())


def test_supervisor_starts_its_stages_without_store_and_dicom(config: Path):
    assert loaded(config, "supervise") >= {"alembic", "sqlalchemy"}  # it makes the store
    assert loaded(config, "supervise") == set()


def test_receiver_listens_without_what_only_others_need(config: Path):
    loaded(config, "supervise")
    assert loaded(config, "receive") == {"numpy", "pydicom", "pynetdicom", "sqlalchemy"}


@pytest.mark.parametrize(
    "modules",
    [
        "daemon.stages.analyzer, dicom_io.decoding.decoder",
        "daemon.stages.housekeeper",
        "daemon.store.worklist, daemon.study.closing",
    ],
)
def test_what_reads_no_header_loads_no_dicom(modules: str):
    program = f"import sys, {modules}; print('pydicom' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", program], text=True) == "False\n"
