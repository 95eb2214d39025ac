import logging
import socket
import time

import pytest
from pynetdicom.presentation import build_context

from dicom_io.errors import (
    AssociationAborted,
    AssociationRejectedForGood,
    AssociationRejectedForNow,
    EchoRefused,
    NoPresentationContext,
    PeerUnreachable,
    Permanent,
    Transient,
)
from dicom_io.network.scu import Address, Timeouts, associated, echo, parse_address
from dicom_io.network.transport import DEFAULT_TIMEOUTS, application_entity
from tests.dicom_io.peers import A_ABORT, associate_ac, command, pdu, serve_once, storescp

IMPATIENT = Timeouts(connect_seconds=1.0, associate_seconds=0.5, response_seconds=0.5)


def pacs(port: int) -> Address:
    return Address(ae_title="PACS", host="127.0.0.1", port=port)


# Addresses


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("PACS@10.0.0.5:104", Address(ae_title="PACS", host="10.0.0.5", port=104)),
        ("MY PACS@pacs.example.org:11112", Address(ae_title="MY PACS", host="pacs.example.org", port=11112)),
        ("PACS@[::1]:104", Address(ae_title="PACS", host="::1", port=104)),
        (" PACS@host:65535 ", Address(ae_title="PACS", host="host", port=65535)),
    ],
)
def test_address_is_read_and_written_alike(text, expected):
    assert parse_address(text) == expected
    assert str(expected) == text.strip()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "AE_TITLE@HOST:PORT"),
        ("PACS", "AE_TITLE@HOST:PORT"),
        ("PACS@host", "AE_TITLE@HOST:PORT"),
        ("host:104", "AE_TITLE@HOST:PORT"),
        ("PACS@host:dicom", "AE_TITLE@HOST:PORT"),
        ("PACS@::1:104", "AE_TITLE@HOST:PORT"),
        ("PACS@host:0", "0 is no TCP port"),
        ("PACS@host:65536", "65536 is no TCP port"),
        ("SEVENTEEN_LETTERS@host:104", "no AE title"),
        ("A\\B@host:104", "no AE title"),
        ("PÄCS@host:104", "no AE title"),
    ],
)
def test_what_is_no_address_is_refused_with_the_reason(text, words):
    with pytest.raises(ValueError, match=words):
        parse_address(text)


# C-ECHO


def test_echo_is_answered_by_dcmtk(tmp_path):
    with storescp(tmp_path) as port:
        echo(pacs(port), calling_ae_title="ULNA")


def told_again(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what pynetdicom logged of a failure that our error tells already."""
    names = ("pynetdicom.transport", "pynetdicom.acse")
    return [record.getMessage() for record in caplog.records if record.name in names]


def test_nobody_listening_is_transient_and_told_by_the_error_alone(caplog):
    with socket.create_server(("127.0.0.1", 0)) as finder:
        port = finder.getsockname()[1]
    with pytest.raises(PeerUnreachable, match="unreachable") as caught:
        echo(pacs(port), calling_ae_title="ULNA")
    assert isinstance(caught.value, Transient)
    assert told_again(caplog) == []


def test_what_pynetdicom_logs_elsewhere_is_kept(caplog):
    application_entity("ULNA", DEFAULT_TIMEOUTS)
    logging.getLogger("pynetdicom.transport").error("something else")
    assert [record.getMessage() for record in caplog.records] == ["something else"]


def test_unknown_host_is_transient():
    with pytest.raises(PeerUnreachable, match=r"no-such-host\.invalid"):
        echo(parse_address("PACS@no-such-host.invalid:104"), calling_ae_title="ULNA")


@pytest.mark.parametrize(
    ("rejection", "error", "branch", "words"),
    [
        ((1, 1, 7), AssociationRejectedForGood, Permanent, "called AE title not recognized"),
        ((1, 1, 3), AssociationRejectedForGood, Permanent, "calling AE title not recognized"),
        ((1, 1, 1), AssociationRejectedForGood, Permanent, "no reason given"),
        ((2, 3, 1), AssociationRejectedForNow, Transient, "temporary congestion"),
        ((2, 3, 2), AssociationRejectedForNow, Transient, "local limit exceeded"),
    ],
)
def test_rejection_is_permanent_or_transient_as_its_result_says(rejection, error, branch, words, caplog):
    def reject(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(pdu(3, bytes([0, *rejection])))
        connection.recv(4096)

    port, _ = serve_once(reject)
    with pytest.raises(error, match=words) as caught:
        echo(pacs(port), calling_ae_title="ULNA")
    assert isinstance(caught.value, branch)
    assert told_again(caplog) == []


def say_nothing(connection: socket.socket) -> None:
    while connection.recv(4096):
        pass


def stop_within_a_pdu(connection: socket.socket) -> None:
    connection.recv(4096)
    connection.sendall(associate_ac("1.2.840.10008.1.2")[:30])
    say_nothing(connection)


def stop_after_association(connection: socket.socket) -> None:
    connection.recv(4096)
    connection.sendall(associate_ac("1.2.840.10008.1.2"))
    say_nothing(connection)


def abort(connection: socket.socket) -> None:
    connection.recv(4096)
    connection.sendall(A_ABORT)
    connection.recv(4096)


def hang_up(connection: socket.socket) -> None:
    connection.recv(4096)


@pytest.mark.parametrize("script", [say_nothing, stop_within_a_pdu, stop_after_association, abort, hang_up])
def test_peer_that_hangs_or_breaks_off_is_given_up_in_time(script):
    port, _ = serve_once(script)
    started = time.monotonic()
    with pytest.raises(AssociationAborted) as caught:
        echo(pacs(port), calling_ae_title="ULNA", timeouts=IMPATIENT)
    assert time.monotonic() - started < 4
    assert isinstance(caught.value, Transient)


def test_peer_without_verification_is_permanent():
    def accept_nothing(connection: socket.socket) -> None:
        connection.recv(4096)
        accepted = associate_ac("1.2.840.10008.1.2")
        connection.sendall(accepted.replace(b"\x21\x00\x00\x19\x01\x00\x00", b"\x21\x00\x00\x19\x01\x00\x03"))
        connection.recv(4096)

    port, _ = serve_once(accept_nothing)
    with pytest.raises(NoPresentationContext, match=r"1\.2\.840\.10008\.1\.1 "):
        echo(pacs(port), calling_ae_title="ULNA", timeouts=IMPATIENT)


def test_other_status_than_success_is_told():
    def refuse(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(associate_ac("1.2.840.10008.1.2"))
        connection.recv(4096)
        class_uid = b"1.2.840.10008.1.1\0"
        answer = [(0x0002, class_uid), (0x0100, b"\x30\x80"), (0x0120, b"\x01\x00"), (0x0800, b"\x01\x01")]
        connection.sendall(command([*answer, (0x0900, b"\x22\x01")]))
        say_nothing(connection)

    port, _ = serve_once(refuse)
    with pytest.raises(EchoRefused, match="0x0122"):
        echo(pacs(port), calling_ae_title="ULNA", timeouts=IMPATIENT)


def test_our_ae_title_is_checked():
    with pytest.raises(ValueError, match=r"(?i)ae.title"):
        echo(parse_address("PACS@127.0.0.1:104"), calling_ae_title="SEVENTEEN_LETTERS")


def test_response_goes_only_to_who_waits_for_it(tmp_path):
    contexts = [build_context("1.2.840.10008.1.1")]
    with (
        storescp(tmp_path) as port,
        associated(
            pacs(port), contexts=contexts, calling_ae_title="ULNA", timeouts=DEFAULT_TIMEOUTS
        ) as association,
    ):
        association.dimse.msg_queue.put((None, None))
        assert association.dimse.get_msg(block=False) == (None, None)
        assert association.dimse.msg_queue.qsize() == 1
        assert association.dimse.get_msg(block=True) == (None, None)
        assert association.dimse.msg_queue.qsize() == 0
