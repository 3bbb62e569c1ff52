"""The page `/`, its files, and what it asks for below `/_emulator/page/`.

The page is a handful of static files; all that it shows comes as JSON and is put on the screen as
text. Changes are announced by server-sent events, and the page asks for what it shows.
"""

import asyncio
import os
import re
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from .. import plots, views
from ..answers import Refusal, answer
from ..gate import CONTROL
from ..hub import Hub
from ..timeseries import Span
from .common import hub_of

_STATIC = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "static")
_TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".LICENSE": "text/plain",
}
_LIMIT = 100
_DIGITS_MAX = 18  # of what SQLite can hold
_LOOK_S = 0.25
# A comment now and then, so that a relay between does not take the stream for dead.
_BEAT_S = 15.0


def _file(name: str) -> Response:
    media_type = _TYPES.get(os.path.splitext(name)[1])
    # `os.listdir`: only names that are there, whatever dots and slashes were asked for.
    if media_type is None or name not in os.listdir(_STATIC):
        raise Refusal(404)
    with open(os.path.join(_STATIC, name), "rb") as file:
        return Response(file.read(), media_type=media_type)


async def _page(_request: Request) -> Response:
    return _file("index.html")


async def _static(request: Request) -> Response:
    return _file(request.path_params["name"])


async def _overview(request: Request) -> Response:
    return answer(views.overview(hub_of(request)))


async def _sources(request: Request) -> Response:
    return answer(views.sources(hub_of(request)))


async def _models(request: Request) -> Response:
    return answer(views.models(hub_of(request)))


async def _events(request: Request) -> Response:
    return answer(views.events(hub_of(request), _limit(request)))


async def _files(request: Request) -> Response:
    return answer(views.files(hub_of(request), _limit(request)))


async def _exchanges(request: Request) -> Response:
    return answer(views.exchanges(hub_of(request), _limit(request)))


async def _payload(request: Request) -> Response:
    return _bytes(views.payload(hub_of(request), _key(request, "item")))


async def _requests(request: Request) -> Response:
    return answer(hub_of(request).traffic.show())


async def _body(request: Request) -> Response:
    return _bytes(hub_of(request).traffic.body(_key(request, "number")))


async def _series(request: Request) -> Response:
    store = hub_of(request).store
    return _plot(await plots.plot_series(store, _key(request, "series"), _span(request)))


async def _point(request: Request) -> Response:
    """`agent`, `point`: a data point as it was sent."""
    query = request.query_params
    agent, point = query.get("agent", ""), query.get("point", "")
    return _plot(plots.plot_point(hub_of(request).store, agent, point, _span(request)))


def _plot(plot: "dict[str, Any] | None") -> Response:
    if plot is None:
        raise Refusal(404)
    return answer(plot)


def _bytes(content: "bytes | None") -> Response:
    """Answer with what a device sent: bytes without a type, to be saved and never to be shown."""
    if content is None:
        raise Refusal(404)
    headers = {"content-disposition": "attachment"}
    return Response(content, headers=headers, media_type="application/octet-stream")


def _key(request: Request, name: str) -> int:
    """Give the number of a row; none has one that SQLite cannot hold.

    Raises:
        Refusal: 404.
    """
    text = request.path_params[name]
    if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS_MAX):
        raise Refusal(404)
    return int(text)


def _limit(request: Request) -> int:
    return min(_number(request, "limit", _LIMIT), views.ROWS_MAX)


def _span(request: Request) -> Span:
    """`from` and `to` in ms; the former is not part of the range."""
    return Span(_number(request, "from", Span().after_ms), _number(request, "to", Span().to_ms))


def _number(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name, "")
    if not text:
        return default
    if not re.fullmatch(r"-?[0-9]{1,18}", text):
        raise Refusal(400, f"{name} must be an integer.")
    return int(text)


class _Stream:
    """`GET …/stream`: an event whenever something has changed; the page then asks for it."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        hub: Hub = scope["app"].state.hub
        headers = [(b"content-type", b"text/event-stream")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await _piece(send, b"retry: 1000\n\n")
        gone = asyncio.ensure_future(_until_gone(receive))
        try:
            await _tell(hub, gone, send)
        finally:
            gone.cancel()


async def _tell(hub: Hub, gone: "asyncio.Future[None]", send: Send) -> None:
    loop = asyncio.get_running_loop()
    told: Any = None
    beat = loop.time()
    while not gone.done():
        mark = _mark(hub)
        if mark != told:
            told = mark
            await _piece(send, b"event: change\ndata: %d\n\n" % hub.clock.now_ms())
            beat = loop.time()
        elif loop.time() - beat > _BEAT_S:
            await _piece(send, b": still here\n\n")
            beat = loop.time()
        await asyncio.wait([gone], timeout=_LOOK_S)


def _mark(hub: Hub) -> tuple[Any, ...]:
    """Give what differs after anything happened; costs next to nothing, so it is asked often."""
    return (
        hub.store.changes(),
        hub.traffic.count(),
        hub.clock.offset_s,
        hub.faults.mark(),
        sum(hub.breaches.counts().values()),
    )


async def _piece(send: Send, body: bytes) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": True})


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


_OWN = f"{CONTROL}page/"
ROUTES = [
    Route("/", _page, methods=["GET"]),
    Route(f"{_OWN}static/{{name}}", _static, methods=["GET"]),
    Route(f"{_OWN}overview", _overview, methods=["GET"]),
    Route(f"{_OWN}sources", _sources, methods=["GET"]),
    Route(f"{_OWN}models", _models, methods=["GET"]),
    Route(f"{_OWN}events", _events, methods=["GET"]),
    Route(f"{_OWN}files", _files, methods=["GET"]),
    Route(f"{_OWN}exchanges", _exchanges, methods=["GET"]),
    Route(f"{_OWN}items/{{item}}", _payload, methods=["GET"]),
    Route(f"{_OWN}requests", _requests, methods=["GET"]),
    Route(f"{_OWN}requests/{{number}}", _body, methods=["GET"]),
    Route(f"{_OWN}series/{{series}}", _series, methods=["GET"]),
    Route(f"{_OWN}point", _point, methods=["GET"]),
    Route(f"{_OWN}stream", _Stream(), methods=["GET"]),
]
