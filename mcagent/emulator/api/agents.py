"""Agent management, north side: agents and their boarding (agent API 2)."""

import sqlite3
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from .. import agents
from ..answers import Refusal, answer, empty, json_object
from ..paging import page_of
from ..times import format_time
from .common import AGENTS, hub_of

_KEYS = ("id", "name", "securityProfile", "entityId")


def check_if_match(request: Request, etag: int) -> None:
    """Compare `If-Match` with an eTag; `2`, `"2"` and `W/"2"` are taken (agent API 2.4).

    Raises:
        Refusal: 400 without the header, 412 if it differs.
    """
    given = request.headers.get("if-match")
    if given is None:
        raise Refusal(400, "Header If-Match is missing.")
    if given.strip().removeprefix("W/").strip('"') != str(etag):
        raise Refusal(412)


def text_of(body: dict[str, Any], name: str) -> str:
    """Give a text member of a body.

    Raises:
        Refusal: 400, it is missing or no text.
    """
    value = body.get(name)
    if not isinstance(value, str):
        raise Refusal(400, f"{name} is missing or not text.")
    return value


async def _create(request: Request) -> Response:
    hub = hub_of(request)
    body = await json_object(request)
    with hub.store.transaction() as db:
        hub.tokens.caller(db, request).require("agm.c")
        agent = agents.create_agent(
            db,
            name=text_of(body, "name"),
            profile=text_of(body, "securityProfile"),
            entity=text_of(body, "entityId"),
            tenant=hub.settings.tenant,
        )
        return answer(agents.show_agent(agents.find_agent(db, agent)), 201)


async def _list(request: Request) -> Response:
    hub = hub_of(request)
    with hub.store.reading() as db:
        caller = hub.tokens.caller(db, request)
        caller.require("agm.r")
        rows = db.execute("SELECT * FROM agents ORDER BY rowid").fetchall()
    shown = [agents.show_agent(row) for row in rows if caller.agent in (None, row["id"])]
    return answer(page_of(shown, request.query_params, keys=_KEYS))


def _found(request: Request, db: sqlite3.Connection, right: str) -> sqlite3.Row:
    """Check the caller's right on the agent of the path, and give its row."""
    agent = request.path_params["agent"]
    hub_of(request).tokens.caller(db, request).require(right, agent)
    return agents.find_agent(db, agent)


async def _read(request: Request) -> Response:
    with hub_of(request).store.reading() as db:
        return answer(agents.show_agent(_found(request, db, "agm.r")))


async def _change(request: Request) -> Response:
    body = await json_object(request)
    with hub_of(request).store.transaction() as db:
        row = _found(request, db, "agm.u")
        check_if_match(request, row["etag"])
        agents.change_agent(db, row["id"], text_of(body, "name"), text_of(body, "securityProfile"))
        return answer(agents.show_agent(agents.find_agent(db, row["id"])))


async def _delete(request: Request) -> Response:
    with hub_of(request).store.transaction() as db:
        row = _found(request, db, "agm.d")
        check_if_match(request, row["etag"])
        agents.delete_agent(db, row["id"])
    return empty(204)


async def _status(request: Request) -> Response:
    """Answer the online status, which derives from traffic (agent API 10.1)."""
    hub = hub_of(request)
    with hub.store.reading() as db:
        row = _found(request, db, "agm.r")
    seen_ms = row["last_seen_ms"] or 0
    online = hub.clock.now_ms() - seen_ms <= hub.settings.online_window_s * 1000
    return answer({"status": "ONLINE" if online else "OFFLINE", "since": format_time(seen_ms)})


async def _boarding_configuration(request: Request) -> Response:
    hub = hub_of(request)
    with hub.store.transaction() as db:
        return answer(
            agents.boarding_configuration(
                db,
                _found(request, db, "obc.sec"),
                keys=hub.keys,
                clock=hub.clock,
                settings=hub.settings,
                base_url=hub.base_url(request),
            )
        )


async def _boarding_status(request: Request) -> Response:
    with hub_of(request).store.reading() as db:
        return answer({"status": _found(request, db, "obc.r")["boarding"]})


async def _offboard(request: Request) -> Response:
    with hub_of(request).store.transaction() as db:
        row = _found(request, db, "obc.sec")
        agents.offboard(db, row)
    return answer({"status": "NOT_ONBOARDED"})


_AGENT = f"{AGENTS}/agents/{{agent}}"
ROUTES = [
    Route(f"{AGENTS}/agents", _create, methods=["POST"]),
    Route(f"{AGENTS}/agents", _list, methods=["GET"]),
    Route(_AGENT, _read, methods=["GET"]),
    Route(_AGENT, _change, methods=["PUT"]),
    Route(_AGENT, _delete, methods=["DELETE"]),
    Route(f"{_AGENT}/status", _status, methods=["GET"]),
    Route(f"{_AGENT}/boarding/configuration", _boarding_configuration, methods=["GET"]),
    Route(f"{_AGENT}/boarding/status", _boarding_status, methods=["GET"]),
    Route(f"{_AGENT}/boarding/offboard", _offboard, methods=["POST"]),
]
