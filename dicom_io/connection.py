"""One accepted connection, from its first byte to what it leaves behind.

This module ties pynetdicom's association to our rules: bounded socket, data sets in files, admission,
and the one place where exceptions become C-STORE statuses.
"""

import errno
import logging
import traceback
import uuid
from collections.abc import Callable
from pathlib import Path
from socket import SHUT_RDWR
from typing import Any, Protocol, cast

from pydicom.dataset import Dataset
from pynetdicom import evt
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.events import Event
from pynetdicom.pdu_primitives import A_ASSOCIATE
from pynetdicom.transport import RequestHandler

from dicom_io.admission import (
    CALLING_AE_TITLE_NOT_RECOGNIZED,
    LOCAL_LIMIT_EXCEEDED,
    AssociationRequest,
    Rejection,
    rejection_of,
)
from dicom_io.errors import DicomIoError, Permanent, UnusableInstance
from dicom_io.incoming import FilingDimse, IncomingDataSet
from dicom_io.reception import AcceptorSettings, IncomingInstance, RefusedInstance
from dicom_io.store_status import StoreStatus
from dicom_io.transport import BoundedSocket
from dicom_io.uids import SopClassUid, SopInstanceUid

_log = logging.getLogger(__name__)


class Owner(Protocol):
    """The acceptor, as a connection sees it."""

    settings: AcceptorSettings
    on_store: Callable[[IncomingInstance], StoreStatus]
    on_association_released: Callable[[str], None]
    on_refused: Callable[[RefusedInstance], None]

    def opened(self, connection: "Connection") -> None:
        """Count a connection that begins."""

    def seat(self, connection: "Connection") -> bool:
        """Take one of `max_associations` seats and mark the connection; False when none is free."""

    def closed(self, connection: "Connection") -> None:
        """Forget a connection that has ended."""


class Connection(RequestHandler):
    """Serves one connection in a thread of its own, which lives until the association's threads are gone.

    Parameters
    ----------
    owner : Owner
        The acceptor.
    *socket_arguments
        What `socketserver` gives to a request handler.
    """

    def __init__(self, owner: Owner, *socket_arguments: Any) -> None:
        self._owner = owner
        self._settings = owner.settings
        self._association_id = uuid.uuid4().hex
        self.is_seated = False
        super().__init__(*socket_arguments)

    def setup(self) -> None:
        """Make the association and put our socket, our files and our rules into it."""
        self._peer_host = str(self.client_address[0])
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
        association.bind(evt.EVT_C_STORE, self._answer)
        self._association = association

    def handle(self) -> None:
        """Run the association to its end."""
        self._owner.opened(self)
        self._association.start()
        self._association.join()
        self._association.dul.join()

    def finish(self) -> None:
        """Remove what the association leaves behind, and say that it is over."""
        self._dimse.discard_all()
        self._owner.closed(self)
        if self.is_seated:
            _log.info("association ended association_id=%s", self._association_id)
            self._owner.on_association_released(self._association_id)

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
        """Reject the association unless its peer is one of ours and a seat is free."""
        rejection: Rejection | None = CALLING_AE_TITLE_NOT_RECOGNIZED
        try:
            rejection = self._rejection_of(cast(A_ASSOCIATE, event.assoc.requestor.primitive))
        finally:  # pynetdicom drops an exception and would go on: whatever happens here, default to no
            if rejection is not None:
                event.assoc.acse.send_reject(*rejection)
                event.assoc.kill()

    def _rejection_of(self, requested: A_ASSOCIATE) -> Rejection | None:
        request = AssociationRequest(
            called_ae_title=requested.called_ae_title,
            calling_ae_title=requested.calling_ae_title,
            application_context_name=str(requested.application_context_name),
            peer_host=self._peer_host,
        )
        known = None if self._settings.accept_unknown_peers else self._settings.allowed_peers
        rejection = rejection_of(request, ae_title=self._settings.ae_title, allowed_peers=known)
        if rejection is None and not self._owner.seat(self):
            rejection = LOCAL_LIMIT_EXCEEDED
        _log.log(
            logging.WARNING if rejection else logging.INFO,
            "association %s association_id=%s calling_ae_title=%r called_ae_title=%r peer_host=%s",
            f"rejected {tuple(rejection)}" if rejection else "accepted",
            self._association_id,
            request.calling_ae_title,
            request.called_ae_title,
            request.peer_host,
        )
        return rejection

    def _answer(self, event: Event) -> Dataset:
        """Return the status for one C-STORE request; here alone exceptions become statuses."""
        request = cast(C_STORE, event.request)  # pynetdicom types the requests of all services alike
        answer = Dataset()
        try:
            answer.Status = self._store(request, event)
        except Permanent as error:
            self._log_failure(request, error)
            self._refuse(request, event, str(error))
            answer.Status = StoreStatus.CANNOT_UNDERSTAND
            answer.ErrorComment = str(error)[:64]  # VR LO
        except Exception as error:  # noqa: BLE001  the edge of the process: the peer must get an answer
            # Our failure, not the instance's: the peer keeps it and tries again.
            self._log_failure(request, error)
            answer.Status = StoreStatus.OUT_OF_RESOURCES
        return answer

    def _store(self, request: C_STORE, event: Event) -> StoreStatus:
        data_set = request.DataSet
        if not isinstance(data_set, IncomingDataSet):
            raise UnusableInstance("the C-STORE request has no data set")
        try:
            path = data_set.complete()
            if request.AffectedSOPClassUID != event.context.abstract_syntax:
                self._refuse(request, event, "the command's SOP class is not that of its context")
                return StoreStatus.DATA_SET_MISMATCH
            return self._owner.on_store(
                IncomingInstance(
                    path=path,
                    sop_class_uid=SopClassUid(str(request.AffectedSOPClassUID)),
                    sop_instance_uid=SopInstanceUid(str(request.AffectedSOPInstanceUID)),
                    calling_ae_title=event.assoc.requestor.ae_title,
                    peer_host=self._peer_host,
                    association_id=self._association_id,
                    priority=request.Priority,
                )
            )
        finally:
            self._dimse.discard(data_set)

    def _refuse(self, request: C_STORE, event: Event, reason: str) -> None:
        self._owner.on_refused(
            RefusedInstance(
                sop_instance_uid=str(request.AffectedSOPInstanceUID),
                calling_ae_title=event.assoc.requestor.ae_title,
                peer_host=self._peer_host,
                reason=reason,
            )
        )

    def _log_failure(self, request: C_STORE, error: Exception) -> None:
        """Log what failed and where, without the message of a foreign exception: it may quote a patient."""
        frame = traceback.extract_tb(error.__traceback__)[-1]
        _log.error(
            "store failed sop_instance_uid=%r association_id=%s error=%s detail=%s at=%s:%s",
            str(request.AffectedSOPInstanceUID),
            self._association_id,
            type(error).__name__,
            _safe_detail(error),
            Path(frame.filename).name,
            frame.lineno,
        )


def _safe_detail(error: Exception) -> str:
    if isinstance(error, DicomIoError):
        return str(error)
    if isinstance(error, OSError) and error.errno is not None:
        return errno.errorcode.get(error.errno, str(error.errno))
    return "-"


def _stop_waiting_for_request(event: Event) -> None:
    """End an association whose connection closed before it asked for anything.

    pynetdicom would wait for the request until its timeout; None is what it gets when that expires.
    """
    if event.assoc.requestor.primitive is None:
        event.assoc.dul.to_user_queue.put(None)
