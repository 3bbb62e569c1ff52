"""What every endpoint needs: the hub behind the request."""

from starlette.requests import Request

from ..hub import Hub

AGENTS = "/api/agentmanagement/v3"
CONNECT = "/api/mindconnect/v3"


def hub_of(request: Request) -> Hub:
    hub = request.app.state.hub
    if not isinstance(hub, Hub):
        raise TypeError("the application has no hub")
    return hub
