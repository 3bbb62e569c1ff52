"""The platform answers 200 and checks afterwards: what it would drop is held, or named.

A real agent, the local Insights Hub, an operator who uses the platform's own interface. Long waits
are simulated: both clocks go on together.
"""

import http.client
import json
import time
from urllib.parse import urlsplit

import pytest

from mcagent import Agent, DataModel, DataPoint, DataSource, UploadSettings
from mcagent.diagnosis.aftermath import read_aftermath, take_token
from mcagent.diagnosis.case import Case
from mcagent.emulator import Emulator
from mcagent.runtime import Clock
from mcagent.upload import platformview

MAPPINGS = "/api/mindconnect/v3/dataPointMappings"
RECORDS = "/api/mindconnect/v3/recoverableRecords"
MINUTE_MS = 60_000


class ShiftedClock(Clock):
    """The device's clocks, set forward together with the platform's."""

    def __init__(self, hub):
        super().__init__()
        self._hub = hub
        self.shift_ms = 0

    def now_ms(self):
        return super().now_ms() + self.shift_ms

    def monotonic_ms(self):
        return super().monotonic_ms() + self.shift_ms

    def go(self, duration_ms):
        self.shift_ms += duration_ms
        self._hub.set_clock(self.shift_ms / 1000)


class Operator:
    """Who maps data points in the platform's own interface."""

    def __init__(self, hub):
        self._hub = hub
        self.asset = hub.create_asset("plant")

    def call(self, method, path, body=None, headers=None):
        scopes = ["map.c", "map.d", "map.r", "rec.r", "rec.c", "dsc.u"]
        token = self._hub.operator_token(scopes)
        connection = http.client.HTTPConnection(urlsplit(self._hub.url).netloc, timeout=60)
        headers = {"Authorization": "Bearer " + token, **(headers or {})}
        try:
            connection.request(method, path, json.dumps(body) if body else None, headers)
            response = connection.getresponse()
            data = response.read()
        finally:
            connection.close()
        assert response.status < 300, (response.status, data)
        return json.loads(data) if data else None

    def map_point(self, agent, point, kind="LONG", aspect="Press", keep=True):
        self.asset = self._hub.create_asset("plant", {aspect: {point: {"type": kind}}})
        body = {
            "agentId": agent,
            "dataPointId": point,
            "entityId": self.asset,
            "propertySetName": aspect,
            "propertyName": point,
            "keepMapping": keep,
        }
        return self.call("POST", MAPPINGS, body)["id"]

    def unmap(self, mapping):
        self.call("DELETE", f"{MAPPINGS}/{mapping}")

    def put_model(self, agent, configuration_id, etag, **points):
        path = f"/api/agentmanagement/v3/agents/{agent}/dataSourceConfiguration"
        described = [
            {"id": point, "name": point, "type": kind, "unit": ""}
            for point, kind in points.items()
        ]
        body = {
            "configurationId": configuration_id,
            "dataSources": [{"name": "press", "dataPoints": described}],
        }
        self.call("PUT", path, body, {"If-Match": etag})

    def replay_all(self):
        for record in self.call("GET", RECORDS)["content"]:
            self.call("POST", f"{RECORDS}/{record['id']}/replay")


class Plant:
    """One agent, one operator, one hub, one clock."""

    def __init__(self, hub, directory, **upload):
        self.hub = hub
        self.clock = ShiftedClock(hub)
        self.operator = Operator(hub)
        boarding = hub.create_agent("press-7")
        self.id = boarding["content"]["clientId"]
        self.directory = str(directory)
        self.agent = Agent.open(
            self.directory,
            boarding=boarding,
            clock=self.clock,
            upload=UploadSettings(**upload),
            proxy="",
        )
        self.agent.onboard()

    def run(self, minutes):
        """A service's loop for so long, in simulated time."""
        end_ms = self.clock.monotonic_ms() + minutes * MINUTE_MS
        while self.clock.monotonic_ms() < end_ms:
            wait_ms = self.agent.step(1000)
            self.clock.go(min(10_000 if wait_ms is None else max(wait_ms, 100), 10_000))
        self.hub.settle()

    def upload_status(self):
        return self.agent.status().upload

    def stored(self, point):
        self.hub.settle()
        rows = [row for row in self.hub.stored() if point in row["values"]]
        return [row["values"][point] for row in sorted(rows, key=lambda row: row["_time"])]

    def shown(self):
        return "\n".join(self.ask().lines())

    def ask(self, **options):
        """What a person is shown, beside the running service."""
        case = Case(self.directory, proxy="", clock=self.clock)
        try:
            take_token(case)
            return read_aftermath(case, **options)
        finally:
            case.transport.close()


def model(name, **points):
    return DataModel(name, [DataSource("press", [DataPoint(p, t) for p, t in points.items()])])


@pytest.fixture(scope="module")
def running():
    with Emulator(tls=False, settings={"processing_delay_s": 0.0}) as hub:
        yield hub


@pytest.fixture
def plant(running, tmp_path):
    running.clear()
    plant = Plant(running, tmp_path / "state")
    yield plant
    plant.agent.close()


@pytest.mark.parametrize(("hours", "minutes"), [(0.1, 1), (5, 6)])
def test_a_mapping_made_while_samples_wait_lets_them_go_in_minutes(plant, hours, minutes):
    """The token ends and is renewed meanwhile; nothing was dropped before."""
    plant.agent.submit(model("m1", strokes="LONG"))
    for number in range(5):
        plant.agent.record({"strokes": number})
    plant.run(60 * hours)
    assert plant.stored("strokes") == []
    assert plant.upload_status()["unmapped_why"] == {"strokes": "no mapping"}
    plant.operator.map_point(plant.id, "strokes")
    plant.run(minutes + 0.2)
    assert plant.stored("strokes") == [0, 1, 2, 3, 4]
    assert plant.hub.state()["dropped"] == {}
    assert plant.agent.status().pending == 0


def test_a_type_that_changed_with_the_model_holds_until_the_point_is_mapped_anew(plant):
    """The operator's mapping is kept, and INVALID: the old variable takes no DOUBLE."""
    plant.agent.submit(model("m1", strokes="LONG"))
    plant.run(1)
    old = plant.operator.map_point(plant.id, "strokes", "LONG")
    plant.agent.record({"strokes": 1})
    plant.run(2)
    assert plant.stored("strokes") == [1]
    plant.agent.submit(model("m2", strokes="DOUBLE"))
    plant.agent.record({"strokes": 2.5})
    plant.run(5)
    assert plant.stored("strokes") == [1]
    why = plant.upload_status()["unmapped_why"]["strokes"]
    assert why == "its mapping is invalid: INVALID_TYPE"
    assert "INVALID_TYPE" in plant.upload_status()["held"]["timeseries"]
    assert f"it drops values of strokes: {why}" in plant.shown()
    plant.operator.unmap(old)
    plant.operator.map_point(plant.id, "strokes", "DOUBLE", aspect="Fine")
    plant.run(1.5)
    assert plant.stored("strokes") == [1, 2.5]
    assert plant.hub.state()["dropped"] == {}


def test_a_mapping_that_the_new_model_deletes_is_named_before_and_its_loss_holds_samples(plant):
    plant.agent.submit(model("m1", strokes="LONG"))
    plant.run(1)
    plant.operator.map_point(plant.id, "strokes", keep=False)
    plant.agent.record({"strokes": 1})
    plant.run(2)
    (lost,) = plant.upload_status()["not_kept"]
    assert lost == f"strokes -> {plant.operator.asset} Press.strokes"
    assert any("keepMapping" in line for line in plant.ask().lines())
    plant.agent.submit(model("m2", strokes="LONG", parts="LONG"), lose_mappings=[lost])
    plant.agent.record({"strokes": 2, "parts": 1})
    plant.run(2)
    assert plant.stored("strokes") == [1]
    assert plant.upload_status()["unmapped"] == ["parts", "strokes"]
    plant.operator.map_point(plant.id, "strokes")
    plant.run(1.2)
    assert plant.stored("strokes") == [1, 2]


def test_somebody_changes_the_type_on_the_platform(plant):
    """Text of a LONG is no BOOLEAN: held and named with both, until it is put right."""
    plant.agent.submit(model("m1", strokes="LONG"))
    plant.run(1)
    plant.operator.put_model(plant.id, "p2", "1", strokes="BOOLEAN")
    plant.operator.map_point(plant.id, "strokes", "BOOLEAN")
    plant.agent.record({"strokes": 12})
    plant.run(20)
    words = "recorded as LONG, the platform's data model says BOOLEAN"
    assert plant.upload_status()["unmapped_why"] == {"strokes": words}
    assert plant.hub.received(kind="timeseries") == []
    assert f"it drops values of strokes: {words}" in plant.shown()
    plant.operator.put_model(plant.id, "m1", "2", strokes="LONG")
    plant.operator.map_point(plant.id, "strokes", "LONG", aspect="Other")
    plant.run(6.2)
    assert plant.stored("strokes") == [12]
    assert plant.hub.state()["dropped"] == {}


def test_what_is_dropped_all_the_same_reaches_a_person_in_words_and_can_be_replayed(plant):
    """One of two points is mapped: the other one's values go nowhere, and everybody says so."""
    plant.agent.submit(model("m1", strokes="LONG", parts="LONG"))
    plant.run(1)
    plant.operator.map_point(plant.id, "strokes")
    assert plant.ask(switch_on=True).diagnostics == "on"
    plant.agent.record({"strokes": 1, "parts": 2})
    plant.run(2)
    assert plant.stored("strokes") == [1]
    assert plant.upload_status()["unmapped_why"] == {"parts": "no mapping"}
    report = plant.ask()
    assert report.records_total == 1
    reason = "Data points without mapping: parts."
    assert reason in report.records[0]["reason"]
    assert reason in report.messages[0]["text"]
    assert report.messages[0]["severity"] == "WARN"
    text = "\n".join(report.lines())
    assert "it drops values of parts: no mapping" in text
    assert (
        "uploads that it accepted and then dropped, whole or in part, for an operator to replay: 1;"
        in text
    )
    assert text.count(reason) == 2, "in the record and in the message"
    plant.operator.map_point(plant.id, "parts")
    plant.operator.replay_all()
    assert plant.stored("parts") == [2]
    after = plant.ask()
    assert (after.records_total, after.unmapped) == (0, {})


def test_a_mapping_deleted_between_two_looks_is_seen_by_who_asks(plant):
    """Within the quarter of an hour between two looks the 200 is believed; the platform keeps
    what it dropped."""
    plant.agent.submit(model("m1", strokes="LONG"))
    plant.run(1)
    mapping = plant.operator.map_point(plant.id, "strokes")
    plant.agent.record({"strokes": 1})
    plant.run(2)
    plant.operator.unmap(mapping)
    plant.agent.record({"strokes": 2})
    plant.run(1)
    assert plant.agent.status().pending == 0, "delivered is not stored"
    assert plant.stored("strokes") == [1]
    assert "Data points without mapping: strokes." in plant.ask().records[0]["reason"]
    plant.run(15)
    plant.agent.record({"strokes": 3})
    plant.run(1)
    assert "strokes" in plant.upload_status()["held"]["timeseries"]


def test_the_background_thread_looks_by_itself(running, tmp_path, monkeypatch):
    """In real time, at a quicker pace."""
    monkeypatch.setattr(platformview, "_LOOK_MS", 100)
    running.clear()
    plant = Plant(running, tmp_path / "state")
    with plant.agent as agent:
        agent.submit(model("m1", strokes="LONG"))
        agent.record({"strokes": 1})
        agent.start()
        give_up_s = time.monotonic() + 60
        while "timeseries" not in plant.upload_status()["held"]:
            assert time.monotonic() < give_up_s
            time.sleep(0.02)
        plant.operator.map_point(plant.id, "strokes")
        while plant.stored("strokes") != [1]:
            assert time.monotonic() < give_up_s
            time.sleep(0.02)
