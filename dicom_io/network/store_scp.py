"""Answers to C-STORE requests.

This module is the one place where exceptions become C-STORE statuses.
"""

import errno
import logging
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, cast

from pydicom.dataset import Dataset
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.events import Event

from dicom_io.defects import Defect
from dicom_io.errors import DicomIoError, Permanent, UnusableInstance
from dicom_io.network.filing import FilingDimse, IncomingDataSet
from dicom_io.network.interface import IncomingInstance, RefusedInstance
from dicom_io.network.store_status import StoreStatus
from dicom_io.uids import SopClassUid, SopInstanceUid, is_uid

_log = logging.getLogger(__name__)


class StoreOwner(Protocol):
    """Who decides about instances: the acceptor."""

    on_store: Callable[[IncomingInstance], StoreStatus]
    on_refused: Callable[[RefusedInstance], None]


class StoreService:
    """The Storage SCP of one association.

    Parameters
    ----------
    owner : StoreOwner
        Decides about each instance.
    dimse : FilingDimse
        The association's provider, which holds the files of its data sets.
    host : str
        The plain address of the sender.
    association_id : str
        Names the association.
    """

    def __init__(self, owner: StoreOwner, dimse: FilingDimse, *, host: str, association_id: str) -> None:
        self._owner = owner
        self._dimse = dimse
        self._host = host
        self._association_id = association_id

    def answer(self, event: Event) -> Dataset:
        """Return the status for one C-STORE request; here alone exceptions become statuses."""
        request = cast(C_STORE, event.request)  # pynetdicom types the requests of all services alike
        answer = Dataset()
        try:
            answer.Status = self._store(request, event)
        except Permanent as error:
            self._log_failure(request, error)
            answer.Status = StoreStatus.CANNOT_UNDERSTAND
            self._refuse(request, event, answer.Status, str(error))
            answer.ErrorComment = str(error)[:64]  # VR LO
        except Exception as error:  # noqa: BLE001  the edge of the process: the peer must get an answer
            # Our failure, not the instance's: the peer keeps it and tries again.
            self._log_failure(request, error)
            answer.Status = StoreStatus.OUT_OF_RESOURCES
        return answer

    def _store(self, request: C_STORE, event: Event) -> StoreStatus:
        data_set = request.DataSet
        if not isinstance(data_set, IncomingDataSet):
            raise UnusableInstance(Defect.DATA_SET_NOT_SENT)
        try:
            path = data_set.complete()
            if request.AffectedSOPClassUID != event.context.abstract_syntax:
                reason = "the command's SOP class is not that of its context"
                self._refuse(request, event, StoreStatus.DATA_SET_MISMATCH, reason)
                return StoreStatus.DATA_SET_MISMATCH
            return self._owner.on_store(
                IncomingInstance(
                    path=path,
                    sop_class_uid=SopClassUid(str(request.AffectedSOPClassUID)),
                    sop_instance_uid=SopInstanceUid(str(request.AffectedSOPInstanceUID)),
                    calling_ae_title=event.assoc.requestor.ae_title,
                    peer_host=self._host,
                    association_id=self._association_id,
                    priority=request.Priority,
                )
            )
        finally:
            self._dimse.discard(data_set)

    def _refuse(self, request: C_STORE, event: Event, status: StoreStatus, reason: str) -> None:
        self._owner.on_refused(
            RefusedInstance(
                sop_instance_uid=_uid_or_nothing(request.AffectedSOPInstanceUID),
                calling_ae_title=event.assoc.requestor.ae_title,
                peer_host=self._host,
                status=status,
                reason=reason,
            )
        )

    def _log_failure(self, request: C_STORE, error: Exception) -> None:
        """Log what failed and where, without the message of a foreign exception: it may quote a patient."""
        frame = traceback.extract_tb(error.__traceback__)[-1]
        _log.error(
            "store failed",
            extra={
                "sop_instance_uid": _uid_or_nothing(request.AffectedSOPInstanceUID),
                "association_id": self._association_id,
                "error": type(error).__name__,
                "detail": _safe_detail(error),
                "at": f"{Path(frame.filename).name}:{frame.lineno}",
            },
        )


def _uid_or_nothing(received: object) -> SopInstanceUid:
    """Return a UID that was received; what is none may be anything, a name included, and is not repeated."""
    text = str(received)
    return SopInstanceUid(text if is_uid(text) else "")


def _safe_detail(error: Exception) -> str:
    if isinstance(error, DicomIoError):
        return str(error)
    if isinstance(error, OSError) and error.errno is not None:
        return errno.errorcode.get(error.errno, str(error.errno))
    return "-"
