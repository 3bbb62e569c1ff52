"""The exchange: all-or-nothing acceptance of what a device sends (agent API 6)."""

from starlette.requests import Request
from starlette.responses import Response

from ..agents import touch
from ..answers import Refusal, correlation_id, empty
from ..diagnostics import write_accepted
from ..hub import Hub
from ..items import TIMESERIES, Item, read_item
from ..journal import Sender
from ..multipart import MalformedBody, media_type, read_exchange
from .common import CONNECT, caller_of, hub_of, operation


async def _exchange(request: Request) -> Response:
    hub = hub_of(request)
    caller = caller_of(request)
    if caller.agent is None:
        raise Refusal(403, "Only an agent may exchange.")
    items = _read(request, await request.body(), hub)
    now_ms = hub.clock.now_ms()
    with hub.store.transaction() as db:
        epoch = hub.store.epoch
        touch(db, caller.agent, now_ms, hub.settings)
        sender = Sender(caller.agent, now_ms, correlation_id(request))
        numbers = hub.journal.append(db, sender, items)
        write_accepted(db, caller.agent, numbers, now_ms=now_ms, settings=hub.settings)
    hub.worker.submit([(n, item.content) for n, item in zip(numbers, items)], epoch)
    # Exactly 200 and no body: the C library takes a 201 for a failure (agent API 6.5).
    return empty()


def _read(request: Request, body: bytes, hub: Hub) -> list[Item]:
    """Read the items of a body.

    Raises:
        Refusal: 413 too large, 415 not multipart/mixed or encoded, 400 not well-formed.
    """
    if hub.breaches.over("max_exchange_bytes", len(body), "Bytes of an exchange"):
        raise Refusal(413, f"Body exceeds {hub.settings.max_exchange_bytes} bytes.")
    content_type = request.headers.get("content-type", "")
    encoding = request.headers.get("content-encoding", "identity")
    if media_type(content_type) != "multipart/mixed" or encoding.lower() != "identity":
        raise Refusal(415, "Body must be multipart/mixed without a content encoding.")
    try:
        items = [read_item(part) for part in read_exchange(content_type, body)]
    except MalformedBody as exc:
        raise Refusal(400, f"Body is not well-formed: {exc}.") from exc
    payload = sum(len(item.payload) for item in items if item.kind == TIMESERIES)
    if hub.breaches.over("max_timeseries_bytes", payload, "Time series bytes of an exchange"):
        raise Refusal(413, f"Time series exceed {hub.settings.max_timeseries_bytes} bytes.")
    return items


ROUTES = [operation("POST", f"{CONNECT}/exchange", _exchange)]
