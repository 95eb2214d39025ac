"""This module is the rule for the page's address: it stays on this machine until it has a login."""

import ipaddress
import re


def loopback(host: str) -> str:
    """Return a host on which only this machine is heard.

    Raises
    ------
    ValueError
        Others can reach it, or might: a name other than localhost may mean any address.
    """
    if not _is_loopback(host):
        raise ValueError(
            "must be localhost, 127.0.0.1 (or another address of 127.0.0.0/8) or ::1: "
            "the page shows every patient and has no login; for other machines put a reverse proxy "
            "with a login in front of it and name that in web.host_names"
        )
    return host


def host_name(name: str) -> str:
    """Return a name that a request can carry in its Host header.

    Raises
    ------
    ValueError
        It holds more than a name, so no request would ever match it.
    """
    if not re.fullmatch(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?", name):
        raise ValueError(
            'must be a host name alone, like "worklist.example.org": no scheme, port, path or "*"; '
            "addresses are served without being named"
        )
    return name


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
