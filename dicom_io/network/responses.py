"""The responses that a requestor waits for.

This module gives each response to whoever sent its request, and decides when a peer has been still for too
long: while bytes move towards it, however slowly, it is not.
"""

import queue
import time

from pynetdicom.association import Association
from pynetdicom.dimse import DIMSEServiceProvider
from pynetdicom.dimse_primitives import C_CANCEL, DimsePrimitiveType, DimseServiceType

from dicom_io.errors import AssociationAborted
from dicom_io.faults import Fault
from dicom_io.network.transport import RequestorSocket

_LOOKS = 10  # how often we look within the time-out whether bytes have moved


class NoAnswer(AssociationAborted):
    """The peer took the request, or stopped taking it, and then let the time run out."""


class Responses(DIMSEServiceProvider):
    """The DIMSE provider of a requestor that serves no requests.

    pynetdicom's reactor looks for requests without waiting, and now and then, on a busy machine, takes
    away the response that `send_c_store` waits for (3 of 1060 sends on two loaded cores). Here only who
    waits for a message gets it.

    pynetdicom begins to wait when it has queued a request, long before the peer has all of it, and takes
    whatever message comes next for the response.

    Parameters
    ----------
    association : Association
        The requestor's association.
    connection : RequestorSocket
        What its bytes go through.
    """

    def __init__(self, association: Association, connection: RequestorSocket) -> None:
        super().__init__(association)
        self._connection = connection
        self._request: DimseServiceType | None = None

    def send_msg(self, primitive: DimsePrimitiveType, context_id: int) -> None:
        """Queue a request, and remember it until its response comes; C-CANCEL has none."""
        self._request = None if isinstance(primitive, C_CANCEL) else primitive
        super().send_msg(primitive, context_id)

    def get_msg(self, block: bool = False) -> tuple[None, None] | tuple[int, DimseServiceType]:
        """Return the response to the last request; (None, None) when the association has ended instead.

        Raises
        ------
        NoAnswer
            No byte moved and no response came for `dimse_timeout` seconds.
        AssociationAborted
            What came is no response to the last request.
        """
        if not block:
            return None, None
        context_id, message = self._next()
        if context_id is None or message is None:
            if self._connection.is_stuck:
                raise NoAnswer(Fault.NO_BYTE_TAKEN, seconds=float(self.dimse_timeout or 0.0))
            return None, None
        self._require_response(message)
        return context_id, message

    def _next(self) -> tuple[None, None] | tuple[int, DimseServiceType]:
        seconds = float(self.dimse_timeout or 0.0)
        still_since, seen = time.monotonic(), self._connection.progress()
        while time.monotonic() - still_since < seconds:
            try:
                return self.msg_queue.get(timeout=seconds / _LOOKS)
            except queue.Empty:
                progress = self._connection.progress()
                if progress != seen:
                    still_since, seen = time.monotonic(), progress
        raise NoAnswer(Fault.NO_ANSWER, seconds=seconds)

    def _require_response(self, message: DimseServiceType) -> None:
        """Compare (0000,0120) *Message ID Being Responded To* with what we sent (PS3.7 9.3.1.2)."""
        asked = self._request
        answered = message.MessageIDBeingRespondedTo
        if asked is None or type(message) is not type(asked) or answered != asked.MessageID:
            raise AssociationAborted(
                Fault.OTHER_ANSWER,
                message=type(message).__name__,
                answered=str(answered),
                asked=str(None if asked is None else asked.MessageID),
            )
