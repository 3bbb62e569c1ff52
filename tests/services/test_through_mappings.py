"""From a device to its plant: what mappings do with samples and events, what becomes of files."""

import hashlib

import pytest

from mcagent import DataModel, DataPoint, DataSource, Event, File
from mcagent.services.eventmappings import EventMappings
from mcagent.services.eventmappings_values import EventMapping
from mcagent.services.events import Events
from mcagent.services.files import Files
from mcagent.services.mappings import Mappings
from mcagent.services.mappings_values import Mapping
from mcagent.services.records import Record
from mcagent.services.recoverable import RecoverableRecords
from mcagent.services.timeseries import TimeSeries
from tests.services.plant import T0
from tests.services.test_agents import make_agent, onboarded

SHAPE = {"press": {"heat": {"type": "DOUBLE"}}, "hall": {"air": {"type": "DOUBLE"}}}


@pytest.fixture
def plant(platform, tmp_path):
    """(Session, the agent on the platform, the device with its model, an asset)."""
    session = platform.session()
    agent = make_agent(session, "press-7")
    asset = platform.hub.create_asset("Press 7", SHAPE)
    with onboarded(platform, agent, tmp_path) as device:
        points = [DataPoint("p", "DOUBLE"), DataPoint("q", "DOUBLE")]
        device.submit(DataModel("m1", [DataSource("press", points)]))
        assert device.upload(timeout_s=20).pending == 0
        platform.hub.settle()
        yield session, agent, device, asset


def test_a_data_point_is_read_where_it_is_mapped_to_and_nowhere_else(platform, plant):
    """Two variables of one point; a point without a mapping is dropped, and the record says so."""
    session, agent, device, asset = plant
    for aspect, variable in (("press", "heat"), ("hall", "air")):
        Mappings(session).create(Mapping(agent.id, "p", asset, aspect, variable))
    device.record({"p": 61.5, "q": 7.0}, timestamp=T0, quality_code={"p": 0x80340000})
    assert device.upload(timeout_s=20).pending == 0
    platform.hub.settle()
    got = list(TimeSeries(session).read_asset(asset, T0 - 1, T0))
    assert got == [
        ("hall", Record(T0, {"air": 61.5}, {"air": -2144075776})),
        ("press", Record(T0, {"heat": 61.5}, {"heat": -2144075776})),
    ]
    (record,) = RecoverableRecords(session).list(agent_id=agent.id)
    assert "q" in record.drop_reason


def test_an_event_goes_to_each_asset_whose_mapping_it_contains_or_stays(platform, plant):
    """`MyMachine` in "hall 3/MyMachine/drive"; what fits nothing stays with the agent's asset."""
    session, agent, device, asset = plant
    other = platform.hub.create_asset("Hall 3", SHAPE)
    standard = "MindSphereStandardEvent"
    for place, value in ((asset, "MyMachine"), (other, "hall 3"), (other, "drive")):
        EventMappings(session).create(EventMapping(agent.id, place, standard, "source", value))
    device.submit(Event("hot", details={"source": "hall 3/MyMachine/drive"}, timestamp=T0))
    device.submit(Event("cold", details={"source": "conveyor"}, timestamp=T0))
    assert device.upload(timeout_s=20).pending == 0
    platform.hub.settle()

    def found(place):
        return [one.description for one in Events(session).list(entity_id=place, since=T0 - 1)]

    assert (found(asset), found(other), found(agent.entity_id)) == (["hot"], ["hot"], ["cold"])


def test_a_file_is_attached_to_the_agents_asset_byte_by_byte(platform, plant, tmp_path):
    """Its content is not looked at."""
    session, agent, device, _asset = plant
    content = b'\r\n--x--\r\n{"not": JSON\xff'
    path = tmp_path / "device.log"
    path.write_bytes(content)
    device.submit(File(str(path)))
    assert device.upload(timeout_s=20).pending == 0
    platform.hub.settle()
    (file,) = Files(session).list(agent.entity_id)
    assert (file.name, file.size) == ("device.log", len(content))
    target = tmp_path / "back.log"
    Files(session).download(agent.entity_id, "device.log", str(target))
    assert hashlib.sha256(target.read_bytes()).digest() == hashlib.sha256(content).digest()
