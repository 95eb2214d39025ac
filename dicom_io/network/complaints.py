"""Warnings about connections of strangers."""

import logging
import math
import time

_COMPLAINT_SECONDS = 60.0
"""How long nothing more is said of the connections that are closed to one host."""

_MOST_COMPLAINTS = 1000
"""Hosts of which it is remembered that they were complained of."""

_log = logging.getLogger(__name__)


class Complaints:
    """Warnings about the connections of strangers, who must not fill the log: few for each host."""

    def __init__(self) -> None:
        self._made: dict[str, float] = {}
        self._unsaid = 0

    def make(self, complaint: str, host: str) -> None:
        """Warn, unless that was done for `host` a short while ago."""
        now = time.monotonic()
        if now - self._made.get(host, -math.inf) < _COMPLAINT_SECONDS:
            self._unsaid += 1
            return
        if len(self._made) >= _MOST_COMPLAINTS:
            self._made.clear()
        self._made[host] = now
        _log.warning(complaint, extra={"peer_host": host, "not_logged_before": self._unsaid})
        self._unsaid = 0
