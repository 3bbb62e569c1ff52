"""Read an exchange body: multipart/mixed of multipart/related, as tolerant as agent API 6.2 asks.

Both line ends, preamble and epilogue, quoted boundaries, parameters in any order, header names in
any case, with or without a space after the colon. Exactly two levels. All functions are pure and
linear in the size of the body, which the caller bounds.
"""

import re
from typing import NamedTuple

METADATA_TYPE = "application/vnd.siemens.mindsphere.meta+json"
_PARAMETER = re.compile(r';[ \t]*([^\s=;]+)[ \t]*=[ \t]*("(?:[^"\\]|\\.)*"|[^;]*)')
_BLANK_LINE = re.compile(rb"\r?\n\r?\n")
_AFTER_DELIMITER = re.compile(rb"(--)?[ \t]*(\r?\n|\Z)")
# RFC 2046 section 5.1.1: 1 to 70 characters of this set, the last one not a space.
_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]")
# Three header fields would do; the bound keeps a stray binary part from being searched for ever.
_HEADERS_MAX = 16 * 1024


class Part(NamedTuple):
    """One item of an exchange: its metadata, and its payload with the payload's content type."""

    metadata: bytes
    content_type: str
    payload: bytes


class MalformedBody(ValueError):
    """The body does not follow the grammar; the platform answers 400."""


def media_type(content_type: str) -> str:
    """Give the bare media type in lower case: `multipart/mixed`."""
    return content_type.partition(";")[0].strip().lower()


def boundary_of(content_type: str) -> bytes:
    """Give the boundary parameter of a multipart content type.

    Raises:
        MalformedBody: There is none, or it is not one.
    """
    for name, value in _PARAMETER.findall(content_type):
        if name.lower() == "boundary":
            quoted = value.startswith('"')
            text = re.sub(r"\\(.)", r"\1", value[1:-1]) if quoted else value.strip()
            if not _BOUNDARY.fullmatch(text):
                raise MalformedBody("boundary parameter is not a boundary")
            return text.encode("ascii")
    raise MalformedBody("content type has no boundary parameter")


def read_exchange(content_type: str, body: bytes) -> list[Part]:
    """Take an exchange body apart.

    Raises:
        MalformedBody: It does not follow the grammar of agent API 6.2.
    """
    items = [_read_item(part) for part in _split(body, boundary_of(content_type), "body")]
    if not items:
        raise MalformedBody("body holds no item")
    return items


def _read_item(part: bytes) -> Part:
    headers, content = _headers(part)
    content_type = headers.get("content-type", "")
    if media_type(content_type) != "multipart/related":
        raise MalformedBody(f"item is {content_type[:80]!r}, not multipart/related")
    inner = [_headers(part) for part in _split(content, boundary_of(content_type), "item")]
    if len(inner) != 2:
        raise MalformedBody(f"item has {len(inner)} parts; it must have metadata and a payload")
    (meta_headers, metadata), (payload_headers, payload) = inner
    if media_type(meta_headers.get("content-type", "")) != METADATA_TYPE:
        raise MalformedBody(f"first part of an item is not {METADATA_TYPE}")
    payload_type = payload_headers.get("content-type", "application/octet-stream")
    if media_type(payload_type).startswith("multipart/"):
        raise MalformedBody("an item is nested deeper than one multipart/related")
    return Part(metadata, payload_type, payload)


def _split(body: bytes, boundary: bytes, what: str) -> list[bytes]:
    """Give what stands between delimiter lines, without the one line end before a delimiter."""
    delimiter = b"--" + boundary
    parts = []
    start = -1  # of the part being read; -1 while in the preamble
    position = body.find(delimiter)
    while position >= 0:
        # A delimiter is a line of its own: text that merely contains it is content.
        end = _AFTER_DELIMITER.match(body, position + len(delimiter))
        if end is None or (position > 0 and body[position - 1] != 0x0A):
            position = body.find(delimiter, position + 1)
            continue
        if start >= 0:
            line_end = 2 if body[position - 2 : position] == b"\r\n" else 1
            parts.append(body[start : max(start, position - line_end)])
        if end[1]:
            return parts
        start = end.end()
        position = body.find(delimiter, start)
    raise MalformedBody(f"{what} has no closing delimiter")


def _headers(part: bytes) -> tuple[dict[str, str], bytes]:
    if part.startswith((b"\n", b"\r\n")):
        return {}, part[part.index(b"\n") + 1 :]
    blank = _BLANK_LINE.search(part, 0, _HEADERS_MAX)
    if blank is None:
        raise MalformedBody("a part has no blank line after its header fields")
    headers = {}
    for line in part[: blank.start()].decode("latin-1").splitlines():
        name, colon, value = line.partition(":")
        if not colon:
            raise MalformedBody(f"{line[:80]!r} is not a header field")
        headers[name.strip().lower()] = value.strip()
    return headers, part[blank.end() :]
