"""Stages and supervisor speak the words of sd_notify."""

import socket

import pytest

from daemon.process import sd_notify


@pytest.fixture
def listener(tmp_path, monkeypatch):
    opened = sd_notify.listen(tmp_path / "notify")
    for name, value in opened.environment().items():
        monkeypatch.setenv(name, value)
    yield opened
    opened.close()


def test_stage_is_heard_by_name(listener):
    sd_notify.notify(sd_notify.READY, sd_notify.ALIVE, stage="sender")
    stage, lines = listener.receive()
    assert stage == "sender"
    assert lines >= {"READY=1", "WATCHDOG=1"}


def test_message_without_a_stage_has_no_name(listener):
    sd_notify.notify(sd_notify.STOPPING)
    assert listener.receive() == ("", {"STOPPING=1"})


def test_silence_does_not_block(listener):
    with pytest.raises(BlockingIOError):
        listener.receive()


def test_bytes_that_are_no_text_harm_nobody(listener):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as peer:
        peer.sendto(b"\xff\xfe\n=\nX_ULNA_STAGE=web", str(listener.path))
    assert listener.receive()[0] == "web"


def test_nobody_listens(monkeypatch, tmp_path):
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    sd_notify.notify(sd_notify.READY)
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "gone"))
    sd_notify.notify(sd_notify.READY)


def test_abstract_address_of_systemd_is_understood(monkeypatch):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as service_manager:
        service_manager.bind("")  # the kernel picks an abstract name
        service_manager.settimeout(10)
        name = service_manager.getsockname().decode()
        monkeypatch.setenv("NOTIFY_SOCKET", name.replace("\0", "@"))
        sd_notify.notify(sd_notify.READY)
        assert service_manager.recv(100) == b"READY=1"


def test_socket_is_for_this_user_only_and_goes_when_closed(tmp_path):
    listener = sd_notify.listen(tmp_path / "notify")
    assert listener.path.stat().st_mode & 0o777 == 0o600
    listener.close()
    assert not listener.path.exists()


def test_socket_that_a_dead_supervisor_left_is_replaced(tmp_path):
    left = sd_notify.listen(tmp_path / "notify")
    left.socket.close()
    sd_notify.listen(tmp_path / "notify").close()
