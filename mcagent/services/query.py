"""Addresses of requests: paths and queries, encoded as the gateway wants them. No I/O here."""

from urllib.parse import quote, urlsplit

from ..errors import ConfigurationError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Iterable, Mapping

    Value = str | int | bool | None
    Query = Mapping[str, Value] | Iterable[tuple[str, Value]]

# The gateway is strict about RFC 3986: braces, brackets, quotes, bars and blanks must be encoded
# (services API 7.4), and "+" would arrive as a blank. These two are allowed as they are in a
# query, and every working client sends them so.
_PLAIN_IN_QUERY = ",:"


def path(*segments: str) -> str:
    """``/a/b/c`` of *segments*; whatever a segment holds stays one segment.

    The first may be a whole path (``/api/iotfile/v3/files``), which is kept as it is.
    """
    head = segments[0] if segments and segments[0].startswith("/") else ""
    rest = segments[1:] if head else segments
    return head.rstrip("/") + "".join("/" + quote(segment, safe="") for segment in rest)


def encode_query(query: "Query") -> str:
    """``name=value&…``; a value of None is left out, a bool is ``true`` or ``false``."""
    pairs = query.items() if hasattr(query, "items") else query
    parts = []
    for name, value in pairs:
        if value is None:
            continue
        text = str(value).lower() if isinstance(value, bool) else str(value)
        parts.append(quote(name, safe="") + "=" + quote(text, safe=_PLAIN_IN_QUERY))
    return "&".join(parts)


def address(origin: str, path: str, query: "Query" = ()) -> str:
    """The URL of a request: *origin* has no path."""
    encoded = encode_query(query)
    return origin.rstrip("/") + path + ("?" + encoded if encoded else "")


def checked_origin(gateway: str) -> str:
    """Scheme, host and port of *gateway*, without a slash at the end.

    Raises:
        ConfigurationError: It is not the address of a server. Passwords are not repeated.
    """
    try:
        parts = urlsplit(gateway.strip())
        good = parts.scheme in ("https", "http") and bool(parts.hostname)
        good = good and not (parts.query or parts.fragment or parts.username or parts.password)
        good = good and parts.path.strip("/") == "" and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise ConfigurationError(
            f"{gateway.rsplit('@', maxsplit=1)[-1]!r} is not the address of a gateway",
            hint="it reads https://gateway.eu1.mindsphere.io, without a path",
        )
    return f"{parts.scheme}://{parts.netloc}"
