"""The latest requests as they came: what a developer of a device wants to see first.

Also those that no journal has: refused, malformed, answered by a fault rule, cut off. Bounded in
number and bytes. What carries credentials is left out: header fields, bodies of tokens and
registrations.
"""

import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from .clock import PlatformClock
from .gate import CONTROL, RULED, Application, Message, Receive, Scope, Send

_REQUESTS = 300
_BODY_MAX = 64 * 1024  # of one request
_BODIES_MAX = 8 * 1024 * 1024  # of all
_ANSWER_MAX = 2048
# The only bodies that are kept; none of them holds a credential.
_SHOWN = (
    "/api/mindconnect/v3/",
    "/api/iottimeseries/v3/",
    "/api/iotfile/v3/",
    "/api/eventmanagement/v3/",
    "/api/assetmanagement/v3/",
)
_CONFIGURATION = "/dataSourceConfiguration"


@dataclass
class Seen:
    """One request; `status` 0: it got no answer; `took_ms` None: it waits for one.

    `rules` are the actions of the fault rules that it met.
    """

    number: int
    time_ms: int
    method: str
    path: str
    correlation_id: str
    content_type: str
    status: int = 0
    took_ms: "float | None" = None
    size: int = 0
    answer_size: int = 0
    rules: list[str] = field(default_factory=list)
    body: list[bytes] = field(default_factory=list)
    answer: list[bytes] = field(default_factory=list)


class Traffic:
    """The latest requests."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: deque[Seen] = deque(maxlen=_REQUESTS)
        self._number = 0

    def begin(self, scope: Scope, time_ms: int) -> Seen:
        fields = dict(scope["headers"])
        with self._lock:
            self._number += 1
            seen = Seen(
                self._number,
                time_ms,
                scope["method"],
                scope["path"],
                fields.get(b"correlation-id", b"").decode("latin-1")[:100],
                fields.get(b"content-type", b"").decode("latin-1")[:200],
            )
            self._seen.append(seen)
        return seen

    def end(self, seen: Seen, took_ms: float) -> None:
        """Note the end of a request, and forget the oldest bodies beyond the bound."""
        with self._lock:
            seen.took_ms = round(took_ms, 1)
            room = _BODIES_MAX
            for other in reversed(self._seen):
                room -= sum(map(len, other.body))
                if room < 0:
                    other.body = []

    def show(self) -> list[dict[str, Any]]:
        """Give the requests without their bodies, newest first."""
        with self._lock:
            return [
                {
                    "number": seen.number,
                    "time_ms": seen.time_ms,
                    "method": seen.method,
                    "path": seen.path,
                    "status": seen.status,
                    "took_ms": seen.took_ms,
                    "size": seen.size,
                    "answer_size": seen.answer_size,
                    "rules": seen.rules,
                    "correlation_id": seen.correlation_id,
                    "content_type": seen.content_type,
                    "kept": sum(map(len, seen.body)),
                    "answer": b"".join(seen.answer).decode("utf-8", "replace"),
                }
                for seen in reversed(self._seen)
            ]

    def body(self, number: int) -> "bytes | None":
        """Give what is kept of a request's body; None if nothing is."""
        with self._lock:
            for seen in self._seen:
                if seen.number == number and seen.body:
                    return b"".join(seen.body)
        return None

    def count(self) -> int:
        """Tell how many requests there were; rises with each."""
        return self._number

    def clear(self) -> None:
        with self._lock:
            self._seen.clear()


class Watched:
    """Note in *traffic* what passes to and from *application*; the page's own is left out."""

    def __init__(self, application: Application, traffic: Traffic, clock: PlatformClock) -> None:
        self._application = application
        self._traffic = traffic
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or is_our_own(scope["path"]):
            await self._application(scope, receive, send)
            return
        seen = self._traffic.begin(scope, self._clock.now_ms())
        shown = scope["path"].startswith(_SHOWN) or scope["path"].endswith(_CONFIGURATION)
        begun = time.perf_counter()

        async def watched_receive() -> Message:
            message = await receive()
            piece = message.get("body", b"")
            if piece:
                if shown and seen.size < _BODY_MAX:
                    seen.body.append(bytes(piece[: _BODY_MAX - seen.size]))
                seen.size += len(piece)
            return message

        async def watched_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                seen.status = message["status"]
            piece = message.get("body", b"")
            if seen.status >= 400 and seen.answer_size < _ANSWER_MAX:
                seen.answer.append(bytes(piece[: _ANSWER_MAX - seen.answer_size]))
            seen.answer_size += len(piece)
            await send(message)

        try:
            await self._application(scope, watched_receive, watched_send)
        finally:
            seen.rules = scope.get(RULED, [])
            self._traffic.end(seen, (time.perf_counter() - begun) * 1000)


def is_our_own(path: str) -> bool:
    """Tell whether a path is the page's or the control interface's: no device ever asks for it."""
    return path == "/" or path.startswith(CONTROL)
