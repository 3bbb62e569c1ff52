"""Data point mappings (agent API 8)."""

import sqlite3
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from .. import mappings
from ..agents import find_agent
from ..answers import Refusal, answer, empty, json_object
from ..datasource import points_of
from ..hub import Hub
from ..paging import page_of
from .common import CONNECT, hub_of

_KEYS = ("id", *mappings.FIELDS, "keepMapping")


def _shown(db: sqlite3.Connection, hub: Hub, rows: list[sqlite3.Row]) -> list[dict[str, Any]]:
    points = {agent: points_of(find_agent(db, agent)) for agent in {row["agent"] for row in rows}}
    return [mappings.show_mapping(row, points[row["agent"]], hub.settings) for row in rows]


async def _create(request: Request) -> Response:
    hub = hub_of(request)
    body = await json_object(request)
    agent = body.get("agentId")
    # An undocumented flag of the Node client switches the check of the point off (8).
    check_point = request.query_params.get("noAgentValidation", "").lower() != "true"
    with hub.store.transaction() as db:
        hub.tokens.caller(db, request).require("map.c", str(agent))
        row = db.execute("SELECT * FROM agents WHERE id = ?", (str(agent),)).fetchone()
        if row is None:
            raise Refusal(400, "agentId is not an agent.")
        mapping = mappings.create_mapping(
            db, body, points_of(row), settings=hub.settings, check_point=check_point
        )
        created = _shown(db, hub, mappings.find_mappings(db, mapping=mapping))
    return answer(created[0], 201)


async def _list(request: Request) -> Response:
    hub = hub_of(request)
    with hub.store.reading() as db:
        caller = hub.tokens.caller(db, request)
        caller.require("map.r")
        shown = _shown(db, hub, mappings.find_mappings(db, agent=caller.agent))
    return answer(page_of(shown, request.query_params, keys=_KEYS))


def _found(request: Request, db: sqlite3.Connection, right: str) -> sqlite3.Row:
    caller = hub_of(request).tokens.caller(db, request)
    caller.require(right)
    rows = mappings.find_mappings(db, mapping=request.path_params["mapping"])
    if not rows:
        raise Refusal(404, "Mapping not found.")
    caller.require(right, rows[0]["agent"])
    return rows[0]


async def _read(request: Request) -> Response:
    hub = hub_of(request)
    with hub.store.reading() as db:
        return answer(_shown(db, hub, [_found(request, db, "map.r")])[0])


async def _delete(request: Request) -> Response:
    with hub_of(request).store.transaction() as db:
        row = _found(request, db, "map.d")
        db.execute("DELETE FROM mappings WHERE id = ?", (row["id"],))
    return empty(204)


_PATH = f"{CONNECT}/dataPointMappings"
ROUTES = [
    Route(_PATH, _create, methods=["POST"]),
    Route(_PATH, _list, methods=["GET"]),
    Route(f"{_PATH}/{{mapping}}", _read, methods=["GET"]),
    Route(f"{_PATH}/{{mapping}}", _delete, methods=["DELETE"]),
]
