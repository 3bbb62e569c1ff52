"""Diagnostic activations and their messages (agent API 7)."""

import sqlite3
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from .. import diagnostics
from ..answers import Refusal, answer, empty, json_object
from ..paging import page_of
from .agents import found_agent, text_of, visible_agents
from .common import CONNECT, hub_of, operation

_KEYS = ("id", "agentId", "status")
_MESSAGE_KEYS = ("correlationId", "message", "source", "timestamp", "severity")


def _status_of(body: dict[str, Any]) -> str:
    status = body.get("status", diagnostics.ACTIVE)
    if status not in (diagnostics.ACTIVE, diagnostics.INACTIVE):
        raise Refusal(400, "status must be ACTIVE or INACTIVE.")
    return str(status)


async def _create(request: Request) -> Response:
    hub = hub_of(request)
    body = await json_object(request)
    now_ms = hub.clock.now_ms()
    with hub.store.transaction() as db:
        agent = text_of(body, "agentId")
        found_agent(request, db, agent, unknown=400)
        row = diagnostics.activate(
            db, agent, _status_of(body), now_ms=now_ms, settings=hub.settings
        )
    return answer(diagnostics.show_activation(row, now_ms), 201)


async def _list(request: Request) -> Response:
    hub = hub_of(request)
    with hub.store.reading() as db:
        visible = visible_agents(request, db)
        rows = db.execute("SELECT * FROM activations ORDER BY number").fetchall()
    now_ms = hub.clock.now_ms()
    shown = [diagnostics.show_activation(row, now_ms) for row in rows if row["agent"] in visible]
    return answer(page_of(shown, request.query_params, keys=_KEYS))


def _found(request: Request, db: sqlite3.Connection) -> sqlite3.Row:
    row = diagnostics.find_activation(db, request.path_params["activation"])
    if row is None:
        raise Refusal(404, "Diagnostic activation not found.")
    found_agent(request, db, row["agent"])
    return row


async def _read(request: Request) -> Response:
    hub = hub_of(request)
    with hub.store.reading() as db:
        row = _found(request, db)
    return answer(diagnostics.show_activation(row, hub.clock.now_ms()))


async def _change(request: Request) -> Response:
    """Switch on or off; `agentId`, which the description lists as required, is ignored (7.2)."""
    hub = hub_of(request)
    body = await json_object(request)
    text_of(body, "status")
    now_ms = hub.clock.now_ms()
    with hub.store.transaction() as db:
        row = _found(request, db)
        row = diagnostics.switch(db, row, _status_of(body), now_ms=now_ms, settings=hub.settings)
    return answer(diagnostics.show_activation(row, now_ms))


async def _delete(request: Request) -> Response:
    with hub_of(request).store.transaction() as db:
        diagnostics.delete_activation(db, _found(request, db))
    return empty(204)


async def _messages(request: Request) -> Response:
    hub = hub_of(request)
    with hub.store.reading() as db:
        row = _found(request, db)
        found = diagnostics.find_messages(
            db, agent=row["agent"], now_ms=hub.clock.now_ms(), settings=hub.settings
        )
    for message in found:
        del message["agentId"]  # the deprecated list alone has it
    return answer(page_of(found, request.query_params, keys=_MESSAGE_KEYS))


async def _information(request: Request) -> Response:
    """Answer the deprecated list: messages of all agents that the caller may see."""
    hub = hub_of(request)
    with hub.store.reading() as db:
        visible = visible_agents(request, db)
        found = diagnostics.find_messages(
            db, agent=None, now_ms=hub.clock.now_ms(), settings=hub.settings
        )
    found = [message for message in found if message["agentId"] in visible]
    return answer(page_of(found, request.query_params, keys=("agentId", *_MESSAGE_KEYS)))


_PATH = f"{CONNECT}/diagnosticActivations"
_ONE = f"{_PATH}/{{activation}}"
ROUTES = [
    operation("POST", _PATH, _create),
    operation("GET", _PATH, _list),
    operation("GET", _ONE, _read),
    operation("PUT", _ONE, _change),
    operation("DELETE", _ONE, _delete),
    operation("GET", f"{_ONE}/messages", _messages),
    operation("GET", f"{CONNECT}/diagnosticInformation", _information),
]
