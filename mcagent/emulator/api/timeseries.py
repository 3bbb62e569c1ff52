"""IoT Time Series v3: read, write and delete the values of an asset's aspect (services API 1)."""

import json
import sqlite3
from typing import Any, NamedTuple
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from ..answers import Refusal, answer, empty, parse_json
from ..timeseries import Span, Variable, variables_of
from ..timeseries_reading import answer_query, check_order, next_link, read_query, read_range
from ..timeseries_rules import check_deletion, check_rate
from ..timeseries_writing import read_body
from .access import found_asset
from .common import TIMESERIES, caller_of, hub_of, operation

_PAIRS_MAX = 5
_RECORDS_MAX = 100


class _Place(NamedTuple):
    """An asset's aspect."""

    asset: str
    aspect: str
    variables: list[Variable]

    @property
    def key(self) -> tuple[str, str]:
        return self.asset, self.aspect


def find_place(
    request: Request, db: sqlite3.Connection, entity: str, aspect: str, *, write: bool = False
) -> _Place:
    """Find an aspect that the caller may read, or with *write* change.

    Raises:
        Refusal: 404 no such asset or aspect, 403 another tenant's.
    """
    asset = found_asset(request, db, entity, write=write)["id"]
    variables = variables_of(db, asset, aspect)
    if not variables:
        raise Refusal(404, f"[6410] Unable to find the property set - {aspect[:128]}")
    return _Place(asset, aspect, variables)


def _place_of_path(request: Request, db: sqlite3.Connection, *, write: bool = False) -> _Place:
    return find_place(
        request, db, request.path_params["entity"], request.path_params["aspect"], write=write
    )


async def _read(request: Request) -> Response:
    hub = hub_of(request)
    now_ms = hub.clock.now_ms()
    with hub.store.reading() as db:
        place = _place_of_path(request, db)
        query = read_query(
            request.query_params, place.variables, now_ms=now_ms, settings=hub.settings
        )
        page, shown = answer_query(
            db, query, now_ms=now_ms, settings=hub.settings, breaches=hub.breaches
        )
    headers = {}
    if hub.settings.link_paging:
        path = f"{TIMESERIES}/timeseries/{place.asset}/{quote(place.aspect, safe='')}"
        link = next_link(query, page, f"{hub.base_url(request)}{path}")
        if link is not None:
            headers["Link"] = f'<{link}>; rel="next"'
    return answer(shown, headers=headers)


async def _body(request: Request, limit: str) -> Any:
    """Read the JSON body, no larger than the switch *limit* says.

    Raises:
        Refusal: 400 it is not JSON, 400 or 413 it is too large.
    """
    hub = hub_of(request)
    body = await request.body()
    if hub.breaches.over(limit, len(body), f"{request.method} {request.url.path}: bytes"):
        most = getattr(hub.settings, limit)
        raise Refusal(hub.settings.too_large_status, f"Body exceeds {most} bytes.")
    try:
        return parse_json(body)
    except ValueError as exc:
        raise Refusal(400, f"Body is not JSON: {exc}") from exc


def _put(request: Request, db: sqlite3.Connection, place: _Place, data: Any, size: int) -> None:
    """Judge the records of an aspect and have them written, all of them or none.

    Raises:
        Refusal: 400 one breaks a rule, 429 too much in a second.
    """
    hub = hub_of(request)
    try:
        records = read_body(
            data,
            place.variables,
            aspect=place.aspect,
            settings=hub.settings,
            breaches=hub.breaches,
        )
    except ValueError as exc:
        raise Refusal(400, f"Request is not valid: {exc}") from exc
    check_rate(
        hub.throttle,
        place.key,
        size,
        settings=hub.settings,
        now_ms=hub.clock.now_ms(),
        breaches=hub.breaches,
    )
    hub.writes.put(db, place.key, records)


async def _write(request: Request) -> Response:
    data = await _body(request, "max_put_bytes")
    size = len(await request.body())
    with hub_of(request).store.transaction() as db:
        _put(request, db, _place_of_path(request, db, write=True), data, size)
    return empty(204)


async def _write_several(request: Request) -> Response:
    """Write to several aspects; what is wrong with one of them is told in the body of the 202."""
    entries = _entries(await _body(request, "max_multi_put_bytes"))
    errors = []
    with hub_of(request).store.transaction() as db:
        _check_one_tenant(db, entries)
        for entry in entries:
            try:
                place = find_place(
                    request, db, entry["entityId"], entry["propertySetName"], write=True
                )
                _put(request, db, place, entry["data"], _size(entry["data"]))
            except Refusal as refusal:
                # The form of these errors is a proposal of services API 1.5, not known.
                errors.append(
                    {
                        "entityId": entry["entityId"],
                        "propertySetName": entry["propertySetName"],
                        "status": refusal.status,
                        "message": refusal.message,
                    }
                )
    return answer({"errors": errors}, 202) if errors else empty(202)


def _size(data: list[Any]) -> int:
    """Give the bytes that one pair's share of a body takes at least, white space left out."""
    return len(json.dumps(data, separators=(",", ":"), ensure_ascii=False).encode())


def _entries(body: Any) -> list[dict[str, Any]]:
    """Check the outer form of a write to several aspects.

    Raises:
        Refusal: 400, it has another, or there are too many pairs or records.
    """
    entries = body.get("timeseries") if isinstance(body, dict) else None
    if not isinstance(entries, list) or not entries:
        raise Refusal(400, "Body has no array timeseries with entries.")
    for entry in entries:
        if not (
            isinstance(entry, dict)
            and isinstance(entry.get("entityId"), str)
            and isinstance(entry.get("propertySetName"), str)
            and isinstance(entry.get("data"), list)
        ):
            raise Refusal(400, "Entries need entityId, propertySetName and an array data.")
    pairs = {(entry["entityId"].lower(), entry["propertySetName"]) for entry in entries}
    if len(pairs) > _PAIRS_MAX:
        raise Refusal(400, f"{len(pairs)} assets and aspects are more than {_PAIRS_MAX}.")
    records = sum(len(entry["data"]) for entry in entries)
    if records > _RECORDS_MAX:
        raise Refusal(400, f"{records} records are more than {_RECORDS_MAX}.")
    return entries


def _check_one_tenant(db: sqlite3.Connection, entries: list[dict[str, Any]]) -> None:
    query = "SELECT tenant FROM assets WHERE id = ?"
    rows = [db.execute(query, (entry["entityId"].lower(),)).fetchone() for entry in entries]
    if len({row["tenant"] for row in rows if row is not None}) > 1:
        raise Refusal(400, "All assets of a request must belong to one tenant.")


async def _delete(request: Request) -> Response:
    hub = hub_of(request)
    query = request.query_params
    after_ms, to_ms = (read_range(query, name) for name in ("from", "to"))
    if after_ms is None or to_ms is None:
        raise Refusal(400, "from and to are required.")
    check_order(after_ms, to_ms)
    if "select" in query:
        # Ignoring it would delete what the caller wants to keep.
        raise Refusal(400, "select is not available: all variables of a range are deleted.")
    span = Span(after_ms, to_ms)
    with hub.store.transaction() as db:
        place = _place_of_path(request, db, write=True)
        check_deletion(
            db,
            caller_of(request).tenant,
            place.variables,
            span,
            settings=hub.settings,
            now_ms=hub.clock.now_ms(),
            breaches=hub.breaches,
        )
        hub.writes.delete(db, place.key, place.variables, span)
    return empty(204)


_PATH = f"{TIMESERIES}/timeseries/{{entity}}/{{aspect}}"
ROUTES = [
    operation("GET", _PATH, _read),
    operation("PUT", _PATH, _write),
    operation("DELETE", _PATH, _delete),
    operation("PUT", f"{TIMESERIES}/timeseries", _write_several),
]
