"""The control interface `/_emulator/`: what the platform's pages do, and what tests need.

It asks for no token: the hub binds to loopback unless told otherwise.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from .. import operations
from ..answers import Refusal, answer, empty, encode, json_object, parse_json
from ..assets import list_assets
from ..gate import CONTROL
from ..scopes import ALL_SCOPES
from ..timeseries import stored_records
from .agents import text_of, texts_of
from .common import hub_of

_LINES_AT_ONCE = 500


def _ndjson(values: Iterable[dict[str, Any]]) -> Response:
    """Answer with one JSON object a line, made while they are sent."""
    return StreamingResponse(_blocks(iter(values)), media_type="application/x-ndjson")


async def _blocks(values: Iterator[dict[str, Any]]) -> Any:
    # An async generator: a plain one would be run in a thread of a pool that outlives the server.
    while block := b"".join(encode(value) + b"\n" for value in islice(values, _LINES_AT_ONCE)):
        yield block


async def _create_agent(request: Request) -> Response:
    """`{"name", "securityProfile"?, "automap"?}` → the boarding configuration."""
    hub = hub_of(request)
    body = await json_object(request)
    profile = body.get("securityProfile", "SHARED_SECRET")
    agent = operations.create_agent(hub, text_of(body, "name"), str(profile))
    if body.get("automap"):
        operations.automap(hub, agent, body["automap"])
    return answer(operations.boarding(hub, agent, hub.base_url(request)), 201)


async def _boarding(request: Request) -> Response:
    """Give the boarding configuration; with POST a fresh one, after offboarding."""
    hub = hub_of(request)
    agent = request.path_params["agent"]
    if request.method == "POST":
        operations.offboard(hub, agent)
    return answer(operations.boarding(hub, agent, hub.base_url(request)))


async def _automap(request: Request) -> Response:
    """Map all points of an agent, now and at each new configuration: `{"asset"?: id}`."""
    asset: Any = True
    if await request.body():
        asset = (await json_object(request)).get("asset", True)
    operations.automap(hub_of(request), request.path_params["agent"], asset)
    return empty(204)


async def _create_asset(request: Request) -> Response:
    """`{"name", "aspects": {aspect: {variable: {"type", "unit"?}}}}` → `{"id"}`."""
    body = await json_object(request)
    aspects = body.get("aspects", {})
    asset = operations.create_asset(hub_of(request), text_of(body, "name"), aspects)
    return answer({"id": asset}, 201)


async def _seed(request: Request) -> Response:
    """Load a plant: types, assets, agents, mappings."""
    hub = hub_of(request)
    return answer(operations.seed(hub, await json_object(request), hub.base_url(request)))


async def _share(request: Request) -> Response:
    """`{"tenant"}`: let the other tenant read an asset."""
    body = await json_object(request)
    operations.share_asset(hub_of(request), request.path_params["asset"], body.get("tenant"))
    return empty(204)


async def _assets(request: Request) -> Response:
    with hub_of(request).store.reading() as db:
        return answer(list_assets(db))


async def _operator_token(request: Request) -> Response:
    """`{"scopes"?: [..], "tenant"?}` → an operator's access token."""
    hub = hub_of(request)
    body = await json_object(request) if await request.body() else {}
    scopes = texts_of(body, "scopes", ALL_SCOPES)
    tenant = body.get("tenant")
    return answer(operations.operator_token(hub, list(scopes), hub.base_url(request), tenant))


async def _create_application(request: Request) -> Response:
    """`{"name", "version"?, "tenant"?, "scopes"?, "users"?}` → client id, secret and gateway."""
    body = await json_object(request)
    hub = hub_of(request)
    made = operations.create_application(
        hub,
        text_of(body, "name"),
        version=body.get("version", ""),
        tenant=body.get("tenant"),
        scopes=texts_of(body, "scopes", ALL_SCOPES),
        users=texts_of(body, "users", ()),
    )
    return answer({**made, "gateway": hub.base_url(request)}, 201)


async def _received(request: Request) -> Response:
    query = request.query_params
    after = query.get("after", "0")
    if not re.fullmatch("[0-9]{1,18}", after):
        raise Refusal(400, "after must be the seq of a line.")
    try:
        lines = hub_of(request).journal.lines(
            agent=query.get("agent"), kind=query.get("kind"), after=int(after)
        )
    except ValueError as exc:
        raise Refusal(400, str(exc)) from exc
    return _ndjson(lines)


async def _stored(request: Request) -> Response:
    query = request.query_params
    store = hub_of(request).store
    return _ndjson(stored_records(store, asset=query.get("asset"), aspect=query.get("aspect")))


async def _events(request: Request) -> Response:
    return _ndjson(operations.events(hub_of(request), request.query_params.get("asset")))


async def _files(request: Request) -> Response:
    return _ndjson(operations.files(hub_of(request), request.query_params.get("asset")))


async def _file_content(request: Request) -> Response:
    content = operations.file_content(hub_of(request), request.path_params["sha256"])
    return Response(content, media_type="application/octet-stream")


async def _faults(request: Request) -> Response:
    hub = hub_of(request)
    if request.method == "PUT":
        try:
            hub.faults.replace(parse_json(await request.body()))
        except ValueError as exc:
            raise Refusal(400, str(exc)) from exc
    if request.method == "POST":
        try:
            return answer(hub.faults.add(parse_json(await request.body())), 201)
        except ValueError as exc:
            raise Refusal(400, str(exc)) from exc
    return answer(hub.faults.show())


async def _fault(request: Request) -> Response:
    """Show, change or forget one fault rule."""
    faults, name = hub_of(request).faults, request.path_params["fault"]
    try:
        if request.method == "DELETE":
            faults.remove(name)
            return empty(204)
        if request.method == "PATCH":
            return answer(faults.change(name, parse_json(await request.body())))
        return answer(faults.show_one(name))
    except KeyError as exc:
        raise Refusal(404, f"There is no fault rule {name[:64]!r}.") from exc
    except ValueError as exc:
        raise Refusal(400, str(exc)) from exc


async def _clock(request: Request) -> Response:
    hub = hub_of(request)
    if request.method == "POST":
        operations.set_clock(hub, (await json_object(request)).get("offset_s"))
    return answer({"offset_s": hub.clock.offset_s, "now_ms": hub.clock.now_ms()})


async def _settings(request: Request) -> Response:
    hub = hub_of(request)
    if request.method == "PUT":
        try:
            hub.settings.change(await json_object(request))
        except ValueError as exc:
            raise Refusal(400, str(exc)) from exc
    return answer(hub.settings.as_dict())


async def _state(request: Request) -> Response:
    return answer(hub_of(request).state())


async def _breaches(request: Request) -> Response:
    return answer(hub_of(request).breaches.show())


ROUTES = [
    Route(f"{CONTROL}agents", _create_agent, methods=["POST"]),
    Route(f"{CONTROL}agents/{{agent}}/boarding", _boarding, methods=["GET", "POST"]),
    Route(f"{CONTROL}agents/{{agent}}/automap", _automap, methods=["POST"]),
    Route(f"{CONTROL}assets", _create_asset, methods=["POST"]),
    Route(f"{CONTROL}assets", _assets, methods=["GET"]),
    Route(f"{CONTROL}assets/{{asset}}/share", _share, methods=["POST"]),
    Route(f"{CONTROL}seed", _seed, methods=["POST"]),
    Route(f"{CONTROL}token", _operator_token, methods=["POST"]),
    Route(f"{CONTROL}applications", _create_application, methods=["POST"]),
    Route(f"{CONTROL}received", _received, methods=["GET"]),
    Route(f"{CONTROL}stored", _stored, methods=["GET"]),
    Route(f"{CONTROL}events", _events, methods=["GET"]),
    Route(f"{CONTROL}files", _files, methods=["GET"]),
    Route(f"{CONTROL}files/{{sha256}}", _file_content, methods=["GET"]),
    Route(f"{CONTROL}faults", _faults, methods=["GET", "PUT", "POST"]),
    Route(f"{CONTROL}faults/{{fault}}", _fault, methods=["GET", "PATCH", "DELETE"]),
    Route(f"{CONTROL}clock", _clock, methods=["GET", "POST"]),
    Route(f"{CONTROL}settings", _settings, methods=["GET", "PUT"]),
    Route(f"{CONTROL}breaches", _breaches, methods=["GET"]),
    Route(f"{CONTROL}state", _state, methods=["GET"]),
]
