"""What a request and an answer are, and what a transport must do. No sockets here."""

from ..errors import TransportError
from ..runtime import random_bytes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterator


class Body:
    """A request body of known length, produced in pieces as often as it is asked for.

    `length` is exact: a transport that counts other bytes aborts the connection, because the peer
    was promised them (a record that changed between the two passes must never be sent).
    """

    length = 0

    def chunks(self) -> "Iterator[bytes]":
        """Yield the body in order; each call starts anew. Chunks are never empty."""
        raise NotImplementedError


class BytesBody(Body):
    """A small body that is already there."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.length = len(data)

    def chunks(self) -> "Iterator[bytes]":
        if self.data:
            yield self.data


def pieces(body: "Body", size: int) -> "Iterator[bytes]":
    """Yield *body* in pieces worth a write of their own: small chunks joined up to *size* bytes.

    The last piece is held back until the count is right, so that a peer never has a whole body
    that is not the one promised.

    Raises:
        TransportError: Kind ``"body"``: the body is not `length` bytes, or its source failed.
    """
    held: "list[bytes]" = []
    held_bytes = 0
    total = 0
    chunks = iter(body.chunks())
    while True:
        try:
            chunk = next(chunks)
        except StopIteration:
            break
        except OSError as error:
            raise TransportError("the request's body cannot be read: %s" % error, kind="body")
        total += len(chunk)
        if total > body.length:
            break
        if held and held_bytes + len(chunk) > size:
            yield held[0] if len(held) == 1 else b"".join(held)
            held = []
            held_bytes = 0
        held.append(chunk)
        held_bytes += len(chunk)
    if total != body.length:
        raise TransportError(
            "the request's body is not the %d bytes that were announced, but %s %d"
            % (body.length, "at least" if total > body.length else "only", total),
            kind="body",
        )
    if held:
        yield b"".join(held)


class Request:
    """One HTTP request.

    Args:
        method: ``"GET"``, ``"POST"``, ``"PUT"`` or ``"DELETE"``.
        url: Absolute URL.
        headers: Header name to value; names as on the wire.
        body: Bytes, a `Body`, or None for no body at all.
        timeout_s: Longest silence of the peer; None takes the transport's default.

    Attributes:
        total_s: Longest time in all, where the caller has less than the transport would take.
        once: Its answer holds something that exists only once (a credential): `Transport.close`
            waits for it.
        single: It must not be sent twice, not even where a kept-alive connection was closed.

    Each request has a `correlation_id` of its own (32 hex digits, like Siemens' C library sends),
    which the transport sends as ``Correlation-ID``.
    """

    def __init__(
        self,
        method: str,
        url: str,
        headers: "dict[str, str] | None" = None,
        body: "bytes | Body | None" = None,
        *,
        timeout_s: "float | None" = None,
    ) -> None:
        self.method = method
        self.url = url
        self.headers = headers or {}
        self.body = BytesBody(body) if isinstance(body, (bytes, bytearray)) else body
        self.timeout_s = timeout_s
        self.total_s: "float | None" = None
        self.once = False
        self.single = False
        self.correlation_id = "".join("%02x" % byte for byte in random_bytes(16))

    def __repr__(self) -> str:
        # Headers and body hold credentials and data: neither belongs into a log.
        return "<Request %s %s %s>" % (self.method, self.url.split("?")[0], self.correlation_id)


class Response:
    """One HTTP answer, read whole (answers are small; at most `MAX_ANSWER_BYTES` are kept).

    Args:
        status: 100 to 599.
        headers: Name in lower case to value.
        body: As received, decompressed.
    """

    def __init__(
        self, status: int, headers: "dict[str, str] | None" = None, body: bytes = b""
    ) -> None:
        self.status = status
        self.headers = headers or {}
        self.body = body

    def header(self, name: str) -> str:
        """Value of *name* (any case), ``""`` where it was not sent."""
        return self.headers.get(name.lower(), "")

    def json(self) -> "Any":
        """The body parsed by strict JSON; None where it is not JSON."""
        import json

        try:
            return json.loads(self.body.decode())
        except (ValueError, UnicodeError, RuntimeError):  # RuntimeError: nested without end
            return None

    def is_html(self) -> bool:
        """True for a page meant for people: a captive portal's or a proxy's answer."""
        if "html" in self.header("content-type").lower():
            return True
        return self.body[:64].lstrip().lower().startswith((b"<!doctype html", b"<html"))

    def reason(self) -> str:
        """The service's own words, at most 200 characters; ``""`` when there are none.

        Reads every error shape of the platform (specification of the agent API, 11.1).
        """
        answer = self.json()
        text = ""
        if isinstance(answer, dict):
            text = answer.get("message") or ""
            if not text:
                text = ": ".join(
                    part
                    for part in (answer.get("error"), answer.get("error_description"))
                    if isinstance(part, str) and part
                )
            errors = answer.get("errors")
            if not text and isinstance(errors, list) and errors and isinstance(errors[0], dict):
                text = errors[0].get("message") or errors[0].get("code") or ""
        if not isinstance(text, str) or not text:
            if self.is_html():
                return "an HTML page"
            return _readable(self.body)
        return " ".join(text.split())[:200]

    def __repr__(self) -> str:
        return "<Response %d, %d bytes>" % (self.status, len(self.body))


def _readable(data: bytes) -> str:
    """The first 200 characters of *data*, or what it is instead of text."""
    start = data[:800]
    for cut in range(4):  # the last character may be in pieces
        try:
            return " ".join(start[: len(start) - cut].decode().split())[:200]
        except UnicodeError:
            pass
    return "%d bytes that are not text" % len(data)


MAX_ANSWER_BYTES = 10_000_000  # a configuration or a page of mappings; anything larger is not ours


class Transport:
    """Sends one request at a time and returns the answer, whatever its status.

    Redirects are not followed: a redirect is an answer like any other.

    Attributes:
        via: The proxy of the last request and where it was configured, ``""`` for none; None
            before the first. Without its password.
    """

    via: "str | None" = None

    @property
    def clock_offset_ms(self) -> "int | None":
        """The host's clock minus this device's, where `send` had to measure it; else None."""
        return None

    def send(self, request: Request) -> Response:
        """Send *request* and read the whole answer.

        Raises:
            TransportError: There was no answer; `kind` names the step that failed.
        """
        raise NotImplementedError

    def probe(self, url: str) -> "bool | None":  # noqa: ARG002 - an interface
        """Whether the host of *url* takes a connection just now, in a few seconds at most.

        Nothing is sent to it. None where this transport, or the way to the host, cannot tell.
        """
        return None

    def close(self) -> None:
        """Give connections back and break off what other threads send; usable again."""
