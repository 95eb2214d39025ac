"""Who may associate.

This module decides, from what an A-ASSOCIATE-RQ says and where it comes from, whether to reject it and
with which reason of PS3.8 Table 9-21. It decides only; the acceptor answers.
"""

import ipaddress
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

_DICOM_APPLICATION_CONTEXT = "1.2.840.10008.3.1.1.1"  # PS3.7 A.2.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A remote application entity that may send to us.

    Parameters
    ----------
    ae_title : str
        Its calling AE title, compared exactly.
    host : str | None
        Address or name it must call from; None for anywhere.
    """

    ae_title: str
    host: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AssociationRequest:
    """What an association request says about itself; `peer_host` is the address it really came from."""

    called_ae_title: str
    calling_ae_title: str
    application_context_name: str
    peer_host: str


class Rejection(NamedTuple):
    """Result, source and reason of an A-ASSOCIATE-RJ (PS3.8 9.3.4)."""

    result: int
    source: int
    reason: int


APPLICATION_CONTEXT_NOT_SUPPORTED = Rejection(1, 1, 2)
CALLING_AE_TITLE_NOT_RECOGNIZED = Rejection(1, 1, 3)
CALLED_AE_TITLE_NOT_RECOGNIZED = Rejection(1, 1, 7)
LOCAL_LIMIT_EXCEEDED = Rejection(2, 3, 2)


def rejection_of(
    request: AssociationRequest, *, ae_title: str, allowed_peers: Sequence[Peer] | None
) -> Rejection | None:
    """Return why `request` is rejected, or None to accept it.

    Parameters
    ----------
    request : AssociationRequest
        The request.
    ae_title : str
        Our own AE title: the only one that may be called.
    allowed_peers : Sequence[Peer] | None
        Who may call; None for anybody, empty for nobody. A peer that calls from another host than its
        own gets the answer of an unknown AE title, since the standard has no reason for hosts.
    """
    if request.application_context_name != _DICOM_APPLICATION_CONTEXT:
        return APPLICATION_CONTEXT_NOT_SUPPORTED
    if request.called_ae_title.strip() != ae_title.strip():
        return CALLED_AE_TITLE_NOT_RECOGNIZED
    if allowed_peers is not None and not any(_is_peer(request, peer) for peer in allowed_peers):
        return CALLING_AE_TITLE_NOT_RECOGNIZED
    return None


def _is_peer(request: AssociationRequest, peer: Peer) -> bool:
    if request.calling_ae_title.strip() != peer.ae_title.strip():
        return False
    return peer.host is None or _plain(request.peer_host) in _addresses(peer.host)


def _addresses(host: str) -> set[str]:
    """Return the addresses of a host; a name is looked up each time, for it may move."""
    try:
        return {_plain(str(entry[4][0])) for entry in socket.getaddrinfo(host, None)}
    except OSError:
        return set()


def _plain(address: str) -> str:
    """Return an IPv4 address that came in through an IPv6 socket in its usual form."""
    parsed = ipaddress.ip_address(address.partition("%")[0])
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return str(mapped or parsed)
