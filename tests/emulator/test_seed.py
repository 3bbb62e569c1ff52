"""Plants: what is loaded, twice, wrong ones, the command (docs/emulator.md, "Plants")."""

import contextlib
import copy
import io
import json
import os
import stat

import pytest

from mcagent.emulator import Emulator
from mcagent.emulator.answers import Refusal
from mcagent.emulator.command import serve
from mcagent.emulator.seed_file import SeedError, read_plant, shipped_plants
from tests.source_tree import ROOT

from .application import Application
from .device import CONNECT, Device, call, event, sample, timeseries
from .model import ASSETS

SMALL = {
    "aspectTypes": [
        {
            "name": "Motor",
            "category": "dynamic",
            "variables": [{"name": "rpm", "dataType": "LONG", "unit": "1/min"}],
        }
    ],
    "assetTypes": [
        {"name": "Machine", "aspects": [{"name": "motor", "aspectTypeId": "Motor"}]},
    ],
    "assets": [
        {
            "name": "Hall",
            "typeId": "core.basicarea",
            "children": [{"name": "Press", "typeId": "Machine"}],
        }
    ],
    "agents": [
        {
            "name": "press-07",
            "parent": "Hall",
            "configuration": {
                "configurationId": "v1",
                "dataSources": [
                    {
                        "name": "press",
                        "dataPoints": [{"id": "n", "name": "n", "type": "LONG", "unit": "1/min"}],
                    }
                ],
            },
            "mappings": [
                {
                    "dataPointId": "n",
                    "asset": "Press",
                    "propertySetName": "motor",
                    "propertyName": "rpm",
                }
            ],
        }
    ],
}


def plant(**changes):
    return {**copy.deepcopy(SMALL), **changes}


def run(*words):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = serve(["seed", *words])
    return code, out.getvalue(), err.getvalue()


def test_a_device_of_a_plant_delivers_to_its_asset(hub):
    """Promise: boarding file, configuration and mappings are enough: what it sends is stored."""
    boarding = hub.seed(plant())["press-07"]
    device = Device(hub, boarding)
    assert device.register().status == 201
    assert device.ask_token().status == 200
    assert (
        device.call("GET", f"{ASSETS}/assets/{device.id}").json["hierarchyPath"][1]["name"]
        == "Hall"
    )
    device.send(timeseries(sample("2026-01-05T08:00:00.000Z", n="7"), configuration="v1"))
    hub.settle()
    (record,) = hub.stored()
    assert (record["aspect"], record["values"]) == ("motor", {"rpm": 7})


EVENT_MAPPING = {
    "asset": "Press",
    "eventTypeId": "MindSphereStandardEvent",
    "eventTypeName": "MindSphereStandardEvent",
    "eventTypeFieldName": "source",
    "eventTypeFieldValue": "press",
}


def with_event_mapping(**changes):
    plant = copy.deepcopy(SMALL)
    plant["agents"][0]["eventMappings"] = [{**EVENT_MAPPING, **changes}]
    return plant


def test_an_event_of_a_plant_lands_on_its_asset_and_loading_twice_maps_once(hub):
    boarding = hub.seed(with_event_mapping())["press-07"]
    hub.seed(with_event_mapping())
    device = Device(hub, boarding)
    device.register()
    device.ask_token()
    device.send(event(details={"source": "press-07"}), event(details={"source": "door"}))
    hub.settle()
    names = {
        asset["id"]: asset["name"] for asset in call(hub.url, "GET", "/_emulator/assets").json
    }
    assert [names[line["asset"]] for line in hub.events()] == ["Press", "press-07"]
    (mapped,) = Application(hub).call("GET", CONNECT + "/eventMappings").json["content"]
    assert mapped["eventTypeId"] == "MindSphereStandardEvent"


def test_an_event_type_of_a_plant_needs_no_tenant(hub):
    hub.seed(with_event_mapping(eventTypeId="PressEvent", eventTypeName="PressEvent"))
    hub.seed(with_event_mapping(eventTypeId="localdev.PressEvent", eventTypeName="PressEvent"))
    (mapped,) = Application(hub).call("GET", CONNECT + "/eventMappings").json["content"]
    assert mapped["eventTypeId"] == "localdev.PressEvent"


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"asset": "Roof"}, "'Roof' is no asset"), ({"eventTypeId": 5}, "event mapping of 'press'")],
)
def test_a_wrong_event_mapping_is_named_and_nothing_is_loaded(hub, changes, words):
    with pytest.raises(Refusal, match=words):
        hub.seed(with_event_mapping(**changes))
    assert hub.state()["agents"] == 0


def test_loading_twice_changes_nothing(hub):
    sent = call(hub.url, "POST", "/_emulator/seed", SMALL)
    assert sent.status == 200
    assert sent.json["made"] == {"types": 2, "assets": 2, "agents": 1, "mappings": 1}
    before = hub.state()
    again = call(hub.url, "POST", "/_emulator/seed", SMALL)
    assert (again.status, again.json["made"]) == (200, {})
    assert again.json["agents"][0]["id"] == sent.json["agents"][0]["id"]
    after = hub.state()
    for name in ("assets", "agents", "mappings"):
        assert before[name] == after[name]


def test_a_plant_that_grew_adds_what_is_new(hub):
    hub.seed(plant())
    grown = plant()
    grown["aspectTypes"][0]["variables"].append({"name": "torque", "dataType": "DOUBLE"})
    grown["assets"][0]["children"].append({"name": "Press 2", "typeId": "Machine"})
    got = call(hub.url, "POST", "/_emulator/seed", grown)
    assert got.json["made"] == {"assets": 1}
    app = Application(hub)
    shown = app.call("GET", f"{ASSETS}/aspecttypes/localdev.Motor").json
    assert [one["name"] for one in shown["variables"]] == ["rpm", "torque"]


def test_what_a_device_configured_itself_is_not_overwritten(hub):
    device = Device(hub, hub.seed(plant())["press-07"])
    device.register()
    device.ask_token()
    own = copy.deepcopy(SMALL["agents"][0]["configuration"])
    own["configurationId"] = "mine"
    assert device.put_configuration(own, "1").status == 200
    hub.seed(plant())
    path = f"/api/agentmanagement/v3/agents/{device.id}/dataSourceConfiguration"
    assert device.call("GET", path).json["configurationId"] == "mine"


def test_what_others_added_to_a_type_stays_and_etags_move_only_with_a_change(hub):
    """Promise: loading again overwrites nothing, and spoils no eTag that somebody holds."""
    hub.seed(plant())
    app = Application(hub)
    path = f"{ASSETS}/aspecttypes/localdev.Motor"
    more = {"torque": {"dataType": "DOUBLE"}}
    assert app.call("PATCH", f"{path}/variables", more, If_Match="1").status == 204
    hub.seed(plant())
    shown = app.call("GET", path).json
    assert (shown["etag"], [one["name"] for one in shown["variables"]]) == (2, ["rpm", "torque"])
    assert app.call("GET", f"{ASSETS}/assettypes/localdev.Machine").json["etag"] == 1


def test_order_does_not_matter_and_a_parent_is_named(hub):
    """As `mcagent commission` reads it: what something hangs on may stand behind it."""
    hall, press = {"name": "Hall", "typeId": "core.basicarea"}, {"name": "Press", "parent": "Hall"}
    fine = {"name": "Fine", "parentTypeId": "Coarse"}
    types = [{**fine, "aspects": []}, {"name": "Coarse", "aspects": []}]
    events = [{"name": "Leak", "parentId": "Alarm"}, {"name": "Alarm"}]
    loaded = {"assetTypes": types, "eventTypes": events, "assets": [press, hall]}
    hub.seed(loaded)
    app = Application(hub)
    shown = app.call("GET", f"{ASSETS}/assets").json["_embedded"]["assets"]
    ids = {one["name"]: one for one in shown}
    assert ids["Press"]["parentId"] == ids["Hall"]["assetId"]
    # One that the plant does not describe is meant by its id.
    hub.seed({"agents": [{"name": "a", "parent": ids["Hall"]["assetId"]}]})
    with pytest.raises(Refusal, match="is no asset of the plant"):
        hub.seed({"agents": [{"name": "b", "parent": "0" * 32}]})
    for circle in ({"name": "x", "parent": "y"}, {"name": "y", "parent": "y"}):
        with pytest.raises(Refusal, match="is no asset of the plant"):
            hub.seed({"assets": [circle]})


def test_an_event_mapping_without_the_name_of_its_type(hub):
    whole = with_event_mapping()
    del whole["agents"][0]["eventMappings"][0]["eventTypeName"]
    hub.seed(whole)
    (mapped,) = Application(hub).call("GET", CONNECT + "/eventMappings").json["content"]
    assert mapped["eventTypeName"] == "MindSphereStandardEvent"


def changed(path, value):
    """SMALL with the member at *path* set to *value*."""
    whole = plant()
    holder = whole
    for step in path[:-1]:
        holder = holder[step]
    holder[path[-1]] = value
    return whole


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (["turbines"], [], "turbines"),
        (["assets"], {}, "assets must be a list"),
        (["assets"], [7], "assets must be a list"),
        (["aspectTypes", 0, "category"], "x", "aspectTypes, 'Motor'"),
        (["assetTypes", 0, "aspects", 0, "aspectTypeId"], "Nobody", "assetTypes, 'Machine'"),
        (["assets", 0, "typeId"], "Nobody", "assets, 'Hall'"),
        (["assets", 0, "children", 0, "name"], "a/b", "children of Hall, 'a/b'"),
        (["assets", 0, "children", 0, "name"], "Hall", "Another asset"),
        (["agents", 0, "parent"], "Nobody", "'Nobody' is no asset"),
        (["agents", 0, "securityProfile"], "NONE", "agents, 'press-07'"),
        (["agents", 0, "securityProfile"], 7, "agents, 'press-07'"),
        (["agents", 0, "name"], "", "agents, ''"),
        (["agents", 0, "configuration", "dataSources"], 7, "configuration"),
        (["agents", 0, "mappings", 0, "propertyName"], "x", "mapping of n"),
        (["agents", 0, "mappings", 0, "propertyName"], None, "mapping of n"),
        (["agents", 0, "mappings", 0, "asset"], 7, "'7' is no asset"),
        (["agents", 0, "mapAlTo"], "Press", "agents, 'press-07': An agent has"),
        (["agents", 0, "mappings", 0, "keep"], True, "A mapping has"),
        (["agents", 0, "eventMappings"], [{"event": 1}], "An event mapping has"),
        (["agents", 0], {"name": "a", "mapAllTo": "Press"}, "mapAllTo needs a configuration"),
        (["assets", 0, "children", 0, "parent"], "Hall", "a parent by standing inside"),
    ],
)
def test_a_wrong_entry_is_named_and_nothing_is_loaded(hub, path, value, words):
    """Promise: 400 that names the entry, and the store is as it was."""
    got = call(hub.url, "POST", "/_emulator/seed", changed(path, value))
    assert got.status == 400, got.body
    assert words in got.json["message"]
    state = hub.state()
    assert (state["assets"], state["agents"], state["mappings"]) == (0, 0, 0)
    assert Application(hub).call("GET", f"{ASSETS}/aspecttypes/localdev.Motor").status == 404


def test_assets_are_nested_no_deeper_than_the_bound(hub):
    for depth, status in ((21, 200), (22, 400)):
        entry = {"name": f"{depth} leaf"}
        for level in range(depth - 1):
            entry = {"name": f"{depth} {level}", "typeId": "core.basicarea", "children": [entry]}
        got = call(hub.url, "POST", "/_emulator/seed", {"assets": [entry]})
        assert got.status == status, got.body


def test_every_plant_that_ships_loads_and_all_its_mappings_are_valid(hub):
    """Promise: the wind farm of the platform's own example ships, and works as it stands."""
    assert "wind-farm" in shipped_plants()
    for name in shipped_plants():
        hub.clear()
        hub.change_settings(units="refuse", plan="XXS")
        boarding = hub.seed(read_plant(name))
        assert boarding
        app = Application(hub)
        mappings = app.call("GET", "/api/mindconnect/v3/dataPointMappings?size=2000").json
        assert mappings["totalElements"] >= len(boarding)
        assert {one["validity"]["status"] for one in mappings["content"]} == {"VALID"}


def test_the_command_loads_a_plant_and_writes_boarding_files(hub, tmp_path):
    """Promise: counts on the screen; tokens only in files that nobody else may read."""
    code, out, err = run("wind-farm", "--url", hub.url, "--boarding", str(tmp_path / "b"))
    assert (code, err) == (0, "")
    assert "3 agents" in out
    path = tmp_path / "b" / "turbine-01.json"
    assert str(path) in out
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    boarding = json.loads(path.read_text())
    assert Device(hub, boarding).register().status == 201
    code, out, err = run(
        "wind-farm", "--url", hub.url, "--json", "--boarding", str(tmp_path / "b")
    )
    assert json.loads(out)["made"] == {}
    assert boarding["content"]["iat"] not in out


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("nobody.yaml", None, "cannot read"),
        ("bad.json", b"{", "is not JSON"),
        ("bad.yaml", b"a: [", "is not YAML"),
        ("tag.yaml", b"!!python/object/apply:os.system ['true']", "is not YAML"),
        ("bytes.yaml", b"\xff\xfe", "is not UTF-8"),
        ("big.json", b" " * 10_000_001, "more than 10000000"),
        ("wrong.yaml", b"turbines: []", "turbines"),
        ("list.json", b"[]", "refused"),
        ("empty.yaml", b"# nothing yet\n", "describes nothing"),
        ("null.json", b"null", "describes nothing"),
        ("circle.yaml", b"agents: &x [*x]", "the plant contains itself"),
        # Few bytes become many: the hub says what is wrong, not where its own cut was.
        (
            "bomb.yaml",
            b"a: &a [" + b"xxxxxxxxx, " * 1000 + b"]\nb: [" + b"*a, " * 1000 + b"]",
            "would be more than 10000000 bytes with each alias",
        ),
    ],
)
def test_a_wrong_file_ends_with_the_reason_and_a_hint(hub, tmp_path, name, content, words):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    code, out, err = run(str(path), "--url", hub.url)
    assert (code, out) == (4, "")
    assert words in err
    assert "hint:" in err


def test_agents_with_names_alike_have_each_its_boarding_file(hub, tmp_path):
    path = tmp_path / "plant.json"
    path.write_text(json.dumps({"agents": [{"name": name} for name in ("a b", "a_b", "a:b")]}))
    code, out, _ = run(str(path), "--url", hub.url, "--boarding", str(tmp_path / "b"))
    assert code == 0
    written = [json.loads(one.read_text()) for one in (tmp_path / "b").iterdir()]
    assert len({one["content"]["clientId"] for one in written}) == 3
    assert out.count("boarding file: ") == 3


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9", "https://localhost:9", "ftp://x", "localhost", "https://[::1"]
)
def test_a_hub_that_is_not_there_ends_with_the_reason_and_a_hint(url):
    code, _, err = run("wind-farm", "--url", url)
    assert code == 4
    assert "hint:" in err


def test_the_command_reaches_a_hub_with_tls_by_its_ca(tmp_path):
    with Emulator(data=tmp_path) as hub:
        code, _, err = run("wind-farm", "--url", hub.local_url)
        assert (code, "--ca" in err) == (4, True)
        for name in ("nobody.pem", __file__):
            code, _, err = run("wind-farm", "--url", hub.local_url, "--ca", name)
            assert (code, f"{name} is no certificate" in err) == (4, True)
        code, _, _ = run("wind-farm", "--url", hub.local_url, "--ca", hub.ca_file)
        assert code == 0
    with Emulator(tls=False, data=tmp_path) as hub:  # and all of it is there after a restart
        assert hub.state()["agents"] == 3
        assert run("wind-farm", "--url", hub.url)[1].startswith("made: nothing")


def test_usage_is_told(capsys):
    assert serve(["seed"]) == 2
    assert serve(["seed", "--help"]) == 0
    assert "wind-farm" in capsys.readouterr().out


def test_aliases_of_aliases_are_refused_before_they_are_written_out(tmp_path):
    """Ten levels of ten: 10 GB of JSON from 600 bytes. Merge keys multiply already in the parser."""
    levels = [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 11)]
    path = tmp_path / "plant.yaml"
    path.write_text("\n".join(["a0: &a0 xxxxxxxxxx", *levels]))
    with pytest.raises(SeedError, match="with each alias"):
        read_plant(str(path))
    merged = [f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 10)}]}}" for n in range(1, 11)]
    path.write_text("\n".join(["a0: &a0 {x: y}", *merged]))
    with pytest.raises(SeedError, match="with each alias"):
        read_plant(str(path))


def test_a_commissioning_file_of_the_examples_is_a_plant(hub):
    """Event types, a model from an asset type, each point mapped: as `mcagent commission` does."""
    path = os.path.join(ROOT, "examples", "wind_farm.yaml")
    code, out, err = run(path, "--url", hub.url, "--json")
    assert code == 0, err
    made = json.loads(out)["made"]
    assert (made["event types"], made["mappings"], made["event mappings"]) == (1, 5, 1)
    assert json.loads(run(path, "--url", hub.url, "--json")[1])["made"] == {}, "twice is harmless"


def test_credentials_for_the_services_are_written_for_this_user_alone(hub, tmp_path):
    """A newcomer's first command after the hub's own; they reach everything."""
    path = tmp_path / "credentials.json"
    words = ["credentials", str(path), "--url", hub.url]
    with contextlib.redirect_stdout(io.StringIO()) as out:
        assert serve(words) == 0
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    given = json.loads(path.read_text())
    assert given["gateway"] == hub.url
    assert given["clientSecret"] not in out.getvalue()
    assert f"MCAGENT_CREDENTIALS={path}" in out.getvalue()
    with contextlib.redirect_stderr(io.StringIO()) as err:
        assert serve(words) == 4
        assert serve([*words[:1], str(tmp_path / "no" / "where"), *words[2:]]) == 4
    assert "is there already" in err.getvalue()
    assert "cannot write" in err.getvalue()
