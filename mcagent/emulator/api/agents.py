"""Agent management, north side: agents and their boarding (agent API 2)."""

import sqlite3
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from .. import agents
from ..answers import Refusal, answer, empty, json_object
from ..paging import page_of
from .common import AGENTS, caller_of, check_tenant, hub_of, operation

_KEYS = ("id", "name", "securityProfile", "entityId")
_STALE_WORDS = {409: "A newer version exists."}


def check_if_match(request: Request, etag: int, *, stale: int = 412) -> None:
    """Compare `If-Match` with an eTag; `2`, `"2"` and `W/"2"` are taken (agent API 2.4).

    Raises:
        Refusal: 400 without the header, *stale* if it differs.
    """
    given = request.headers.get("if-match")
    if given is None:
        raise Refusal(400, "Header If-Match is missing.")
    if given.strip().removeprefix("W/").strip('"') != str(etag):
        raise Refusal(stale, _STALE_WORDS.get(stale, ""))


def text_of(body: dict[str, Any], name: str) -> str:
    """Give a text member of a body.

    Raises:
        Refusal: 400, it is missing or no text.
    """
    value = body.get(name)
    if not isinstance(value, str):
        raise Refusal(400, f"{name} is missing or not text.")
    return value


def texts_of(body: dict[str, Any], name: str, default: tuple[str, ...]) -> tuple[str, ...]:
    """Give a member of a body that is a list of texts, *default* if it is missing.

    Raises:
        Refusal: 400, it is something else.
    """
    value = body.get(name, default)
    if not isinstance(value, (list, tuple)) or not all(isinstance(text, str) for text in value):
        raise Refusal(400, f"{name} must be a list of texts.")
    return tuple(value)


async def _create(request: Request) -> Response:
    hub = hub_of(request)
    body = await json_object(request)
    caller = caller_of(request)
    entity = text_of(body, "entityId")
    with hub.store.transaction() as db:
        owner = db.execute("SELECT tenant FROM assets WHERE id = ?", (entity,)).fetchone()
        if owner is not None:
            check_tenant(request, owner["tenant"], f"Asset {entity}")
        agent = agents.create_agent(
            db,
            name=text_of(body, "name"),
            profile=text_of(body, "securityProfile"),
            entity=entity,
            tenant=caller.tenant,
        )
        return answer(agents.show_agent(agents.find_agent(db, agent)), 201)


async def _list(request: Request) -> Response:
    hub = hub_of(request)
    with hub.store.reading() as db:
        visible = visible_agents(request, db)
        rows = db.execute("SELECT * FROM agents ORDER BY rowid").fetchall()
    shown = [agents.show_agent(row) for row in rows if row["id"] in visible]
    return answer(page_of(shown, request.query_params, keys=_KEYS))


def found_agent(
    request: Request, db: sqlite3.Connection, agent: str, *, unknown: int = 404
) -> sqlite3.Row:
    """Give an agent's row if the caller may work on it.

    Raises:
        Refusal: *unknown* there is none; 403 an agent that asks for another, or another tenant's.
    """
    caller_of(request).act_on(agent)
    try:
        row = agents.find_agent(db, agent)
    except Refusal as exc:
        raise Refusal(unknown, f"Agent {agent[:64]} not found.") from exc
    check_tenant(request, row["tenant"], f"Agent {agent}")
    return row


def visible_agents(request: Request, db: sqlite3.Connection) -> frozenset[str]:
    """Give the ids of the agents that the caller may see: itself, or all of its tenant."""
    caller = caller_of(request)
    if caller.agent is not None:
        return frozenset((caller.agent,))
    rows = db.execute("SELECT id FROM agents WHERE tenant = ?", (caller.tenant,))
    return frozenset(row["id"] for row in rows)


def _found(request: Request, db: sqlite3.Connection) -> sqlite3.Row:
    return found_agent(request, db, request.path_params["agent"])


async def _read(request: Request) -> Response:
    with hub_of(request).store.reading() as db:
        return answer(agents.show_agent(_found(request, db)))


async def _change(request: Request) -> Response:
    body = await json_object(request)
    with hub_of(request).store.transaction() as db:
        row = _found(request, db)
        check_if_match(request, row["etag"])
        agents.change_agent(db, row["id"], text_of(body, "name"), text_of(body, "securityProfile"))
        return answer(agents.show_agent(agents.find_agent(db, row["id"])))


async def _delete(request: Request) -> Response:
    with hub_of(request).store.transaction() as db:
        row = _found(request, db)
        check_if_match(request, row["etag"])
        agents.delete_agent(db, row["id"])
    return empty(204)


async def _status(request: Request) -> Response:
    """Answer the online status, which derives from traffic (agent API 10.1)."""
    hub = hub_of(request)
    with hub.store.reading() as db:
        row = _found(request, db)
    return answer(agents.show_status(row, hub.clock.now_ms(), hub.settings))


async def _boarding_configuration(request: Request) -> Response:
    hub = hub_of(request)
    with hub.store.transaction() as db:
        return answer(
            agents.boarding_configuration(
                db,
                _found(request, db),
                keys=hub.keys,
                clock=hub.clock,
                settings=hub.settings,
                base_url=hub.base_url(request),
            )
        )


async def _boarding_status(request: Request) -> Response:
    with hub_of(request).store.reading() as db:
        return answer({"status": _found(request, db)["boarding"]})


async def _offboard(request: Request) -> Response:
    with hub_of(request).store.transaction() as db:
        row = _found(request, db)
        agents.offboard(db, row)
    return answer({"status": "NOT_ONBOARDED"})


_AGENT = f"{AGENTS}/agents/{{agent}}"
ROUTES = [
    operation("POST", f"{AGENTS}/agents", _create),
    operation("GET", f"{AGENTS}/agents", _list),
    operation("GET", _AGENT, _read),
    operation("PUT", _AGENT, _change),
    operation("DELETE", _AGENT, _delete),
    operation("GET", f"{_AGENT}/status", _status),
    operation("GET", f"{_AGENT}/boarding/configuration", _boarding_configuration),
    operation("GET", f"{_AGENT}/boarding/status", _boarding_status),
    operation("POST", f"{_AGENT}/boarding/offboard", _offboard),
]
