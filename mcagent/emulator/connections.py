"""One TCP connection of the hub, and the bounds on how many there are and how long they hold.

A client that means ill, or is broken, sends its head byte by byte, stops in the middle of a body,
or reads no answer. It may hold a connection for a while, but never keep others out.
"""

import asyncio
import logging
import socket
import struct
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from uvicorn.protocols.http.h11_impl import H11Protocol

from .gate import WIRE, Receive, Scope, Send

_WRITE_POLL_S = 0.005
# Bugs of the hub are told; broken requests are not: two thousand lines of them fill a pipe that
# nobody reads, and then the hub waits for its reader instead of its clients.
_LOGGER = logging.getLogger("mcagent.emulator.http")
_LOGGER.setLevel(logging.ERROR)


class Limits(Protocol):
    """The switches that bound connections (settings.py)."""

    connections_max: int
    head_timeout_s: float
    body_pause_s: float


class Connection(H11Protocol):
    """HTTP/1.1, with a way for the application to treat the connection ill (gate.Wire)."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.logger = _LOGGER
        application: Any = self.app

        async def with_wire(scope: Scope, receive: Receive, send: Send) -> None:
            scope[WIRE] = self
            await application(scope, receive, send)

        self.app = with_wire
        self._head_since: float | None = None  # when the first byte of a request head came
        self._moved = self.loop.time()  # when bytes came or went
        self._unsent = 0
        self.when_made: Callable[[], object] = lambda: None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)  # type: ignore[arg-type]
        self._moved = self.loop.time()
        self.when_made()

    def data_received(self, data: bytes) -> None:
        self._moved = self.loop.time()
        if self._head_since is None and not self.in_request:
            self._head_since = self._moved
        super().data_received(data)
        if self.in_request:
            self._head_since = None

    def connection_lost(self, exc: "Exception | None") -> None:
        super().connection_lost(exc)
        self.transport.close()  # Python 3.10 warns of a TLS transport that a reset has ended

    @property
    def in_request(self) -> bool:
        """Tell whether a request head is complete and its answer is not."""
        return self.cycle is not None and not self.cycle.response_complete

    @property
    def idle_since(self) -> "float | None":
        """Since when no request is under way, None if one is."""
        return None if self.in_request else self._moved

    def overdue(self, limits: Limits, now: float) -> bool:
        """Tell whether the client has kept the hub waiting too long."""
        unsent = self.transport.get_write_buffer_size()
        if unsent != self._unsent:
            self._unsent, self._moved = unsent, now
        if self._head_since is not None:
            return now - self._head_since > limits.head_timeout_s
        paused = now - self._moved > limits.body_pause_s
        if self.in_request and not self.cycle.more_body:
            return paused and unsent > 0  # it does not read its answer
        return paused

    # -- for the gate

    def hang_up(self) -> None:
        self.transport.abort()

    def reset(self) -> None:
        reset_on_close(self.transport.get_extra_info("socket"))
        self.transport.abort()

    def finish(self) -> None:
        self.transport.close()

    async def write(self, data: bytes) -> None:
        self.transport.write(data)
        # Asked again and again: the transport says so by itself only where much waits.
        while self.transport.get_write_buffer_size() and not self.transport.is_closing():  # noqa: ASYNC110
            await asyncio.sleep(_WRITE_POLL_S)


def reset_on_close(connection: Any) -> None:
    """Make the kernel answer RST, not FIN, when the socket is closed."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def end_overdue(connections: Iterable[Any], limits: Limits, now: float) -> None:
    """Close every connection whose client keeps the hub waiting."""
    for connection in list(connections):
        if connection.overdue(limits, now):
            connection.hang_up()


def end_idle(connections: Iterable[Any]) -> bool:
    """Close the connection that has been idle longest; False if all are at work."""
    idle = [
        one for one in connections if one.idle_since is not None and not one.transport.is_closing()
    ]
    if not idle:
        return False
    min(idle, key=lambda one: one.idle_since).hang_up()
    return True
