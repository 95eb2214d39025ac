"""This module serves the page from a thread, so that the stage's own loop stays in charge of the process."""

import socket
import threading

import uvicorn
from starlette.types import ASGIApp

from daemon.web.connection import TimedConnection

_STOP_SECONDS = 3.0
_BACKLOG = 64
_MAX_CONNECTIONS = 256  # beyond, requests are answered with 503


class WebServer:
    """An HTTP server in a thread of its own; it touches neither signals nor log set-up.

    Parameters
    ----------
    host, port
        Where to listen; port 0 lets the system choose.
    """

    def __init__(self, app: ASGIApp, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._server = uvicorn.Server(
            uvicorn.Config(
                app,
                http=TimedConnection,
                ws="none",
                loop="asyncio",
                lifespan="off",
                log_config=None,
                log_level="warning",
                access_log=False,  # addresses of studies do not belong into a log of every refresh
                server_header=False,
                limit_concurrency=_MAX_CONNECTIONS,
                timeout_graceful_shutdown=1,
            )
        )
        self._thread: threading.Thread | None = None

    @property
    def running(self) -> bool:
        """Whether the server's thread lives."""
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> int:
        """Listen and serve; return the port.

        Raises
        ------
        OSError
            The address is taken or not of this machine; says which and what to change.
        """
        listener = _listen(self._host, self._port)
        port: int = listener.getsockname()[1]
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [listener]}, name="web", daemon=True
        )
        self._thread.start()
        return port

    def stop(self) -> None:
        """Stop listening, let running answers end, and wait for it, briefly."""
        self._server.should_exit = True
        if self._thread is not None:
            self._thread.join(_STOP_SECONDS)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise OSError(
            error.errno,
            f"the worklist page cannot listen on {host} port {port}: {error.strerror}; "
            "choose another web.host or web.port, or stop the program that uses it",
        ) from error
