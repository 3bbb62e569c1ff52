"""What Siemens' C library sends is understood as it stands: golden requests, posted raw."""

import json

import pytest

from .application import Application
from .c_library import (
    EXCHANGE_TYPE,
    assertion,
    body,
    compact,
    item,
    own_headers,
    samples,
    send,
    token_form,
)
from .device import AGENTS, EXCHANGE

T0 = "2026-01-05T08:00:00.000Z"
CONFIGURATION = {
    "configurationId": "press-07-v1",
    "dataSources": [
        {
            "name": "hydraulics",
            "description": "pump block",
            "dataPoints": [
                {
                    "id": "P1",
                    "name": "pressure",
                    "description": "main line",
                    "type": "DOUBLE",
                    "unit": "bar",
                    "customData": {"register": "40021"},
                },
                {
                    "id": "CNT",
                    "name": "strokes",
                    "description": "",
                    "type": "LONG",
                    "unit": "",
                },
            ],
        }
    ],
}


class Agent:
    """An agent of the C library: boarding content, what registration gave, a token."""

    def __init__(self, hub, content):
        self.hub = hub
        self.content = content
        self.id = content["clientId"]
        self.token = ""
        self.register()
        self.get_token()

    def register(self):
        status, _headers, got = send(
            self.hub, "POST", AGENTS + "/register", own_headers(self.content["iat"]), b"{}"
        )
        assert status == 201  # it takes a 200 for an error
        self.answer = json.loads(got)

    def rotate(self):
        token = self.answer["registration_access_token"]
        path = self.answer["registration_client_uri"].removeprefix(self.hub.url)
        wanted = compact({"client_id": self.id}).encode()
        status, _headers, got = send(self.hub, "PUT", path, own_headers(token), wanted)
        assert status == 200
        self.answer = json.loads(got)

    def get_token(self):
        signed = assertion(self.id, self.content["tenant"], self.answer["client_secret"])
        assert "=" in signed
        headers = [
            ("Accept", "*/*"),
            ("Content-Type", "application/x-www-form-urlencoded"),
            ("Correlation-ID", "3e1f6a0c9b8d4e7fa1b2c3d4e5f60718"),
        ]
        status, answered, got = send(
            self.hub, "POST", AGENTS + "/oauth/token", headers, token_form(signed)
        )
        assert status == 200, got
        assert answered["server-time"].isdigit()
        self.token = json.loads(got)["access_token"]

    def exchange(self, *items):
        """Send one body; exactly 200 counts, and the answer has no body."""
        status, _headers, got = send(
            self.hub, "POST", EXCHANGE, own_headers(self.token, EXCHANGE_TYPE), body(*items)
        )
        assert (status, got) == (200, b"")
        self.hub.settle()


@pytest.fixture
def agent(hub):
    return Agent(hub, hub.create_agent("press-07", automap=True)["content"])


def model(part=0):
    return item("dataSourceConfiguration", compact(CONFIGURATION).encode(), part=part)


def test_it_registers_gets_tokens_and_rotates(agent):
    """Promise: its padded assertion and its unescaped form are read; it needs 201 and 200."""
    before = dict(agent.answer)
    agent.rotate()
    assert agent.answer["client_secret"] != before["client_secret"]
    agent.get_token()


def test_its_configuration_comes_by_exchange_and_is_read_back(agent):
    agent.exchange(model())
    path = f"{AGENTS}/agents/{agent.id}/dataSourceConfiguration"
    headers = [("Accept", "application/json"), ("Authorization", "Bearer " + agent.token)]
    status, _headers, got = send(agent.hub, "GET", path, headers)
    assert status == 200
    there = json.loads(got)
    assert there["configurationId"] == "press-07-v1"
    assert (
        there["dataSources"][0]["dataPoints"][0]
        == CONFIGURATION["dataSources"][0]["dataPoints"][0]
    )


def test_its_samples_are_stored_with_their_eight_digit_quality(agent):
    agent.exchange(model())
    agent.exchange(
        samples("press-07-v1", (T0, {"P1": "182.5", "CNT": "90211"})),
    )
    path = f"/api/iottimeseries/v3/timeseries/{agent.id}/hydraulics"
    (record,) = Application(agent.hub).call("GET", path).json
    assert record == {
        "_time": "2026-01-05T08:00:00Z",
        "P1": 182.5,
        "P1_qc": 0,
        "CNT": 90211,
        "CNT_qc": 0,
    }
    assert agent.hub.received(kind="timeseries")[0]["values"][0] == {
        "dataPointId": "P1",
        "value": "182.5",
        "qualityCode": "00000000",
    }


def test_a_store_of_several_items_is_one_body(agent):
    """Promise: a sample, an event and a file in one body, each with a boundary of its own."""
    agent.exchange(model())
    event = {
        "id": "7b1c3f0e-52a1-4c53-9b1f-0a5f6f1f9f10",
        "correlationId": "batch-4711",
        "timestamp": "2026-01-05T08:00:02.250Z",
        "severity": 20,
        "description": "pressure above limit",
        "type": "MindSphereStandardEvent",
        "version": "1.0",
        "details": {"source": "pump block", "code": "E-113", "acknowledged": False},
    }
    content = b"line\r\n--Q7x2mK9LpR4tVbN0sDf\r\n\x00\xff\r\n"
    details = {"fileName": "log.bin", "creationDate": T0, "fileType": "application/x-log"}
    agent.exchange(
        samples("press-07-v1", (T0, {"CNT": "1"}), ("2026-01-05T08:00:01.000Z", {"CNT": "2"})),
        item("businessEvent", compact([event]).encode(), version="2.0", part=1),
        item("file", content, details=details, kind="application/octet-stream", part=2),
    )
    assert [record["values"] for record in agent.hub.stored()] == [{"CNT": 1}, {"CNT": 2}]
    assert agent.hub.received(kind="event")[0]["event"] == event
    (file,) = agent.hub.files()
    assert (file["name"], file["type"], file["size"]) == (
        "log.bin",
        "application/x-log",
        len(content),
    )
    assert agent.hub.file_content(file["sha256"]) == content
    app = Application(agent.hub)
    got = app.call("GET", f"/api/iotfile/v3/files/{agent.id}/log.bin")
    assert got.body == content


def test_its_custom_data_are_received(agent):
    agent.exchange(
        item("vendorReport", b"<report/>", version="7", details={"run": 3}, kind="text/xml")
    )
    (line,) = agent.hub.received(kind="custom")
    assert (line["type"], line["version"], line["content_type"]) == (
        "vendorReport",
        "7",
        "text/xml",
    )
    assert line["details"] == {"run": 3}


def test_its_mapping_is_made_with_201(agent):
    agent.exchange(model())
    variables = {"hydraulics": {"pressure": {"type": "DOUBLE", "unit": "bar"}}}
    asset = agent.hub.create_asset("Press 7", variables)
    wanted = {
        "agentId": agent.id,
        "dataPointId": "P1",
        "entityId": asset,
        "propertySetName": "hydraulics",
        "propertyName": "pressure",
        "keepMapping": True,
    }
    path = "/api/mindconnect/v3/dataPointMappings"
    sent = compact(wanted).encode()
    status, _headers, got = send(agent.hub, "POST", path, own_headers(agent.token), sent)
    assert status == 201  # it takes a 200 for an error
    assert {name: json.loads(got)[name] for name in wanted} == wanted
    status, _headers, _got = send(agent.hub, "POST", path, own_headers(agent.token), sent)
    assert status == 409


def test_an_assertion_of_another_secret_is_refused_with_the_servers_time(agent):
    agent.answer["client_secret"] = "of somebody else"
    signed = assertion(agent.id, agent.content["tenant"], agent.answer["client_secret"])
    headers = [("Accept", "*/*"), ("Content-Type", "application/x-www-form-urlencoded")]
    status, answered, _got = send(
        agent.hub, "POST", AGENTS + "/oauth/token", headers, token_form(signed)
    )
    assert status == 400
    assert answered["server-time"].isdigit()
