"""The receiving side of the network: a Verification and Storage SCP.

This module listens, hands each instance to its owner as a file, and answers with the owner's status. It
never reads a data set, and it acknowledges nothing by itself.
"""

import logging
import sys
import threading
from collections.abc import Callable
from functools import partial
from socket import socket
from socketserver import BaseServer
from typing import Any

from pynetdicom import AE
from pynetdicom.transport import AssociationServer

from dicom_io.network.admission import (
    CALLING_AE_TITLE_NOT_RECOGNIZED,
    LOCAL_LIMIT_EXCEEDED,
    Peer,
    Rejection,
    can_call,
    one_to_make_room,
    seat_refusal,
)
from dicom_io.network.complaints import Complaints
from dicom_io.network.connection import Connection
from dicom_io.network.filing import INCOMING_SUFFIX
from dicom_io.network.interface import (
    AcceptorSettings,
    IncomingInstance,
    RefusedAssociation,
    RefusedInstance,
)
from dicom_io.network.known_hosts import KnownHosts, plain_address
from dicom_io.network.store_status import StoreStatus
from dicom_io.network.transport import Timeouts, application_entity

__all__ = ["Acceptor", "AcceptorSettings", "IncomingInstance", "Peer", "RefusedInstance", "StoreStatus"]

_PARTING_SECONDS = 1.0
"""How long an aborted association may take to end before its connection is cut."""

_log = logging.getLogger(__name__)


class Acceptor:
    """Listens until it is stopped.

    Parameters
    ----------
    settings : AcceptorSettings
        Where to listen, and to whom.
    on_store : Callable[[IncomingInstance], StoreStatus]
        Called for each instance, in a thread of its association; returns the status to answer, SUCCESS
        only when the instance is safe. If it raises `Permanent` the peer is told that the instance
        cannot be understood (0xC000); after any other exception, out of resources (0xA700): the failure
        is ours, so the peer keeps the instance and tries again.
    on_association_released : Callable[[str], None]
        Called once with the id of each accepted association after its last `on_store`, however it ended.
    on_refused : Callable[[RefusedInstance], None]
        Called for each instance that is refused without `on_store`; it must not raise.
    on_rejected : Callable[[RefusedAssociation], None]
        Called for each association and connection that is refused; it must neither raise nor wait.
    """

    def __init__(
        self,
        settings: AcceptorSettings,
        on_store: Callable[[IncomingInstance], StoreStatus],
        on_association_released: Callable[[str], None] = lambda _: None,
        on_refused: Callable[[RefusedInstance], None] = lambda _: None,
        on_rejected: Callable[[RefusedAssociation], None] = lambda _: None,
    ) -> None:
        self.settings = settings
        self.on_store = on_store
        self.on_association_released = on_association_released
        self.on_refused = on_refused
        self.on_rejected = on_rejected
        self.hosts = KnownHosts(settings.named_hosts)
        self._connections: dict[Connection, None] = {}  # in the order in which they came
        self._complaints = Complaints()
        self._changed = threading.Condition()
        self._listener: _Listener | None = None

    def start(self) -> int:
        """Listen and return the port.

        Files that an earlier process left in `incoming_dir` were never acknowledged and are removed.

        Raises
        ------
        OSError
            When the address is in use, or is not ours.
        ValueError
            When the AE title is none.
        """
        for leftover in self.settings.incoming_dir.glob(f"*{INCOMING_SUFFIX}"):
            leftover.unlink(missing_ok=True)
        seconds = self.settings.network_timeout_seconds
        timeouts = Timeouts(connect_seconds=seconds, associate_seconds=seconds, response_seconds=seconds)
        entity = application_entity(self.settings.ae_title, timeouts)
        entity.maximum_associations = sys.maxsize  # we count seats; pynetdicom counts idle connections too
        listener = _Listener(entity, (self.settings.host, self.settings.port), self.settings.ae_title, [])
        listener.lets_in = self._lets_in
        listener.begin = partial(self._begin, entity)
        self.hosts.start()
        self._listener = listener
        threading.Thread(target=listener.serve_forever, args=(0.1,), name="acceptor", daemon=True).start()
        return int(listener.server_address[1])

    def stop(self, grace_seconds: float = 5.0) -> None:
        """Stop listening, let associations end for `grace_seconds`, then abort them. Idempotent."""
        listener, self._listener = self._listener, None
        if listener is None:
            return
        self.hosts.stop()
        listener.shutdown()
        self._end([connection for connection in self._open() if not connection.is_seated], Connection.cut)
        self._wait_until_empty(grace_seconds)
        self._end(self._open(), Connection.abort)
        self._wait_until_empty(_PARTING_SECONDS)
        self._end(self._open(), Connection.cut)
        self._wait_until_empty(_PARTING_SECONDS)

    # What a connection needs of us: see `dicom_io.network.connection.Owner`

    def seat(self, connection: Connection) -> str | None:
        """Take a seat and mark the connection, or return why there is none for it."""
        with self._changed:
            if self._listener is None or connection.is_cut:
                return "the connection is being closed"
            refusal = seat_refusal(
                connection.host,
                seated=[other.host for other in self._connections if other.is_seated],
                known_hosts=self.hosts.found(),
                limits=self.settings.seats,
            )
            connection.is_seated = refusal is None
            return refusal

    def closed(self, connection: Connection) -> None:
        """Forget a connection that has ended."""
        with self._changed:
            self._connections.pop(connection, None)
            self._changed.notify_all()

    # What happens in the accept loop: nothing here may wait

    def _lets_in(self, address: str) -> bool:
        """Return whether a connection from `address` is worth a thread."""
        host = plain_address(address)
        if not can_call(host, allowed_peers=self.settings.known_peers, addresses_of=self.hosts.addresses):
            self._turned_away(
                host, CALLING_AE_TITLE_NOT_RECOGNIZED, "no entry of allowed_peers allows the host"
            )
            return False
        # Besides those who sit and those who wait, as many may have been cut and be about to end.
        waiting = self.settings.waiting.in_all
        if len(self._connections) >= self.settings.max_associations + 2 * waiting:
            self._turned_away(host, LOCAL_LIMIT_EXCEEDED, "too many are open")
            return False
        return True

    def _begin(self, entity: AE, request: socket, client_address: Any) -> None:
        """Serve a connection in a thread of its own; when too many wait, another one makes room for it."""
        connection = Connection(self, request, client_address, entity)
        with self._changed:
            waiting = [other for other in self._connections if not (other.is_seated or other.is_cut)]
            leaving = one_to_make_room(waiting, connection.host, limits=self.settings.waiting)
            if leaving is not None:
                leaving.is_cut = True
            self._connections[connection] = None
        if leaving is not None:
            self._turned_away(leaving.host, LOCAL_LIMIT_EXCEEDED, "too many wait without an association")
            leaving.cut()
        try:
            threading.Thread(target=connection.serve, name="connection", daemon=True).start()
        except RuntimeError:  # the system has no thread left
            self.closed(connection)
            raise

    def _turned_away(self, host: str, rejection: Rejection, reason: str) -> None:
        self._complaints.make(f"connection closed: {reason}", host)
        self.on_rejected(
            RefusedAssociation(calling_ae_title="", peer_host=host, rejection=rejection, reason=reason)
        )

    def _open(self) -> list[Connection]:
        with self._changed:
            return list(self._connections)

    def _end(self, connections: list[Connection], how: Callable[[Connection], None]) -> None:
        for connection in connections:
            how(connection)

    def _wait_until_empty(self, seconds: float) -> None:
        with self._changed:
            self._changed.wait_for(lambda: not self._connections, seconds)


class _Listener(AssociationServer):
    """pynetdicom's server with a longer backlog, in front of a doorkeeper.

    Attributes
    ----------
    lets_in : Callable[[str], bool]
        Whether a connection from this address may begin; it is closed at once otherwise.
    begin : Callable[[socket, Any], None]
        Takes a connection and its address, and does not wait.
    """

    request_queue_size = 128  # with 5 a burst of senders waits a second for TCP to try again

    lets_in: Callable[[str], bool]
    begin: Callable[[socket, Any], None]

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Return whether the connection may begin."""
        return self.lets_in(str(client_address[0]))

    def process_request(self, request: Any, client_address: Any) -> None:
        """Begin the connection."""
        self.begin(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log what went wrong in the accept loop; socketserver would print it."""
        _log.exception("connection failed", extra={"peer_host": client_address[0]})

    def shutdown(self) -> None:
        """Stop listening; running connections go on."""
        BaseServer.shutdown(self)  # pynetdicom's also strikes itself off a list it was never on
        self.server_close()
