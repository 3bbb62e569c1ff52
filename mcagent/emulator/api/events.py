"""Event Management v3: events and jobs (services API 4)."""

import sqlite3
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from .. import events, events_jobs
from ..answers import Refusal, json_object
from ..events_query import read_query, run_query
from ..hal import Listing, check_accept, check_etag, hal, page_of, resource
from .access import found_own_asset
from .common import EVENTS, caller_of, hub_of, note_page, operation

_SORTABLE = frozenset(
    ("timestamp", "typeId", "correlationId", "entityId", "severity", "code", "source", "id")
)
_BILLBOARD = ("events", "eventTypes", "deleteEventsJobs", "createEventsJobs")


def _base(request: Request) -> str:
    return f"{hub_of(request).base_url(request)}{EVENTS}"


def _linked(request: Request, event: dict[str, Any]) -> dict[str, Any]:
    return {**event, "_links": {"self": {"href": f"{_base(request)}/events/{event['id']}"}}}


def _listing(request: Request) -> Listing:
    """Tell how events are listed; a page larger than the Node client knows is noted."""
    most = note_page(request, "event_page_max")
    return Listing("events", 20, most, "timestamp,desc", _SORTABLE)


def _flag(request: Request, name: str) -> bool:
    return request.query_params.get(name, "").lower() == "true"


async def _billboard(request: Request) -> Response:
    links = {name: {"href": f"{_base(request)}/{name}"} for name in _BILLBOARD}
    return hal({"_links": {"self": {"href": _base(request)}, **links}})


def _post(request: Request, db: sqlite3.Connection, body: dict[str, Any]) -> sqlite3.Row:
    caller = caller_of(request)
    checked = events.check_event(db, body, caller.tenant)
    asset = found_own_asset(request, db, body["entityId"], write=True)
    hub = hub_of(request)
    arrival = events.Arrival(hub.clock.now_ms(), hub.settings, hub.breaches)
    return events.post_event(
        db, asset["id"], caller.agent or "", checked, body=body, arrival=arrival
    )


async def _create(request: Request) -> Response:
    body = await json_object(request)
    with hub_of(request).store.transaction() as db:
        row = _post(request, db, body)
    return resource(request, _linked(request, events.show_event(row)), 201)


async def _list(request: Request) -> Response:
    hub, query = hub_of(request), request.query_params
    check_accept(request, hub.breaches)
    caller = caller_of(request)
    with hub.store.transaction() as db:
        events.forget_expired(db, hub.clock.now_ms())
        wanted = read_query(db, query.get("filter", ""), caller.tenant, now_ms=hub.clock.now_ms())
        own = None
        if caller.agent is not None and hub.settings.agents_keep_to_themselves:
            row = db.execute("SELECT entity FROM agents WHERE id = ?", (caller.agent,)).fetchone()
            own = row["entity"]
        found = run_query(
            db,
            wanted,
            tenant=caller.tenant,
            shared=_flag(request, "includeShared"),
            history=_flag(request, "history"),
            asset=own,
        )
    return hal(
        page_of(
            query,
            found,
            _listing(request),
            f"{_base(request)}/events",
            show=lambda event: _linked(request, event),
        )
    )


def _found(request: Request, db: sqlite3.Connection, *, write: bool = False) -> sqlite3.Row:
    events.forget_expired(db, hub_of(request).clock.now_ms())
    row = events.find_event(db, request.path_params["event"])
    if row is None:
        raise Refusal(404, "Event not found.")
    found_own_asset(request, db, row["asset"], write=write)
    return row


async def _read(request: Request) -> Response:
    check_accept(request, hub_of(request).breaches)
    with hub_of(request).store.transaction() as db:
        row = _found(request, db)
    return resource(request, _linked(request, events.show_event(row)))


async def _correct(request: Request) -> Response:
    body = await json_object(request)
    with hub_of(request).store.transaction() as db:
        row = _found(request, db, write=True)
        check_etag(request, row["etag"])
        row = events.correct_event(db, row, body, caller_of(request).tenant)
    return resource(request, _linked(request, events.show_event(row)))


async def _create_many(request: Request) -> Response:
    """Create up to 50 events; each has a result of its own."""
    hub = hub_of(request)
    given = (await json_object(request)).get("events")
    if not isinstance(given, list) or not 1 <= len(given) <= events_jobs.EVENTS_MAX:
        raise Refusal(400, f"events must be a list of 1 to {events_jobs.EVENTS_MAX}.")
    results = []
    with hub.store.transaction() as db:
        for body in given:
            result = {"event": body, "resultCode": "201", "errorMessage": ""}
            try:
                _post(request, db, body if isinstance(body, dict) else {})
            except Refusal as exc:
                result.update(resultCode=str(exc.status), errorMessage=exc.message)
            results.append(result)
        job = events_jobs.keep_job(
            db,
            events_jobs.CREATE,
            caller_of(request).tenant,
            {"resultCode": "201", "resultDescription": results},
            now_ms=hub.clock.now_ms(),
        )
    return hal(job, 201)


async def _delete_many(request: Request) -> Response:
    """Delete by filter; its `typeId` is obligatory."""
    hub = hub_of(request)
    wanted = (await json_object(request)).get("filter")
    if not isinstance(wanted, dict) or not isinstance(wanted.get("typeId"), str):
        raise Refusal(400, "filter must be an object with a typeId.")
    tenant = caller_of(request).tenant
    now_ms = hub.clock.now_ms()
    with hub.store.transaction() as db:
        events.forget_expired(db, now_ms)
        query = read_query(db, wanted, tenant, now_ms=now_ms)
        found = run_query(db, query, tenant=tenant, shared=False, history=True)
        db.executemany("DELETE FROM events WHERE uid = ?", ((one["id"],) for one in found))
        words = f"{len(found)} events deleted."
        job = events_jobs.keep_job(
            db,
            events_jobs.DELETE,
            tenant,
            {"resultCode": "200", "resultDescription": words},
            now_ms=now_ms,
        )
    return hal(job, 201)


async def _job(request: Request) -> Response:
    hub = hub_of(request)
    kind = events_jobs.CREATE if "/createEventsJobs/" in request.url.path else events_jobs.DELETE
    with hub.store.reading() as db:
        return hal(
            events_jobs.find_job(
                db,
                kind,
                caller_of(request).tenant,
                request.path_params["job"],
                now_ms=hub.clock.now_ms(),
            )
        )


ROUTES = [
    operation("GET", EVENTS, _billboard),
    operation("GET", f"{EVENTS}/", _billboard),
    operation("POST", f"{EVENTS}/events", _create),
    operation("GET", f"{EVENTS}/events", _list),
    operation("GET", f"{EVENTS}/events/{{event}}", _read),
    operation("PUT", f"{EVENTS}/events/{{event}}", _correct),
    operation("POST", f"{EVENTS}/createEventsJobs", _create_many),
    operation("GET", f"{EVENTS}/createEventsJobs/{{job}}", _job),
    operation("POST", f"{EVENTS}/deleteEventsJobs", _delete_many),
    operation("GET", f"{EVENTS}/deleteEventsJobs/{{job}}", _job),
]
