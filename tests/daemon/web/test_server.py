"""The server: its port, its end, and what a real browser makes of the page."""

import errno
import itertools
import socket
import subprocess
from pathlib import Path

import httpx
import pytest

from daemon.spool import Spool
from daemon.store.database import Store
from daemon.web.app import Setting, Wanted, create_app
from daemon.web.server import WebServer
from daemon.web.sources import Sources
from tests.daemon import store_factory
from tests.daemon.store_factory import after
from tests.daemon.web.client import make_app
from tests.factories import uid

HOSTILE = "<script>document.body.remove()</script>^\"'><b>bold</b>"
CHROMIUM = (
    "chromium",
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--dump-dom",
)


def make_server(store: Store, spool: Spool, *, port: int = 0) -> WebServer:
    return WebServer(make_app(store, spool), "127.0.0.1", port)


def browse(address: str, profile: Path, *, milliseconds: int) -> str:
    """Return the document that a browser has after it was open for that time."""
    command = [*CHROMIUM, f"--user-data-dir={profile}", f"--virtual-time-budget={milliseconds}", address]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout


def test_a_browser_shows_hostile_names_as_text(sqlite_only: Store, spool: Spool, tmp_path: Path) -> None:
    identity = store_factory.identity(1, patient_name=HOSTILE)
    store_factory.record(sqlite_only, store_factory.received(1, identity=identity))
    server = make_server(sqlite_only, spool)
    port = server.start()
    try:
        document = browse(f"http://127.0.0.1:{port}/", tmp_path / "profile", milliseconds=500)
    finally:
        server.stop()
    assert "<title>ulna worklist</title>" in document
    assert "&lt;script&gt;document.body.remove()&lt;/script&gt;, \"'&gt;&lt;b&gt;bold&lt;/b&gt;" in document
    assert f'href="/studies/{uid(1)}"' in document


def test_the_page_brings_itself_up_to_date(sqlite_only: Store, spool: Spool, tmp_path: Path) -> None:
    moments = itertools.count()
    setting = Setting(product="ulna 9.9", wanted=Wanted(stages=()))
    app = create_app(sqlite_only, spool, setting, sources=Sources(), clock=lambda: after(next(moments)))
    server = WebServer(app, "127.0.0.1", 0)
    port = server.start()
    try:
        document = browse(f"http://127.0.0.1:{port}/", tmp_path / "profile", milliseconds=7_000)
    finally:
        server.stop()
    assert f'Updated <time datetime="{after(1).isoformat()}"' in document
    assert 'role="alert" hidden=""' in document


def test_the_server_ends_when_told(sqlite_only: Store, spool: Spool) -> None:
    server = make_server(sqlite_only, spool)
    address = f"http://127.0.0.1:{server.start()}/healthz"
    states = [server.running]
    assert httpx.get(address).json() == {"status": "ok"}
    server.stop()
    states.append(server.running)
    assert states == [True, False]
    with pytest.raises(httpx.ConnectError):
        httpx.get(address)


def test_a_taken_port_is_said(sqlite_only: Store, spool: Spool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=rf"cannot listen on 127\.0\.0\.1 port {port}.*web\.port") as raised:
            make_server(sqlite_only, spool, port=port).start()
    assert raised.value.errno == errno.EADDRINUSE
