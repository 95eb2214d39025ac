"""This module ends HTTP connections that keep the page waiting, so that they never stop it for others."""

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_SECONDS = 10.0
"""A request whose head is not whole by then does not come."""

BODY_SECONDS = 60.0
"""Its body: an upload of the largest size takes a second within the house."""

READING_SECONDS = 30.0
"""Who takes nothing of an answer for so long has gone."""

MOST_UNFINISHED = 64
"""Of requests that are not whole. Where there are more, the one that has waited longest is ended."""


class TimedConnection(H11Protocol):
    """One connection as uvicorn serves it, with an end to every wait for the other side.

    uvicorn itself waits without end for the rest of a request, and counts each that waits as if it were
    served: a few dozen halves of requests stop the page, and what asks whether it is healthy.
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._awaited: object = None  # what the deadline is for: a state of the other side
        self._deadline: asyncio.TimerHandle | None = None
        self._reading: asyncio.TimerHandle | None = None

    @property
    def unfinished_since(self) -> float | None:
        """Since when a request that is not whole is waited for, by the loop's clock; None without one."""
        return None if self._deadline is None else self._deadline.when() - _SECONDS[self._awaited]

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for the first request."""
        super().connection_made(transport)
        self._wait_for(h11.IDLE)
        waiting = [each for each in self.connections if isinstance(each, TimedConnection) and each._deadline]
        if len(waiting) > MOST_UNFINISHED:
            min(waiting, key=lambda each: each.unfinished_since or 0.0).end()

    def data_received(self, data: bytes) -> None:
        """Serve what has come, and wait for what is still missing."""
        super().data_received(data)
        state = self.conn.their_state
        self._wait_for(state if state in _SECONDS else None)

    def pause_writing(self) -> None:
        """Wait for the other side to read."""
        super().pause_writing()
        self._reading = self.loop.call_later(READING_SECONDS, self.end)

    def resume_writing(self) -> None:
        """Go on: it has read."""
        super().resume_writing()
        _cancel(self._reading)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        super().connection_lost(exc)
        self._wait_for(None)
        _cancel(self._reading)

    def end(self) -> None:
        """End the connection, whatever it is at."""
        self._wait_for(None)  # else it would be the longest waiting until the loop comes to its end
        self.transport.abort()

    def _wait_for(self, state: object) -> None:
        """Set the deadline; waiting on for the same does not move it."""
        if state is self._awaited:
            return
        _cancel(self._deadline)
        self._awaited = state
        self._deadline = None if state is None else self.loop.call_later(_SECONDS[state], self.end)


_SECONDS: dict[object, float] = {h11.IDLE: HEAD_SECONDS, h11.SEND_BODY: BODY_SECONDS}


def _cancel(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()
