"""The connection under an association, for either side.

This module makes the application entity and bounds what a peer can do to its socket: how long a PDU may
take and how long it may be.
"""

import errno
import fcntl
import logging
import socket
import ssl
import termios
import time
from array import array
from contextlib import suppress
from dataclasses import dataclass
from typing import cast

from pynetdicom import AE, _config
from pynetdicom.association import Association
from pynetdicom.transport import AddressInformation, AssociationSocket

from dicom_io.identity import ULNA_IMPLEMENTATION_CLASS_UID, ULNA_IMPLEMENTATION_VERSION_NAME

MAX_PDU_BYTES = 131_072
"""Longest P-DATA-TF that we announce to take (PS3.8 D.1); larger ones gain nothing and hold memory."""

LONGEST_PDU_BYTES = 1 << 20
"""Longest PDU of any type that is read at all; an A-ASSOCIATE-RQ with 128 contexts stays below it."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """How long to wait for a peer, in seconds.

    Parameters
    ----------
    connect_seconds : float
        For the TCP connection.
    associate_seconds : float
        For the answer to A-ASSOCIATE and A-RELEASE.
    response_seconds : float
        For a DIMSE response, and for any sign of life while bytes are on their way.
    """

    connect_seconds: float = 10.0
    associate_seconds: float = 30.0
    response_seconds: float = 60.0


DEFAULT_TIMEOUTS = Timeouts()

# Where pynetdicom logs, as errors, why there is no association. Whoever asked for one is told by a typed
# error with the peer and the reason, and knows how bad that is; a second record would only cry wolf.
_TOLD_BY_ERRORS = {"pynetdicom.transport": "connect", "pynetdicom.acse": "_negotiate_as_requestor"}


def application_entity(ae_title: str, timeouts: Timeouts) -> AE:
    """Return an application entity that names itself as ulna and waits no longer than `timeouts`.

    Raises
    ------
    ValueError
        When `ae_title` is empty, longer than 16 characters or holds a character that PS3.5 6.2 forbids.
    """
    # Options of the whole process: without its handlers pynetdicom describes each PDU in the log; with
    # chunks `send_c_store` reads a file piece by piece instead of decoding it.
    _config.LOG_HANDLER_LEVEL = "none"
    _config.STORE_SEND_CHUNKED_DATASET = True
    for name in _TOLD_BY_ERRORS:
        logging.getLogger(name).addFilter(_is_not_told_by_errors)
    entity = _Entity(ae_title)
    entity.implementation_class_uid = ULNA_IMPLEMENTATION_CLASS_UID
    entity.implementation_version_name = ULNA_IMPLEMENTATION_VERSION_NAME
    entity.maximum_pdu_size = MAX_PDU_BYTES
    entity.connection_timeout = timeouts.connect_seconds
    entity.acse_timeout = timeouts.associate_seconds
    entity.dimse_timeout = timeouts.response_seconds
    entity.network_timeout = timeouts.response_seconds
    return entity


def _is_not_told_by_errors(record: logging.LogRecord) -> bool:
    return _TOLD_BY_ERRORS.get(record.name) != record.funcName


def bound_connection(connection: socket.socket, seconds: float) -> None:
    """Let no call on `connection` block longer than `seconds`, and send small PDUs at once.

    pynetdicom leaves an open connection without a timeout: a peer that stops in the middle of a PDU, or
    stops reading, would hold its thread for ever.
    """
    connection.settimeout(seconds)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


class RequestorSocket(AssociationSocket):
    """A requestor's socket that knows how far its bytes have come.

    It also reads what the peer sent last before it says that the connection is lost.

    Attributes
    ----------
    is_stuck : bool
        Whether a write was given up because the peer took no byte for the time-out of the connection.
    """

    is_stuck = False
    _sent = 0

    def send(self, bytestream: bytes) -> None:
        """Send `bytestream`; on a lost connection drop it, and let the next read find the loss.

        A peer may answer and close while we still send. The failed write tells of the loss first, and
        pynetdicom would end the association with the answer unread.
        """
        try:
            with memoryview(bytestream) as rest:
                sent = 0
                while sent < len(rest):
                    sent += self._send_some(rest[sent:])
        except TimeoutError:  # the peer reads nothing, so it may never close either
            self.is_stuck = True
            self.event_queue.put("Evt17")
        except OSError as error:
            _log.debug("connection is lost error=%s", type(error).__name__)

    def _send_some(self, rest: memoryview) -> int:
        """Send what there is room for; wait for room as long as the peer makes some.

        Linux waits until a third of its buffer is free, which can be megabytes: on a slow line that takes
        longer than a peer may be still.
        """
        connection = cast(socket.socket, self.socket)
        while True:
            before = self.progress()
            try:
                count = connection.send(rest)
            except TimeoutError:
                if self.progress() == before:
                    raise
                continue
            self._sent += count
            return count

    def progress(self) -> int:
        """Return how many bytes the peer's side has acknowledged; the last value when the connection is gone.

        What the kernel has taken from us is nowhere yet: its buffer holds more than a slow line takes in a
        minute.
        """
        waiting = array("i", [0])
        try:
            fcntl.ioctl(cast(socket.socket, self.socket).fileno(), termios.TIOCOUTQ, waiting)
        except (OSError, ValueError, AttributeError):
            return self._sent
        return self._sent - waiting[0]

    def _shutdown_socket(self) -> None:
        """Close the connection; pynetdicom leaves one open that the peer has reset."""
        if self.socket is not None:
            with suppress(OSError):
                self.socket.shutdown(socket.SHUT_RDWR)
            self.socket.close()


class _Entity(AE):
    """pynetdicom's application entity with our socket under the associations that it requests."""

    def _create_socket(
        self,
        assoc: Association,
        address: AddressInformation,
        tls_args: tuple[ssl.SSLContext, str] | None,
    ) -> AssociationSocket:
        connection = RequestorSocket(assoc, address=address)
        connection.tls_args = tls_args
        return connection


class BoundedSocket(AssociationSocket):
    """The acceptor's socket with a limit on the length of a PDU and on the time that reading it takes.

    A peer that breaks a limit is treated as one whose connection was lost.

    Parameters
    ----------
    association : Association
        The acceptor's association.
    client_socket : socket.socket
        The accepted connection.
    seconds : float
        Time limit for one read (the head of a PDU, or the rest of it) and for one write.
    """

    def __init__(self, association: Association, client_socket: socket.socket, seconds: float) -> None:
        super().__init__(association, client_socket=client_socket)
        bound_connection(client_socket, seconds)
        self._connection = client_socket
        self._seconds = seconds

    def recv(self, nr_bytes: int) -> bytearray:
        """Read `nr_bytes`, or fewer if the peer closes the connection.

        Raises
        ------
        TimeoutError
            When they have not all come in time, however many came.
        OSError
            When they are more than `LONGEST_PDU_BYTES` (nothing is read then), or on a lost connection.
        """
        if nr_bytes > LONGEST_PDU_BYTES:
            raise OSError(errno.EMSGSIZE, f"PDU of {nr_bytes} bytes, at most {LONGEST_PDU_BYTES} are read")
        received = bytearray(nr_bytes)
        deadline = time.monotonic() + self._seconds
        filled = 0
        try:
            with memoryview(received) as room:
                while filled < nr_bytes:
                    self._connection.settimeout(max(deadline - time.monotonic(), 0.001))
                    count = self._connection.recv_into(room[filled:])
                    if count == 0:
                        break
                    filled += count
        finally:
            self._connection.settimeout(self._seconds)
        del received[filled:]
        return received
