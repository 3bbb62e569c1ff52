"""What an exchange carries: from the parts of a body to items of the five kinds (agent API 6.3).

Only the form is judged here, because the platform answers 400 for nothing else: contents are
judged after the 200 (ingest.py).
"""

from typing import Any, NamedTuple

from .answers import parse_json
from .multipart import MalformedBody, Part

TIMESERIES, EVENT, FILE, MODEL, CUSTOM = "timeseries", "event", "file", "model", "custom"
KINDS = (TIMESERIES, EVENT, FILE, MODEL, CUSTOM)
_KIND_OF_TYPE = {
    "standardTimeSeries": TIMESERIES,
    "businessEvent": EVENT,
    "file": FILE,
    "dataSourceConfiguration": MODEL,
}
# The JSON value that a payload must be for the body to count as well-formed.
_SHAPES: dict[str, type] = {TIMESERIES: list, EVENT: list, MODEL: dict}


class Item(NamedTuple):
    """One item of an exchange.

    `content` is the parsed payload of the JSON kinds, else None; `lines` is how many samples,
    events or other single things it holds.
    """

    kind: str
    type: str
    version: str
    details: dict[str, Any]
    content_type: str
    payload: bytes
    content: Any
    lines: int


def read_item(part: Part) -> Item:
    """Read one part of an exchange.

    Raises:
        MalformedBody: Metadata or payload do not have the documented form.
    """
    payload = _metadata(part.metadata)
    details = payload.get("details") or {}
    if not isinstance(details, dict):
        raise MalformedBody("details of an item is not an object")
    kind = _KIND_OF_TYPE.get(payload["type"], CUSTOM)
    if kind == TIMESERIES and not isinstance(details.get("configurationId"), str):
        raise MalformedBody("a standardTimeSeries item names no configurationId")
    if kind == FILE and not (isinstance(details.get("fileName"), str) and details["fileName"]):
        raise MalformedBody("a file item names no fileName")
    content: Any = None
    lines = 1
    if kind in _SHAPES:
        try:
            content = parse_json(part.payload)
        except ValueError as exc:
            raise MalformedBody(f"payload of a {payload['type']} is not JSON: {exc}") from exc
        if not isinstance(content, _SHAPES[kind]):
            raise MalformedBody(f"payload of a {payload['type']} has the wrong JSON type")
        lines = len(content) if isinstance(content, list) else 1
    return Item(
        kind,
        payload["type"],
        payload["version"],
        details,
        part.content_type,
        part.payload,
        content,
        lines,
    )


def _metadata(raw: bytes) -> dict[str, Any]:
    try:
        metadata = parse_json(raw)
    except ValueError as exc:
        raise MalformedBody(f"metadata is not JSON: {exc}") from exc
    if not isinstance(metadata, dict) or metadata.get("type") != "item":
        raise MalformedBody("metadata is not an object of type item")
    if metadata.get("version") != "1.0":
        raise MalformedBody("metadata is not of version 1.0")
    payload = metadata.get("payload")
    if not isinstance(payload, dict):
        raise MalformedBody("metadata has no payload object")
    for name in ("type", "version"):
        if not isinstance(payload.get(name), str) or not payload[name]:
            raise MalformedBody(f"metadata's payload has no {name}")
    return payload
