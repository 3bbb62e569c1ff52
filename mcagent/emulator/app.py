"""The ASGI application of a hub: all routes behind the gate."""

import logging
import sqlite3

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from .answers import Refusal, refuse
from .api import (
    agents,
    aggregates,
    assets,
    assettypes,
    bulk,
    control,
    datasource,
    diagnostics,
    eventmappings,
    events,
    eventtypes,
    exchange,
    files,
    mappings,
    page,
    recoverable,
    registration,
    timeseries,
    tokens,
)
from .api.common import FILES
from .gate import Application, Gate
from .hub import Hub
from .policy import Closed
from .traffic import Watched
from .visitors import strange

_LOG = logging.getLogger(__name__)

# Bodies of all other calls are small; the bound keeps one request from filling the memory even if
# the limit of the exchange is set very low.
_BODY_MIN = 1_000_000

ROUTES = [
    *registration.ROUTES,
    *tokens.ROUTES,
    *exchange.ROUTES,
    *datasource.ROUTES,
    *mappings.ROUTES,
    *eventmappings.ROUTES,
    *diagnostics.ROUTES,
    *recoverable.ROUTES,
    *agents.ROUTES,
    *timeseries.ROUTES,
    *aggregates.ROUTES,
    *assets.ROUTES,
    *assettypes.ROUTES,
    *files.ROUTES,
    *bulk.ROUTES,
    *events.ROUTES,
    *eventtypes.ROUTES,
    *control.ROUTES,
    *page.ROUTES,
]


def build_application(hub: Hub, *, loopback: bool) -> Application:
    """Build the application that serves *hub*; *loopback*: it is bound to this machine alone."""
    starlette = Starlette(
        routes=ROUTES,
        exception_handlers={
            Refusal: refuse,
            HTTPException: _refuse_http,
            sqlite3.OperationalError: _cannot_write,
            Exception: _fail,
        },
    )
    starlette.router.redirect_slashes = False  # the platform answers 404
    starlette.state.hub = hub
    gate = Gate(
        Closed(starlette),
        faults=hub.faults,
        clock=hub.clock,
        requests=hub.requests,
        body_max=lambda path: _body_max(hub, path),
        name_of=hub.agent_name,
        revoke=hub.tokens.revoke,
        stranger=lambda scope: strange(
            scope, loopback=loopback, public_url=hub.settings.public_url
        ),
    )
    return Watched(gate, hub.traffic, hub.clock)


def _body_max(hub: Hub, path: str) -> int:
    settings = hub.settings
    if path.startswith(FILES):
        return settings.max_file_bytes
    return max(settings.max_exchange_bytes, settings.max_put_bytes, _BODY_MIN)


async def _refuse_http(request: Request, error: Exception) -> Response:
    """Answer Starlette's own refusals (404, 405) in the platform's words."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    return refuse(request, Refusal(status))


async def _cannot_write(request: Request, error: Exception) -> Response:
    """Answer 503, with nothing taken over: the disk of the hub's directory is full, or gone."""
    _LOG.warning("%s %s was refused: %s", request.method, request.url.path, error)
    return refuse(request, Refusal(503, f"The hub cannot write its database: {error}."))


async def _fail(request: Request, _error: Exception) -> Response:
    """Answer 500; Starlette then raises the error again, so that the server logs it."""
    return refuse(request, Refusal(500))
