"""Files of assets as the file service lists them (services API 3.3)."""

from dataclasses import dataclass, field
from typing import Any, Callable

from ..errors import InvalidMessage

Progress = Callable[[int, int], None]  # bytes so far, bytes in all

_NAME_MAX = 1024
_META_MAX = 1024


@dataclass(frozen=True)
class StoredFile:
    """One file of an asset.

    Attributes:
        name: With its path: ``"logs/2026/pump.log"``. There are no folders, only names.
        updated: ISO 8601 time of the platform.
        timestamp: ISO 8601 time that the uploader gave; ``""`` for none.
    """

    asset_id: str
    name: str
    size: int
    type: str = ""
    description: str = ""
    timestamp: str = ""
    created: str = ""
    updated: str = ""
    etag: "int | None" = field(default=None, compare=False)

    @staticmethod
    def from_wire(asset_id: str, wire: "dict[str, Any]") -> "StoredFile":
        size = wire.get("size")
        texts = ("type", "description", "timestamp", "created", "updated")
        return StoredFile(
            asset_id,
            f"{wire.get('path') or ''}{wire.get('name')}",
            size if isinstance(size, int) else 0,
            **{name: str(wire.get(name) or "") for name in texts},
            etag=wire.get("etag"),
        )


@dataclass(frozen=True)
class FileMeta:
    """What is kept beside the bytes; each at most 1 024 characters that a header may carry.

    Attributes:
        type: Media type, or any words.
        timestamp: ISO 8601 time.
    """

    type: str = ""
    description: str = ""
    timestamp: str = ""

    def headers(self) -> "dict[str, str]":
        """As the service takes them: in the head of the request.

        Raises:
            InvalidMessage: One is too long, or is not what a header can carry.
        """
        found = {}
        for name in ("type", "description", "timestamp"):
            value = getattr(self, name)
            if not value:
                continue
            if len(value) > _META_MAX or not (value.isascii() and value.isprintable()):
                raise InvalidMessage(
                    f"{name} of a file is {value[:60]!r}, not at most {_META_MAX} printable "
                    "ASCII characters",
                    hint="it travels in a header of HTTP, which carries nothing else",
                )
            found[name] = value
        return found


def check_name(name: str) -> "tuple[str, ...]":
    """Segments of a file's name on the platform.

    Raises:
        InvalidMessage: It is empty, too long, ends in a slash, or has an empty segment.
    """
    segments = tuple(name.split("/"))
    # Spaces without a break, signs of direction and the like are in the names that devices give.
    controls = any(one < " " or one == "\x7f" or "\ud800" <= one <= "\udfff" for one in name)
    if len(name) > _NAME_MAX or controls or not all(segments):
        raise InvalidMessage(
            f"{name[:80]!r} is no name for a file of an asset",
            hint=f"1 to {_NAME_MAX} characters such as logs/2026/pump.log: no slash at the "
            "beginning or the end, nor two in a row, no control characters",
        )
    if any(segment in (".", "..") for segment in segments):
        # A proxy on the way would take them out of the address.
        raise InvalidMessage(f"{name[:80]!r} has a segment '.' or '..'", hint="name it otherwise")
    return segments
