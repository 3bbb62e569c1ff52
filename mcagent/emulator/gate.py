"""The outermost layer of the hub's HTTP: bounded bodies, faults, the platform's clock.

An ASGI application around the routes. It reads the whole body first (bounded), because a fault
rule may look into it and because an answer sent in the middle of an upload looks to the client
like a broken connection.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Protocol

from .answers import CUT_SHORT, encode
from .caller import bearer_of, claimed_agent
from .clock import PlatformClock
from .faults import Asked, Faults
from .faults_rule import ADDED, Rule
from .wire import Captured

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

CONTROL = "/_emulator/"
_PAGE = "/"  # for people, as the control interface: its rules must not lock it
TOKEN_PATH = "/api/agentmanagement/v3/oauth/token"  # noqa: S105 - a path
# Key in the scope of what a fault may do to the TCP connection: a `Wire` (server.py).
WIRE = "mcagent.wire"
# Key in the scope of the actions of the fault rules that were carried out (traffic.py).
RULED = "mcagent.ruled"
# Beyond the largest exchange the body is read and thrown away, so that the client can finish
# sending and see the 413; beyond this the connection is cut.
_DRAIN_MAX = 256 * 1024 * 1024
_BODY_SLACK = 1024
_FIELDS_MAX = 200  # h11 bounds their size, not their number; clients send about ten
_COUNTED_MAX, _COUNTED_LENGTH = 10_000, 300  # of requests by path, which clients make up
_TRICKLE_STEPS = 200  # of a slow body at most; each is a segment of its own on the wire

_HTML = (
    b"<html><head><title>Gateway</title></head><body><h1>Service unavailable</h1></body></html>"
)


class Wire(Protocol):
    """A TCP connection, past HTTP."""

    def hang_up(self) -> None:
        """Close it at once."""

    def reset(self) -> None:
        """Close it at once, with a TCP reset."""

    def finish(self) -> None:
        """Close it in good order, after all that was written."""

    async def write(self, data: bytes) -> None:
        """Send *data*; return when the kernel has it."""


class Gate:
    """Guard *application* with faults from *faults* and date its answers by *clock*.

    *requests* counts requests by "METHOD /path", the control interface left out; *body_max* tells
    the size beyond which a body need not be kept, by path; *name_of* tells the name of an agent;
    *revoke* makes an access token void; *stranger* tells why a request must
    not reach the control interface, "" if it may.
    """

    def __init__(
        self,
        application: Application,
        *,
        faults: Faults,
        clock: PlatformClock,
        requests: Counter[str],
        body_max: Callable[[str], int],
        name_of: Callable[[str], str],
        revoke: Callable[[str], None],
        stranger: Callable[[Scope], str],
    ) -> None:
        self._application = application
        self._faults = faults
        self._clock = clock
        self._body_max = body_max
        self._requests = requests
        self._name_of = name_of
        self._revoke = revoke
        self._stranger = stranger

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        method, path = scope["method"], scope["path"]
        self._clock.shift(0.0)  # of the request before it on this connection
        body_max = self._body_max(path) + _BODY_SLACK
        body = await _read_body(receive, body_max)
        if body is None:
            await _hang_up(scope, receive)
            return
        scope[CUT_SHORT] = len(body) > body_max
        dated = _Dated(send, self._clock, token=path == TOKEN_PATH)
        if len(scope["headers"]) > _FIELDS_MAX:
            await _refuse(dated, 431, f"{_FIELDS_MAX} header fields are the most.")
            return
        faults: list[Rule] = []
        if path != _PAGE and not path.startswith(CONTROL):
            self._count(f"{method} {path}"[:_COUNTED_LENGTH])
            faults = self._faults.take(self._asked(scope, body))
        elif stranger := self._stranger(scope):
            await _refuse(dated, 403, stranger)
            return
        for fault in faults:
            scope.setdefault(RULED, []).append(fault.action)
            if fault.action != "slow_body":  # its seconds come while it answers
                await _pause(fault.seconds, receive)
            if await self._carry_out(fault, scope, receive, body, dated):
                return
        await self._application(scope, _replay(body, receive), dated)

    def _count(self, what: str) -> None:
        if what in self._requests or len(self._requests) < _COUNTED_MAX:
            self._requests[what] += 1
        else:
            self._requests["others"] += 1

    def _asked(self, scope: Scope, body: bytes) -> Asked:
        token = bearer_of(scope["headers"])

        def agent() -> tuple[str, str]:
            claimed = claimed_agent(token, scope["path"], body)
            return claimed, self._name_of(claimed) if claimed else ""

        return Asked(scope["method"], scope["path"], body, agent, bool(token))

    async def _carry_out(
        self, fault: Rule, scope: Scope, receive: Receive, body: bytes, dated: "_Dated"
    ) -> bool:
        """Do what *fault* says; tell whether the request is done with."""
        action = fault.action
        if action == "clock":
            self._clock.shift(fault.offset_s)
        elif action == "revoke":
            self._revoke(bearer_of(scope["headers"]))
        elif action in ("status", "html"):
            words = f"Refused with {fault.status} by a rule."
            await _refuse(dated, fault.status, words, fault)
        elif action == "drop_before":
            await _hang_up(scope, receive)
        elif action == "reset":
            scope[WIRE].reset()
            await _until_gone(receive)
        elif action == "drop_after":
            await self._application(scope, _replay(body, receive), _discard)
            await _hang_up(scope, receive)
        elif action == "content_type":
            dated.content_type = fault.content_type
            await self._application(scope, _replay(body, receive), dated)
        elif action in ("cut", "slow_body"):
            captured = Captured()
            await self._application(scope, _replay(body, receive), dated.to(captured))
            head, content = captured.on_the_wire(scope["method"])
            if action == "cut":
                await scope[WIRE].write(_cut(head, content, fault.cut_at))
                await _hang_up(scope, receive)
            else:
                await _trickle(scope[WIRE], head, content, fault.seconds, receive)
                scope[WIRE].finish()
                await _until_gone(receive)
        return action not in ADDED


class _Dated:
    """Send with the platform's `Date`, and `Server-Time` at the token endpoint (agent API 4.3)."""

    def __init__(self, send: Send, clock: PlatformClock, *, token: bool) -> None:
        self._send = send
        self._clock = clock
        self._token = token
        self.content_type = ""  # instead of the answer's own

    def to(self, send: Send) -> "_Dated":
        """Give one that sends elsewhere."""
        return _Dated(send, self._clock, token=self._token)

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = list(message.get("headers", ()))
            if self.content_type:
                headers = [header for header in headers if header[0] != b"content-type"]
                headers.append((b"content-type", self.content_type.encode()))
            headers.append((b"date", self._clock.http_date().encode()))
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


def _replay(body: bytes, receive: Receive) -> Receive:
    """Make a `receive` that gives *body* once and then waits until the client is gone."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replayed() -> Message:
        return messages.pop() if messages else await receive()

    return replayed


async def _pause(seconds: float, receive: Receive) -> bool:
    """Wait, and tell whether the client is still there.

    If it gives up meanwhile, go on at once: its request still takes effect.
    """
    if seconds <= 0:
        return True
    try:
        await asyncio.wait_for(_until_gone(receive), seconds)
    except asyncio.TimeoutError:
        return True
    return False


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _discard(_message: Message) -> None:
    """Take an answer that nobody will see."""


async def _hang_up(scope: Scope, receive: Receive) -> None:
    """Close the TCP connection without an answer, and wait until it is closed."""
    scope[WIRE].hang_up()
    await _until_gone(receive)


def _cut(head: bytes, body: bytes, cut_at: "int | None") -> bytes:
    if cut_at is not None:
        return (head + body)[:cut_at]
    return head + body[: len(body) // 2] if body else head[: len(head) // 2]


async def _trickle(wire: Wire, head: bytes, body: bytes, seconds: float, receive: Receive) -> None:
    """Send the body over *seconds*; an answer without one trickles its head."""
    slow = body or head
    if body:
        await wire.write(head)
    size = -(-len(slow) // _TRICKLE_STEPS)
    steps = -(-len(slow) // size)
    for start in range(0, len(slow), size):
        if not await _pause(seconds / steps, receive):
            return
        await wire.write(slow[start : start + size])


async def _refuse(send: Send, status: int, words: str, fault: "Rule | None" = None) -> None:
    if fault is not None and fault.action == "html":
        content_type, body = b"text/html", _HTML
    else:
        content_type = b"application/json"
        body = encode({"id": "", "message": words})
    headers = [(b"content-type", content_type)]
    if status not in (204, 304):  # RFC 9110 section 8.6: without a body
        headers.append((b"content-length", b"%d" % len(body)))
    else:
        body = b""
    for name, text in (fault.headers if fault is not None else {}).items():
        headers.append((name.lower().encode(), text.encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
