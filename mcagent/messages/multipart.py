"""The body of an exchange: two-level multipart (RFC 2046), streamed, of known length.

Nothing here holds a payload: an item knows its length and yields its bytes when the body is sent,
so memory does not grow with the body. The layout is that of Siemens' C library, byte by byte.

Source: agent API, 6.2 to 6.4; docs/wire-format.md.
"""

from ..errors import InvalidMessage
from ..limits import EXCHANGE_MAX_BYTES
from ..runtime import MICROPYTHON, json_string, random_bytes
from .timestamp import MAX_MS, format_ms

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Iterator

JSON = "application/json"
BINARY = "application/octet-stream"

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
BOUNDARY_CHARACTERS = 20  # 119 bits: no payload holds it by chance, so payloads are not searched
_HEAD = (
    b"--%s\r\nContent-Type: multipart/related;boundary=%s\r\n\r\n"
    b"--%s\r\nContent-Type: application/vnd.siemens.mindsphere.meta+json\r\n\r\n"
    b"%s\r\n--%s\r\nContent-Type: %s\r\n\r\n"
)
_TAIL = b"\r\n--%s--\r\n"
_CLOSE = b"--%s--"
_META = '{"type":"item","version":"1.0","payload":%s}'

# Invariant: exact. The packer counts with them, and the transport aborts on any other length.
CLOSE_BYTES = 2 + BOUNDARY_CHARACTERS + 2
_ITEM_BYTES = len(_HEAD) + len(_TAIL) - 7 * len(b"%s") + 5 * BOUNDARY_CHARACTERS

# Small pieces are gathered up to this size: a write for each head, payload and tail costs 40 ms
# where Nagle's algorithm meets a delayed acknowledgement (measured). Boards have no room for more.
PIECE_BYTES = 1024 if MICROPYTHON else 16_384
_LARGE_BYTES = 4 * PIECE_BYTES  # to copy it would cost more than a write of its own


class Item:
    """One item of an exchange.

    Args:
        metadata: Compact JSON, see `timeseries_metadata` and its neighbours.
        content_type: Of the payload.
        length: Of the payload, exact.
        chunks: Called for each pass over the body; returns an iterator over the payload's bytes.

    Attributes:
        size: Bytes that the item adds to a body.
    """

    def __init__(
        self,
        metadata: bytes,
        content_type: str,
        length: int,
        chunks: "Callable[[], Iterator[bytes]]",
    ) -> None:
        self.metadata = metadata
        self.content_type = content_type
        self.length = length
        self.chunks = chunks
        self.size = item_overhead(len(metadata), len(content_type)) + length


def item_overhead(metadata_bytes: int, content_type_bytes: int) -> int:
    """Bytes of an item without its payload (agent API, 6.2: 247 and both)."""
    return _ITEM_BYTES + metadata_bytes + content_type_bytes


def timeseries_item(
    configuration_id: str, length: int, chunks: "Callable[[], Iterator[bytes]]"
) -> Item:
    """Samples. *length* and *chunks* are of the fragments joined by commas, without brackets."""
    return Item(timeseries_metadata(configuration_id), JSON, length + 2, _Array(chunks))


def event_item(fragment: bytes, version: str) -> Item:
    """Events. *fragment* is one event or several joined by commas; *version* 2.0 or 1.0."""
    metadata = _metadata("businessEvent", version)
    return Item(metadata, JSON, len(fragment) + 2, _Array(_Once(fragment)))


def model_item(fragment: bytes) -> Item:
    """A data source configuration."""
    return Item(_metadata("dataSourceConfiguration", "1.0"), JSON, len(fragment), _Once(fragment))


def file_item(
    details: "dict[str, Any]", length: int, chunks: "Callable[[], Iterator[bytes]]"
) -> Item:
    """A file. *details* has ``name``, ``type`` and ``created_ms``; more is ignored."""
    metadata = file_metadata(details["name"], details["type"], details["created_ms"])
    return Item(metadata, BINARY, length, chunks)


def custom_item(payload_metadata: bytes, content_type: str, body: bytes) -> Item:
    """Custom data, as `customdata.split` returns it."""
    metadata = _META.encode().replace(b"%s", payload_metadata, 1)
    return Item(metadata, content_type, len(body), _Once(body))


def timeseries_metadata(configuration_id: str) -> bytes:
    """Metadata of a time series item; its length is part of the packer's sum."""
    details = '{"configurationId":%s}' % json_string(configuration_id)
    return _metadata("standardTimeSeries", "1.0", details)


def file_metadata(name: str, type: str, created_ms: int) -> bytes:  # noqa: A002
    """Metadata of a file item; the type is left out when empty."""
    details = '{"fileName":%s,"creationDate":"%s"%s}' % (
        json_string(name),
        format_ms(created_ms),
        ',"fileType":%s' % json_string(type) if type else "",
    )
    return _metadata("file", "1.0", details)


def _metadata(type: str, version: str, details: str = "") -> bytes:  # noqa: A002
    tail = ',"details":%s}' % details if details else "}"
    return (_META % ('{"type":"%s","version":"%s"%s' % (type, version, tail))).encode()


def max_file_bytes(name: str, type: str = "", created_ms: int = MAX_MS) -> int:  # noqa: A002
    """The largest file of that name and type that fits into an exchange of its own."""
    metadata = file_metadata(name, type, created_ms)
    return EXCHANGE_MAX_BYTES - CLOSE_BYTES - item_overhead(len(metadata), len(BINARY))


def require_fit(what: str, item_bytes: int) -> None:
    """Refuse what is too large for an exchange of its own.

    Raises:
        InvalidMessage: The body would be larger than the platform takes.
    """
    size = item_bytes + CLOSE_BYTES
    if size > EXCHANGE_MAX_BYTES:
        raise InvalidMessage(
            "%s needs an exchange of %d bytes, %d are allowed (MindConnect API, exchange)"
            % (what, size, EXCHANGE_MAX_BYTES),
            hint="make it smaller or split it",
        )


class ExchangeBody:
    """The body of one exchange request (a `transport.http.Body` in all but name: lower layer).

    Args:
        items: At least one `Item`.
        boundary, inner_boundary: 20 characters each and different; None makes random ones. Both
            stay the same for every pass over the body.

    Attributes:
        content_type: For the request's header.
        length: Exact number of bytes that `chunks` yields.
    """

    def __init__(
        self,
        items: "list[Item]",
        boundary: "str | None" = None,
        inner_boundary: "str | None" = None,
    ) -> None:
        if not items:
            raise ValueError("an exchange holds at least one item")
        self._items = items
        self._outer = (boundary or random_boundary()).encode()
        # One inner boundary for all items: it may repeat between them (agent API, 6.2).
        self._inner = (inner_boundary or random_boundary()).encode()
        for name in (self._outer, self._inner):
            if len(name) != BOUNDARY_CHARACTERS:
                raise ValueError("a boundary has %d characters" % BOUNDARY_CHARACTERS)
        # No charset parameter: RFC 2046 knows none here. Not quoted: no client in the field does.
        self.content_type = "multipart/mixed;boundary=" + self._outer.decode()
        self.length = CLOSE_BYTES
        for item in items:
            self.length += item.size

    def chunks(self) -> "Iterator[bytes]":
        """Yield the body in order, small pieces gathered; each call starts anew."""
        outer, inner = self._outer, self._inner
        gathered = b""
        for item in self._items:
            content_type = item.content_type.encode()
            gathered += _HEAD % (outer, inner, inner, item.metadata, inner, content_type)
            for piece in item.chunks():
                if len(piece) >= _LARGE_BYTES:
                    if gathered:
                        yield gathered
                        gathered = b""
                    yield piece
                    continue
                gathered += piece
                if len(gathered) >= PIECE_BYTES:
                    yield gathered
                    gathered = b""
            gathered += _TAIL % inner
        yield gathered + _CLOSE % outer


def random_boundary() -> str:
    """20 random characters of ``[0-9A-Za-z]``."""
    return "".join(_ALPHABET[byte % 62] for byte in random_bytes(BOUNDARY_CHARACTERS))


class _Once:
    """`chunks` of a payload that is in memory already."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def __call__(self) -> "Iterator[bytes]":
        yield self._data


class _Array:
    """`chunks` of a JSON array around fragments."""

    def __init__(self, chunks: "Callable[[], Iterator[bytes]]") -> None:
        self._chunks = chunks

    def __call__(self) -> "Iterator[bytes]":
        yield b"["
        for piece in self._chunks():
            yield piece
        yield b"]"
