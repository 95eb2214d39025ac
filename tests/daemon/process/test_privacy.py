"""Nobody but the user who runs ulna can read what it holds, whatever his umask says."""

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from daemon.process.privacy import exposures, keep_private
from daemon.spool import Spool
from tests.daemon.deadline import wait_until
from tests.daemon.store_factory import received, record, sqlite_store
from tests.daemon.users import as_root
from tests.factories import make_instance, uid, write_instance

USUAL_UMASK = 0o022
SOMEBODY_ELSE = 12345

_CONFIG = """\
[storage]
data_dir = "{folder}/data"
min_free_bytes = 0
[watcher]
folders = ["{folder}/drop"]
settle_seconds = 0.1
[logging]
level = "debug"
"""


@pytest.fixture(autouse=True)
def umask() -> Iterator[None]:
    before = os.umask(USUAL_UMASK)
    yield
    os.umask(before)


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


@contextmanager
def running(folder: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    """Run a command as a user of the usual umask does; it is told to end when the block is left."""
    config = folder / "config.toml"
    config.write_text(_CONFIG.format(folder=folder))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ULNA_")}
    with subprocess.Popen(
        [sys.executable, "-m", "daemon", *words, "--config", str(config)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        umask=USUAL_UMASK,
        env=environment | {"COLUMNS": "300"},
    ) as process:
        try:
            yield process
        finally:
            process.terminate()


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def open_to_others(top: Path) -> dict[str, str]:
    paths = [top, *top.rglob("*")]
    return {str(path.relative_to(top)): f"{mode(path):04o}" for path in paths if mode(path) & 0o077}


def database(data_dir: Path) -> list[Path]:
    return [data_dir / f"ulna.db{suffix}" for suffix in ("", "-wal", "-shm")]


def left_by_an_earlier_version(data_dir: Path) -> None:
    """Make what versions before 0077 left behind, store and spool in use."""
    data_dir.mkdir()
    spool = Spool(data_dir)
    spool.prepare()
    record(store := sqlite_store(data_dir), received())
    store.close()
    for path in (data_dir / "run", data_dir / "spool" / "ab"):
        path.mkdir(exist_ok=True)
    for name in (
        "spool/ab/x.dcm",
        "results/cd/y.dcm",
        "quarantine/z.bin",
        "run/here-receiver.lock",
        "ulna.db-wal",
    ):
        (data_dir / name).touch()
    for path in data_dir.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    data_dir.chmod(0o755)


def test_all_that_a_study_leaves_on_its_way_is_for_this_user_only(tmp_path, data_dir):
    drop = tmp_path / "drop"
    drop.mkdir()
    write_instance(make_instance(), drop / "view.dcm")
    (drop / "broken.dcm").write_bytes(b"no DICOM")
    with running(tmp_path, "serve", "--only", "watcher"):
        wait_until(lambda: not list(drop.iterdir()), "both files taken")
        assert list(data_dir.glob("ulna.db-wal"))
        assert open_to_others(data_dir) == {}
    files = [path for path in data_dir.rglob("*") if path.is_file()]
    assert {path.relative_to(data_dir).parts[0] for path in files} == {
        "spool",
        "quarantine",
        "run",
        "node",
        "ulna.db",
    }
    assert open_to_others(data_dir) == {}


def test_what_an_earlier_version_left_open_is_closed_by_any_command(tmp_path, data_dir):
    left_by_an_earlier_version(data_dir)
    assert len(open_to_others(data_dir)) > 500
    with running(tmp_path, "worklist") as worklist:
        shown, _ = worklist.communicate()
    assert (worklist.returncode, uid(1) in shown) == (0, True)
    assert open_to_others(data_dir) == {}


@pytest.mark.parametrize("name", ["config.toml", ".cache"])
def test_folder_that_holds_other_things_keeps_its_mode_and_what_is_ours_in_it_does_not(data_dir, name):
    left_by_an_earlier_version(data_dir)
    (data_dir / name).touch(mode=0o644)
    keep_private(data_dir, database(data_dir))
    assert open_to_others(data_dir) == {".": "0755", name: "0644"}
    assert exposures(data_dir, database(data_dir)) == [
        f"{data_dir} is open to others (mode 0755): chmod 700 {data_dir}",
        f"{data_dir} holds other things too: better name a folder of ulna's own in storage.data_dir",
    ]


def test_store_elsewhere_is_closed_and_its_folder_left_alone(tmp_path, data_dir):
    data_dir.mkdir()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "store.db").touch()
    keep_private(data_dir, [elsewhere / "store.db"])
    assert open_to_others(elsewhere) == {".": "0755"}


def test_link_in_a_folder_of_ours_closes_nothing_elsewhere(tmp_path, data_dir):
    left_by_an_earlier_version(data_dir)
    outside = tmp_path / "outside"
    outside.touch()
    (data_dir / "quarantine" / "link").symlink_to(outside)
    keep_private(data_dir, database(data_dir))
    assert mode(outside) == 0o644


def test_nothing_is_told_where_nothing_is_open(data_dir):
    left_by_an_earlier_version(data_dir)
    keep_private(data_dir, database(data_dir))
    assert exposures(data_dir, database(data_dir)) == []


@as_root
def test_folder_of_somebody_else_keeps_its_mode_and_is_told(data_dir):
    data_dir.mkdir()
    os.chown(data_dir, SOMEBODY_ELSE, -1)
    keep_private(data_dir, database(data_dir))
    assert mode(data_dir) == 0o755
    (told,) = exposures(data_dir, database(data_dir))
    assert told.startswith(f"{data_dir} belongs to user {SOMEBODY_ELSE}, and this is root: ")


@as_root
def test_store_of_somebody_else_keeps_its_mode_and_is_told(data_dir):
    left_by_an_earlier_version(data_dir)
    store = data_dir / "ulna.db"
    os.chown(store, SOMEBODY_ELSE, -1)
    keep_private(data_dir, database(data_dir))
    assert open_to_others(data_dir) == {"ulna.db": "0644"}
    (told,) = exposures(data_dir, database(data_dir))
    assert told == f"{store} belongs to user {SOMEBODY_ELSE}, not to root: chown -R root {store}"


def test_check_tells_what_is_open_and_how_to_close_it(tmp_path, data_dir):
    left_by_an_earlier_version(data_dir)
    (data_dir / "notes.txt").touch()
    with running(tmp_path, "check") as check:
        shown, _ = check.communicate()
    assert check.returncode == 1
    assert f"{data_dir} is open to others (mode 0755): chmod 700 {data_dir}" in shown


def test_stage_warns_of_what_is_open(tmp_path, data_dir):
    left_by_an_earlier_version(data_dir)
    (data_dir / "notes.txt").touch()
    with running(tmp_path, "serve", "--only", "watcher") as watcher:
        assert watcher.stdout is not None
        lines = iter(watcher.stdout.readline, "")
        said = next(line for line in lines if "lock taken" in line or "WARNING" in line)
    assert "patient data is open to others" in said
    assert f"chmod 700 {data_dir}" in said
