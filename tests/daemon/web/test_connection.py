"""Connections that never finish what they begin: the page and its health stay for others."""

import contextlib
import socket
import time
from collections.abc import Iterator

import h11
import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from daemon.web import connection
from daemon.web.server import WebServer

HALF_A_HEAD = b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: "
HALF_A_BODY = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nhalf"


async def answer(request: Request) -> PlainTextResponse:
    return PlainTextResponse(str(len(await request.body())))


def large(_request: Request) -> PlainTextResponse:
    return PlainTextResponse("x" * 50_000_000)


@pytest.fixture
def port() -> Iterator[int]:
    routes = [Route("/", answer, methods=["GET", "POST"]), Route("/large", large)]
    server = WebServer(Starlette(routes=routes), "127.0.0.1", 0)
    try:
        yield server.start()
    finally:
        server.stop()


def connect(port: int, sent: bytes) -> socket.socket:
    opened = socket.create_connection(("127.0.0.1", port), timeout=30)
    opened.sendall(sent)
    return opened


def is_ended(opened: socket.socket, within: float) -> bool:
    """Whether the other side ends the connection by then; what it still says is read."""
    opened.settimeout(0.2)
    end = time.monotonic() + within
    while time.monotonic() < end:
        with contextlib.suppress(TimeoutError):
            try:
                if not opened.recv(65536):
                    return True
            except ConnectionResetError:
                return True
    return False


@pytest.mark.parametrize("half", [b"", HALF_A_HEAD, HALF_A_BODY], ids=["nothing", "head", "body"])
def test_halves_of_requests_do_not_stop_the_page(port, half):
    with contextlib.ExitStack() as held:
        for _ in range(300):
            held.enter_context(connect(port, half))
        answered = httpx.get(f"http://127.0.0.1:{port}/", timeout=10)
        assert (answered.status_code, answered.text) == (200, "0")


def test_the_newest_of_many_halves_can_still_be_finished(port):
    with contextlib.ExitStack() as held:
        *_, newest = [held.enter_context(connect(port, HALF_A_HEAD)) for _ in range(300)]
        newest.sendall(b"1\r\n\r\n")
        assert newest.recv(100).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    ("half", "limit"),
    [(b"", h11.IDLE), (HALF_A_HEAD, h11.IDLE), (HALF_A_BODY, h11.SEND_BODY)],
    ids=["nothing", "head", "body"],
)
def test_what_is_not_finished_in_time_is_ended(port, monkeypatch, half, limit):
    monkeypatch.setitem(connection._SECONDS, limit, 0.5)
    with connect(port, half) as opened:
        assert is_ended(opened, within=10)


def test_single_bytes_do_not_gain_time(port, monkeypatch):
    monkeypatch.setitem(connection._SECONDS, h11.IDLE, 1.0)
    with connect(port, HALF_A_HEAD) as opened:
        end = time.monotonic() + 20
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            while time.monotonic() < end:
                opened.sendall(b"x")
                time.sleep(0.05)
        assert time.monotonic() < end


def test_half_a_second_request_is_ended_too(port, monkeypatch):
    monkeypatch.setitem(connection._SECONDS, h11.IDLE, 0.5)
    with connect(port, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n") as opened:
        assert opened.recv(1000).startswith(b"HTTP/1.1 200")
        opened.sendall(HALF_A_HEAD)
        assert is_ended(opened, within=4), "before the time that an idle connection has"


def test_a_body_has_more_time_than_a_head(port, monkeypatch):
    monkeypatch.setitem(connection._SECONDS, h11.IDLE, 0.3)
    with connect(port, HALF_A_BODY) as opened:
        time.sleep(1.0)
        opened.sendall(b"x" * 96)
        assert opened.recv(1000).startswith(b"HTTP/1.1 200")


def test_who_takes_nothing_of_an_answer_is_ended(port, monkeypatch):
    monkeypatch.setattr(connection, "READING_SECONDS", 0.5)
    with connect(port, b"GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n") as opened:
        time.sleep(3)
        received = 0
        with contextlib.suppress(ConnectionResetError):
            while data := opened.recv(1_000_000):
                received += len(data)
        assert received < 50_000_000


def test_who_reads_slowly_gets_all(port, monkeypatch):
    monkeypatch.setattr(connection, "READING_SECONDS", 1.0)
    with connect(port, b"GET /large HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n") as opened:
        received = 0
        while data := opened.recv(2_000_000):
            received += len(data)
            time.sleep(0.02)
        assert received > 50_000_000
