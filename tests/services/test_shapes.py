"""Answers that are JSON, and not what belongs there: an error of ours from every client, at once."""

import json

import pytest

from mcagent.errors import AgentError, RemoteError
from mcagent.services.agents import Agents
from mcagent.services.aggregates import Aggregates
from mcagent.services.assets import Assets
from mcagent.services.assets_values import Asset
from mcagent.services.datasources import DataSources
from mcagent.services.diagnostics import Diagnostics
from mcagent.services.eventmappings import EventMappings
from mcagent.services.eventmappings_values import EventMapping
from mcagent.services.events import Events
from mcagent.services.events_values import StoredEvent
from mcagent.services.files import Files
from mcagent.services.mappings import Mappings
from mcagent.services.mappings_values import Mapping
from mcagent.services.recoverable import RecoverableRecords
from mcagent.services.timeseries import TimeSeries
from mcagent.transport.http import Response, Transport
from tests.services.plant import HOUR_MS, T0
from tests.services.platform import fake_session, token_answer

ASSET = "0123456789abcdef0123456789abcdef"
CALLS = {
    "range": lambda s: list(TimeSeries(s).read(ASSET, "motor", T0, T0 + HOUR_MS)),
    "newest": lambda s: TimeSeries(s).newest(ASSET, "motor"),
    "latest": lambda s: TimeSeries(s).latest(ASSET, "motor"),
    "aggregates": lambda s: list(
        Aggregates(s).read(ASSET, "motor", T0, T0 + HOUR_MS, unit="hour")
    ),
    "events": lambda s: list(Events(s).list()),
    "event": lambda s: Events(s).get("e"),
    "event types": lambda s: list(Events(s).types()),
    "files": lambda s: list(Files(s).list(ASSET)),
    "mappings": lambda s: list(Mappings(s).list()),
    "event mappings": lambda s: list(EventMappings(s).list()),
    "agents": lambda s: list(Agents(s).list()),
    "agent": lambda s: Agents(s).get("a"),
    "boarding status": lambda s: Agents(s).boarding_status("a"),
    "boarding": lambda s: Agents(s).boarding_configuration("a"),
    "online": lambda s: Agents(s).online("a"),
    "model": lambda s: DataSources(s).read("a"),
    "assets": lambda s: list(Assets(s).list()),
    "asset": lambda s: Assets(s).get(ASSET),
    "aspects": lambda s: Assets(s).aspects(ASSET),
    "asset types": lambda s: list(Assets(s).asset_types()),
    "diagnostics": lambda s: list(Diagnostics(s).list()),
    "messages": lambda s: list(Diagnostics(s).messages("d")),
    "records": lambda s: list(RecoverableRecords(s).list()),
}
# What is no answer of any of them; a list that is empty is one of some.
NEVER = (None, 3, True, "x", [None], [3], [[]], {"content": 3, "_embedded": 3, "aggregates": 3})
SOMETIMES = ([], {}, [{}], {"content": [], "aggregates": [{}]}, {"content": [{}], "_embedded": {}})


class Always(Transport):
    """One token, then the same answer to everything; *hidden* are the addresses it refuses."""

    def __init__(self, document, hidden):
        self.document = document
        self.hidden = hidden
        self.requests = 0

    def send(self, request):
        if "/oauth/" in request.url:
            return token_answer("eyTheToken.1")
        self.requests += 1
        assert self.requests < 50, "it asks for ever"
        if self.hidden and self.hidden in request.url:
            return Response(403, {}, b'{"message":"asm.r is missing"}')
        return Response(200, {}, json.dumps(self.document).encode())

    def close(self):
        pass


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("document", [*NEVER, *SOMETIMES], ids=json.dumps)
def test_another_form_is_an_error_of_ours(name, document):
    """No TypeError and no loop; and what can be no list is never taken for an empty one."""
    hidden = "/aspects" if name in ("range", "newest", "latest", "aggregates") else ""
    session = fake_session(Always(document, hidden))
    try:
        CALLS[name](session)
    except AgentError as error:
        assert isinstance(error, RemoteError)
        assert "eyTheToken" not in error.message + error.hint
    else:
        one = isinstance(document, dict) and name in (
            "agent",
            "asset",
            "event",
            "online",
            "boarding status",
            "model",
        )
        assert one or document in SOMETIMES, "it was taken"


MADE = {
    "agent": lambda s: Agents(s).create("a", entity_id=ASSET),
    "asset": lambda s: Assets(s).create(Asset("", "a", "core.basicarea", ASSET)),
    "mapping": lambda s: Mappings(s).create(Mapping("a", "p", ASSET, "motor", "rpm")),
    "event mapping": lambda s: EventMappings(s).create(EventMapping("a", ASSET, "t", "f", "v")),
    "event": lambda s: Events(s).post(StoredEvent(ASSET, "2026-01-05T08:00:00Z")),
    "activation": lambda s: Diagnostics(s).activate("a"),
}


@pytest.mark.parametrize("name", MADE)
@pytest.mark.parametrize("answer", [{}, {"id": None, "assetId": None}, {"id": "", "assetId": 3}])
def test_a_creation_without_an_id_is_an_error_and_no_thing_called_none(name, answer):
    """It may be there: whoever makes it again has two."""
    with pytest.raises(RemoteError, match=r"has no (id|assetId)") as caught:
        MADE[name](fake_session(Always(answer, set())))
    assert "look for it" in caught.value.hint
