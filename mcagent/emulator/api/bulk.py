"""IoT TS Bulk v3, as far as a test of a device needs it (services API 2)."""

from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from .. import bulk
from ..answers import Refusal, answer, json_object
from ..timeseries import Span, read_page
from ..timeseries_reading import check_range, read_range, show_instant, show_records
from .access import found_asset
from .common import BULK, caller_of, hub_of, operation
from .timeseries import find_place

_RECORDS_MAX = 100_000  # of one answer; the service has no limit of its own that is known
_FAR_MS = 2**62


async def _create(request: Request) -> Response:
    hub = hub_of(request)
    wanted = bulk.read_job(await json_object(request))
    with hub.store.transaction() as db:
        asset = found_asset(request, db, wanted.entity, write=True)
        place = find_place(request, db, wanted.entity, wanted.aspect, write=True)
        bulk.check_region(asset, hub.settings)
        job = bulk.run_job(
            db,
            asset,
            wanted,
            place.variables,
            settings=hub.settings,
            breaches=hub.breaches,
            now_ms=hub.clock.now_ms(),
        )
    submitted = {**job, "status": "SUBMITTED", "message": ""}
    location = f"{hub.base_url(request)}{BULK}/importJobs/{job['id']}"
    return answer(submitted, 201, {"location": location})


async def _job(request: Request) -> Response:
    with hub_of(request).store.reading() as db:
        job = request.path_params["job"]
        return answer(bulk.find_job(db, job, caller_of(request).tenant))


async def _read(request: Request) -> Response:
    """Read what is there, imported a moment ago or not; `nextRecord` leads to the rest."""
    query = request.query_params
    after_ms, to_ms = (read_range(query, name) for name in ("from", "to"))
    if after_ms is None or to_ms is None:
        raise Refusal(400, "from and to are required.")
    check_range(after_ms, to_ms)
    limit = _limit(query.get("limit"))
    with hub_of(request).store.reading() as db:
        place = find_place(
            request, db, request.path_params["entity"], request.path_params["aspect"]
        )
        names = [name for name in query.get("select", "").split(",") if name]
        chosen = [one for one in place.variables if not names or one.name in names]
        if names and len(chosen) < len(set(names)):
            raise Refusal(400, "select names a variable that the aspect does not have.")
        page = read_page(db, chosen, Span(after_ms, to_ms), limit=limit, now_ms=_FAR_MS)
    shown: dict[str, Any] = {"records": show_records(page, chosen, codes=True)}
    if page.more:
        rest = {**dict(query), "from": show_instant(page.records[-1][0])}
        base = f"{hub_of(request).base_url(request)}{request.url.path}"
        shown["nextRecord"] = f"{base}?{urlencode(rest)}"
    return answer(shown)


def _limit(text: "str | None") -> int:
    if text is None:
        return _RECORDS_MAX
    if text.isascii() and text.isdigit() and len(text) < 10 and 1 <= int(text) <= _RECORDS_MAX:
        return int(text)
    raise Refusal(400, f"limit must be a number from 1 to {_RECORDS_MAX}.")


ROUTES = [
    operation("POST", f"{BULK}/importJobs", _create),
    operation("GET", f"{BULK}/importJobs/{{job}}", _job),
    operation("GET", f"{BULK}/timeseries/{{entity}}/{{aspect}}", _read),
]
