"""Custom data: a type of the sender's choice, for a consumer agreed with the platform."""

from ..errors import InvalidMessage
from ..limits import EXCHANGE_MAX_BYTES
from ..runtime import json_string
from .jsontext import encode, encode_object
from .kinds import CUSTOM, LANE_OF_KIND
from .multipart import BINARY, JSON, custom_item, require_fit
from .text import require_text, shorten

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_SOURCE = "MindConnect API, exchange"
_CONTENT_TYPE_MAX = 255  # its length is one byte in the stored payload


class CustomData:
    """One item of a custom type.

    >>> CustomData("vibration-spectrum", {"bins": [0.1, 0.4]}, version="1.2")
    >>> CustomData("waveform", b"\\x00\\x01", content_type="application/x-pcm")

    Args:
        type: The name that the consumer registered.
        payload: Bytes, or a JSON object or list.
        version: Of the type.
        content_type: Of the payload, and no multipart; None is JSON or octet-stream, after the
            payload.
        details: Any JSON object for the metadata; None sends no such member.

    Raises:
        InvalidMessage: A field is invalid, or it is too large for one exchange.
    """

    lane = LANE_OF_KIND[CUSTOM]
    kind = CUSTOM

    def __init__(
        self,
        type: str,  # noqa: A002 - the field's name
        payload: "bytes | dict[str, Any] | list[Any]",
        *,
        version: str = "1.0",
        content_type: "str | None" = None,
        details: "dict[str, Any] | None" = None,
    ) -> None:
        self.type = require_text("custom data type", type, EXCHANGE_MAX_BYTES, _SOURCE)
        self.version = require_text("custom data version", version, EXCHANGE_MAX_BYTES, _SOURCE)
        if isinstance(payload, (bytes, bytearray)):
            body = bytes(payload)
        elif isinstance(payload, (dict, list)):
            body = encode(payload, "custom data payload").encode()
        else:
            raise InvalidMessage(
                "the custom data payload is %s" % shorten(payload),
                hint="give bytes, a dict or a list; text.encode() makes bytes of text",
            )
        if content_type is None:
            content_type = BINARY if isinstance(payload, (bytes, bytearray)) else JSON
        self.content_type = _checked_content_type(content_type)
        metadata = '{"type":%s,"version":%s%s}' % (
            json_string(self.type),
            json_string(self.version),
            "" if details is None else ',"details":' + encode_object(details, "details"),
        )
        self._payload = join(metadata.encode(), self.content_type, body)
        item = custom_item(metadata.encode(), self.content_type, body)
        require_fit("custom data %s" % shorten(type), item.size)

    def fragment(self, timestamp_ms: int = 0) -> bytes:  # noqa: ARG002 - as `Event.fragment`
        """The stored payload, see `split`; custom data has no timestamp of its own."""
        return self._payload

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CustomData) and self._payload == other._payload

    def __hash__(self) -> int:
        return hash(self._payload)

    def __repr__(self) -> str:
        return "<CustomData %s: %s>" % (shorten(self.type), self.content_type)


def join(metadata: bytes, content_type: str, body: bytes) -> bytes:
    """The stored payload: u32le length of the metadata, metadata, u8 length of the content type,
    content type, body."""
    text = content_type.encode()
    head = len(metadata).to_bytes(4, "little") + metadata + len(text).to_bytes(1, "little") + text
    return head + body


def split(payload: bytes) -> "tuple[bytes, str, bytes]":
    """(metadata, content type, body) of a stored payload: the parameters of `custom_item`."""
    at = 4 + int.from_bytes(payload[:4], "little")
    end = at + 1 + payload[at]
    return payload[4:at], payload[at + 1 : end].decode(), payload[end:]


def _checked_content_type(text: "Any") -> str:
    name: str = require_text("content type", text, _CONTENT_TYPE_MAX, _SOURCE)
    kind, _slash, subtype = name.partition("/")
    # A header line: anything beyond printable ASCII could end it. And a multipart would be a third
    # level, where an exchange "only permits nesting of 2 levels" (MC).
    good = bool(kind and subtype) and kind.lower() != "multipart"
    if not good or not all(" " <= character < "\x7f" for character in name):
        raise InvalidMessage(
            "%s is not a content type" % shorten(name),
            hint="write it like application/json; a multipart has no room in an exchange",
        )
    return name
