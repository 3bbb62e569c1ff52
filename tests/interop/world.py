"""What each test finds: a hub, the client's objects, and a plain reader of the same hub."""

import base64
import json
import os
import time

from mcagent.emulator.scopes import ALL_SCOPES

from .plain import Plain

T0 = 1767600000000  # 2026-01-05T08:00:00Z
RECENT = (time.time_ns() // 10**9 - 3600) * 1000  # events vanish when their time has come
TENANT = "localdev"

POINTS = (("temperature", "DOUBLE", "°C"), ("strokes", "LONG", ""), ("running", "BOOLEAN", ""))


def point(name, kind, unit=""):
    return {
        "id": name,
        "name": name,
        "description": "",
        "type": kind,
        "unit": unit,
        "customData": {},
    }


def configuration(name="press-7", points=POINTS, source="press"):
    """Build a data source configuration as the client's documentation does."""
    return {
        "configurationId": name,
        "dataSources": [
            {
                "name": source,
                "description": "",
                "dataPoints": [point(*given) for given in points],
                "customData": {},
            }
        ],
    }


def values(**given):
    """Build the client's data points: texts, quality good."""
    return [
        {"dataPointId": name, "qualityCode": "0", "value": value} for name, value in given.items()
    ]


class World:
    """Makes agents and clients; all of it ends with the test."""

    def __init__(self, hub, node, directory):
        self.hub = hub
        self.node = node
        self.directory = directory
        self.plain = Plain(hub, hub.operator_token(ALL_SCOPES))

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        self.plain.close()

    def agent(self, boarding, name="state"):
        """Make a MindConnectAgent that keeps its state in a directory of the test."""
        state = os.path.join(self.directory, name)
        return self.node.make("MindConnectAgent", boarding, 600, state)

    def onboarded(self, name="press-07", automap=True):
        """Give an agent that is onboarded, and its id."""
        boarding = self.hub.create_agent(name, automap=automap)
        agent = self.agent(boarding)
        assert agent.call("OnBoard") == "ONBOARDED"
        return agent, boarding["content"]["clientId"]

    def ready(self, automap=True):
        """Give an onboarded agent with a configuration, and its id."""
        agent, ident = self.onboarded(automap=automap)
        agent.call("PutDataSourceConfiguration", configuration())
        return agent, ident

    def saved(self, ident, name="state"):
        """Give what the client keeps of an agent."""
        with open(os.path.join(self.directory, name, ident + ".json"), encoding="utf-8") as file:
            return json.load(file)

    def credentials(self, app=False):
        """Make application or service credentials; give them as the client takes them."""
        return credentials(self.hub, self.plain, app)

    def sdk(self, app=False):
        """Give a MindSphereSdk with service credentials, or those of an application."""
        return self.node.make("MindSphereSdk", self.credentials(app))

    def stored(self, asset, aspect="press", first=T0, last=T0 + 3_600_000):
        """Read records by plain urllib3, once everything is processed."""
        self.hub.settle()
        return self.plain.records(asset, aspect, first, last)


def credentials(hub, plain, app=False):
    body = {"name": "interop", "version": "1.0.0" if app else ""}
    made = json.loads(plain.request("POST", "/_emulator/applications", body).data)
    basic = base64.b64encode(("%(clientId)s:%(clientSecret)s" % made).encode()).decode()
    given = {"gateway": hub.url, "basicAuth": "Basic " + basic, "tenant": TENANT}
    if app:
        given.update(usertenant=TENANT, appName="interop", appVersion="1.0.0")
    return {**given, "user": made["clientId"], "password": made["clientSecret"]}
