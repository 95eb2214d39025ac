import pytest

from dicom_io.admission import (
    APPLICATION_CONTEXT_NOT_SUPPORTED,
    CALLED_AE_TITLE_NOT_RECOGNIZED,
    CALLING_AE_TITLE_NOT_RECOGNIZED,
    AssociationRequest,
    Peer,
    Rejection,
    rejection_of,
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


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (make_request(), None),
        (make_request(called_ae_title=" ULNA "), None),
        (make_request(peer_host="::ffff:192.0.2.7"), None),
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
    assert rejection_of(request_, ae_title="ULNA", allowed_peers=[PACS]) == expected


def test_empty_list_of_peers_admits_nobody():
    assert rejection_of(make_request(), ae_title="ULNA", allowed_peers=[]) == CALLING_AE_TITLE_NOT_RECOGNIZED


def test_no_list_of_peers_admits_anybody():
    request = make_request(calling_ae_title="X", peer_host="203.0.113.9")
    assert rejection_of(request, ae_title="ULNA", allowed_peers=None) is None


def test_peer_without_host_may_call_from_anywhere():
    request = make_request(peer_host="203.0.113.9")
    assert rejection_of(request, ae_title="ULNA", allowed_peers=[Peer(ae_title="PACS")]) is None


def test_one_title_may_belong_to_several_hosts():
    peers = [Peer(ae_title="PACS", host="192.0.2.6"), PACS]
    assert rejection_of(make_request(), ae_title="ULNA", allowed_peers=peers) is None


def test_name_of_a_host_is_looked_up():
    peers = [Peer(ae_title="PACS", host="localhost")]
    assert rejection_of(make_request(peer_host="127.0.0.1"), ae_title="ULNA", allowed_peers=peers) is None


def test_name_that_cannot_be_looked_up_admits_nobody():
    peers = [Peer(ae_title="PACS", host="no-such-host.invalid")]
    found = rejection_of(make_request(), ae_title="ULNA", allowed_peers=peers)
    assert found == CALLING_AE_TITLE_NOT_RECOGNIZED
