"""The Node agent at work: configuration, mappings, data, events. Read back by REST and by the client."""

import json

import pytest

from .node import NodeError, date
from .operations import shows
from .plain import text
from .world import POINTS, RECENT, T0, configuration, values

AGENTS = "/api/agentmanagement/v3/agents/"


@shows(
    "MindConnectAgent.PutDataSourceConfiguration",
    "MindConnectAgent.GetDataSourceConfiguration",
    compared="every member by REST; eTags 1, 2, 3; a stale eTag is refused",
)
def test_a_configuration_is_put_read_and_replaced(world):
    agent, ident = world.onboarded(automap=False)
    empty = agent.call("GetDataSourceConfiguration")
    assert not empty.get("configurationId")
    wanted = configuration()
    put = agent.call("PutDataSourceConfiguration", wanted)
    assert put["eTag"] == "1"
    there = world.plain.get(AGENTS + ident + "/dataSourceConfiguration")
    assert there["configurationId"] == "press-7"
    assert there["dataSources"] == wanted["dataSources"]
    assert agent.call("GetDataSourceConfiguration") == there
    assert agent.call("PutDataSourceConfiguration", configuration("press-8"))["eTag"] == "2"
    # ignoreEtag false: the eTag inside the argument is used
    with pytest.raises(NodeError, match="Precondition Failed"):
        agent.call("PutDataSourceConfiguration", {**wanted, "eTag": "1"}, False)
    assert agent.call("PutDataSourceConfiguration", {**wanted, "eTag": "2"}, False)["eTag"] == "3"
    assert world.plain.get(AGENTS + ident + "/dataSourceConfiguration")["eTag"] == "3"


def mappings(ident, asset, aspect="press"):
    return [
        {
            "agentId": ident,
            "dataPointId": name,
            "entityId": asset,
            "propertySetName": aspect,
            "propertyName": name,
            "keepMapping": True,
        }
        for name, _kind, _unit in POINTS
    ]


def machine(world):
    """Make an asset with the variables of the points."""
    variables = {
        name: {"type": kind, "unit": unit, "qualityCode": False} for name, kind, unit in POINTS
    }
    return world.hub.create_asset("Press 7", {"press": variables})


@shows(
    "MindConnectAgent.PutDataMappings",
    "MindConnectAgent.GetDataMappings",
    "MindConnectAgent.DeleteAllMappings",
    compared="every member by REST, twice put is once there; a sample lands on the mapped asset; none left",
)
def test_mappings_are_made_listed_and_deleted(world):
    agent, ident = world.ready(automap=False)
    asset = machine(world)
    wanted = mappings(ident, asset)
    assert agent.call("PutDataMappings", wanted) is True
    assert agent.call("PutDataMappings", wanted) is True  # 409 each: the client takes it as done
    page = world.plain.get(
        "/api/mindconnect/v3/dataPointMappings",
        filter=json.dumps({"agentId": ident}),
        sort="dataPointId",
    )
    there = [{name: line[name] for name in wanted[0]} for line in page["content"]]
    assert there == sorted(wanted, key=lambda mapping: mapping["dataPointId"])
    listed = agent.call("GetDataMappings")
    assert {line["id"] for line in listed} == {line["id"] for line in page["content"]}
    assert {line["validity"]["status"] for line in listed} == {"VALID"}
    agent.call("PostData", values(temperature="21.5", running="true"), date(T0))
    assert world.stored(asset) == [{"_time": short(T0), "temperature": 21.5, "running": True}]
    agent.call("DeleteAllMappings")
    assert agent.call("GetDataMappings") == []
    left = world.plain.get("/api/mindconnect/v3/dataPointMappings")
    assert left["totalElements"] == 0


@shows(
    "MindConnectAgent.ConfigureAgentForAssetId",
    "MindConnectAgent.GenerateDataSourceConfiguration",
    compared="the configuration and mappings that it makes of an asset's type; a sample through them",
)
def test_an_agent_is_configured_from_an_asset(world):
    world.hub.seed(PLANT)
    asset = asset_named(world, "Press 7")
    agent, ident = world.onboarded(automap=False)
    generated = agent.call("GenerateDataSourceConfiguration", "localdev.Machine")
    assert [source["name"] for source in generated["dataSources"]] == ["DS-motor"]
    agent.call("ConfigureAgentForAssetId", asset)
    there = world.plain.get(AGENTS + ident + "/dataSourceConfiguration")
    assert there["configurationId"] == generated["configurationId"]
    assert [
        (point["id"], point["type"], point["unit"])
        for point in there["dataSources"][0]["dataPoints"]
    ] == [("DP-rpm", "LONG", "1/min"), ("DP-state", "STRING", "")]
    agent.call("ConfigureAgentForAssetId", asset)  # once more replaces it, mappings and all
    page = world.plain.get("/api/mindconnect/v3/dataPointMappings")
    assert sorted(
        (line["dataPointId"], line["entityId"], line["propertySetName"], line["propertyName"])
        for line in page["content"]
    ) == [("DP-rpm", asset, "motor", "rpm"), ("DP-state", asset, "motor", "state")]
    agent.call("PostData", values(**{"DP-rpm": "1480", "DP-state": "RUN"}), date(T0 + 1))
    assert world.stored(asset, "motor") == [
        {"_time": text(T0 + 1), "rpm": 1480, "rpm_qc": 0, "state": "RUN"}
    ]


PLANT = {
    "aspectTypes": [
        {
            "name": "Motor",
            "category": "dynamic",
            "variables": [
                {"name": "rpm", "dataType": "LONG", "unit": "1/min", "qualityCode": True},
                {"name": "state", "dataType": "STRING", "unit": "", "length": 64},
            ],
        }
    ],
    "assetTypes": [{"name": "Machine", "aspects": [{"name": "motor", "aspectTypeId": "Motor"}]}],
    "assets": [{"name": "Press 7", "typeId": "Machine"}],
}


def asset_named(world, name):
    page = world.plain.get("/api/assetmanagement/v3/assets", filter=json.dumps({"name": name}))
    (asset,) = page["_embedded"]["assets"]
    return asset["assetId"]


@shows(
    "MindConnectAgent.PostData",
    compared="times, values of three types and quality codes, by REST and as received",
)
def test_single_samples_arrive_as_they_were_posted(world):
    agent, ident = world.ready()
    given = values(temperature="21.25", strokes="-9007199254740993", running="false")
    given[0]["qualityCode"] = "1083310080"  # uncertain, as OPC UA counts
    assert agent.call("PostData", given, date(T0)) is True
    assert agent.call("PostData", values(strokes="3"), date(T0 + 250)) is True
    assert world.stored(ident) == [
        {
            "_time": "2026-01-05T08:00:00Z",
            "temperature": 21.25,
            "temperature_qc": 1083310080,
            "strokes": -9007199254740993,
            "strokes_qc": 0,
            "running": False,
            "running_qc": 0,
        },
        {"_time": "2026-01-05T08:00:00.250Z", "strokes": 3, "strokes_qc": 0},
    ]
    first = world.hub.received(kind="timeseries")[0]
    assert first["timestamp"] == "2026-01-05T08:00:00.000Z"
    assert first["configuration_id"] == "press-7"
    assert first["values"] == given


@shows(
    "MindConnectAgent.BulkPostData",
    compared="500 samples of three values, each value and time; what its check refuses is not sent",
)
def test_bulk_samples_arrive_as_they_were_posted(world):
    agent, ident = world.ready()
    rows = [
        {
            "timestamp": text(T0 + number * 100),
            "values": values(
                temperature=repr(20 + number / 8),
                strokes=str(number),
                running="true" if number % 2 else "false",
            ),
        }
        for number in range(500)
    ]
    assert agent.call("BulkPostData", rows) is True
    stored = world.stored(ident)
    assert [
        (record["temperature"], record["strokes"], record["running"]) for record in stored
    ] == [(20 + number / 8, number, number % 2 == 1) for number in range(500)]
    times = [record["_time"] for record in stored]
    assert times == [short(T0 + number * 100) for number in range(500)]
    with pytest.raises(NodeError, match="doesn't match the configuration"):
        agent.call("BulkPostData", [{"timestamp": text(T0), "values": values(strokes="1.5")}])
    assert len(world.hub.received(kind="timeseries")) == 500


def short(epoch_ms):
    """Give a time as the time series service writes it: no fraction where it is zero."""
    return text(epoch_ms).replace(".000Z", "Z")


@shows(
    "MindConnectAgent.PostData (unmapped point)",
    compared="200 and not stored, as on the platform; the recoverable record names the point",
)
def test_what_nobody_mapped_is_dropped_after_the_answer(world):
    agent, _ident = world.ready(automap=False)
    assert agent.call("PostData", values(strokes="1"), date(T0)) is True
    world.node.note("MindConnectAgent.PostData (unmapped point)")
    world.hub.settle()
    assert world.hub.stored() == []
    page = world.plain.get("/api/mindconnect/v3/recoverableRecords")
    assert "strokes" in page["content"][0]["dropReason"]


@shows(
    "MindConnectAgent.PostEvent",
    compared="every member by REST and by the client's own event client",
)
def test_an_event_of_an_agent_is_found(world):
    agent, ident = world.onboarded()
    event = {
        "entityId": ident,
        "sourceType": "Event-Source-Type",
        "sourceId": "application",
        "source": "Meowz",
        "severity": 20,
        "timestamp": text(RECENT),
        "description": "Test of an <event> with ümlauts",
    }
    assert agent.call("PostEvent", event) is True
    wanted = json.dumps({"entityId": ident, "timestamp": {"after": text(RECENT - 1)}})
    page = world.plain.get("/api/eventmanagement/v3/events", filter=wanted)
    (there,) = page["_embedded"]["events"]
    assert {name: there[name] for name in event} == event
    own = agent.client("Sdk", "GetEventManagementClient").call("GetEvents", {"filter": wanted})
    assert own["_embedded"]["events"][0]["id"] == there["id"]
    # One without a time gets the client's clock; one without an asset is refused by its schema.
    assert agent.call("PostEvent", {**event, "timestamp": None, "description": "now"}) is True
    with pytest.raises(NodeError, match="entityId"):
        agent.call("PostEvent", {"description": "nowhere", "severity": 20})


@shows(
    "MindConnectAgent.SendMessage",
    "MindConnectAgent.HttpAction",
    compared="a message of its template is received; its general request gives what REST gives",
)
def test_the_two_ways_to_the_wire(world):
    agent, ident = world.ready()
    token = agent.call("GetToken")
    body = (
        "--mindspheremessage\nContent-Type:multipart/related;boundary=mindspherepart\n\n"
        "--mindspherepart\nContent-Type:application/vnd.siemens.mindsphere.meta+json\n\n"
        '{"type":"item","version":"1.0","payload":{"type":"standardTimeSeries","version":"1.0",'
        '"details":{"configurationId":"press-7"}}}\n\n'
        "--mindspherepart\nContent-Type:application/json\n\n"
        '[{"timestamp":"2026-01-05T08:00:00.000Z","values":[{"dataPointId":"strokes",'
        '"qualityCode":"0","value":"4"}]}]\n\n\r\n--mindspherepart--\n--mindspheremessage--\n'
    )
    headers = {
        "Content-Type": "multipart/mixed; boundary=mindspheremessage",
        "Authorization": "Bearer " + token,
    }
    url = world.hub.url + "/api/mindconnect/v3/exchange"
    assert agent.call("SendMessage", "POST", url, body, headers) is True
    assert world.stored(ident) == [
        {"_time": "2026-01-05T08:00:00Z", "strokes": 4, "strokes_qc": 0}
    ]
    action = {
        "verb": "GET",
        "gateway": world.hub.url,
        "baseUrl": AGENTS + ident,
        "authorization": token,
        "message": "an agent",
    }
    assert agent.call("HttpAction", action) == world.plain.get(AGENTS + ident)
