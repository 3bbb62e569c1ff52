"""Data source configuration of an agent (agent API 5)."""

from starlette.requests import Request
from starlette.responses import Response

from ..agents import find_agent
from ..answers import Refusal, answer, json_object
from ..datasource import check_configuration, replace_configuration, show_configuration
from .agents import check_if_match, found_agent
from .common import AGENTS, hub_of, operation


async def _read(request: Request) -> Response:
    hub = hub_of(request)
    agent = request.path_params["agent"]
    with hub.store.reading() as db:
        return answer(show_configuration(found_agent(request, db, agent), hub.settings))


async def _replace(request: Request) -> Response:
    hub = hub_of(request)
    agent = request.path_params["agent"]
    body = await json_object(request)
    with hub.store.transaction() as db:
        row = found_agent(request, db, agent)
        try:
            configuration = check_configuration(body, hub.breaches)
        except ValueError as exc:
            raise Refusal(400, f"Data source configuration: {exc}.") from exc
        check_if_match(request, row["dsc_etag"])
        replace_configuration(db, row, configuration)
        return answer(show_configuration(find_agent(db, agent), hub.settings))


_PATH = f"{AGENTS}/agents/{{agent}}/dataSourceConfiguration"
ROUTES = [operation("GET", _PATH, _read), operation("PUT", _PATH, _replace)]
