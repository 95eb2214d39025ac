"""``ulna check``: what it finds, and that it leaves no trace."""

import os
import re
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from daemon.cli import main
from daemon.store.database import open_store
from daemon.store.inspection import look_at_store
from tests.daemon import store_factory
from tests.daemon.users import as_root

Check = Callable[..., tuple[int, str]]
NOBODY = 65534


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "above" / "data"


@pytest.fixture
def check(tmp_path: Path, data_dir: Path, capsys: pytest.CaptureFixture[str]) -> Check:
    """Check a configuration with these sections beside a data directory of the test's own."""

    def checked(text: str = "", storage: str = "") -> tuple[int, str]:
        file = tmp_path / "config.toml"
        own = f'[storage]\ndata_dir = "{data_dir}"\nmin_free_bytes = 0\n{storage}\n'
        ports = "" if "[receiver]" in text else "[receiver]\nport = 0\nallow_any_peer = true\n"
        page = "" if "[web]" in text else "[web]\nport = 0\n"
        file.write_text(f"{own}{ports}{page}{text}")
        status = main(["check", "--config", str(file)])
        return status, capsys.readouterr().out

    return checked


@pytest.fixture
def taken() -> Iterator[int]:
    """Listen on a port; give it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def trace(top: Path) -> dict[str, tuple[int, int, int, bytes]]:
    """Return what can be seen of a folder: names, modes, times and content."""
    found = {}
    for path in (top, *sorted(top.rglob("*"))):
        status = path.stat()
        content = path.read_bytes() if path.is_file() else b""
        found[str(path.relative_to(top))] = (status.st_mode, status.st_mtime_ns, status.st_size, content)
    return found


def row(shown: str, name: str) -> str:
    (found,) = re.findall(rf"^│ {re.escape(name)} +│ (.*?) +│$", shown, re.MULTILINE)
    return str(found)


def test_what_does_not_exist_does_not_exist_afterwards(check: Check, data_dir: Path):
    _, shown = check()
    assert not data_dir.parent.exists()
    assert row(shown, "data directory").startswith(f"{data_dir}, made at the first start for ")
    assert row(shown, "store") == f"sqlite:///{data_dir}/ulna.db, made at the first start"


def test_a_store_that_was_closed_is_left_as_it_is(check: Check, data_dir: Path):
    data_dir.mkdir(parents=True, mode=0o700)
    store_factory.sqlite_store(data_dir).close()
    (data_dir / "ulna.db").chmod(0o600)
    before = trace(data_dir)
    _, shown = check()
    assert trace(data_dir) == before
    assert sorted(before) == [".", "ulna.db"]
    assert row(shown, "store") == f"sqlite:///{data_dir}/ulna.db, ready"


def test_a_store_in_use_is_left_as_it_is(check: Check, data_dir: Path):
    data_dir.mkdir(parents=True, mode=0o700)
    store = store_factory.sqlite_store(data_dir)
    store_factory.delivered_study(store, 1)
    before = trace(data_dir)
    assert sorted(before) == [".", "ulna.db", "ulna.db-shm", "ulna.db-wal"]
    _, shown = check()
    assert trace(data_dir) == before
    store.close()
    assert row(shown, "store").endswith("in use, or resumed at the next start")


def test_a_mode_that_is_open_is_told_and_not_changed(check: Check, data_dir: Path):
    data_dir.mkdir(parents=True, mode=0o755)
    data_dir.chmod(0o755)
    status, shown = check()
    assert (status, data_dir.stat().st_mode & 0o777) == (1, 0o755)
    assert f"is open to others (mode 0755): chmod 700 {data_dir}" in shown


@as_root
def test_a_data_directory_of_somebody_else_is_told_and_nothing_made_in_it(check: Check, data_dir: Path):
    data_dir.mkdir(parents=True, mode=0o700)
    os.chown(data_dir, NOBODY, -1)
    status, shown = check()
    assert status == 1
    assert re.search(rf"{data_dir} belongs to \w+, and this is root: run ulna as", shown)
    assert list(data_dir.iterdir()) == []


@as_root
def test_who_may_not_make_the_data_directory_is_told(tmp_path: Path):
    tmp_path.chmod(0o755)
    program = (
        "import os; from pathlib import Path\n"
        "from daemon.commands import check; from daemon.config.configuration import Config\n"
        "from daemon.config.sections import Storage\n"
        f"os.setuid({NOBODY})\n"
        f"check._data_dir(Config(storage=Storage(data_dir=Path({str(tmp_path)!r}) / 'a' / 'b')))"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert re.search(
        rf"{tmp_path}/a/b does not exist, and \w+ may not create it in /\S+; as root: install", ended.stderr
    )


@pytest.mark.parametrize(
    ("version", "said"), [("0001", "of schema 0001; migrated to"), ("9999", "run the newer ulna")]
)
def test_a_store_of_another_version_is_told(check: Check, data_dir: Path, version: str, said: str):
    data_dir.mkdir(parents=True, mode=0o700)
    store_factory.sqlite_store(data_dir).close()
    with closing(sqlite3.connect(data_dir / "ulna.db")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", [version])
        connection.commit()
    assert said in row(check()[1], "store")


def test_what_is_no_store_is_told_without_a_statement(check: Check, data_dir: Path):
    data_dir.mkdir(parents=True, mode=0o700)
    (data_dir / "ulna.db").write_bytes(b"rubbish" * 1000)
    status, shown = check()
    assert status == 1
    assert row(shown, "store") == (
        "the store cannot be used: file is not a database; see [storage] in the configuration"
    )


def test_a_store_in_a_path_with_special_characters_is_found(tmp_path: Path):
    folder = tmp_path / "50 % #1"
    folder.mkdir()
    url = f"sqlite:///{tmp_path}/plain.db"
    open_store(url).close()
    (tmp_path / "plain.db").rename(folder / "ulna.db")
    assert look_at_store(f"sqlite:///{folder}/ulna.db").endswith("ready")


@pytest.mark.parametrize("section", ["receiver", "web"])
def test_a_port_in_use_is_named_with_its_key(check: Check, taken: int, section: str):
    peers = "allow_any_peer = true\n" if section == "receiver" else ""
    status, shown = check(f'[{section}]\nport = {taken}\nhost = "127.0.0.1"\n{peers}')
    assert status == 1
    assert row(shown, section).startswith(f"{section}.port = {taken}: another program, perhaps another ulna")


def test_an_address_of_another_machine_is_named_with_its_key(check: Check):
    _, shown = check('[receiver]\nhost = "192.0.2.1"\nport = 0\nallow_any_peer = true')
    assert row(shown, "receiver").startswith("receiver.host = '192.0.2.1': no address of this machine")


def test_a_page_that_is_off_needs_no_port(check: Check, taken: int):
    _, shown = check(f"[web]\nenabled = false\nport = {taken}")
    assert "web" not in shown


@pytest.fixture
def also_taken() -> Iterator[int]:
    """Listen on another port; give it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_every_mistake_is_told_at_once(
    check: Check, tmp_path: Path, taken: int, also_taken: int, monkeypatch
):
    look_up = socket.getaddrinfo

    def known(host: str, *words: Any, **more: Any) -> Any:
        if host == "cr-1":
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return look_up(host, *words, **more)

    monkeypatch.setattr("socket.getaddrinfo", known)
    (tmp_path / "file").touch()
    status, shown = check(
        f'[receiver]\nhost = "127.0.0.1"\nport = {taken}\n'
        'allowed_peers = [{ ae_title = "CR1", host = "cr-1" }]\n'
        f"[web]\nport = {also_taken}\n"
        f'[watcher]\nfolders = ["{tmp_path}/file", "{tmp_path}/drop", "{tmp_path}"]\n'
        f'[analysis]\nbundle = "{tmp_path}"\n[[destinations]]\nname = "pacs"\nae_title = "PACS"\n'
        f'host = "127.0.0.1"\nport = 1\n'
    )
    assert status == 1
    for words in (
        f"receiver.port = {taken}: ",
        f"web.port = {also_taken}: ",
        "receiver.allowed_peers.0.host = 'cr-1': this machine finds no host of that name",
        f"watcher.folders: {tmp_path}/file is no folder",
        f"{tmp_path}/drop, made at the first start",
        "must lie apart",
        "manifest.toml",
        "PACS@127.0.0.1:1",
    ):
        assert words in shown
    assert not (tmp_path / "drop").exists()


def test_without_senders_and_destinations_both_are_told(check: Check):
    _, shown = check("[receiver]\nport = 0")
    assert "allowed_peers is empty" in shown
    assert "destinations: none is configured" in shown


def test_a_gpu_is_looked_for_where_it_is_asked_for(check: Check, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    status, shown = check('[analysis]\ndevice = "cuda"')
    assert status == 1
    assert "expected an NVIDIA GPU" in row(shown, "device")


def test_the_engine_is_told_that_will_compute(check: Check, monkeypatch):
    _, shown = check('[analysis]\ndevice = "cpu"')
    assert "openvino, in float32; its network is made at the first start" in row(shown, "engine")
    _, shown = check('[analysis]\nengine = "torch"')
    assert "torch, in float32" in row(shown, "engine")


def test_an_engine_that_is_not_installed_is_told(check: Check, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    status, shown = check('[analysis]\nengine = "openvino"')
    assert status == 1
    assert "openvino is not installed" in row(shown, "engine")


def test_serve_ends_with_one_sentence_where_a_port_is_taken(
    tmp_path: Path, taken: int, capsys: pytest.CaptureFixture[str], monkeypatch
):
    monkeypatch.setattr("daemon.commands.serve._PATIENCE_SECONDS", 0.3)
    file = tmp_path / "config.toml"
    file.write_text(
        f'[storage]\ndata_dir = "{tmp_path}/data"\n[web]\nport = {taken}\n'
        "[receiver]\nport = 0\nallow_any_peer = true\n"
    )
    assert main(["serve", "--config", str(file)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"ulna serve: web.port = {taken}: another program")
    assert not (tmp_path / "data").exists()
