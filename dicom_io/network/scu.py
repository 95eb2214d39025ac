"""The sending side of the network: addresses, associations, C-ECHO.

This module opens associations as requestor and turns every way in which that fails into one typed error.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast

from pynetdicom import AE, evt
from pynetdicom.association import Association
from pynetdicom.events import Event
from pynetdicom.pdu import A_ASSOCIATE_AC, A_ASSOCIATE_RJ
from pynetdicom.presentation import PresentationContext, build_context
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]  # made at run time

from dicom_io.errors import (
    AssociationAborted,
    EchoRefused,
    NoPresentationContext,
    PeerUnreachable,
    association_rejected,
)
from dicom_io.faults import Fault
from dicom_io.network.responses import Responses
from dicom_io.network.storage_classes import VERIFICATION_TRANSFER_SYNTAXES
from dicom_io.network.transport import (
    DEFAULT_TIMEOUTS,
    MAX_PDU_BYTES,
    RequestorSocket,
    Timeouts,
    application_entity,
    bound_connection,
)

__all__ = ["Address", "Timeouts", "associated", "echo", "parse_address", "parse_ae_title"]

_AE_TITLE = re.compile(r"(?! +\Z)[ -\[\]-~]{1,16}")  # PS3.5 6.2: printable ASCII without backslash
_ADDRESS = re.compile(r"(?P<ae_title>.+)@(?:\[(?P<ipv6>[^\]]+)\]|(?P<host>[^:@\s]+)):(?P<port>\d{1,5})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a remote application entity listens.

    Parameters
    ----------
    ae_title : str
        1 to 16 characters of PS3.5 6.2's AE.
    host : str
        Name or IP address.
    port : int
        1 to 65535.

    Raises
    ------
    ValueError
        When one of them is none of that.
    """

    ae_title: str
    host: str
    port: int

    def __post_init__(self) -> None:
        parse_ae_title(self.ae_title)
        if not self.host.strip():
            raise ValueError("the host is empty")
        if not 1 <= self.port <= 65535:
            raise ValueError(f"{self.port} is no TCP port: 1 to 65535")

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.ae_title}@{host}:{self.port}"


def parse_address(text: str) -> Address:
    """Return the address that `text` spells as ``AE_TITLE@HOST:PORT``.

    >>> print(parse_address("ORTHANC@pacs.example.org:4242"))
    ORTHANC@pacs.example.org:4242

    Raises
    ------
    ValueError
        When `text` has another form, or one of its parts is out of range.
    """
    found = _ADDRESS.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is no address: write AE_TITLE@HOST:PORT, for example PACS@10.0.0.5:104")
    return Address(ae_title=found["ae_title"], host=found["ipv6"] or found["host"], port=int(found["port"]))


def parse_ae_title(text: str) -> str:
    """Return `text`, which is an AE title.

    Raises
    ------
    ValueError
        When it is none.
    """
    if _AE_TITLE.fullmatch(text) is None:
        raise ValueError(f"{text!r} is no AE title: 1 to 16 ASCII characters, no backslash")
    return text


def echo(address: Address, *, calling_ae_title: str, timeouts: Timeouts = DEFAULT_TIMEOUTS) -> None:
    """Ask the peer with C-ECHO whether it is there and speaks to us.

    Raises
    ------
    PeerUnreachable, AssociationAborted, AssociationRejected, NoPresentationContext
        As `associated` does.
    EchoRefused
        The peer answered with a status that is not success.
    """
    contexts = [build_context(Verification, list(VERIFICATION_TRANSFER_SYNTAXES))]
    with associated(
        address, contexts=contexts, calling_ae_title=calling_ae_title, timeouts=timeouts
    ) as association:
        try:
            answer = association.send_c_echo()
        except RuntimeError as error:  # what pynetdicom raises without an association
            raise AssociationAborted(Fault.ECHO_ENDED, address=str(address)) from error
        if "Status" not in answer:
            raise AssociationAborted(Fault.ECHO_UNANSWERED, address=str(address))
        if answer.Status != 0:
            raise EchoRefused(int(answer.Status))


@contextmanager
def associated(
    address: Address, *, contexts: Sequence[PresentationContext], calling_ae_title: str, timeouts: Timeouts
) -> Iterator[Association]:
    """Open an association; release it at the end, or abort it when the body raises.

    Parameters
    ----------
    contexts : Sequence[PresentationContext]
        1 to 128 presentation contexts to propose; at least one of them is accepted inside the body.

    Raises
    ------
    PeerUnreachable
        No TCP connection within `timeouts.connect_seconds`.
    AssociationRejectedForGood, AssociationRejectedForNow
        The peer answered A-ASSOCIATE-RJ.
    AssociationAborted
        The peer aborted, closed the connection, or did not answer in time.
    NoPresentationContext
        The peer accepts none of `contexts`; the first of them is named.
    """
    entity = application_entity(calling_ae_title, timeouts)
    # Only what comes counts for pynetdicom's timer of idleness: it would end an association whose request
    # takes long to send, or abort beside us one in which no answer came, for which it has no state.
    entity.network_timeout = None
    association = _request(entity, address, contexts, timeouts)
    try:
        yield association
    except BaseException:
        association.abort()
        raise
    association.release()


class _Handshake:
    """What became of an association request, noted at the moment when it came in.

    pynetdicom reads the answer in one thread and looks for it in another. When the second is late, the
    first has read a rejection and closed the connection, which the second then takes for one that never
    came about; or it has read an acceptance and an abort, and the second finds no association.

    Attributes
    ----------
    is_connected : bool
        Whether there was a TCP connection.
    answer : A_ASSOCIATE_AC | A_ASSOCIATE_RJ | None
        The PDU with which the peer answered.
    """

    def __init__(self, response_seconds: float) -> None:
        self.is_connected = False
        self.answer: A_ASSOCIATE_AC | A_ASSOCIATE_RJ | None = None
        self._response_seconds = response_seconds

    def connected(self, event: Event) -> None:
        """Prepare the association before the peer can say a word."""
        self.is_connected = True
        connection = cast(RequestorSocket, event.assoc.dul.socket)
        event.assoc.dimse = Responses(event.assoc, connection)
        if connection.socket is not None:
            bound_connection(connection.socket, self._response_seconds)

    def received(self, event: Event) -> None:
        """Keep the answer among the PDUs that come in."""
        if isinstance(event.pdu, A_ASSOCIATE_AC | A_ASSOCIATE_RJ):
            self.answer = self.answer or event.pdu

    def failure(self, address: Address, first: PresentationContext) -> Exception:
        """Return why there is no association, though the peer was connected."""
        if isinstance(self.answer, A_ASSOCIATE_RJ):
            rejection = (self.answer.result, self.answer.source, self.answer.reason_diagnostic)
            return association_rejected(*(part or 0 for part in rejection))
        if self.answer is None:
            return AssociationAborted(Fault.NO_ASSOCIATION, address=str(address))
        if any(context.result == 0 for context in self.answer.presentation_context):
            return AssociationAborted(Fault.ASSOCIATION_ENDED_AT_ONCE, address=str(address))
        return NoPresentationContext(str(first.abstract_syntax), str(first.transfer_syntax[0]))


def _request(
    entity: AE, address: Address, contexts: Sequence[PresentationContext], timeouts: Timeouts
) -> Association:
    handshake = _Handshake(timeouts.response_seconds)
    try:
        association = entity.associate(
            address.host,
            address.port,
            contexts=list(contexts),
            ae_title=address.ae_title,
            max_pdu=MAX_PDU_BYTES,
            evt_handlers=[(evt.EVT_CONN_OPEN, handshake.connected), (evt.EVT_PDU_RECV, handshake.received)],
        )
    except OSError as error:  # the name of the host is unknown
        raise PeerUnreachable(
            Fault.UNREACHABLE, address=str(address), error=error.strerror or type(error).__name__
        ) from error
    if association.is_established:
        return association
    if not handshake.is_connected:
        raise PeerUnreachable(Fault.NO_CONNECTION, address=str(address), seconds=timeouts.connect_seconds)
    raise handshake.failure(address, contexts[0])
