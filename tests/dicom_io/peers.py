"""The other end of an association, for tests: DCMTK, scripted raw sockets, a notebook behind our acceptor."""

import os
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from daemon.logs import TextFormatter
from dicom_io.network.acceptor import (
    Acceptor,
    AcceptorSettings,
    IncomingInstance,
    RefusedInstance,
    StoreStatus,
)

OUR_AE_TITLE = "ULNA"
VERIFICATION = "1.2.840.10008.1.1"
DX = "1.2.840.10008.5.1.4.1.1.1.1"
APPLICATION_CONTEXT = "1.2.840.10008.3.1.1.1"


@dataclass
class Notebook:
    """What an acceptor told its owner, and the bytes of each file at that moment."""

    instances: list[IncomingInstance] = field(default_factory=list)
    files: list[bytes] = field(default_factory=list)
    released: list[str] = field(default_factory=list)
    refused: list[RefusedInstance] = field(default_factory=list)
    answer: Callable[[IncomingInstance], StoreStatus] = lambda _: StoreStatus.SUCCESS

    def on_store(self, instance: IncomingInstance) -> StoreStatus:
        self.instances.append(instance)
        self.files.append(instance.path.read_bytes())
        return self.answer(instance)


def make_settings(incoming_dir: Path, **changes: object) -> AcceptorSettings:
    incoming_dir.mkdir(exist_ok=True)
    values: dict[str, object] = {
        "ae_title": OUR_AE_TITLE,
        "host": "127.0.0.1",
        "port": 0,
        "allowed_peers": (),
        "accept_unknown_peers": True,
        "max_associations": 16,
        "max_associations_per_host": 16,
        "max_instance_bytes": 50_000_000,
        "network_timeout_seconds": 5.0,
        "incoming_dir": incoming_dir,
    }
    return AcceptorSettings(**(values | changes))  # type: ignore[arg-type]


@contextmanager
def running(settings: AcceptorSettings, notebook: Notebook) -> Iterator[tuple[Acceptor, int]]:
    acceptor = Acceptor(settings, notebook.on_store, notebook.released.append, notebook.refused.append)
    port = acceptor.start()
    try:
        yield acceptor, port
    finally:
        acceptor.stop(grace_seconds=2.0)


def log_of(caplog: pytest.LogCaptureFixture) -> str:
    """Return the log as an operator reads it, with the fields of each line."""
    return "\n".join(map(TextFormatter("test").format, caplog.records))


def dcmtk(*command: object) -> "subprocess.CompletedProcess[str]":
    """Run one of DCMTK's programs to its end, without the delays of Nagle's algorithm."""
    return subprocess.run(
        [str(word) for word in command],
        env={**os.environ, "TCP_NODELAY": "1"},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@contextmanager
def storescp(folder: Path, *options: str) -> Iterator[int]:
    """Run DCMTK's storescp, which files what it gets in `folder`; give its port."""
    with socket.create_server(("127.0.0.1", 0)) as finder:
        port = finder.getsockname()[1]
    command = ["storescp", "-aet", "PACS", "-od", str(folder), *options, str(port)]
    process = subprocess.Popen(command, env={**os.environ, "TCP_NODELAY": "1"}, stdout=subprocess.DEVNULL)
    try:
        wait_until(lambda: _is_listening(port))
        yield port
    finally:
        process.terminate()
        process.wait(10)


def wait_until(happened: Callable[[], bool], seconds: float = 10.0) -> None:
    """Return as soon as `happened`; fail after `seconds`."""
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, f"did not happen within {seconds} s"
        time.sleep(0.01)


def _is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class RawPeer:
    """A requestor that sends whatever bytes it is told to."""

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        """Connect from `host`, any address of 127.0.0.0/8."""
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10, source_address=(host, 0))

    def __enter__(self) -> "RawPeer":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def associate(self, *contexts: tuple[str, str]) -> None:
        """Associate as the standard says; context ids are 1, 3, 5 ..."""
        self.send(associate_rq(contexts or ((DX, ExplicitVRLittleEndian),)))
        kind, _ = self.receive()
        assert kind == 2, f"PDU type {kind} instead of A-ASSOCIATE-AC"

    def receive(self) -> tuple[int, bytes]:
        """Return type and content of the next PDU; (0, b"") when the connection is closed."""
        head = self._exactly(6)
        if len(head) < 6:
            return 0, b""
        kind, length = struct.unpack(">BxL", head)
        return kind, self._exactly(length)

    def status(self) -> int:
        """Return the status in the DIMSE response that comes next."""
        kind, content = self.receive()
        assert kind == 4, f"PDU type {kind} instead of P-DATA-TF"
        at = content.index(struct.pack("<HHL", 0x0000, 0x0900, 2)) + 8
        return int.from_bytes(content[at : at + 2], "little")

    def _exactly(self, length: int) -> bytes:
        received = b""
        while len(received) < length:
            try:
                more = self.socket.recv(length - len(received))
            except ConnectionResetError:
                break
            if not more:
                break
            received += more
        return received


def pdu(kind: int, content: bytes) -> bytes:
    return struct.pack(">BxL", kind, len(content)) + content


def associate_rq(
    contexts: Sequence[tuple[str, str]] = ((VERIFICATION, ImplicitVRLittleEndian),),
    *,
    called: str = OUR_AE_TITLE,
    calling: str = "RAW",
    application_context: str = APPLICATION_CONTEXT,
) -> bytes:
    """Return an A-ASSOCIATE-RQ PDU (PS3.8 9.3.2)."""
    items = _item(0x10, application_context.encode())
    for index, (abstract_syntax, transfer_syntax) in enumerate(contexts):
        syntaxes = _item(0x30, abstract_syntax.encode()) + _item(0x40, transfer_syntax.encode())
        items += _item(0x20, struct.pack(">B3x", 2 * index + 1) + syntaxes)
    items += _item(0x50, _item(0x51, struct.pack(">L", 16384)) + _item(0x52, b"1.2.3.4"))
    names = called.ljust(16).encode() + calling.ljust(16).encode()
    return pdu(1, struct.pack(">H2x", 1) + names + bytes(32) + items)


def associate_ac(transfer_syntax: str) -> bytes:
    """Return an A-ASSOCIATE-AC PDU that accepts the context with id 1 (PS3.8 9.3.3)."""
    items = _item(0x10, APPLICATION_CONTEXT.encode())
    items += _item(0x21, struct.pack(">BxBx", 1, 0) + _item(0x40, transfer_syntax.encode()))
    items += _item(0x50, _item(0x51, struct.pack(">L", 16384)) + _item(0x52, b"1.2.3.4"))
    return pdu(2, struct.pack(">H2x", 1) + bytes(64) + items)


def command(elements: Sequence[tuple[int, bytes]], context_id: int = 1) -> bytes:
    """Return a P-DATA-TF PDU with a whole command set of (element number, value)."""
    body = b"".join(struct.pack("<HHL", 0, number, len(value)) + value for number, value in elements)
    length = struct.pack("<HHLL", 0, 0, 4, len(body))
    return fragment(length + body, header=3, context_id=context_id)


def c_store_rq(
    *, sop_class: str = DX, sop_instance: str = "1.2.3", data_set: bool = True, context_id: int = 1
) -> bytes:
    """Return the command of a C-STORE-RQ (PS3.7 9.3.1.1)."""
    elements = [
        (0x0002, _even(sop_class)),
        (0x0100, b"\x01\x00"),
        (0x0110, b"\x07\x00"),
        (0x0700, b"\x00\x00"),
        (0x0800, b"\x00\x00" if data_set else b"\x01\x01"),
        (0x1000, _even(sop_instance)),
    ]
    return command(elements, context_id)


def fragment(data: bytes, *, header: int, context_id: int = 1) -> bytes:
    """Return a P-DATA-TF PDU with one fragment; header 0 or 2 (last) of a data set, 1 or 3 of a command."""
    return pdu(4, struct.pack(">LBB", len(data) + 2, context_id, header) + data)


A_RELEASE_RQ = pdu(5, bytes(4))
A_RELEASE_RP = pdu(6, bytes(4))
A_ABORT = pdu(7, bytes(4))


def serve_once(
    script: Callable[[socket.socket], None], *, receive_buffer: int | None = None
) -> tuple[int, threading.Thread]:
    """Accept one connection on a free port and let `script` do with it what it wants.

    `receive_buffer` is how many bytes, at most, have come that the script has not read; about.
    """
    server = socket.create_server(("127.0.0.1", 0))
    if receive_buffer is not None:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)

    def run() -> None:
        with server:
            connection, _ = server.accept()
            with connection:
                script(connection)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return server.getsockname()[1], thread


def _item(kind: int, content: bytes) -> bytes:
    return struct.pack(">BxH", kind, len(content)) + content


def _even(text: str) -> bytes:
    data = text.encode()
    return data + b"\0" * (len(data) % 2)
