"""An answer as bytes, for faults that the server's HTTP library would not send: cut, or trickling.

The connection ends with such an answer, so nothing after it has to be in step.
"""

import http
from collections.abc import MutableMapping
from typing import Any

Message = MutableMapping[str, Any]

_NO_BODY = (204, 304)


class Captured:
    """A `send` that keeps an application's answer."""

    def __init__(self) -> None:
        self._status = 500
        self._headers: list[tuple[bytes, bytes]] = []
        self._pieces: list[bytes] = []

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            self._headers = list(message.get("headers", ()))
        else:
            self._pieces.append(message.get("body", b""))

    def on_the_wire(self, method: str) -> tuple[bytes, bytes]:
        """Give head and body as they would be sent to a request with *method*."""
        body = b"".join(self._pieces)
        phrase = http.HTTPStatus(self._status).phrase
        lines = [b"HTTP/1.1 %d %b" % (self._status, phrase.encode())]
        named = {name.lower() for name, _ in self._headers}
        headers = [*self._headers, (b"connection", b"close")]
        if b"content-length" not in named and self._status not in _NO_BODY:
            headers.append((b"content-length", b"%d" % len(body)))
        lines += [b"%b: %b" % header for header in headers]
        if method == "HEAD" or self._status in _NO_BODY:
            body = b""
        return b"\r\n".join(lines) + b"\r\n\r\n", body
