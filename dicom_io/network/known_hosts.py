"""The addresses of the hosts that may call.

This module keeps the last answer for each host that is named, so that neither the accept loop nor an
association ever waits for DNS.
"""

import ipaddress
import logging
import socket
import threading
from collections.abc import Callable, Iterable

REFRESH_SECONDS = 60.0
"""A name that moved is known at its new address this long later, plus the time that look-ups take."""

_RETRY_SECONDS = 5.0
"""The same for a name that was never found."""

_FIRST_ANSWER_SECONDS = 3.0
"""How long `start` waits for the first answers."""

_log = logging.getLogger(__name__)


def plain_address(address: str) -> str:
    """Return an IP address without its zone, and an IPv4 address that came through IPv6 in its usual form.

    Raises
    ------
    ValueError
        When `address` is no IP address.
    """
    parsed = ipaddress.ip_address(address.partition("%")[0])
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return str(mapped or parsed)


def look_up(name: str) -> frozenset[str]:
    """Return the addresses of a host by its name; this waits for DNS.

    Raises
    ------
    OSError, UnicodeError
        When the name is not found, or is none.
    """
    return frozenset(plain_address(str(entry[4][0])) for entry in socket.getaddrinfo(name, None))


class KnownHosts:
    """The hosts that may call, each with the addresses at which it was found last.

    Parameters
    ----------
    hosts : Iterable[str]
        IP addresses and names. Names are looked up in a thread between `start` and `stop`; when one is
        not found its last addresses stay in use, and before its first answer it has none.
    look_up : Callable[[str], frozenset[str]]
        Finds the addresses of a name; raises OSError or UnicodeError when it cannot.
    """

    def __init__(self, hosts: Iterable[str], look_up: Callable[[str], frozenset[str]] = look_up) -> None:
        self._addresses: dict[str, frozenset[str]] = {host: _numeric(host) for host in hosts}
        self._names = tuple(host for host, addresses in self._addresses.items() if not addresses)
        self._not_found: set[str] = set()
        self._look_up = look_up
        self._answered = threading.Event()
        self._stopped = threading.Event()

    def start(self) -> None:
        """Begin to look names up, and wait a while for the first answers."""
        if self._names:
            threading.Thread(target=self._keep_fresh, name="known hosts", daemon=True).start()
            self._answered.wait(_FIRST_ANSWER_SECONDS)

    def stop(self) -> None:
        """Look nothing up any more; do not wait for a look-up that is under way."""
        self._stopped.set()

    def addresses(self, host: str) -> frozenset[str]:
        """Return the addresses of one of the hosts; empty when it was never found."""
        return self._addresses[host]

    def found(self) -> frozenset[frozenset[str]]:
        """Return the addresses of each host that has some; hosts with the same addresses count as one."""
        return frozenset(addresses for addresses in self._addresses.values() if addresses)

    def refresh(self) -> None:
        """Look every name up once."""
        for name in self._names:
            try:
                self._addresses[name] = self._look_up(name)
                self._not_found.discard(name)
            except (OSError, UnicodeError):
                if name not in self._not_found:
                    kept = ",".join(sorted(self._addresses[name])) or "-"
                    _log.warning(
                        "host is not found by its name", extra={"host": name, "last_addresses": kept}
                    )
                self._not_found.add(name)

    def _keep_fresh(self) -> None:
        while not self._stopped.is_set():
            self.refresh()
            self._answered.set()
            has_all = all(self._addresses.values())
            self._stopped.wait(REFRESH_SECONDS if has_all else _RETRY_SECONDS)


def _numeric(host: str) -> frozenset[str]:
    try:
        return frozenset({plain_address(host)})
    except ValueError:
        return frozenset()
