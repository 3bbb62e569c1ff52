"""Event Management v3: event types (services API 4.4)."""

import sqlite3
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from .. import events_types
from ..answers import Refusal, empty, json_object, parse_json
from ..events import forget_expired
from ..filters import read_filter
from ..hal import Listing, check_accept, check_etag, hal, page_of, resource
from .common import EVENTS, caller_of, hub_of, operation

_KNOWN = frozenset(("id", "name", "owner", "scope"))
_LISTING = Listing("eventTypes", 20, 100, "name,asc", _KNOWN)


def _shown(request: Request, one: dict[str, Any]) -> dict[str, Any]:
    base = f"{hub_of(request).base_url(request)}{EVENTS}"
    filtered = f"{base}/events?filter=%7B%22typeId%22%3A%22{one['id']}%22%7D"
    modes = ["RECEIVER"] if one["owner"] not in (caller_of(request).tenant, "core") else []
    return {
        **one,
        "sharing": {"modes": modes},
        "_links": {
            "self": {"href": f"{base}/eventTypes/{one['id']}"},
            "events": {"href": filtered},
        },
    }


def _found(request: Request, db: sqlite3.Connection) -> dict[str, Any]:
    tenant = caller_of(request).tenant
    return events_types.visible_type(db, request.path_params["type"], tenant)


async def _create(request: Request) -> Response:
    body = await json_object(request)
    with hub_of(request).store.transaction() as db:
        made = events_types.create_type(db, body, caller_of(request).tenant)
    return resource(request, _shown(request, made), 201)


async def _list(request: Request) -> Response:
    query = request.query_params
    check_accept(request, hub_of(request).breaches)
    passes = read_filter(query.get("filter", ""), _KNOWN, ignore_unknown=False)
    with hub_of(request).store.reading() as db:
        found = events_types.list_types(db, caller_of(request).tenant)
    if query.get("excludeGlobal", "").lower() == "true":
        found = [one for one in found if one["scope"] != "GLOBAL"]
    url = f"{hub_of(request).base_url(request)}{EVENTS}/eventTypes"
    rows = [one for one in found if passes(one)]
    return hal(page_of(query, rows, _LISTING, url, show=lambda one: _shown(request, one)))


async def _read(request: Request) -> Response:
    with hub_of(request).store.reading() as db:
        return resource(request, _shown(request, _found(request, db)))


async def _change(request: Request) -> Response:
    """Apply a list of operations; the Node client sends it with PUT (4.4)."""
    try:
        changes = parse_json(await request.body())
    except ValueError as exc:
        raise Refusal(400, f"Body is not JSON: {exc}") from exc
    with hub_of(request).store.transaction() as db:
        one = _found(request, db)
        check_etag(request, one["etag"])
        made = events_types.change_type(db, one, changes, caller_of(request).tenant)
    return resource(request, _shown(request, made))


async def _delete(request: Request) -> Response:
    with hub_of(request).store.transaction() as db:
        one = _found(request, db)
        check_etag(request, one["etag"])
        forget_expired(db, hub_of(request).clock.now_ms())
        events_types.delete_type(db, one, caller_of(request).tenant)
    return empty(204)


_ONE = f"{EVENTS}/eventTypes/{{type}}"
ROUTES = [
    operation("POST", f"{EVENTS}/eventTypes", _create),
    operation("GET", f"{EVENTS}/eventTypes", _list),
    operation("GET", _ONE, _read),
    operation("PATCH", _ONE, _change),
    operation("PUT", _ONE, _change),
    operation("DELETE", _ONE, _delete),
]
