"""The Node client's event management client: events, types, jobs."""

import json

import pytest

from .node import NodeError
from .operations import shows
from .plain import text
from .world import RECENT

EVENTS = "/api/eventmanagement/v3/"
STANDARD = "com.siemens.mindsphere.eventmgmt.event.type.MindSphereStandardEvent"


@pytest.fixture
def client(world):
    return world.sdk().client("GetEventManagementClient")


@pytest.fixture
def asset(world):
    return world.hub.create_asset("Press 7")


def event(asset, number=0, **changes):
    given = {
        "typeId": STANDARD,
        "entityId": asset,
        "timestamp": text(RECENT + number * 1000),
        "correlationId": "batch-%d" % number,
        "severity": 20,
        "code": "E-117",
        "source": "drive 4",
        "description": "overtemperature",
        "acknowledged": False,
    }
    return {**given, **changes}


def within(asset, **more):
    return json.dumps({"entityId": asset, "timestamp": {"after": text(RECENT - 1)}, **more})


@shows(
    "EventManagementClient.PostEvent",
    "EventManagementClient.GetEvent",
    "EventManagementClient.GetEvents",
    "EventManagementClient.PutEvent",
    "EventManagementClient.GetBillboard",
    compared="every member by REST; filter, sort, pages, history; a correction with its eTag; links",
)
def test_events(world, client, asset):
    made = client.call("PostEvent", event(asset))
    path = EVENTS + "events/" + made["id"]
    there = world.plain.get(path)
    assert there == made
    assert {name: there[name] for name in event(asset)} == event(asset)
    assert client.call("GetEvent", made["id"]) == there
    for number in range(1, 25):
        client.call("PostEvent", event(asset, number, severity=30))
    given = {"filter": within(asset, severity=30), "size": 10, "sort": "timestamp,asc"}
    pages = [client.call("GetEvents", {**given, "page": page}) for page in range(3)]
    times = [line["timestamp"] for page in pages for line in page["_embedded"]["events"]]
    assert times == [event(asset, number)["timestamp"] for number in range(1, 25)]
    assert pages[0]["page"] == {"size": 10, "totalElements": 24, "totalPages": 3, "number": 0}
    # another state of the same matter: only the newest, unless the history is asked for
    client.call("PostEvent", event(asset, 99, correlationId="batch-0", severity=40))
    newest = client.call("GetEvents", {"filter": within(asset, correlationId="batch-0")})
    assert [line["severity"] for line in newest["_embedded"]["events"]] == [40]
    both = {"filter": within(asset, correlationId="batch-0"), "history": True}
    assert len(client.call("GetEvents", both)["_embedded"]["events"]) == 2
    corrected = event(asset, acknowledged=True)
    with pytest.raises(NodeError, match="Precondition Failed"):
        client.call("PutEvent", made["id"], corrected, {"ifMatch": made["etag"] + 7})
    client.call("PutEvent", made["id"], corrected, {"ifMatch": made["etag"]})
    assert world.plain.get(path)["acknowledged"] is True
    assert {"events", "eventTypes"} <= set(client.call("GetBillboard")["_links"])


PUMP = {
    "id": "localdev.PumpEvent",
    "name": "PumpEvent",
    "parentId": "com.siemens.mindsphere.eventmgmt.event.type.BaseEvent",
    "ttl": 35,
    "scope": "LOCAL",
    "fields": [
        {
            "name": "pressure",
            "type": "DOUBLE",
            "filterable": True,
            "required": True,
            "updatable": True,
        },
        {
            "name": "mode",
            "type": "ENUM",
            "values": ["AUTO", "HAND"],
            "filterable": False,
            "required": False,
            "updatable": True,
        },
    ],
}


@shows(
    "EventManagementClient.PostEventType",
    "EventManagementClient.GetEventType",
    "EventManagementClient.GetEventTypes",
    "EventManagementClient.PatchEventType",
    "EventManagementClient.DeleteEventType",
    compared="every member by REST; events of the type, with and without its required field; 404 at last",
)
def test_event_types(world, client, asset):
    made = client.call("PostEventType", PUMP)
    path = EVENTS + "eventTypes/localdev.PumpEvent"
    there = world.plain.get(path)
    assert made == there == client.call("GetEventType", "localdev.PumpEvent")
    assert {name: there[name] for name in PUMP} == PUMP
    wanted = json.dumps({"name": {"contains": "Pump"}})
    page = client.call("GetEventTypes", {"filter": wanted, "sort": "name,asc"})
    assert [line["id"] for line in page["_embedded"]["eventTypes"]] == ["localdev.PumpEvent"]
    change = [{"op": "replace", "path": "/ttl", "value": 40}]
    changed = client.call(
        "PatchEventType", "localdev.PumpEvent", change, {"ifMatch": there["etag"]}
    )
    assert world.plain.get(path)["ttl"] == 40
    base = {"typeId": "localdev.PumpEvent", "entityId": asset, "timestamp": text(RECENT)}
    with pytest.raises(NodeError, match="pressure"):
        client.call("PostEvent", {**base, "mode": "AUTO"})
    with pytest.raises(NodeError):
        client.call("PostEvent", {**base, "pressure": 2.5, "mode": "SIDEWAYS"})
    sent = client.call("PostEvent", {**base, "pressure": 2.5, "mode": "AUTO"})
    wanted = within(asset, typeId="localdev.PumpEvent", pressure=2.5)
    found = client.call("GetEvents", {"filter": wanted})["_embedded"]["events"]
    assert [line["id"] for line in found] == [sent["id"]]
    job = {"filter": {"typeId": "localdev.PumpEvent", "timestamp": {"after": text(RECENT - 1)}}}
    client.call("PostDeleteEventsJob", job)
    client.call("DeleteEventType", "localdev.PumpEvent", {"ifMatch": changed["etag"]})
    assert world.plain.status(path) == 404


@shows(
    "EventManagementClient.PostCreateEventsJob",
    "EventManagementClient.GetCreateEventsJob",
    "EventManagementClient.PostDeleteEventsJob",
    "EventManagementClient.GetDeleteEventsJob",
    compared="50 events of one job by REST; FINISHED; those that the filter names are gone, others stay",
)
def test_jobs(world, client, asset):
    events = [event(asset, number, severity=20 + number % 2 * 10) for number in range(50)]
    job = client.call("PostCreateEventsJob", {"events": events})
    assert client.call("GetCreateEventsJob", job["id"])["state"] == "FINISHED"
    page = world.plain.get(EVENTS + "events", filter=within(asset), size=100, sort="timestamp,asc")
    there = page["_embedded"]["events"]
    assert [{name: line[name] for name in events[0]} for line in there] == events
    wanted = {"typeId": STANDARD, "severity": 30, "timestamp": {"after": text(RECENT - 1)}}
    job = client.call("PostDeleteEventsJob", {"filter": {**wanted, "entityId": asset}})
    assert client.call("GetDeleteEventsJob", job["id"])["state"] == "FINISHED"
    page = world.plain.get(EVENTS + "events", filter=within(asset), size=100)
    assert {line["severity"] for line in page["_embedded"]["events"]} == {20}
    assert page["page"]["totalElements"] == 25
