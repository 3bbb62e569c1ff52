"""Diagnostic activations and their messages (agent API 7)."""

import sqlite3
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from .. import diagnostics
from ..answers import Refusal, answer, empty, json_object
from ..paging import page_of
from .agents import text_of
from .common import CONNECT, hub_of

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
        agent = str(body.get("agentId"))
        hub.tokens.caller(db, request).require("da.c", agent)
        agent = text_of(body, "agentId")
        if not db.execute("SELECT 1 FROM agents WHERE id = ?", (agent,)).fetchone():
            raise Refusal(400, "agentId is not an agent.")
        row = diagnostics.activate(
            db, agent, _status_of(body), now_ms=now_ms, settings=hub.settings
        )
    return answer(diagnostics.show_activation(row, now_ms), 201)


async def _list(request: Request) -> Response:
    hub = hub_of(request)
    with hub.store.reading() as db:
        caller = hub.tokens.caller(db, request)
        caller.require("da.r")
        rows = db.execute("SELECT * FROM activations ORDER BY number").fetchall()
    now_ms = hub.clock.now_ms()
    shown = [
        diagnostics.show_activation(row, now_ms)
        for row in rows
        if caller.agent in (None, row["agent"])
    ]
    return answer(page_of(shown, request.query_params, keys=_KEYS))


def _found(request: Request, db: sqlite3.Connection, right: str) -> sqlite3.Row:
    caller = hub_of(request).tokens.caller(db, request)
    caller.require(right)
    row = diagnostics.find_activation(db, request.path_params["activation"])
    if row is None:
        raise Refusal(404, "Diagnostic activation not found.")
    caller.require(right, row["agent"])
    return row


async def _read(request: Request) -> Response:
    hub = hub_of(request)
    with hub.store.reading() as db:
        row = _found(request, db, "da.r")
    return answer(diagnostics.show_activation(row, hub.clock.now_ms()))


async def _change(request: Request) -> Response:
    """Switch on or off; `agentId`, which the description lists as required, is ignored (7.2)."""
    hub = hub_of(request)
    body = await json_object(request)
    text_of(body, "status")
    now_ms = hub.clock.now_ms()
    with hub.store.transaction() as db:
        row = _found(request, db, "da.u")
        row = diagnostics.switch(db, row, _status_of(body), now_ms=now_ms, settings=hub.settings)
    return answer(diagnostics.show_activation(row, now_ms))


async def _delete(request: Request) -> Response:
    with hub_of(request).store.transaction() as db:
        diagnostics.delete_activation(db, _found(request, db, "da.d"))
    return empty(204)


async def _messages(request: Request) -> Response:
    hub = hub_of(request)
    with hub.store.reading() as db:
        row = _found(request, db, "da.m.r")
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
        caller = hub.tokens.caller(db, request)
        caller.require("di.r")
        found = diagnostics.find_messages(
            db, agent=caller.agent, now_ms=hub.clock.now_ms(), settings=hub.settings
        )
    return answer(page_of(found, request.query_params, keys=("agentId", *_MESSAGE_KEYS)))


_PATH = f"{CONNECT}/diagnosticActivations"
_ONE = f"{_PATH}/{{activation}}"
ROUTES = [
    Route(_PATH, _create, methods=["POST"]),
    Route(_PATH, _list, methods=["GET"]),
    Route(_ONE, _read, methods=["GET"]),
    Route(_ONE, _change, methods=["PUT"]),
    Route(_ONE, _delete, methods=["DELETE"]),
    Route(f"{_ONE}/messages", _messages, methods=["GET"]),
    Route(f"{CONNECT}/diagnosticInformation", _information, methods=["GET"]),
]
