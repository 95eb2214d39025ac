"""The addresses of hosts are known beforehand, and old answers stay in use while there are no new ones."""

import threading

import pytest

from dicom_io.network import known_hosts
from dicom_io.network.known_hosts import KnownHosts, plain_address
from tests.dicom_io.peers import log_of, wait_until


class Names:
    """A name server that can move names and fail."""

    def __init__(self, **addresses: str) -> None:
        self.addresses = addresses
        self.asked = 0

    def look_up(self, name: str) -> frozenset[str]:
        self.asked += 1
        if name not in self.addresses:
            raise OSError("not found")
        return frozenset({self.addresses[name]})


@pytest.mark.parametrize(
    ("address", "plain"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:DB8::1", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
    ],
)
def test_address_has_one_form(address, plain):
    assert plain_address(address) == plain


def test_addresses_need_no_look_up_and_no_thread():
    before = threading.active_count()
    hosts = KnownHosts(["192.0.2.7", "::ffff:192.0.2.8"], Names().look_up)
    hosts.start()
    assert threading.active_count() == before
    assert hosts.addresses("::ffff:192.0.2.8") == {"192.0.2.8"}
    assert hosts.found() == {frozenset({"192.0.2.7"}), frozenset({"192.0.2.8"})}


def test_name_is_known_when_start_returns():
    hosts = KnownHosts(["localhost"])
    hosts.start()
    assert "127.0.0.1" in hosts.addresses("localhost")
    hosts.stop()


def test_name_that_moves_is_found_again_and_one_that_is_lost_keeps_its_place(caplog):
    names = Names(pacs="192.0.2.7")
    hosts = KnownHosts(["pacs"], names.look_up)
    hosts.refresh()
    names.addresses["pacs"] = "192.0.2.8"
    hosts.refresh()
    assert hosts.addresses("pacs") == {"192.0.2.8"}
    del names.addresses["pacs"]
    hosts.refresh()
    hosts.refresh()
    assert hosts.addresses("pacs") == {"192.0.2.8"}
    assert log_of(caplog).count("host is not found by its name host=pacs last_addresses=192.0.2.8") == 1


@pytest.mark.parametrize("name", ["no-such-host.invalid", "a" * 70 + ".invalid"])
def test_name_that_is_none_has_no_addresses_and_harms_nobody(name):
    hosts = KnownHosts([name, "192.0.2.7"])
    hosts.refresh()
    assert hosts.addresses(name) == frozenset()
    assert hosts.found() == {frozenset({"192.0.2.7"})}


def test_names_are_looked_up_again_and_again_until_stop(monkeypatch):
    monkeypatch.setattr(known_hosts, "REFRESH_SECONDS", 0.01)
    names = Names(pacs="192.0.2.7")
    hosts = KnownHosts(["pacs"], names.look_up)
    before = set(threading.enumerate())
    hosts.start()
    wait_until(lambda: names.asked >= 3)
    hosts.stop()
    wait_until(lambda: set(threading.enumerate()) <= before)


def test_start_does_not_wait_for_ever_for_a_name_server(monkeypatch):
    monkeypatch.setattr(known_hosts, "_FIRST_ANSWER_SECONDS", 0.01)
    answer = threading.Event()

    def hang(_: str) -> frozenset[str]:
        answer.wait()
        return frozenset({"192.0.2.7"})

    hosts = KnownHosts(["pacs"], hang)
    hosts.start()
    assert hosts.addresses("pacs") == frozenset()
    answer.set()
    wait_until(lambda: bool(hosts.addresses("pacs")))
    hosts.stop()
