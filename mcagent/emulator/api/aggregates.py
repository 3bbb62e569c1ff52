"""IoT TS Aggregates v4: summaries of time series by interval (services API 1.12)."""

from starlette.requests import Request
from starlette.responses import Response

from ..aggregates import aggregate
from ..aggregates_query import read_request
from ..answers import Refusal, answer
from .common import hub_of, operation
from .timeseries import find_place


async def _read(request: Request) -> Response:
    hub = hub_of(request)
    now_ms = hub.clock.now_ms()
    query = request.query_params
    for name in ("assetId", "aspectName"):
        if not query.get(name):
            raise Refusal(400, f"{name} is missing.", error_id="missingParameter")
    with hub.store.reading() as db:
        place = find_place(request, db, query["assetId"], query["aspectName"])
        wanted = read_request(query, place.variables, now_ms=now_ms)
        found = aggregate(db, wanted, place.variables, now_ms=now_ms)
    return answer({"aggregates": found})


ROUTES = [operation("GET", "/api/iottsaggregates/v4/aggregates", _read)]
