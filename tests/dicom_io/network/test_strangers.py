"""Strangers cost nothing, and no host can shut another one out."""

import logging
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from dicom_io.network.acceptor import Acceptor, AcceptorSettings, Peer
from tests.dicom_io.peers import (
    A_RELEASE_RQ,
    OUR_AE_TITLE,
    Notebook,
    RawPeer,
    associate_rq,
    dcmtk,
    log_of,
    make_settings,
    running,
    wait_until,
)
from tests.factories import make_instance, write_instance

HERE = "127.0.0.1"  # DCMTK calls from here
THERE = "127.0.0.2"
ELSEWHERE = "127.0.0.3"
LOCAL_LIMIT_EXCEEDED = (3, (2, 3, 2))


@pytest.fixture
def notebook() -> Notebook:
    return Notebook()


@pytest.fixture
def guests() -> Iterator[ExitStack]:
    """Keep connections open until the test ends."""
    with ExitStack() as stack:
        yield stack


def settings_for(tmp_path: Path, *hosts: str | None, **changes: object) -> AcceptorSettings:
    """Return settings that let every title in which the tests call, from `hosts` alone."""
    titles = ("RAW", "ECHOSCU", "STORESCU")
    peers = tuple(Peer(ae_title=title, host=host) for host in hosts for title in titles)
    usual = {"accept_unknown_peers": False, "allowed_peers": peers, "network_timeout_seconds": 60.0}
    return make_settings(tmp_path / "incoming", **(usual | changes))


def connect(guests: ExitStack, port: int, host: str, count: int) -> list[RawPeer]:
    return [guests.enter_context(RawPeer(port, host)) for _ in range(count)]


def ask(peer: RawPeer) -> tuple[int, tuple[int, ...]]:
    """Ask for an association; return the type of the answer, and for a rejection what it says."""
    peer.send(associate_rq())
    kind, content = peer.receive()
    return kind, tuple(content[1:4]) if kind == 3 else ()


def is_let_in(port: int, file: Path) -> bool:
    """Send a C-ECHO and an instance, as a good peer does."""
    called = ["-aec", OUR_AE_TITLE, HERE, port]
    answers: list[subprocess.CompletedProcess[str]] = [
        dcmtk("echoscu", *called),
        dcmtk("storescu", *called, file),
    ]
    return all(answer.returncode == 0 for answer in answers)


def is_closed(peer: RawPeer) -> bool:
    """Wait until the other side closes."""
    return peer.receive() == (0, b"")


def connections_of(acceptor: Acceptor, host: str) -> int:
    return sum(connection.host == host for connection in acceptor._open())


# Who says nothing


@pytest.mark.parametrize("crowd_host", [THERE, HERE], ids=["another-host", "same-host"])
def test_two_hundred_silent_connections_shut_nobody_out(tmp_path, notebook, guests, crowd_host):
    file = write_instance(make_instance(rows=64, columns=64), tmp_path / "sent.dcm")
    with running(settings_for(tmp_path, HERE, THERE), notebook) as (_, port):
        connect(guests, port, crowd_host, 200)
        assert [is_let_in(port, file) for _ in range(10)] == [True] * 10


def test_connections_without_association_are_limited_per_host_and_who_is_silent_longest_leaves(
    tmp_path, notebook, guests
):
    settings = settings_for(tmp_path, HERE, THERE, max_associations_per_host=2)
    with running(settings, notebook) as (acceptor, port):
        (other,) = connect(guests, port, HERE, 1)
        first, *rest = connect(guests, port, THERE, settings.waiting.per_host)
        first.send(associate_rq()[:50])
        wait_until(lambda: any(connection.has_spoken for connection in acceptor._open()))
        connect(guests, port, THERE, 1)
        assert is_closed(rest[0])
        wait_until(lambda: connections_of(acceptor, THERE) == settings.waiting.per_host)
        first.send(associate_rq()[50:])
        assert first.receive()[0] == 2
        assert ask(rest[1])[0] == 2
        assert ask(other)[0] == 2


def test_silent_connection_costs_one_thread_that_sleeps(tmp_path, notebook, guests):
    with running(settings_for(tmp_path, HERE), notebook) as (acceptor, port):
        before = threading.active_count()
        connect(guests, port, HERE, 5)
        wait_until(lambda: connections_of(acceptor, HERE) == 5)
        assert threading.active_count() <= before + 5


# Who is none of ours


def test_host_that_no_entry_can_match_is_closed_before_a_thread_is_started(
    tmp_path, notebook, guests, monkeypatch, caplog
):
    started: list[str] = []
    start = threading.Thread.start

    def count_and_start(thread: threading.Thread) -> None:
        started.append(thread.name)
        start(thread)

    with running(settings_for(tmp_path, HERE, THERE), notebook) as (acceptor, port):
        monkeypatch.setattr(threading.Thread, "start", count_and_start)
        for peer in connect(guests, port, ELSEWHERE, 50):
            assert is_closed(peer)
        assert started == []
        assert acceptor._open() == []
        assert ask(connect(guests, port, THERE, 1)[0])[0] == 2
    assert log_of(caplog).count(f"no entry of allowed_peers allows the host peer_host={ELSEWHERE}") == 1


def test_nobody_is_allowed_by_an_empty_list(tmp_path, notebook, guests):
    with running(settings_for(tmp_path), notebook) as (_, port):
        assert is_closed(connect(guests, port, HERE, 1)[0])


def test_entry_without_host_lets_every_host_ask(tmp_path, notebook, guests):
    peers = (Peer(ae_title="RAW", host=HERE), Peer(ae_title="ANYWHERE"))
    settings = settings_for(tmp_path, allowed_peers=peers)
    with running(settings, notebook) as (_, port):
        (peer,) = connect(guests, port, ELSEWHERE, 1)
        assert ask(peer) == (3, (1, 1, 3))


def test_names_are_looked_up_beforehand_and_not_for_each_connection(tmp_path, notebook, guests, monkeypatch):
    looked_up: list[object] = []
    getaddrinfo = socket.getaddrinfo

    def count(host: object, *rest: object, **more: object) -> object:
        if host == "localhost":
            looked_up.append(host)
        return getaddrinfo(host, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", count)
    with running(settings_for(tmp_path, "localhost"), notebook) as (_, port):
        for _ in range(5):
            (peer,) = connect(guests, port, HERE, 1)
            assert ask(peer)[0] == 2
            assert is_closed(connect(guests, port, ELSEWHERE, 1)[0])
    assert len(looked_up) == 1


# Who takes more than one seat


def test_one_host_leaves_a_seat_for_each_other_known_host(tmp_path, notebook, guests, caplog):
    settings = settings_for(tmp_path, HERE, THERE, ELSEWHERE, max_associations=5, max_associations_per_host=4)
    with running(settings, notebook) as (_, port):
        greedy = [ask(peer) for peer in connect(guests, port, THERE, 6)]
        assert [kind for kind, _ in greedy[:4]] == [2] * 4
        assert greedy[4:] == [LOCAL_LIMIT_EXCEEDED] * 2
        assert "the host has 4 associations, the most for one host" in log_of(caplog)
        assert ask(connect(guests, port, ELSEWHERE, 1)[0])[0] == 2
        assert ask(connect(guests, port, HERE, 1)[0]) == LOCAL_LIMIT_EXCEEDED
        assert "all 5 associations are taken" in log_of(caplog)


def test_last_seat_is_kept_for_a_known_host_that_has_none(tmp_path, notebook, guests, caplog):
    settings = settings_for(tmp_path, HERE, THERE, max_associations=3, max_associations_per_host=3)
    with running(settings, notebook) as (_, port):
        first, second, third = connect(guests, port, THERE, 3)
        assert [ask(first)[0], ask(second)[0]] == [2, 2]
        assert ask(third) == LOCAL_LIMIT_EXCEEDED
        assert "1 left, kept for known hosts that have none" in log_of(caplog)
        (known,) = connect(guests, port, HERE, 1)
        assert ask(known)[0] == 2


def test_seat_that_is_given_back_can_be_taken_again(tmp_path, notebook, guests):
    settings = settings_for(tmp_path, None, max_associations=4, max_associations_per_host=1)
    with running(settings, notebook) as (_, port):
        first, second, third = connect(guests, port, THERE, 3)
        assert ask(first)[0] == 2
        assert ask(second) == LOCAL_LIMIT_EXCEEDED
        first.send(A_RELEASE_RQ)
        assert first.receive()[0] == 6
        wait_until(lambda: len(notebook.released) == 1)
        assert ask(third)[0] == 2


def test_rejection_is_logged_once_with_its_reason(tmp_path, notebook, guests, caplog):
    caplog.set_level(logging.INFO, "dicom_io")
    with running(settings_for(tmp_path, HERE), notebook) as (_, port):
        (peer,) = connect(guests, port, HERE, 1)
        peer.send(associate_rq(calling="STRANGER"))
        assert peer.receive()[0] == 3
    assert caplog.text.count("association rejected") == 1
    assert 'rejection="(1, 1, 3)" reason="calling AE title not recognized"' in log_of(caplog)
