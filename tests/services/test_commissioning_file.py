"""Commissioning files: what is read, and what is refused with which words."""

import copy
import json
import os

import pytest
import yaml

import mcagent.emulator
from mcagent import ConfigurationError, InvalidMessage
from mcagent.services.commissioning_file import load_plant, read_plant
from mcagent.services.events_values import BASE_TYPE

WIND_FARM = os.path.join(os.path.dirname(mcagent.emulator.__file__), "plants", "wind-farm.yaml")

PLANT = {
    "name": "one press",
    "aspectTypes": [
        {
            "name": "Press",
            "category": "dynamic",
            "variables": [
                {"name": "temperature", "dataType": "DOUBLE", "unit": "°C", "qualityCode": True},
                {"name": "strokes", "dataType": "LONG"},
                {"name": "state", "dataType": "STRING", "length": 16},
            ],
        },
        {
            "name": "Plate",
            "category": "static",
            "variables": [{"name": "made", "dataType": "INT"}],
        },
    ],
    "assetTypes": [
        {
            "name": "Press",
            "parentTypeId": "Machine",
            "aspects": [{"name": "press", "aspectTypeId": "Press"}],
        },
        {"name": "Machine", "aspects": [{"name": "plate", "aspectTypeId": "Plate"}]},
    ],
    "eventTypes": [
        {
            "name": "PressEvent",
            "fields": [
                {"name": "part", "type": "STRING", "filterable": True},
                {"name": "mode", "type": "ENUM", "values": ["AUTO", "HAND"]},
            ],
        }
    ],
    "assets": [
        {
            "name": "Hall",
            "typeId": "core.basicarea",
            "location": {"country": "Germany", "latitude": 49.6, "longitude": 11},
            "children": [
                {
                    "name": "Press 7",
                    "typeId": "Press",
                    "externalId": "SN-7",
                    "aspects": [
                        {"name": "plate", "variables": [{"name": "made", "value": "1998"}]}
                    ],
                }
            ],
        }
    ],
    "agents": [
        {
            "name": "press-7",
            "parent": "Hall",
            "configuration": {
                "configurationId": "press-7-v1",
                "dataSources": [
                    {
                        "name": "press",
                        "dataPoints": [
                            {"id": "P1", "name": "temperature", "type": "DOUBLE", "unit": "°C"},
                            {"id": "P2", "name": "strokes", "type": "LONG", "unit": ""},
                        ],
                    }
                ],
            },
            "mappings": [
                {
                    "dataPointId": "P1",
                    "asset": "Press 7",
                    "propertySetName": "press",
                    "propertyName": "temperature",
                    "keepMapping": False,
                }
            ],
            "eventMappings": [
                {
                    "eventTypeId": "PressEvent",
                    "eventTypeFieldName": "part",
                    "eventTypeFieldValue": "pump",
                    "asset": "Press 7",
                }
            ],
        }
    ],
}


def changed(path, value):
    """PLANT with another value at *path*; None takes the member away."""
    plant = copy.deepcopy(PLANT)
    *way, last = path
    holder = plant
    for step in way:
        holder = holder[step]
    if value is None:
        del holder[last]
    else:
        holder[last] = value
    return plant


def test_every_member_is_read():
    """What the file says arrives, types after their parents and with the tenant before them."""
    plant = read_plant(PLANT, tenant="demo")
    assert [one.id for one in plant.aspect_types] == ["demo.Press", "demo.Plate"]
    assert [one.id for one in plant.asset_types] == ["demo.Machine", "demo.Press"]
    assert plant.asset_types[1].parent_type_id == "demo.Machine"
    assert plant.asset_types[0].parent_type_id == "core.basicasset"
    temperature, strokes, state = plant.aspect_types[0].variables
    assert (temperature.unit, temperature.quality_code, strokes.unit) == ("°C", True, "")
    assert (state.length, strokes.length) == (16, None)
    (event,) = plant.event_types
    assert (event.id, event.parent_id, event.ttl) == ("demo.PressEvent", BASE_TYPE, 35)
    assert event.fields[1].values == ("AUTO", "HAND")
    hall, press = plant.assets
    assert (hall.parent, press.parent) == (None, "Hall")
    assert (hall.asset.location.latitude, hall.asset.location.country) == (49.6, "Germany")
    assert press.given == {"external_id", "aspects"}
    assert press.asset.aspects == {"plate": {"made": "1998"}}
    (agent,) = plant.agents
    assert list(agent.model.points) == ["P1", "P2"]
    assert (agent.mappings[0].keep, agent.mappings[0].variable) == (False, "temperature")
    assert agent.event_mappings[0].event_type_id == "demo.PressEvent"


@pytest.mark.parametrize("name", ["plant.json", "plant.yaml"])
def test_json_and_yaml_say_the_same(tmp_path, name):
    """The ending of the name decides; a byte order mark does no harm."""
    path = tmp_path / name
    text = json.dumps(PLANT) if name.endswith("json") else yaml.safe_dump(PLANT)
    path.write_text("\ufeff" + text, encoding="utf-8")
    assert load_plant(path, tenant="demo") == read_plant(PLANT, tenant="demo")


def test_the_plant_that_ships_with_the_local_hub_can_be_commissioned():
    """One form for both: three turbines, 24 mappings."""
    plant = load_plant(WIND_FARM, tenant="demo")
    assert [wish.asset.name for wish in plant.assets][1:] == [
        "Turbine 01",
        "Turbine 02",
        "Turbine 03",
    ]
    assert sum(len(agent.mappings) for agent in plant.agents) == 24


def test_a_configuration_is_made_from_an_asset_type_and_mapped_whole():
    """fromAssetType makes a point of each variable; mapAllTo maps each to its own."""
    plant = changed(
        ("agents", 0, "configuration"), {"configurationId": "v1", "fromAssetType": "Press"}
    )
    del plant["agents"][0]["mappings"]
    plant["agents"][0]["mapAllTo"] = "Press 7"
    (agent,) = read_plant(plant, tenant="demo").agents
    assert [source.name for source in agent.model.sources] == ["press"]  # the static one is not
    point = agent.model.points["state"]
    assert (point.type, point.length, agent.model.points["temperature"].unit) == (
        "STRING",
        16,
        "°C",
    )
    assert [str(wish) for wish in agent.mappings] == [
        "temperature -> Press 7 press.temperature",
        "strokes -> Press 7 press.strokes",
        "state -> Press 7 press.state",
    ]


def test_a_point_that_cannot_be_mapped_by_its_name_is_told():
    """mapAllTo maps all or says which not."""
    plant = changed((*POINT, "name"), "heat")
    plant["agents"][0]["mapAllTo"] = "Press 7"
    with pytest.raises(InvalidMessage, match=r"no variable press\.heat for data point P1"):
        read_plant(plant, tenant="demo")


def test_an_asset_of_the_platform_is_called_by_its_id():
    """What is in no file can be mapped to all the same."""
    plant = changed(("agents", 0, "mappings", 0, "asset"), "0f" * 16)
    assert read_plant(plant, tenant="demo").agents[0].mappings[0].asset == "0f" * 16


def test_a_type_that_the_file_does_not_describe_whole_is_the_platforms_to_judge():
    """Aspects may come from a parent type or an aspect type that is there already."""
    for path, value in (
        (("assetTypes", 1, "parentTypeId"), "other.Base"),
        (("assetTypes", 0, "aspects", 0, "aspectTypeId"), "other.Press"),
    ):
        read_plant(changed(path, value), tenant="demo")


MAPPING = ("agents", 0, "mappings", 0)
POINT = ("agents", 0, "configuration", "dataSources", 0, "dataPoints", 0)


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (("agentz",), [], "no member 'agentz'; did you mean agents?"),
        (("agents",), {}, "agents is {}, not a list"),
        (("agents", 0), "x", "agents, no. 1: an agent is 'x', not an object"),
        (("agents", 0, "parent"), "Hell", "agents, 'press-7': 'Hell' is no asset of this file"),
        (("agents", 0, "securityProfile"), "X509", "not one of SHARED_SECRET, RSA_3072"),
        (("agents", 0, "mapAllTo"), "Press 8", "mapAllTo: 'Press 8' is no asset"),
        ((*POINT, "type"), "FLOAT", "configuration: data point 'P1': there is no type 'FLOAT'"),
        ((*POINT, "type"), "LONG", "the data point is LONG, the variable DOUBLE"),
        ((*POINT, "unit"), "K", "the data point's unit is 'K', the variable's '°C'"),
        ((*POINT, "id"), "P2", "data point 'P2' of 'press' is there already"),
        ((*MAPPING, "dataPointId"), "P9", "has no data point 'P9'"),
        ((*MAPPING, "dataPointId"), 1.10, "dataPointId is 1.1, not text; put it into quotes"),
        ((*MAPPING, "dataPointId"), "P" * 37, "dataPointId has 37 characters, not 1 to 36"),
        ((*MAPPING, "asset"), "Press 8", "'Press 8' is no asset of this file (Hall, Press 7)"),
        ((*MAPPING, "propertySetName"), "pres", "demo.Press has no aspect 'pres'"),
        ((*MAPPING, "propertySetName"), "plate", "aspect plate is static"),
        ((*MAPPING, "propertyName"), "temp", "aspect press has no variable 'temp'"),
        ((*MAPPING, "keepMapping"), "yes", "keepMapping is 'yes', not true or false"),
        ((*MAPPING, "propertyname"), "x", "no member 'propertyname'; did you mean propertyName?"),
        (
            ("agents", 0, "eventMappings", 0, "eventTypeFieldValue"),
            "x" * 256,
            "event mapping no. 1: eventTypeFieldValue has 256 characters, not 1 to 255",
        ),
        (("agents", 0, "eventMappings", 0, "asset"), None, "asset is missing"),
        (("aspectTypes", 0, "variables"), [], "aspectTypes, 'Press': it has no variables"),
        (("aspectTypes", 0, "category"), "live", "category is 'live', not one of dynamic, static"),
        (("aspectTypes", 0, "name"), "Pr-ess", "'demo.Pr-ess' is not tenant.Name"),
        (("aspectTypes", 0, "variables", 0, "name"), "id", "cannot be called id"),
        (("aspectTypes", 0, "variables", 1, "name"), "temperature", "temperature occurs twice"),
        (
            ("aspectTypes", 0, "variables", 1, "length"),
            3,
            "variable strokes: a LONG has no length",
        ),
        (("aspectTypes", 0, "variables", 2, "length"), 256, "length is 256, not a whole number"),
        (("aspectTypes", 0, "variables", 2, "length"), 0, "length is 0, not a whole number"),
        (("aspectTypes", 0, "variables", 0, "unit"), "x" * 33, "unit has 33 characters"),
        (("aspectTypes", 0, "description"), "it's", "single quote"),
        (("aspectTypes", 1, "variables", 0, "dataType"), "BIG_STRING", "for dynamic aspects"),
        (("aspectTypes", 1, "name"), "Press", "aspectTypes: 'demo.Press' occurs twice"),
        (("eventTypes", 0, "ttl"), 0, "ttl is 0"),
        (("eventTypes", 0, "fields", 0, "type"), "TEXT", "type is 'TEXT', not one of STRING"),
        (("eventTypes", 0, "fields", 1, "values"), None, "an ENUM needs them"),
        (("assets", 0, "name"), "a/b", "has a slash"),
        (("assets", 0, "location", "latitude"), 91, "latitude is 91, not a number from -90 to 90"),
        (("assets", 0, "children", 0, "name"), "Hall", "assets: 'Hall' occurs twice"),
        (("assets", 0, "children", 0, "parent"), "Hall", "take `parent` away"),
        (
            ("assets", 0, "children", 0, "aspects", 0, "variables", 0, "name"),
            "built",
            "aspect plate has no variable built",
        ),
        (
            ("assets", 0, "children", 0, "aspects", 0, "name"),
            "press",
            "press is no static aspect of demo.Press",
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_place(path, value, words):
    """One line that says where, what, and where it helps how to mend it."""
    with pytest.raises(InvalidMessage) as caught:
        read_plant(changed(path, value), tenant="demo", name="plant.yaml")
    assert words in str(caught.value)
    assert str(caught.value).startswith("plant.yaml cannot be used: ")
    assert caught.value.hint


def test_all_that_is_wrong_is_named_at_once():
    """Nobody mends a file of fifty turbines one error at a time."""
    plant = changed(("aspectTypes", 0, "category"), "live")
    plant["agents"][0]["securityProfile"] = "none"
    plant["assets"][0]["name"] = ""
    with pytest.raises(InvalidMessage) as caught:
        read_plant(plant, tenant="demo")
    for place in ("aspectTypes, 'Press'", "agents, 'press-7'", "assets, no. 1"):
        assert place in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("plant.json", b"{", "plant.json is not JSON"),
        ("plant.yaml", b"a: [", "plant.yaml is not YAML"),
        ("plant.yaml", b"a: !!python/object/apply:os.system [ls]", "is not YAML"),
        ("plant.yaml", b"\xff\xfe\x00", "is not UTF-8"),
        ("plant.yaml", b"agents: []\nagents: []", "line 1: member 'agents' occurs twice"),
        ("plant.json", b'{"agents": [], "agents": []}', "member 'agents' occurs twice"),
        ("plant.yaml", b"a: &a [*a]", "has no member 'a'"),
        ("plant.yaml", b"a: 1\n---\nb: 2", "is not YAML"),
        ("plant.yaml", b"", "the file is None, not an object"),
        ("plant.json", b"[" * 100_000, "is not JSON"),
    ],
)
def test_what_is_no_description_is_refused(tmp_path, name, content, words):
    """Whatever a file holds, the answer is one sentence."""
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InvalidMessage, match=words):
        load_plant(path, tenant="demo")


def test_a_file_that_is_not_there(tmp_path):
    """The error names the path and the reason."""
    with pytest.raises(ConfigurationError, match=r"none\.yaml: No such file"):
        load_plant(tmp_path / "none.yaml", tenant="demo")


def test_aliases_of_aliases_are_refused_before_they_are_written_out(tmp_path):
    """10 GB from 600 bytes."""
    levels = [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 11)]
    path = tmp_path / "plant.yaml"
    path.write_text("\n".join(["a0: &a0 xxxxxxxxxx", *levels]))
    with pytest.raises(InvalidMessage, match="with each alias"):
        load_plant(str(path), tenant="demo")
