"""Event mappings (agent API 9)."""

import sqlite3

from starlette.requests import Request
from starlette.responses import Response

from .. import events_mappings
from ..answers import Refusal, answer, empty, json_object
from ..paging import page_of
from .agents import check_if_match, found_agent, visible_agents
from .common import CONNECT, check_tenant, hub_of, operation

_STALE = 409  # the description lists it, and no 412 (agent API 13 no. 13)


def _check_places(request: Request, db: sqlite3.Connection, mapping: dict[str, str]) -> None:
    """Check that agent and asset exist and that the caller may map between them.

    Raises:
        Refusal: 400 unknown; 403 of another tenant, or an agent that maps for another.
    """
    found_agent(request, db, mapping["agent"], unknown=400)
    row = db.execute("SELECT tenant FROM assets WHERE id = ?", (mapping["asset"],)).fetchone()
    if row is None:
        raise Refusal(400, f"assetId {mapping['asset']} is not an asset.")
    check_tenant(request, row["tenant"], f"Asset {mapping['asset']}")


async def _create(request: Request) -> Response:
    hub = hub_of(request)
    mapping = events_mappings.read_mapping(await json_object(request))
    with hub.store.transaction() as db:
        _check_places(request, db, mapping)
        row = events_mappings.create_mapping(
            db, mapping, settings=hub.settings, breaches=hub.breaches
        )
    return answer(events_mappings.show_mapping(row), 201)


async def _list(request: Request) -> Response:
    with hub_of(request).store.reading() as db:
        visible = visible_agents(request, db)
        rows = events_mappings.list_mappings(db)
    shown = [events_mappings.show_mapping(row) for row in rows if row["agent"] in visible]
    sortable = ("id", *events_mappings.FIELDS)
    return answer(page_of(shown, request.query_params, keys=("agentId",), sortable=sortable))


def _found(request: Request, db: sqlite3.Connection) -> sqlite3.Row:
    row = events_mappings.find_mapping(db, request.path_params["mapping"])
    found_agent(request, db, row["agent"])
    return row


async def _read(request: Request) -> Response:
    with hub_of(request).store.reading() as db:
        return answer(events_mappings.show_mapping(_found(request, db)))


async def _change(request: Request) -> Response:
    hub = hub_of(request)
    body = await json_object(request)
    with hub.store.transaction() as db:
        row = _found(request, db)
        check_if_match(request, row["etag"], stale=_STALE)
        mapping = events_mappings.read_mapping(body, changed=row)
        _check_places(request, db, mapping)
        row = events_mappings.change_mapping(
            db, row, mapping, settings=hub.settings, breaches=hub.breaches
        )
    return answer(events_mappings.show_mapping(row))


async def _delete(request: Request) -> Response:
    with hub_of(request).store.transaction() as db:
        row = _found(request, db)
        check_if_match(request, row["etag"], stale=_STALE)
        events_mappings.delete_mapping(db, row)
    return empty(204)


_PATH = f"{CONNECT}/eventMappings"
_ONE = f"{_PATH}/{{mapping}}"
ROUTES = [
    operation("POST", _PATH, _create),
    operation("GET", _PATH, _list),
    operation("GET", _ONE, _read),
    operation("PATCH", _ONE, _change),
    operation("DELETE", _ONE, _delete),
]
