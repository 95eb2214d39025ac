"""What an acceptor is told and what it tells.

This module holds the values that pass between the acceptor and its owner.
"""

from dataclasses import dataclass
from pathlib import Path

from dicom_io.network.admission import Limits, Peer, Rejection
from dicom_io.network.store_status import StoreStatus
from dicom_io.uids import SopClassUid, SopInstanceUid

_WAITING_PER_HOST = 8
"""Connections of one host that may wait beside those that may become associations at once."""

_WAITING_IN_ALL = 32
"""The same of all hosts together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptorSettings:
    """How to listen, and to whom.

    Parameters
    ----------
    ae_title : str
        Our AE title; peers must call it.
    host : str
        Address to listen on.
    port : int
        TCP port; 0 lets the system choose.
    allowed_peers : tuple[Peer, ...]
        Who may send.
    accept_unknown_peers : bool
        Let anybody send, whatever `allowed_peers` says. For demonstrations.
    max_associations : int
        Associations at a time; one more is rejected as transient.
    max_associations_per_host : int
        The same for one address; at most `max_associations`.
    max_instance_bytes : int
        Longest data set that is kept.
    network_timeout_seconds : float
        How long a peer may be silent: before its request, between messages, within a PDU.
    incoming_dir : Path
        Existing folder for files while they are received. It must be on the file system of their final
        place, and no other acceptor may use it.
    """

    ae_title: str
    host: str
    port: int
    allowed_peers: tuple[Peer, ...]
    accept_unknown_peers: bool = False
    max_associations: int
    max_associations_per_host: int
    max_instance_bytes: int
    network_timeout_seconds: float
    incoming_dir: Path

    @property
    def known_peers(self) -> tuple[Peer, ...] | None:
        """Return who may send; None for anybody."""
        return None if self.accept_unknown_peers else self.allowed_peers

    @property
    def named_hosts(self) -> frozenset[str]:
        """Return the names and addresses of the hosts from which somebody may send."""
        return frozenset(peer.host for peer in self.known_peers or () if peer.host is not None)

    @property
    def seats(self) -> Limits:
        """Return how many associations there may be at a time."""
        return Limits(in_all=self.max_associations, per_host=self.max_associations_per_host)

    @property
    def waiting(self) -> Limits:
        """Return how many connections may be open without an association yet."""
        return Limits(
            in_all=self.max_associations + _WAITING_IN_ALL,
            per_host=self.max_associations_per_host + _WAITING_PER_HOST,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingInstance:
    """One received instance, before anything has been decided about it.

    Parameters
    ----------
    path : Path
        A complete Part 10 file, closed but not synced. Move it away to keep it; what is still there when
        `on_store` returns is removed.
    sop_class_uid, sop_instance_uid : str
        As the C-STORE command says; the data set may say something else.
    calling_ae_title, peer_host : str
        The sender, and the address it sent from.
    association_id : str
        Unique over time; names the association in `on_association_released`.
    priority : int
        (0000,0700) *Priority*: 0 medium, 1 high, 2 low (PS3.7 9.3.1.1).
    """

    path: Path
    sop_class_uid: SopClassUid
    sop_instance_uid: SopInstanceUid
    calling_ae_title: str
    peer_host: str
    association_id: str
    priority: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedInstance:
    """An instance that was refused before it came to its owner.

    Parameters
    ----------
    sop_instance_uid : str
        As the C-STORE command says; empty when that is no UID, for it may be anything, a name included.
    calling_ae_title, peer_host : str
        The sender, and the address it sent from.
    status : StoreStatus
        What the sender is answered.
    reason : str
        What was wrong, without patient data.
    """

    sop_instance_uid: str
    calling_ae_title: str
    peer_host: str
    status: StoreStatus
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedAssociation:
    """An association that was rejected, or a connection that was closed before it asked for one.

    Parameters
    ----------
    calling_ae_title : str
        Who asked; empty where nobody had asked yet.
    peer_host : str
        The address it came from.
    rejection : Rejection
        What it was answered, or would have been.
    reason : str
        The same in words.
    """

    calling_ae_title: str
    peer_host: str
    rejection: Rejection
    reason: str
