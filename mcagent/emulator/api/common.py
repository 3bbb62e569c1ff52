"""What every endpoint needs: the hub behind the request, and the scope in front of it."""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ..answers import Refusal
from ..hub import Hub
from ..principals import Principal
from ..scopes import OPERATIONS

AGENTS = "/api/agentmanagement/v3"
CONNECT = "/api/mindconnect/v3"
TIMESERIES = "/api/iottimeseries/v3"
ASSETS = "/api/assetmanagement/v3"
BULK = "/api/iottsbulk/v3"
EVENTS = "/api/eventmanagement/v3"
FILES = "/api/iotfile/v3"
TOKENS = "/api/technicaltokenmanager/v3"

Handler = Callable[[Request], Awaitable[Response]]


def hub_of(request: Request) -> Hub:
    hub = request.app.state.hub
    if not isinstance(hub, Hub):
        raise TypeError("the application has no hub")
    return hub


def operation(method: str, path: str, handler: Handler) -> Route:
    """Make the route of an operation, which asks for the scope that `OPERATIONS` names.

    The caller is known before *handler* runs; `caller_of` gives it. An operation without a line in
    the table is a KeyError at import.
    """
    scope = OPERATIONS[f"{method} {path}"]
    if scope is None:
        return Route(path, handler, methods=[method])

    async def guarded(request: Request) -> Response:
        hub = hub_of(request)
        with hub.store.reading() as db:
            caller = hub.tokens.caller(db, request)
        caller.require(scope)
        request.state.caller = caller
        return await handler(request)

    return Route(path, guarded, methods=[method])


def check_tenant(request: Request, tenant: str, what: str) -> None:
    """Refuse what belongs to another tenant than the caller's; *what* names it.

    Raises:
        Refusal: 403, or 404 by the switch `foreign_status`.
    """
    if tenant != caller_of(request).tenant:
        status = hub_of(request).settings.foreign_status
        words = f"{what} not found." if status == 404 else f"{what} belongs to another tenant."
        raise Refusal(status, words)


def caller_of(request: Request) -> Principal:
    """Give the caller of an operation that asks for a scope."""
    caller = request.state.caller
    if not isinstance(caller, Principal):
        raise TypeError("the operation asks for no scope")
    return caller


def note_page(request: Request, name: str) -> int:
    """Give the largest page, which the switch *name* sets; a larger one is noted as a breach."""
    hub, size = hub_of(request), request.query_params.get("size", "")
    if size.isascii() and size.isdigit() and len(size) < 10:
        hub.breaches.over(name, int(size), f"{request.method} {request.url.path}: size")
    return int(getattr(hub.settings, name))
