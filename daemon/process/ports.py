"""This module tells, before anything is started, whether the configured addresses can be listened on."""

import errno
import socket
import time
from dataclasses import dataclass

from daemon.config.configuration import Config
from daemon.errors import AddressUnusable

_RETRY_SECONDS = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenAddress:
    """Where a stage listens; `section` is that of the configuration which says so."""

    section: str
    host: str
    port: int


def listen_addresses(config: Config) -> tuple[ListenAddress, ...]:
    """Return the addresses that this configuration calls for."""
    receiver, web = config.receiver, config.web
    page = (ListenAddress(section="web", host=web.host, port=web.port),) if web.enabled else ()
    return (ListenAddress(section="receiver", host=receiver.host, port=receiver.port), *page)


def require_free(address: ListenAddress, *, patience_seconds: float = 0.0) -> None:
    """Make sure that the address can be listened on.

    Parameters
    ----------
    patience_seconds
        How long to wait for a program that listens there to end.

    Raises
    ------
    AddressUnusable
        It cannot; says why, and which key to change.
    """
    give_up = time.monotonic() + patience_seconds
    while True:
        try:
            _bind(address)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() >= give_up:
                raise AddressUnusable(_sentence(address, error)) from error
            time.sleep(_RETRY_SECONDS)
        else:
            return


def _bind(address: ListenAddress) -> None:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    with socket.socket(family) as probe:
        # As the stages do: what is left of ended connections is in nobody's way.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((address.host, address.port))


def _sentence(address: ListenAddress, error: OSError) -> str:
    port, host = f"{address.section}.port = {address.port}", f"{address.section}.host = {address.host!r}"
    if error.errno == errno.EADDRINUSE:
        return f"{port}: another program, perhaps another ulna, listens there; end it, or choose another port"
    if error.errno == errno.EACCES:
        return (
            f"{port}: this user may not listen there; choose a port from 1024, or run the service of systemd/"
        )
    if error.errno == errno.EADDRNOTAVAIL or isinstance(error, socket.gaierror):
        return f"{host}: no address of this machine; name one that `ip address` lists, or 0.0.0.0 for all"
    return f"{port} of {host}: cannot be listened on: {error.strerror}"
