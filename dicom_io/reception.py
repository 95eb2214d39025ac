"""What an acceptor is told and what it tells.

This module holds the values that pass between the acceptor and its owner.
"""

from dataclasses import dataclass
from pathlib import Path

from dicom_io.admission import Peer
from dicom_io.uids import SopClassUid, SopInstanceUid


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
    max_instance_bytes: int
    network_timeout_seconds: float
    incoming_dir: Path


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
        As the C-STORE command says, whatever that is: it may be no UID.
    calling_ae_title, peer_host : str
        The sender, and the address it sent from.
    reason : str
        What was wrong, without patient data.
    """

    sop_instance_uid: str
    calling_ae_title: str
    peer_host: str
    reason: str
