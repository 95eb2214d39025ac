"""The receiving side of the network: a Verification and Storage SCP.

This module listens, hands each instance to its owner as a file, and answers with the owner's status. It
never reads a data set, and it acknowledges nothing by itself.
"""

import logging
import sys
import threading
from collections.abc import Callable
from functools import partial
from socketserver import BaseServer
from typing import Any

from pynetdicom.transport import ThreadedAssociationServer

from dicom_io.admission import Peer
from dicom_io.connection import Connection
from dicom_io.incoming import INCOMING_SUFFIX
from dicom_io.reception import AcceptorSettings, IncomingInstance, RefusedInstance
from dicom_io.storage_classes import supported_contexts
from dicom_io.store_status import StoreStatus
from dicom_io.transport import Timeouts, application_entity

__all__ = ["Acceptor", "AcceptorSettings", "IncomingInstance", "Peer", "RefusedInstance", "StoreStatus"]

_SPARE_CONNECTIONS = 64
"""Connections beyond `max_associations` that may be open without having asked for an association."""

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
    """

    def __init__(
        self,
        settings: AcceptorSettings,
        on_store: Callable[[IncomingInstance], StoreStatus],
        on_association_released: Callable[[str], None] = lambda _: None,
        on_refused: Callable[[RefusedInstance], None] = lambda _: None,
    ) -> None:
        self.settings = settings
        self.on_store = on_store
        self.on_association_released = on_association_released
        self.on_refused = on_refused
        self._connections: set[Connection] = set()
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
        listener = _Listener(
            entity,
            (self.settings.host, self.settings.port),
            self.settings.ae_title,
            supported_contexts(),
            request_handler=partial(Connection, self),
        )
        listener.has_room = self._has_room
        self._listener = listener
        threading.Thread(target=listener.serve_forever, args=(0.1,), name="acceptor", daemon=True).start()
        return int(listener.server_address[1])

    def stop(self, grace_seconds: float = 5.0) -> None:
        """Stop listening, let associations end for `grace_seconds`, then abort them. Idempotent."""
        listener, self._listener = self._listener, None
        if listener is None:
            return
        listener.shutdown()
        self._end([connection for connection in self._open() if not connection.is_seated], Connection.cut)
        self._wait_until_empty(grace_seconds)
        self._end(self._open(), Connection.abort)
        self._wait_until_empty(_PARTING_SECONDS)
        self._end(self._open(), Connection.cut)
        self._wait_until_empty(_PARTING_SECONDS)

    # What a connection needs of us: see `dicom_io.connection.Owner`

    def opened(self, connection: Connection) -> None:
        """Count a connection that begins."""
        with self._changed:
            self._connections.add(connection)

    def seat(self, connection: Connection) -> bool:
        """Take one of `max_associations` seats and mark the connection; False when none is free."""
        with self._changed:
            taken = sum(other.is_seated for other in self._connections)
            connection.is_seated = self._listener is not None and taken < self.settings.max_associations
            return connection.is_seated

    def closed(self, connection: Connection) -> None:
        """Forget a connection that has ended."""
        with self._changed:
            self._connections.discard(connection)
            self._changed.notify_all()

    def _has_room(self) -> bool:
        return len(self._connections) < self.settings.max_associations + _SPARE_CONNECTIONS

    def _open(self) -> list[Connection]:
        with self._changed:
            return list(self._connections)

    def _end(self, connections: list[Connection], how: Callable[[Connection], None]) -> None:
        for connection in connections:
            how(connection)

    def _wait_until_empty(self, seconds: float) -> None:
        with self._changed:
            self._changed.wait_for(lambda: not self._connections, seconds)


class _Listener(ThreadedAssociationServer):
    """pynetdicom's server with a longer backlog and a bound on open connections."""

    request_queue_size = 128  # with 5 a burst of senders waits a second for TCP to try again
    block_on_close = False
    daemon_threads = True

    has_room: Callable[[], bool] = staticmethod(lambda: True)

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Close a connection at once when too many are open."""
        if self.has_room():
            return True
        _log.warning("connection closed: too many are open peer_host=%s", client_address[0])
        return False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log what went wrong in a connection's thread; socketserver would print it."""
        _log.exception("connection failed peer_host=%s", client_address[0])

    def shutdown(self) -> None:
        """Stop listening; running connections go on."""
        BaseServer.shutdown(self)  # pynetdicom's also strikes itself off a list it was never on
        self.server_close()
