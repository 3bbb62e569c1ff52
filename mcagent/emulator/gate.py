"""The outermost layer of the hub's HTTP: bounded bodies, faults, the platform's clock.

An ASGI application around the routes. It reads the whole body first (bounded), because a fault
rule may look into it and because an answer sent in the middle of an upload looks to the client
like a broken connection.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from .answers import encode
from .clock import PlatformClock
from .faults import Fault, Faults

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

CONTROL = "/_emulator/"
TOKEN_PATH = "/api/agentmanagement/v3/oauth/token"  # noqa: S105 - a path
# Key of a function in the scope that closes the TCP connection at once (server.py).
HANG_UP = "mcagent.hang_up"
# Beyond the largest exchange the body is read and thrown away, so that the client can finish
# sending and see the 413; beyond this the connection is cut.
_DRAIN_MAX = 256 * 1024 * 1024
_BODY_SLACK = 1024
_FIELDS_MAX = 200  # h11 bounds their size, not their number; clients send about ten

_HTML = (
    b"<html><head><title>Gateway</title></head><body><h1>Service unavailable</h1></body></html>"
)


class Gate:
    """Guard *application* with faults from *faults* and date its answers by *clock*.

    *requests* counts requests by "METHOD /path", the control interface left out; *body_max* tells
    the size beyond which a body need not be kept, by path.
    """

    def __init__(
        self,
        application: Application,
        *,
        faults: Faults,
        clock: PlatformClock,
        requests: Counter[str],
        body_max: Callable[[str], int],
    ) -> None:
        self._application = application
        self._faults = faults
        self._clock = clock
        self._body_max = body_max
        self._requests = requests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        method, path = scope["method"], scope["path"]
        body = await _read_body(receive, self._body_max(path) + _BODY_SLACK)
        if body is None:
            await _hang_up(scope, receive)
            return
        dated = _Dated(send, self._clock, token=path == TOKEN_PATH)
        if len(scope["headers"]) > _FIELDS_MAX:
            await _refuse(Fault("status", status=431), dated)
            return
        faults: list[Fault] = []
        if not path.startswith(CONTROL):
            self._requests[f"{method} {path}"] += 1
            faults = self._faults.take(method, path, body)
        for fault in faults:
            await _pause(fault.seconds, receive)
            if fault.action == "drop_before":
                await _hang_up(scope, receive)
                return
            if fault.action in ("status", "html"):
                await _refuse(fault, dated)
                return
            if fault.action == "drop_after":
                await self._application(scope, _replay(body), _discard)
                await _hang_up(scope, receive)
                return
        await self._application(scope, _replay(body), dated)


class _Dated:
    """Send with the platform's `Date`, and `Server-Time` at the token endpoint (agent API 4.3)."""

    def __init__(self, send: Send, clock: PlatformClock, *, token: bool) -> None:
        self._send = send
        self._clock = clock
        self._token = token

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [*message.get("headers", ()), (b"date", self._clock.http_date().encode())]
            if self._token:
                headers.append((b"server-time", b"%d" % self._clock.now_s()))
            message = {**message, "headers": headers}
        await self._send(message)


async def _read_body(receive: Receive, longest: int) -> "bytes | None":
    """Give the body, cut one byte beyond *longest*; None if it never ends or the client went."""
    pieces: list[bytes] = []
    kept = total = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        piece = message.get("body", b"")
        total += len(piece)
        if total > _DRAIN_MAX:
            return None
        if kept <= longest:
            pieces.append(piece[: longest + 1 - kept])
            kept += len(pieces[-1])
        if not message.get("more_body"):
            return b"".join(pieces)


def _replay(body: bytes) -> Receive:
    """Make a `receive` that gives *body* once and then says that the client is gone."""
    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        return messages.pop() if messages else {"type": "http.disconnect"}

    return receive


async def _pause(seconds: float, receive: Receive) -> None:
    """Wait; if the client gives up meanwhile, go on at once: its request still takes effect."""
    if seconds > 0:
        try:
            await asyncio.wait_for(_until_gone(receive), seconds)
        except asyncio.TimeoutError:
            pass


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _discard(_message: Message) -> None:
    """Take an answer that nobody will see."""


async def _hang_up(scope: Scope, receive: Receive) -> None:
    """Close the TCP connection without an answer, and wait until it is closed."""
    scope[HANG_UP]()
    await _until_gone(receive)


async def _refuse(fault: Fault, send: Send) -> None:
    if fault.action == "html":
        content_type, body = b"text/html", _HTML
    else:
        content_type = b"application/json"
        body = encode({"id": "", "message": f"Refused with {fault.status} by a rule."})
    headers = [(b"content-type", content_type), (b"content-length", b"%d" % len(body))]
    for name, text in fault.headers.items():
        headers.append((name.lower().encode(), text.encode()))
    await send({"type": "http.response.start", "status": fault.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
