from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pytest

from dicom_io.network.admission import (
    APPLICATION_CONTEXT_NOT_SUPPORTED,
    CALLED_AE_TITLE_NOT_RECOGNIZED,
    CALLING_AE_TITLE_NOT_RECOGNIZED,
    AssociationRequest,
    Limits,
    Peer,
    Rejection,
    can_call,
    one_to_make_room,
    rejection_of,
    seat_refusal,
)

PACS = Peer(ae_title="PACS", host="192.0.2.7")


def make_request(**changes: str) -> AssociationRequest:
    values = {
        "called_ae_title": "ULNA",
        "calling_ae_title": "PACS",
        "application_context_name": "1.2.840.10008.3.1.1.1",
        "peer_host": "192.0.2.7",
    }
    return AssociationRequest(**(values | changes))


def only(host: str) -> frozenset[str]:
    """Return the addresses of a host that is named by its address."""
    return frozenset({host})


def judged(
    request: AssociationRequest,
    peers: Sequence[Peer] | None,
    addresses_of: Callable[[str], frozenset[str]] = only,
) -> Rejection | None:
    return rejection_of(request, ae_title="ULNA", allowed_peers=peers, addresses_of=addresses_of)


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (make_request(), None),
        (make_request(called_ae_title=" ULNA "), None),
        (make_request(called_ae_title="ulna"), CALLED_AE_TITLE_NOT_RECOGNIZED),
        (make_request(calling_ae_title="PACS2"), CALLING_AE_TITLE_NOT_RECOGNIZED),
        (make_request(peer_host="192.0.2.8"), CALLING_AE_TITLE_NOT_RECOGNIZED),
        (make_request(peer_host="2001:db8::1"), CALLING_AE_TITLE_NOT_RECOGNIZED),
        (make_request(application_context_name="1.2.3"), APPLICATION_CONTEXT_NOT_SUPPORTED),
    ],
)
def test_request_is_judged_by_context_called_title_calling_title_and_host(
    request_: AssociationRequest, expected: Rejection | None
):
    assert judged(request_, [PACS]) == expected


def test_empty_list_of_peers_admits_nobody():
    assert judged(make_request(), []) == CALLING_AE_TITLE_NOT_RECOGNIZED


def test_no_list_of_peers_admits_anybody():
    request = make_request(calling_ae_title="X", peer_host="203.0.113.9")
    assert judged(request, None) is None


def test_peer_without_host_may_call_from_anywhere():
    request = make_request(peer_host="203.0.113.9")
    assert judged(request, [Peer(ae_title="PACS")]) is None


def test_one_title_may_belong_to_several_hosts():
    peers = [Peer(ae_title="PACS", host="192.0.2.6"), PACS]
    assert judged(make_request(), peers) is None


def test_peer_is_known_by_each_address_of_its_host():
    peers = [Peer(ae_title="PACS", host="pacs.example.org")]
    addresses = frozenset({"192.0.2.7", "2001:db8::7"})
    for host in addresses:
        assert judged(make_request(peer_host=host), peers, lambda _: addresses) is None


def test_host_that_was_never_found_admits_nobody():
    peers = [Peer(ae_title="PACS", host="pacs.example.org")]
    assert judged(make_request(), peers, lambda _: frozenset()) == CALLING_AE_TITLE_NOT_RECOGNIZED


@pytest.mark.parametrize(
    ("peers", "host", "expected"),
    [
        (None, "203.0.113.9", True),
        ([], "203.0.113.9", False),
        ([PACS], "192.0.2.7", True),
        ([PACS], "203.0.113.9", False),
        ([PACS, Peer(ae_title="ANYWHERE")], "203.0.113.9", True),
    ],
)
def test_host_can_call_where_an_entry_names_it_or_none(peers, host, expected):
    assert can_call(host, allowed_peers=peers, addresses_of=only) is expected


# Seats


LIMITS = Limits(in_all=4, per_host=3)
A, B, C, D = "192.0.2.1", "192.0.2.2", "192.0.2.3", "203.0.113.9"


def refusal(host: str, seated: str, known: str = "", seats: Limits = LIMITS) -> str | None:
    """Return why `host` gets no seat; `seated` and `known` name hosts by their letters."""
    letters = {"A": A, "B": B, "C": C, "D": D}
    return seat_refusal(
        host,
        seated=[letters[letter] for letter in seated],
        known_hosts=[frozenset({letters[letter]}) for letter in known],
        limits=seats,
    )


@pytest.mark.parametrize(
    ("host", "seated", "known", "words"),
    [
        (A, "", "", None),
        (A, "AA", "", None),
        (A, "AAA", "", "the most for one host"),
        (B, "AAA", "", None),
        (B, "AAAD", "", "all 4 associations are taken"),
        (A, "AA", "A", None),
        (A, "AAB", "AB", None),
        (A, "AAD", "AB", "kept for known hosts"),
        (D, "AAD", "AB", "kept for known hosts"),
        (B, "AAD", "AB", None),
        (C, "AAD", "ABC", None),
    ],
)
def test_seat_is_refused_when_all_are_taken_the_host_has_its_share_or_the_last_is_kept(
    host, seated, known, words
):
    found = refusal(host, seated, known)
    assert found is None if words is None else words in str(found)


def test_what_is_kept_never_costs_a_host_its_share():
    seats = Limits(in_all=32, per_host=16)
    known = [frozenset({A}), *(frozenset({f"192.0.2.{n}"}) for n in range(100, 200))]
    for taken in range(16):
        assert seat_refusal(A, seated=[A] * taken, known_hosts=known, limits=seats) is None
    assert seat_refusal(A, seated=[A] * 16, known_hosts=known, limits=seats) is not None


def test_only_seat_is_not_kept_for_an_absent_host():
    assert refusal(D, "", "A", Limits(in_all=1, per_host=1)) is None


# Connections without association


@dataclass(frozen=True)
class Caller:
    name: int
    host: str
    has_spoken: bool = False


def crowd(hosts: str, spoken: str = "") -> list[Caller]:
    """Return one connection for each letter; those at a place with a dot in `spoken` have spoken."""
    marks = spoken.ljust(len(hosts))
    return [Caller(n, host, mark == ".") for n, (host, mark) in enumerate(zip(hosts, marks, strict=True))]


@pytest.mark.parametrize(
    ("waiting", "host", "leaves"),
    [
        (crowd(""), "A", None),
        (crowd("AA"), "A", None),
        (crowd("BAAA"), "A", 1),
        (crowd("BAAA", " . "), "A", 2),
        (crowd("BAAA", " ..."), "A", 1),
        (crowd("AAAB"), "B", 0),
        (crowd("BAAC"), "D", 1),
        (crowd("BACD"), "E", 0),
    ],
)
def test_who_is_silent_for_longest_in_the_largest_crowd_makes_room(waiting, host, leaves):
    found = one_to_make_room(waiting, host, limits=LIMITS)
    assert (found.name if found else None) == leaves
