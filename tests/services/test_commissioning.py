"""Commissioning a real file on the local hub, over TLS with real tokens."""

import json
import os
from dataclasses import replace

import pytest

import mcagent.emulator
from mcagent import (
    ConfigurationError,
    DataModel,
    DataPoint,
    DataSource,
    InvalidMessage,
    RemoteError,
)
from mcagent.services import mappings as mappings_module
from mcagent.services.agents import Agents
from mcagent.services.assets import Assets
from mcagent.services.commissioning import Commissioning, Stopped, boarding_file_name
from mcagent.services.commissioning_file import load_plant, read_plant
from mcagent.services.datasources import DataSources, MappingsAtRisk
from mcagent.services.eventmappings import EventMappings
from mcagent.services.mappings import Mappings
from mcagent.services.mappings_values import Mapping
from tests.services.meddler import meddle
from tests.services.platform import SteadyClock
from tests.services.test_commissioning_file import PLANT, changed

WIND_FARM = os.path.join(os.path.dirname(mcagent.emulator.__file__), "plants", "wind-farm.yaml")
TENANT = "localdev"


def commissioned(session, plant=PLANT, *, delete=False, lose=False, limits="none"):
    """Plan and apply; give the steps as texts."""
    commissioning = Commissioning(session, read_plant(plant, tenant=TENANT), limits=limits)
    plan = commissioning.plan(delete=delete)
    return [str(change) for change in commissioning.apply(plan, lose_mappings=lose)]


def agent_of(session):
    return Agents(session).find("press-7")


def test_the_wind_farm_twice(platform):
    """One file makes types, assets, agents, models and mappings; again it makes nothing."""
    session = platform.session()
    commissioning = Commissioning(session, load_plant(WIND_FARM, tenant=TENANT))
    steps = list(commissioning.apply(commissioning.plan()))
    assert len([step for step in steps if step.what == "mapping"]) == 24
    before = len(session.transport.requests)
    again = commissioning.plan()
    assert (again.changes, again.conflicts, again.leftovers) == ((), (), ())
    assert list(commissioning.apply(again)) == []
    methods = {request.method for request in session.transport.requests[before:]}
    assert methods == {"GET"}  # looking changes nothing
    turbine = Assets(session).find("Turbine 02")
    assert turbine.aspects["nameplate"]["hubHeight"] == "92"
    agent = Agents(session).find("turbine-02")
    mappings = list(Mappings(session).list(agent_id=agent.id))
    assert len(mappings) == 8
    assert all(one.valid and one.keep and one.entity_id == turbine.id for one in mappings)


def test_every_kind_of_thing_is_made_and_found_again(platform):
    """Also event types and event mappings; a second run finds all of them."""
    session = platform.session()
    assert len(commissioned(session)) == 12
    assert commissioned(session) == []
    (mapping,) = EventMappings(session).list(agent_id=agent_of(session).id)
    assert (mapping.field_name, mapping.field_value) == ("part", "pump")
    press = Assets(session).find("Press 7")
    assert (press.external_id, press.type_id) == ("SN-7", "localdev.Press")
    hall = Assets(session).find("Hall")
    assert (press.parent_id, hall.location.locality, hall.location.latitude) == (hall.id, "", 49.6)


def test_events_of_the_standard_type_are_mapped_by_its_name(platform):
    """Its id has 67 characters and a mapping takes 64: the name stands there, without a tenant."""
    session = platform.session()
    plant = changed(("agents", 0, "eventMappings", 0, "eventTypeId"), "MindSphereStandardEvent")
    commissioned(session, plant)
    assert commissioned(session, plant) == []
    (mapping,) = EventMappings(session).list()
    assert mapping.event_type_id == "MindSphereStandardEvent"


def test_the_strict_hub_takes_it_too(platform):
    """Equal units, the Accept header and the limits of a plan: nothing is refused, none broken."""
    platform.hub.change_settings(strict_accept=True, units="refuse", plan="XXS")
    assert len(commissioned(platform.session(), limits="XXS")) == 12
    assert platform.hub.breaches() == []


def test_changes_of_the_file_are_made_and_nothing_else(platform):
    """A new variable, unit, point, mapping and field; what people wrote by hand stays."""
    session = platform.session()
    commissioned(session)
    assets = Assets(session)
    hall = assets.find("Hall")
    assets.change(hall, replace(hall, description="painted in 2025"))
    plant = json.loads(json.dumps(PLANT))
    plant["aspectTypes"][0]["variables"].append({"name": "oil", "dataType": "DOUBLE"})
    plant["eventTypes"][0]["fields"].append({"name": "level", "type": "INTEGER"})
    plant["assets"][0]["children"][0]["externalId"] = "SN-8"
    configuration = plant["agents"][0]["configuration"]
    configuration["configurationId"] = "press-7-v2"
    configuration["dataSources"][0]["dataPoints"].append(
        {"id": "P3", "name": "oil", "type": "DOUBLE", "unit": ""}
    )
    plant["agents"][0]["mappings"][0]["keepMapping"] = True
    plant["agents"][0]["mappings"].append(
        {
            "dataPointId": "P3",
            "asset": "Press 7",
            "propertySetName": "press",
            "propertyName": "oil",
        }
    )
    steps = commissioned(session, plant, lose=True)
    assert steps == [
        "change aspect type localdev.Press: variable oil is new",
        "change event type localdev.PressEvent: field level is new",
        "change asset Press 7: external_id becomes SN-8",
        "change data model press-7-v2: 3 data points",
        "create mapping P1 -> Press 7 press.temperature",
        "create mapping P3 -> Press 7 press.oil",
    ]
    assert commissioned(session, plant) == []
    assert assets.find("Hall").description == "painted in 2025"


def test_whoever_would_lose_mappings_is_told_which_and_must_consent(platform):
    """PLANT's mapping has keepMapping false, so that a new model deletes it."""
    session = platform.session()
    commissioned(session)
    plant = changed(("agents", 0, "configuration", "configurationId"), "press-7-v2")
    before = platform.hub.state()["requests"]
    with pytest.raises(MappingsAtRisk) as caught:
        commissioned(session, plant)
    assert "P1 -> " in str(caught.value)
    assert [one.data_point_id for one in caught.value.mappings] == ["P1"]
    after = platform.hub.state()["requests"]
    assert {name for name in after if after[name] != before.get(name)} == {
        name for name in after if name.startswith("GET") and after[name] != before.get(name)
    }
    assert DataSources(session).read(agent_of(session).id).model.id == "press-7-v1"
    assert commissioned(session, plant, lose=True) == [
        "change data model press-7-v2: 2 data points",
        "create mapping P1 -> Press 7 press.temperature",
    ]


def test_consent_is_for_the_mappings_that_were_named(platform):
    """A mapping that came between plan and apply is not lost with the others."""
    session = platform.session()
    commissioned(session)
    agent = agent_of(session)
    plant = changed(("agents", 0, "configuration", "configurationId"), "press-7-v2")
    commissioning = Commissioning(session, read_plant(plant, tenant=TENANT))
    plan = commissioning.plan()
    press = Assets(session).find("Press 7")
    Mappings(session).create(Mapping(agent.id, "P2", press.id, "press", "strokes", keep=False))
    with pytest.raises(Stopped) as caught:
        list(commissioning.apply(plan, lose_mappings=True))
    assert isinstance(caught.value.error, MappingsAtRisk)
    assert DataSources(session).read(agent.id).model.id == "press-7-v1"


def test_nothing_is_deleted_by_surprise(platform):
    """A mapping by hand stays until deleting is asked for."""
    session = platform.session()
    commissioned(session)
    agent, press = agent_of(session), Assets(session).find("Press 7")
    Mappings(session).create(Mapping(agent.id, "P2", press.id, "press", "strokes"))
    assert commissioned(session) == []
    commissioning = Commissioning(session, read_plant(PLANT, tenant=TENANT))
    assert commissioning.plan().leftovers == (
        "agent press-7: mapping P2 -> Press 7 press.strokes is not in the file",
    )
    assert len(commissioned(session, delete=True)) == 1
    assert len(list(Mappings(session).list(agent_id=agent.id))) == 1


def test_conflicts_are_told_before_anything_is_done(platform):
    """The aspect type exists with another type of a variable: not one request changes anything."""
    session = platform.session()
    commissioned(session)
    plant = changed(("aspectTypes", 1, "variables", 0, "dataType"), "LONG")
    plant["agents"].append({"name": "another"})
    with pytest.raises(ConfigurationError, match="type of variable made is INT, not LONG"):
        commissioned(session, plant)
    assert Agents(session).find("another") is None


@pytest.mark.parametrize("limits", ["XXS", "S"])
def test_limits_of_the_plan_are_kept_before_the_platform_says_so(platform, limits):
    """One more target than the plan has: told while planning, and the platform agrees."""
    session = platform.session()
    most = {"XXS": 1, "S": 5}[limits]
    plant = json.loads(json.dumps(PLANT))
    press = plant["assets"][0]["children"][0]
    mapping = plant["agents"][0]["mappings"][0]
    for number in range(most):
        plant["assets"][0]["children"].append({**press, "name": f"Press {number} b"})
        plant["agents"][0]["mappings"].append({**mapping, "asset": f"Press {number} b"})
    with pytest.raises(ConfigurationError, match=f"plan {limits} allows {most} variables"):
        commissioned(session, plant, limits=limits)
    platform.hub.change_settings(plan=limits)
    with pytest.raises(Stopped) as caught:
        commissioned(session, plant)
    assert caught.value.step.what == "mapping"
    assert len([step for step in caught.value.done if step.what == "mapping"]) == most


def test_a_run_that_stopped_goes_on_where_it_was(platform):
    """What was done is told; the next run does the rest."""
    session = platform.session()
    whole = commissioned_elsewhere()
    platform.hub.set_faults(
        [{"match": "POST */dataPointMappings", "action": "status", "status": 403}]
    )
    with pytest.raises(Stopped) as caught:
        commissioned(session)
    assert isinstance(caught.value.error, RemoteError)
    assert "stopped at: create mapping P1 -> Press 7" in str(caught.value)
    done = [str(change) for change in caught.value.done]
    platform.hub.set_faults([])
    assert done + commissioned(session) == whole


def test_lost_answers_make_nothing_twice(platform):
    """The answer to each kind of request is lost once; running again ends with one of each."""
    for fits in (
        "PUT /localdev.Press",
        "POST /eventTypes",
        "POST /assets",
        "POST /agents",
        "PUT /dataSourceConfiguration",
        "POST /dataPointMappings",
        "POST /eventMappings",
    ):
        platform.hub.clear()
        session = platform.session(attempts=2)
        meddler = meddle(session, fits, lose=True)
        for _ in range(2):
            try:
                commissioned(session)
            except Stopped:
                continue
            break
        assert meddler.done, fits
        assert commissioned(session) == [], fits
        names = [one.name for one in Assets(session).list()]
        assert sorted(names) == sorted({*names}), fits
        assert len(list(Mappings(session).list())) == 1, fits
        assert len(list(EventMappings(session).list())) == 1, fits


def test_an_asset_id_that_does_not_exist_is_told_before_anything_is_done(platform):
    """The file names an asset by an id that nobody has."""
    plant = changed(("agents", 0, "mappings", 0, "asset"), "0f" * 16)
    with pytest.raises(InvalidMessage, match=r"asset 0f0f.* which is not there"):
        commissioned(platform.session(), plant)


def test_a_missing_scope_is_named(platform):
    """Without asm.c nothing can be made below the types; the scope is named."""
    session = platform.session(scopes=["asm.r", "atm.r", "atm.apt.r", "agm.r", "em.et.r"])
    with pytest.raises(Stopped, match=r"the scope atm\.apt\.w is missing"):
        commissioned(session)


def test_boarding_files_are_private_and_not_overwritten(platform, tmp_path):
    """One for each agent that is not onboarded yet."""
    session = platform.session()
    commissioned(session)
    commissioning = Commissioning(session, read_plant(PLANT, tenant=TENANT))
    ((name, path),) = commissioning.save_boarding(tmp_path / "boarding")
    assert (name, os.stat(path).st_mode & 0o777) == ("press-7", 0o600)
    assert os.stat(tmp_path / "boarding").st_mode & 0o777 == 0o700
    content = json.loads((tmp_path / "boarding" / "press-7.json").read_text())
    assert content["content"]["clientId"] == agent_of(session).id
    assert list(commissioning.save_boarding(tmp_path / "boarding")) == []
    with mcagent.Agent.open(
        str(tmp_path / "state"), boarding=path, ca_file=platform.hub.ca_file
    ) as agent:
        agent.onboard()
    assert list(commissioning.save_boarding(tmp_path / "other")) == []


def test_many_agents_are_found_with_one_list_and_waits_are_told(platform, monkeypatch):
    """A tenant may list its agents ten times in half a minute; mappings wait for their hour."""
    monkeypatch.setattr(mappings_module, "MAPPING_CALLS", ((30, 3600),))
    clock, told = SteadyClock(), []
    session = platform.session(clock=clock, sleep=clock.sleep)
    plant = {"agents": [{"name": f"agent-{number}"} for number in range(12)]}
    commissioning = Commissioning(session, read_plant(plant, tenant=TENANT), on_wait=told.append)
    list(commissioning.apply(commissioning.plan()))
    before = len(session.transport.calls)
    assert commissioning.plan().changes == ()
    lists = [one for one in session.transport.calls[before:] if one.startswith("GET /api/agentm")]
    assert len([one for one in lists if "/agents?" in one]) == 1
    assert told == []
    commissioning.plan()
    commissioning.plan()  # with 12 calls for mappings each, the 31st has to wait
    assert len(told) == 1
    assert 3000 < told[0] <= 3600


def test_names_of_boarding_files():
    """Whatever an agent is called, its file stays in the directory."""
    assert boarding_file_name("../../etc/passwd") == "_.._etc_passwd.json"
    assert boarding_file_name("Presse 7 Süd") == "Presse_7_Süd.json"
    assert boarding_file_name("..") == "agent.json"


def test_the_devices_own_model_is_not_put_again(platform):
    """The file describes what the device sent: nothing to do, and no mapping lost."""
    session = platform.session()
    commissioned(session)
    model = DataModel(
        "press-7-v1",
        [
            DataSource(
                "press",
                [
                    DataPoint("P1", "DOUBLE", unit="°C", name="temperature"),
                    DataPoint("P2", "LONG", name="strokes"),
                ],
            )
        ],
    )
    put = DataSources(session).put(agent_of(session).id, model)
    assert (put.changed, put.lost) == (False, ())


def commissioned_elsewhere():
    """What a run without faults does."""
    from mcagent.services.commissioning_plan import make_plan
    from mcagent.services.commissioning_values import Present

    plan = make_plan(read_plant(PLANT, tenant=TENANT), Present())
    return [str(change) for change in plan.changes]
