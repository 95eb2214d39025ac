"""One accepted connection, from its first byte to what it leaves behind.

This module ties pynetdicom's association to our rules: bounded socket, data sets in files, admission.
"""

import logging
import uuid
from collections.abc import Callable
from socket import MSG_PEEK, SHUT_RDWR, socket
from typing import Any, Protocol, cast

from pynetdicom import evt
from pynetdicom.events import Event
from pynetdicom.pdu_primitives import A_ASSOCIATE
from pynetdicom.presentation import PresentationContext
from pynetdicom.transport import AssociationServer, RequestHandler

from dicom_io.network.admission import (
    CALLING_AE_TITLE_NOT_RECOGNIZED,
    LOCAL_LIMIT_EXCEEDED,
    AssociationRequest,
    Rejection,
    rejection_of,
)
from dicom_io.network.filing import FilingDimse
from dicom_io.network.interface import AcceptorSettings
from dicom_io.network.known_hosts import KnownHosts, plain_address
from dicom_io.network.storage_classes import supported_contexts
from dicom_io.network.store_scp import StoreOwner, StoreService
from dicom_io.network.transport import BoundedSocket

_log = logging.getLogger(__name__)


class Owner(StoreOwner, Protocol):
    """The acceptor, as a connection sees it."""

    settings: AcceptorSettings
    hosts: KnownHosts
    on_association_released: Callable[[str], None]

    def seat(self, connection: "Connection") -> str | None:
        """Take a seat and mark the connection, or return why there is none for it."""

    def closed(self, connection: "Connection") -> None:
        """Forget a connection that has ended."""


class Connection(RequestHandler):
    """One connection, which is served in a thread of its own until the association's threads are gone.

    Parameters
    ----------
    owner : Owner
        The acceptor.
    request : socket.socket
        The accepted connection.
    client_address : Any
        Where it comes from, as the socket says.
    server : AssociationServer
        The server that accepted it.

    Attributes
    ----------
    host : str
        The plain address it comes from.
    has_spoken : bool
        Whether anything has come.
    is_seated : bool
        Whether it has an association; the owner sets it.
    is_cut : bool
        Whether it was closed to make room; the owner sets it.
    """

    def __init__(self, owner: Owner, request: socket, client_address: Any, server: AssociationServer) -> None:
        # Without the base class's: that would serve the connection at once, in the accept loop.
        self.request = request
        self.client_address = client_address
        self.server = server
        self.host = plain_address(str(client_address[0]))
        self.has_spoken = False
        self.is_seated = False
        self.is_cut = False
        self._owner = owner
        self._settings = owner.settings
        self._association_id = uuid.uuid4().hex

    def serve(self) -> None:
        """Run the association to its end, once there is a word from the peer, and clean up after it."""
        try:
            if self._speaks():
                self._associate()
        except Exception:  # noqa: BLE001  a thread's outermost call: whatever failed, the seat must be given back
            _log.exception("connection failed peer_host=%s", self.host)
        finally:
            self.request.close()
            self._owner.closed(self)
            if self.is_seated:
                _log.info("association ended association_id=%s", self._association_id)
                self._owner.on_association_released(self._association_id)

    def _speaks(self) -> bool:
        """Wait for the first byte: until it comes a connection costs no more than a thread that sleeps."""
        self.request.settimeout(self._settings.network_timeout_seconds)
        try:
            self.has_spoken = bool(self.request.recv(1, MSG_PEEK))
        except OSError as error:
            _log.debug("connection said nothing peer_host=%s error=%s", self.host, type(error).__name__)
        return self.has_spoken

    def _associate(self) -> None:
        """Make the association, put our socket, our files and our rules into it, and run it."""
        association = self._create_association()
        # Its plain socket has announced the connection already; ours does so itself.
        association.dul.event_queue.get_nowait()
        association.dul.socket = BoundedSocket(
            association, self.request, self._settings.network_timeout_seconds
        )
        self._dimse = FilingDimse(
            association,
            incoming_dir=self._settings.incoming_dir,
            max_instance_bytes=self._settings.max_instance_bytes,
        )
        association.dimse = self._dimse
        association.bind(evt.EVT_REQUESTED, self._admit)
        association.bind(evt.EVT_CONN_CLOSE, _stop_waiting_for_request)
        service = StoreService(self._owner, self._dimse, host=self.host, association_id=self._association_id)
        association.bind(evt.EVT_C_STORE, service.answer)
        self._association = association
        try:
            association.start()
            association.join()
            association.dul.join()
        finally:
            self._dimse.discard_all()

    def abort(self) -> None:
        """Send A-ABORT if there is an association to abort; do not wait."""
        if self.is_seated:
            self._association.abort(block=False)
        else:
            self.cut()

    def cut(self) -> None:
        """Close the connection under whatever is still going on."""
        try:
            self.request.shutdown(SHUT_RDWR)
        except OSError:
            _log.debug("connection is closed already association_id=%s", self._association_id)

    def _admit(self, event: Event) -> None:
        """Reject the association unless its peer is one of ours and a seat is free for it."""
        rejection: Rejection | None = CALLING_AE_TITLE_NOT_RECOGNIZED
        try:
            requested = cast(A_ASSOCIATE, event.assoc.requestor.primitive)
            found = self._rejection_of(requested)
            if found is None:
                event.assoc.acceptor.supported_contexts = _contexts_for(requested)
            rejection = found
        finally:  # pynetdicom drops an exception and would go on: whatever happens here, default to no
            if rejection is not None:
                event.assoc.acse.send_reject(*rejection)
                event.assoc.kill()

    def _rejection_of(self, requested: A_ASSOCIATE) -> Rejection | None:
        request = AssociationRequest(
            called_ae_title=requested.called_ae_title,
            calling_ae_title=requested.calling_ae_title,
            application_context_name=str(requested.application_context_name),
            peer_host=self.host,
        )
        rejection = rejection_of(
            request,
            ae_title=self._settings.ae_title,
            allowed_peers=self._settings.known_peers,
            addresses_of=self._owner.hosts.addresses,
        )
        reason = rejection.words if rejection else self._owner.seat(self)
        if rejection is None and reason is not None:
            rejection = LOCAL_LIMIT_EXCEEDED
        self._log_admission(request, rejection, reason)
        return rejection

    def _log_admission(
        self, request: AssociationRequest, rejection: Rejection | None, reason: str | None
    ) -> None:
        _log.log(
            logging.WARNING if rejection else logging.INFO,
            "association %s association_id=%s calling_ae_title=%r called_ae_title=%r peer_host=%s%s",
            f"rejected {tuple(rejection)}" if rejection else "accepted",
            self._association_id,
            request.calling_ae_title,  # pynetdicom has ended what is longer than 16 or not printable
            request.called_ae_title,
            self.host,
            f" reason={reason!r}" if reason else "",
        )


def _contexts_for(requested: A_ASSOCIATE) -> list[PresentationContext]:
    proposed = requested.presentation_context_definition_list
    return supported_contexts(str(context.abstract_syntax) for context in proposed)


def _stop_waiting_for_request(event: Event) -> None:
    """End an association whose connection closed before it asked for anything.

    pynetdicom would wait for the request until its timeout; None is what it gets when that expires.
    """
    if event.assoc.requestor.primitive is None:
        event.assoc.dul.to_user_queue.put(None)
