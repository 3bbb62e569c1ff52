"""Data point mappings (agent API 8)."""

import sqlite3
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from .. import mappings
from ..agents import find_agent
from ..answers import Refusal, answer, empty, json_object
from ..datasource import points_of
from ..hub import Hub
from ..paging import page_of
from .agents import found_agent, visible_agents
from .common import CONNECT, caller_of, check_tenant, hub_of, operation

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
        caller_of(request).act_on(str(agent))
        row = db.execute("SELECT * FROM agents WHERE id = ?", (str(agent),)).fetchone()
        if row is None:
            raise Refusal(400, "agentId is not an agent.")
        check_tenant(request, row["tenant"], f"Agent {agent}")
        entity = body.get("entityId")
        owner = db.execute("SELECT tenant FROM assets WHERE id = ?", (str(entity),)).fetchone()
        if owner is not None:
            check_tenant(request, owner["tenant"], f"Asset {entity}")
        mapping = mappings.create_mapping(
            db,
            body,
            points_of(row),
            settings=hub.settings,
            breaches=hub.breaches,
            check_point=check_point,
        )
        created = _shown(db, hub, mappings.find_mappings(db, mapping=mapping))
    return answer(created[0], 201)


async def _list(request: Request) -> Response:
    hub = hub_of(request)
    with hub.store.reading() as db:
        visible = visible_agents(request, db)
        rows = [row for row in mappings.find_mappings(db) if row["agent"] in visible]
        shown = _shown(db, hub, rows)
    return answer(page_of(shown, request.query_params, keys=_KEYS))


def _found(request: Request, db: sqlite3.Connection) -> sqlite3.Row:
    rows = mappings.find_mappings(db, mapping=request.path_params["mapping"])
    if not rows:
        raise Refusal(404, "Mapping not found.")
    found_agent(request, db, rows[0]["agent"])
    return rows[0]


async def _read(request: Request) -> Response:
    hub = hub_of(request)
    with hub.store.reading() as db:
        return answer(_shown(db, hub, [_found(request, db)])[0])


async def _delete(request: Request) -> Response:
    with hub_of(request).store.transaction() as db:
        row = _found(request, db)
        db.execute("DELETE FROM mappings WHERE id = ?", (row["id"],))
    return empty(204)


_PATH = f"{CONNECT}/dataPointMappings"
ROUTES = [
    operation("POST", _PATH, _create),
    operation("GET", _PATH, _list),
    operation("GET", f"{_PATH}/{{mapping}}", _read),
    operation("DELETE", f"{_PATH}/{{mapping}}", _delete),
]
