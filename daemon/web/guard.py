"""This module stands before every request: which host names are served, and which headers go with answers."""

import ipaddress
import socket
from collections.abc import Iterable

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Nothing comes from elsewhere, nothing runs inline, nobody may frame the page.
CONTENT_SECURITY_POLICY = (
    "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_STATIC = "/static/"
_MISDIRECTED = 421


class Guard:
    """Refuses requests that name a foreign host, and adds the security headers to every answer.

    A web page elsewhere can let its own name point to this machine and then read what we answer (DNS
    rebinding). Its requests carry that name, so only addresses, the names of this machine and
    `host_names` are served.
    """

    def __init__(self, app: ASGIApp, host_names: Iterable[str] = ()) -> None:
        self._app = app
        self._names = frozenset({"localhost", socket.gethostname().lower(), *map(str.lower, host_names)})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        cache = "no-cache" if scope["path"].startswith(_STATIC) else "no-store"

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in (*_HEADERS.items(), ("Cache-Control", cache)):
                    headers[name] = value
            await send(message)

        app = self._app if self._serves(Headers(scope=scope).get("host", "")) else _refusal()
        await app(scope, receive, send_with_headers)

    def _serves(self, host: str) -> bool:
        name = host_name(host)
        return name in self._names or name.endswith(".localhost") or _is_address(name)


def host_name(header: str) -> str:
    """Return the name in a Host header, without its port.

    >>> host_name("Reading-Room:8080"), host_name("[::1]:8080"), host_name("127.0.0.1")
    ('reading-room', '::1', '127.0.0.1')
    """
    name = header[1:].partition("]")[0] if header.startswith("[") else header.partition(":")[0]
    return name.lower().removesuffix(".")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _refusal() -> PlainTextResponse:
    return PlainTextResponse(
        "This host name is not served here; use the address of the machine, or localhost.\n", _MISDIRECTED
    )
