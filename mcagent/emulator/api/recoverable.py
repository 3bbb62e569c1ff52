"""Recoverable records: list, replay, delete, download (agent API 7)."""

import sqlite3

from starlette.requests import Request
from starlette.responses import Response

from .. import recoverable
from ..answers import Refusal, answer, empty
from ..paging import page_of
from .agents import found_agent, visible_agents
from .common import CONNECT, hub_of, operation

_KEYS = ("id", "correlationId", "agentId", "requestTime", "dropReason")
# Where a download link leads, and for what: no other token opens it, and it opens nothing else.
_DOWNLOADS = "/download/recoverableRecords"
_AUDIENCE = "download"


async def _list(request: Request) -> Response:
    hub = hub_of(request)
    with hub.store.reading() as db:
        visible = visible_agents(request, db)
        rows = recoverable.find_records(db, now_ms=hub.clock.now_ms(), settings=hub.settings)
    shown = [recoverable.show_record(row) for row in rows if row["agent"] in visible]
    return answer(page_of(shown, request.query_params, keys=_KEYS))


def _found(request: Request, db: sqlite3.Connection) -> sqlite3.Row:
    row = _record(request, db)
    found_agent(request, db, row["agent"])
    return row


def _record(request: Request, db: sqlite3.Connection) -> sqlite3.Row:
    hub = hub_of(request)
    rows = recoverable.find_records(
        db,
        record=request.path_params["record"],
        now_ms=hub.clock.now_ms(),
        settings=hub.settings,
    )
    if not rows:
        raise Refusal(404, "Recoverable record not found.")
    return rows[0]


async def _replay(request: Request) -> Response:
    """Run a record again, with today's mappings, after the answer."""
    hub = hub_of(request)
    with hub.store.reading() as db:
        row = _found(request, db)
    hub.worker.replay(row)
    return empty()


async def _delete(request: Request) -> Response:
    with hub_of(request).store.transaction() as db:
        recoverable.delete_record(db, _found(request, db)["id"])
    return empty(204)


async def _link(request: Request) -> Response:
    """Answer a JSON string: a signed URL that needs no token for a while."""
    hub = hub_of(request)
    with hub.store.reading() as db:
        row = _found(request, db)
    life_s = hub.settings.download_link_life_s
    ticket = hub.keys.issue(
        {"sub": row["id"], "aud": _AUDIENCE, "exp": hub.clock.now_s() + life_s}
    )
    return answer(f"{hub.base_url(request)}{_DOWNLOADS}/{row['id']}?ticket={ticket}")


async def _download(request: Request) -> Response:
    hub = hub_of(request)
    claims = hub.keys.verify(request.query_params.get("ticket", "")) or {}
    valid = claims.get("aud") == _AUDIENCE and claims.get("sub") == request.path_params["record"]
    if not valid or claims["exp"] <= hub.clock.now_s():
        raise Refusal(403, "The download link is not valid, or not any more.")
    with hub.store.reading() as db:
        content, media_type = recoverable.payload_of(db, _record(request, db))
    return Response(content, media_type=media_type)


_PATH = f"{CONNECT}/recoverableRecords"
_ONE = f"{_PATH}/{{record}}"
ROUTES = [
    operation("GET", _PATH, _list),
    operation("DELETE", _ONE, _delete),
    operation("POST", f"{_ONE}/replay", _replay),
    operation("GET", f"{_ONE}/downloadLink", _link),
    operation("GET", f"{_DOWNLOADS}/{{record}}", _download),
]
