"""What the Node client sent is read by mcagent's clients, what mcagent sent by the Node client."""

import base64
import datetime as dt
import hashlib
import json
import os

import pytest

from mcagent import Agent, DataModel, DataPoint, DataSource, Event, File, Severity
from mcagent.services.credentials import ServiceCredentials
from mcagent.services.datasources import DataSources
from mcagent.services.datasources_model import same_model
from mcagent.services.events import Events
from mcagent.services.events_values import StoredEvent
from mcagent.services.files import Files
from mcagent.services.files_values import FileMeta
from mcagent.services.mappings import Mappings
from mcagent.services.mappings_values import Mapping
from mcagent.services.records import Record
from mcagent.services.session import Session
from mcagent.services.timeseries import TimeSeries

from .node import date, octets
from .plain import text
from .test_agent import short
from .test_agent_files import LARGE, MIB, write
from .test_events import PUMP, within
from .world import POINTS, RECENT, T0, TENANT, configuration, values

HOUR_MS = 3_600_000
# What JavaScript's numbers and texts can hold; each side has one value at each end of its type.
EXACT = 2**53 - 1
TEXT = 'a "quoted" \\ line\nü € \U0001f600'
VARIABLES = {
    "rpm": {"type": "INT", "qualityCode": True},
    "strokes": {"type": "LONG", "qualityCode": False},
    "load": {"type": "DOUBLE", "qualityCode": True},
    "on": {"type": "BOOLEAN", "qualityCode": False},
    "state": {"type": "STRING", "qualityCode": False},
    "log": {"type": "BIG_STRING", "qualityCode": False},
    "since": {"type": "TIMESTAMP", "qualityCode": False},
}
EDGES = (
    {"rpm": -(2**31), "strokes": EXACT, "load": 0.1, "on": True, "state": TEXT},
    {"rpm": 2**31 - 1, "strokes": -EXACT, "load": 9.99e125, "on": False, "log": "ü" * 5000},
    {"load": -1e-130, "state": "true", "since": text(T0 + 1)},
    {"load": 0.30000000000000004, "state": "1.10"},
)
MODEL = DataModel(
    "press-7",
    [DataSource("press", [DataPoint(name, kind, unit=unit) for name, kind, unit in POINTS])],
)


@pytest.fixture
def session(world):
    """Give a session of ours with service credentials; the Node client has others of its own."""
    hub = world.hub
    # under a name of its own: a second secret of one application replaces the first
    asked = world.plain.request("POST", "/_emulator/applications", {"name": "ours", "version": ""})
    given = json.loads(asked.data)
    ca_file = hub.ca_file if hub.url.startswith("https:") else None
    credentials = ServiceCredentials(given["clientId"], given["clientSecret"], tenant=TENANT)
    with Session(hub.url, credentials, ca_file=ca_file, proxy="") as session:
        yield session


@pytest.fixture
def machine(world):
    return world.hub.create_asset("Press 7", {"motor": VARIABLES})


def edges():
    """Give records of all types at their ends, and 2 500 small ones: more than a page."""
    given = [Record(T0 + number, dict(part), {"load": 0}) for number, part in enumerate(EDGES)]
    given[0].quality["rpm"] = -2144075776
    many = [Record(T0 + 1000 + n, {"rpm": n, "load": n / 8}) for n in range(2500)]
    return given + many


def as_wire(record, write_time=text):
    codes = {name + "_qc": code for name, code in record.quality.items()}
    return {"_time": write_time(record.timestamp_ms), **record.values, **codes}


def our_agent(world, boarding):
    hub = world.hub
    ca_file = hub.ca_file if hub.url.startswith("https:") else None
    state = os.path.join(world.directory, "ours")
    return Agent.open(state, boarding=boarding, ca_file=ca_file, proxy="")


def pairs(ident, asset):
    return [Mapping(ident, name, asset, "press", name) for name, _kind, _unit in POINTS]


def press(world):
    variables = {name: {"type": kind, "unit": unit} for name, kind, unit in POINTS}
    return world.hub.create_asset("Press 7", {"press": variables})


# -- the Node client sends


def test_an_agent_of_node_is_read_by_ours(world, session):
    """Its model, mappings, samples through them, an event and a file, each value."""
    device, ident = world.onboarded(automap=False)
    asset = press(world)
    device.call("PutDataSourceConfiguration", configuration())
    there = DataSources(session).read(ident)
    assert (there.etag, there.problem) == ("1", "")
    assert same_model(there.model, MODEL)
    assert not DataSources(session).put(ident, MODEL).changed
    device.call("PutDataMappings", [mapping.to_wire() for mapping in pairs(ident, asset)])
    found = list(Mappings(session).list(agent_id=ident))
    assert sorted(found, key=str) == sorted(pairs(ident, asset), key=str)
    assert all(mapping.valid and mapping.id for mapping in found)

    given = values(temperature="-0.125", strokes=str(-(2**63)), running="true")
    given[0]["qualityCode"] = "1083310080"
    device.call("PostData", given, date(T0))
    device.call("PostData", values(strokes=str(2**63 - 1)), date(T0 + 1))
    world.hub.settle()
    read = list(TimeSeries(session).read(asset, "press", T0 - 1, T0 + HOUR_MS))
    assert read == [
        Record(
            T0,
            {"temperature": -0.125, "strokes": -(2**63), "running": True},
            {"temperature": 1083310080, "strokes": 0, "running": 0},
        ),
        Record(T0 + 1, {"strokes": 2**63 - 1}, {"strokes": 0}),
    ]

    device.call(
        "PostEvent",
        {
            "entityId": ident,
            "sourceType": "Event-Source-Type",
            "sourceId": "application",
            "source": "Meowz",
            "severity": 30,
            "timestamp": text(RECENT),
            "description": TEXT,
        },
    )
    (event,) = Events(session).list(entity_id=ident, since=RECENT, until=RECENT + 1)
    assert (event.entity_id, event.timestamp) == (ident, text(RECENT))
    assert (event.severity, event.source, event.description) == (30, "Meowz", TEXT)

    path = write(world, "boot log 1+1.txt", b"line\r\n\x00\xff")
    device.call("Upload", path, "text/plain", "boot log", False)
    (file,) = Files(session).list(ident)
    assert (file.name, file.size, file.type) == ("boot log 1+1.txt", 8, "text/plain")
    assert file.description == "boot log"
    back = os.path.join(world.directory, "back")
    Files(session).download(ident, file.name, back)
    with open(back, "rb") as stream:
        assert stream.read() == b"line\r\n\x00\xff"


def test_records_of_node_are_read_by_ours(world, session, machine):
    """All types at their ends, and more than a page."""
    wanted = edges()
    client = world.sdk().client("GetTimeSeriesClient")
    client.call("PutTimeSeries", machine, "motor", [as_wire(record) for record in wanted])
    world.hub.settle()
    series = TimeSeries(session)
    assert list(series.read(machine, "motor", T0 - 1, T0 + HOUR_MS)) == wanted
    backwards = series.read(machine, "motor", T0 - 1, T0 + HOUR_MS, descending=True, page=700)
    assert list(backwards) == wanted[::-1]
    assert series.newest(machine, "motor", 3) == wanted[:-4:-1]


def test_events_and_files_of_node_are_read_by_ours(world, session, machine):
    """An event of a type of its own with its fields; a file in two parts."""
    sdk = world.sdk()
    events = sdk.client("GetEventManagementClient")
    events.call("PostEventType", PUMP)
    fields = {
        one["name"]: example(one) for one in PUMP["fields"] if one["type"] in ("DOUBLE", "STRING")
    }
    common = {"typeId": PUMP["id"], "entityId": machine, "timestamp": text(RECENT)}
    made = events.call("PostEvent", {**common, **fields})
    (event,) = Events(session).list(entity_id=machine, type_id=PUMP["id"], since=RECENT)
    assert (event.id, event.type_id, event.details) == (made["id"], PUMP["id"], fields)
    assert Events(session).find_type(PUMP["id"]).to_wire()["fields"] == [
        {**one, "updatable": one.get("updatable", True)} for one in PUMP["fields"]
    ]
    given = {"chunk": True, "chunkSize": 8 * MIB, "type": "video/mp4", "description": "a film"}
    files = sdk.client("GetIoTFileClient")
    files.call("UploadFile", machine, "a/film.mp4", write(world, "film", LARGE), given)
    done = Files(session).find(machine, "a/film.mp4")
    assert (done.size, done.type, done.description) == (len(LARGE), "video/mp4", "a film")
    back = os.path.join(world.directory, "back")
    assert Files(session).download(machine, "a/film.mp4", back).size == len(LARGE)
    with open(back, "rb") as stream:
        assert hashlib.sha256(stream.read()).digest() == hashlib.sha256(LARGE).digest()


def example(one):
    return -0.5 if one["type"] == "DOUBLE" else TEXT


# -- ours sends


def test_an_agent_of_ours_is_read_by_node(world, session):
    """Its model, mappings, samples through them, an event and a file, each value."""
    boarding = world.hub.create_agent("press-07", automap=False)
    ident = boarding["content"]["clientId"]
    asset = press(world)
    moment = dt.datetime.fromtimestamp(RECENT / 1000, dt.timezone.utc)
    with our_agent(world, boarding) as agent:
        agent.onboard()
        agent.submit(MODEL)
        assert agent.upload().pending == 0
        mappings = Mappings(session)
        made = [mappings.create(mapping) for mapping in pairs(ident, asset)]
        first = {"temperature": -0.125, "strokes": EXACT, "running": True}
        agent.record(first, timestamp=T0, quality_code={"temperature": 1083310080})
        agent.record_many([(T0 + n, {"temperature": n / 8}) for n in range(1, 2500)])
        agent.submit(
            Event(
                "coolant <below> ümlaut",
                severity=Severity.WARNING,
                timestamp=moment,
                details={"source": "press", "code": "E-117"},
            )
        )
        agent.submit(File(b"line\r\n\x00\xff", name="boot.log", type="text/plain"))
        report = agent.upload()
        assert (report.pending, report.set_aside) == (0, 0)
    world.hub.settle()
    sdk = world.sdk()

    there = sdk.client("GetAgentManagementClient").call("GetDataSourceConfiguration", ident)
    assert there["configurationId"] == "press-7"
    assert [
        (
            source["name"],
            [(point["id"], point["type"], point["unit"]) for point in source["dataPoints"]],
        )
        for source in there["dataSources"]
    ] == [("press", list(POINTS))]
    api = sdk.client("GetMindConnectApiClient")
    listed = api.call("GetDataPointMappings", {"filter": json.dumps({"agentId": ident})})
    assert sorted(
        ((line["id"], *(line[name] for name in made[0].to_wire())) for line in listed["content"])
    ) == sorted((mapping.id, *mapping.to_wire().values()) for mapping in made)

    client = sdk.client("GetTimeSeriesClient")
    window = {"from": text(T0 - 1), "to": text(T0 + HOUR_MS), "limit": 2000}
    page = client.call("GetTimeSeriesBulkStyle", asset, "press", window)
    read = page["records"]
    while page.get("nextRecord"):
        page = client.call("GetNextRecordsBulkStyle", page["nextRecord"])
        read += page["records"]
    codes = {"temperature_qc": 1083310080}
    assert {name: read[0][name] for name in ("_time", *first, *codes)} == {
        "_time": short(T0),
        **first,
        **codes,
    }
    assert [(line["_time"], line["temperature"]) for line in read[1:]] == [
        (short(T0 + n), n / 8) for n in range(1, 2500)
    ]

    found = sdk.client("GetEventManagementClient").call("GetEvents", {"filter": within(ident)})
    (event,) = found["_embedded"]["events"]
    assert (event["entityId"], event["timestamp"], event["severity"]) == (ident, text(RECENT), 30)
    assert (event["description"], event["source"], event["code"]) == (
        "coolant <below> ümlaut",
        "press",
        "E-117",
    )
    got = sdk.client("GetIoTFileClient").call("GetFile", ident, "boot.log")
    assert base64.b64decode(got["body"]) == b"line\r\n\x00\xff"


def test_records_of_ours_are_read_by_node(world, session, machine):
    """All types at their ends, more than a page, and several aspects in one request."""
    wanted = edges()
    other = world.hub.create_asset("Press 8", {"motor": VARIABLES})
    series = TimeSeries(session, bytes_per_s=None)
    written = series.write(machine, "motor", wanted)
    assert written.records == len(wanted)
    several = {(machine, "motor"): [(T0 + HOUR_MS, EDGES[0])], (other, "motor"): wanted[:4]}
    series.write_several(several)
    world.hub.settle()
    client = world.sdk().client("GetTimeSeriesClient")
    read = []
    for first, last in ((T0 - 1, T0 + 2000), (T0 + 2000, T0 + 2 * HOUR_MS)):
        window = {"from": date(first), "to": date(last), "limit": 2000}
        read += client.call("GetTimeSeries", machine, "motor", window)
    both = [*wanted, Record(T0 + HOUR_MS, dict(EDGES[0]))]
    assert read == [as_wire(record, short) for record in both]
    window = {"from": date(T0 - 1), "to": date(T0 + 2000)}
    there = client.call("GetTimeSeries", other, "motor", window)
    assert there == [as_wire(record, short) for record in wanted[:4]]


def test_models_events_and_files_of_ours_are_read_by_node(world, session, machine):
    """A model by version, an event with fields of its own type, a file in two parts, a name with +."""
    device, ident = world.onboarded(automap=False)
    put = DataSources(session).put(ident, MODEL)
    there = device.call("GetDataSourceConfiguration")
    assert (there["configurationId"], there["eTag"]) == ("press-7", put.etag)
    assert [point["id"] for point in there["dataSources"][0]["dataPoints"]] == [
        name for name, _kind, _unit in POINTS
    ]
    events = Events(session)
    made = events.post(
        StoredEvent(
            machine, text(RECENT), severity=20, description=TEXT, source="drive 4", code="E-117"
        )
    )
    sdk = world.sdk()
    read = sdk.client("GetEventManagementClient").call("GetEvent", made.id)
    assert (read["entityId"], read["timestamp"], read["severity"]) == (machine, text(RECENT), 20)
    assert (read["description"], read["source"], read["code"]) == (TEXT, "drive 4", "E-117")
    done = Files(session).upload(
        write(world, "film", LARGE),
        machine,
        name="a+b/film ü.mp4",
        meta=FileMeta(type="video/mp4"),
        part_bytes=5 * MIB,
        state_directory=os.path.join(world.directory, "uploads"),
    )
    files = sdk.client("GetIoTFileClient")
    (listed,) = files.call("GetFiles", machine)
    assert (listed["path"] + listed["name"], listed["type"]) == ("a+b/film ü.mp4", "video/mp4")
    got = files.call("GetFile", machine, "a%2Bb/film%20%C3%BC.mp4")
    there = hashlib.sha256(base64.b64decode(got["body"])).hexdigest()
    assert there == done.sha256 == hashlib.sha256(LARGE).hexdigest()
    # over a file of Node's, whose version ours finds by itself
    files.call("PutFile", machine, "notes.txt", octets(b"first"), {"type": "text/plain"})
    again = write(world, "notes.txt", b"second")
    Files(session).upload(again, machine, replace=True)
    assert base64.b64decode(files.call("GetFile", machine, "notes.txt")["body"]) == b"second"
