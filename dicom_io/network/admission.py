"""Who may connect, associate and stay.

This module decides, from where a connection comes, what its A-ASSOCIATE-RQ says and who is here already,
whether to reject it and with which reason of PS3.8 Table 9-21, and who makes room. It decides only; the
acceptor acts.
"""

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeVar

from dicom_io.meanings import REJECT_REASONS

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
    """What an association request says of itself; `peer_host` is the plain address it really came from."""

    called_ae_title: str
    calling_ae_title: str
    application_context_name: str
    peer_host: str


class Rejection(NamedTuple):
    """Result, source and reason of an A-ASSOCIATE-RJ (PS3.8 9.3.4)."""

    result: int
    source: int
    reason: int

    @property
    def words(self) -> str:
        """Return what the numbers mean."""
        return REJECT_REASONS[self.source, self.reason]


APPLICATION_CONTEXT_NOT_SUPPORTED = Rejection(1, 1, 2)
CALLING_AE_TITLE_NOT_RECOGNIZED = Rejection(1, 1, 3)
CALLED_AE_TITLE_NOT_RECOGNIZED = Rejection(1, 1, 7)
LOCAL_LIMIT_EXCEEDED = Rejection(2, 3, 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How many associations there may be at a time, or connections that wait for one.

    Parameters
    ----------
    in_all : int
        At least 1.
    per_host : int
        For one address, 1 to `in_all`.
    """

    in_all: int
    per_host: int

    @property
    def most_kept(self) -> int:
        """Return how many seats are kept for known hosts at most.

        One host can have `per_host` seats whatever is kept, and there is always a seat for a host of
        which only the AE title is known.
        """
        return min(max(self.in_all - self.per_host, 1), self.in_all - 1)


class Waiting(Protocol):
    """A connection without association."""

    @property
    def host(self) -> str:
        """Return the plain address it comes from."""

    @property
    def has_spoken(self) -> bool:
        """Return whether anything has come from it."""


AnyWaiting = TypeVar("AnyWaiting", bound=Waiting)


def can_call(
    host: str, *, allowed_peers: Sequence[Peer] | None, addresses_of: Callable[[str], frozenset[str]]
) -> bool:
    """Return whether anybody at the plain address `host` could be one of `allowed_peers`."""
    return allowed_peers is None or any(
        peer.host is None or host in addresses_of(peer.host) for peer in allowed_peers
    )


def one_to_make_room(waiting: Sequence[AnyWaiting], host: str, *, limits: Limits) -> AnyWaiting | None:
    """Return the connection that is closed for one more from `host`, or None when there is room.

    A host that has its share loses one of its own; otherwise one of the hosts that have most loses one.
    Who has said nothing goes first, and among those who has waited longest.

    Parameters
    ----------
    waiting : Sequence[AnyWaiting]
        The connections that wait, in the order in which they came.
    """
    shares = Counter(connection.host for connection in waiting)
    if shares[host] >= limits.per_host:
        crowd = [connection for connection in waiting if connection.host == host]
    elif len(waiting) >= limits.in_all:
        most = max(shares.values())
        crowd = [connection for connection in waiting if shares[connection.host] == most]
    else:
        return None
    return next((connection for connection in crowd if not connection.has_spoken), crowd[0])


def seat_refusal(
    host: str, *, seated: Sequence[str], known_hosts: Collection[frozenset[str]], limits: Limits
) -> str | None:
    """Return why `host` gets no association more, or None when it gets one.

    Parameters
    ----------
    host : str
        The plain address of who asks.
    seated : Sequence[str]
        The plain address of each association there is.
    known_hosts : Collection[frozenset[str]]
        The addresses of each host that is known by its address. A seat is kept for each of them that has
        none, at most `limits.most_kept` in all; who has one already, or is known by its AE title only,
        does not get those.
    """
    free = limits.in_all - len(seated)
    if free <= 0:
        return f"all {limits.in_all} associations are taken"
    if seated.count(host) >= limits.per_host:
        return f"the host has {limits.per_host} associations, the most for one host"
    absent = [addresses for addresses in known_hosts if addresses.isdisjoint(seated)]
    if any(host in addresses for addresses in absent):
        return None
    kept = min(len(absent), limits.most_kept)
    return f"{free} left, kept for known hosts that have none" if free <= kept else None


def rejection_of(
    request: AssociationRequest,
    *,
    ae_title: str,
    allowed_peers: Sequence[Peer] | None,
    addresses_of: Callable[[str], frozenset[str]],
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
    addresses_of : Callable[[str], frozenset[str]]
        Gives the plain addresses of a host that one of `allowed_peers` names.
    """
    if request.application_context_name != _DICOM_APPLICATION_CONTEXT:
        return APPLICATION_CONTEXT_NOT_SUPPORTED
    if request.called_ae_title.strip() != ae_title.strip():
        return CALLED_AE_TITLE_NOT_RECOGNIZED
    if allowed_peers is None:
        return None
    same_title = [peer for peer in allowed_peers if peer.ae_title.strip() == request.calling_ae_title.strip()]
    if can_call(request.peer_host, allowed_peers=same_title, addresses_of=addresses_of):
        return None
    return CALLING_AE_TITLE_NOT_RECOGNIZED
