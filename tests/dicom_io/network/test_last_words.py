"""What a peer sent before it closed is what is reported, however late we look."""

import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom.acse import ACSE
from pynetdicom.association import Association

from dicom_io.errors import (
    AssociationAborted,
    AssociationRejectedForGood,
    AssociationRejectedForNow,
    NoPresentationContext,
    StoreRefusedForGood,
)
from dicom_io.network.scu import Address, Timeouts, echo
from dicom_io.network.store_scu import send_files
from tests.dicom_io.peers import A_ABORT, VERIFICATION, associate_ac, command, pdu, serve_once
from tests.factories import make_instance, write_instance

ACCEPTED = associate_ac(ImplicitVRLittleEndian)
NOTHING_ACCEPTED = ACCEPTED.replace(b"\x21\x00\x00\x19\x01\x00\x00", b"\x21\x00\x00\x19\x01\x00\x03")
REJECTED_FOR_GOOD = pdu(3, bytes([0, 1, 1, 7]))
REJECTED_FOR_NOW = pdu(3, bytes([0, 2, 3, 2]))
NOT_AUTHORIZED = command(
    [
        (0x0002, VERIFICATION.encode() + b"\0"),
        (0x0100, b"\x01\x80"),
        (0x0120, b"\x01\x00"),
        (0x0800, b"\x01\x01"),
        (0x0900, b"\x24\x01"),
    ]
)
PATIENT = Timeouts(connect_seconds=10.0, associate_seconds=20.0, response_seconds=20.0)


def pacs(port: int) -> Address:
    return Address(ae_title="PACS", host="127.0.0.1", port=port)


def answer_and_close(*pdus: bytes) -> Callable[[socket.socket], None]:
    def script(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"".join(pdus))

    return script


@pytest.fixture
def late(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let our side look for the answer only when pynetdicom's thread has read it and is gone.

    A busy machine does this now and then; here it happens every time.
    """
    send_request, start = ACSE.send_request, Association.start

    def send_request_and_wait(acse: ACSE) -> None:
        send_request(acse)
        acse.dul.join(30)

    def start_and_wait(association: Association) -> None:
        start(association)
        association.join(30)

    monkeypatch.setattr(ACSE, "send_request", send_request_and_wait)
    monkeypatch.setattr(Association, "start", start_and_wait)


@pytest.mark.usefixtures("late")
@pytest.mark.parametrize(
    ("pdus", "error"),
    [
        ([REJECTED_FOR_GOOD], AssociationRejectedForGood),
        ([REJECTED_FOR_NOW], AssociationRejectedForNow),
        ([NOTHING_ACCEPTED, A_ABORT], NoPresentationContext),
        ([NOTHING_ACCEPTED], NoPresentationContext),
        ([ACCEPTED, A_ABORT], AssociationAborted),
        ([ACCEPTED], AssociationAborted),
        ([A_ABORT], AssociationAborted),
        ([], AssociationAborted),
    ],
    ids=[
        "rejected-for-good",
        "rejected-for-now",
        "nothing-accepted-then-abort",
        "nothing-accepted-then-closed",
        "accepted-then-abort",
        "accepted-then-closed",
        "abort",
        "closed",
    ],
)
def test_answer_to_an_association_request_counts_though_the_connection_is_closed(pdus, error):
    port, _ = serve_once(answer_and_close(*pdus))
    with pytest.raises(error):
        echo(pacs(port), calling_ae_title="ULNA", timeouts=PATIENT)


@pytest.mark.parametrize("last", [A_ABORT, b""], ids=["abort", "close"])
def test_association_that_ends_before_the_echo_is_one_that_was_aborted(monkeypatch, last):
    send_c_echo = Association.send_c_echo

    def wait_and_send(association: Association) -> object:
        association.join(30)
        return send_c_echo(association)

    monkeypatch.setattr(Association, "send_c_echo", wait_and_send)
    port, _ = serve_once(answer_and_close(ACCEPTED, last))
    with pytest.raises(AssociationAborted):
        echo(pacs(port), calling_ae_title="ULNA", timeouts=PATIENT)


def test_rejection_of_a_peer_that_does_not_read_the_request_counts():
    def reject_unheard(connection: socket.socket) -> None:
        connection.sendall(REJECTED_FOR_GOOD)

    port, _ = serve_once(reject_unheard)
    with pytest.raises(AssociationRejectedForGood):
        echo(pacs(port), calling_ae_title="ULNA", timeouts=PATIENT)


@pytest.mark.parametrize("last", [A_ABORT, b""], ids=["abort", "close"])
def test_status_counts_though_the_peer_closes_while_we_still_send(tmp_path: Path, last: bytes):
    def refuse_early(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(associate_ac(ExplicitVRLittleEndian))
        connection.recv(1024)  # the rest, megabytes of it, is never read: closing resets the connection
        connection.sendall(NOT_AUTHORIZED + last)

    file = write_instance(make_instance(rows=3000, columns=2500), tmp_path / "large.dcm")
    port, _ = serve_once(refuse_early)
    (outcome,) = send_files([file], pacs(port), calling_ae_title="ULNA", timeouts=PATIENT)
    assert isinstance(outcome.error, StoreRefusedForGood), outcome.error
    assert outcome.status == 0x0124
