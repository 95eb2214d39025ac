"""One accepted connection, from its first byte to what it leaves behind.

This module ties pynetdicom's association to our rules: bounded socket, data sets in files, admission.
"""

import logging
import uuid
from collections.abc import Callable
from socket import MSG_PEEK, SHUT_RDWR, socket
from typing import Any, Protocol, cast

from pynetdicom import AE, evt
from pynetdicom.association import Association
from pynetdicom.events import Event
from pynetdicom.pdu_primitives import A_ASSOCIATE
from pynetdicom.presentation import PresentationContext
from pynetdicom.transport import AddressInformation

from dicom_io.network.admission import (
    CALLING_AE_TITLE_NOT_RECOGNIZED,
    LOCAL_LIMIT_EXCEEDED,
    AssociationRequest,
    Rejection,
    rejection_of,
)
from dicom_io.network.filing import FilingDimse
from dicom_io.network.interface import AcceptorSettings, RefusedAssociation
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
    on_rejected: Callable[[RefusedAssociation], None]

    def seat(self, connection: "Connection") -> str | None:
        """Take a seat and mark the connection, or return why there is none for it."""

    def closed(self, connection: "Connection") -> None:
        """Forget a connection that has ended."""


class Connection:
    """One connection, which is served in a thread of its own until the association's threads are gone.

    Parameters
    ----------
    owner : Owner
        The acceptor.
    request : socket.socket
        The accepted connection.
    client_address : Any
        Where it comes from, as the socket says.
    entity : AE
        The application entity that is called.

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

    def __init__(self, owner: Owner, request: socket, client_address: Any, entity: AE) -> None:
        self.request = request
        self.client_address = client_address
        self.entity = entity
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
            _log.exception("connection failed", extra={"peer_host": self.host})
        finally:
            self.request.close()
            self._owner.closed(self)
            if self.is_seated:
                _log.info("association ended", extra={"association_id": self._association_id})
                self._owner.on_association_released(self._association_id)

    def _speaks(self) -> bool:
        """Wait for the first byte: until it comes a connection costs no more than a thread that sleeps."""
        self.request.settimeout(self._settings.network_timeout_seconds)
        try:
            self.has_spoken = bool(self.request.recv(1, MSG_PEEK))
        except OSError as error:
            fields = {"peer_host": self.host, "error": type(error).__name__}
            _log.debug("connection said nothing", extra=fields)
        return self.has_spoken

    def _associate(self) -> None:
        """Make the association, put our socket, our files and our rules into it, and run it."""
        association = self._new_association()
        self._dimse = FilingDimse(
            association,
            incoming_dir=self._settings.incoming_dir,
            max_instance_bytes=self._settings.max_instance_bytes,
        )
        # pynetdicom offers no other way to choose file, bound and header of what comes: its
        # STORE_RECV_CHUNKED_DATASET writes data sets of any length into the system's temporary folder.
        association.dimse = self._dimse
        association.bind(evt.EVT_REQUESTED, self._admit)
        association.bind(evt.EVT_CONN_CLOSE, _stop_waiting_for_request)
        service = StoreService(self._owner, self._dimse, host=self.host, association_id=self._association_id)
        association.bind(evt.EVT_C_STORE, service.answer)
        self._association = association
        try:
            association.start()
            association.join()
            association.dul.join()  # the thread that reads goes on for a while and may still file something
        finally:
            self._dimse.discard_all()

    def _new_association(self) -> Association:
        """Return what pynetdicom's server would make of the connection, with our socket under it.

        Its server runs an association as soon as it has made one, and hands none out before that.
        """
        association = Association(self.entity, mode="acceptor")
        seconds = self._settings.network_timeout_seconds
        association.set_socket(BoundedSocket(association, self.request, seconds))
        acceptor = association.acceptor
        acceptor.ae_title = self.entity.ae_title
        acceptor.address_info = AddressInformation.from_tuple(self.request.getsockname())
        acceptor.maximum_length = self.entity.maximum_pdu_size
        acceptor.implementation_class_uid = self.entity.implementation_class_uid
        acceptor.implementation_version_name = self.entity.implementation_version_name
        association.requestor.address_info = AddressInformation.from_tuple(self.client_address)
        return association

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
            _log.debug("connection is closed already", extra={"association_id": self._association_id})

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
                # By itself pynetdicom rejects for AE titles and a count of its own, not for hosts and seats.
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
        if rejection is not None:
            self._owner.on_rejected(
                RefusedAssociation(
                    calling_ae_title=request.calling_ae_title,
                    peer_host=self.host,
                    rejection=rejection,
                    reason=reason or rejection.words,
                )
            )
        return rejection

    def _log_admission(
        self, request: AssociationRequest, rejection: Rejection | None, reason: str | None
    ) -> None:
        fields = {
            "association_id": self._association_id,
            "calling_ae_title": request.calling_ae_title,  # pynetdicom has ended what is longer than 16
            "called_ae_title": request.called_ae_title,
            "peer_host": self.host,
        }
        if rejection is None:
            _log.info("association accepted", extra=fields)
        else:
            fields |= {"rejection": str(tuple(rejection)), "reason": reason or rejection.words}
            _log.warning("association rejected", extra=fields)


def _contexts_for(requested: A_ASSOCIATE) -> list[PresentationContext]:
    proposed = requested.presentation_context_definition_list
    return supported_contexts(str(context.abstract_syntax) for context in proposed)


def _stop_waiting_for_request(event: Event) -> None:
    """End an association whose connection closed before it asked for anything.

    pynetdicom would wait for the request until its timeout; None is what it gets when that expires. Nothing
    else wakes it: `kill` and `abort` wait for the same thread.
    """
    if event.assoc.requestor.primitive is None:
        event.assoc.dul.to_user_queue.put(None)
