"""Ports that were free a moment ago."""

import socket


def free_port() -> int:
    """Give a TCP port of the loopback interface that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
