"""The plan of a commissioning: what it does and, above all, what it does not."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcagent import DataModel, DataPoint, DataSource
from mcagent.services.agents_values import AgentRecord
from mcagent.services.assets_values import AspectType, Asset, AssetType, Location, Variable
from mcagent.services.commissioning_plan import make_plan
from mcagent.services.commissioning_values import (
    AgentWish,
    AssetWish,
    EventMappingWish,
    MappingWish,
    Plant,
    Present,
    PresentAgent,
)
from mcagent.services.eventmappings_values import EventMapping
from mcagent.services.events_values import EventField, EventType
from mcagent.services.mappings_values import Mapping
from tests.services.commissioned import carry_out

ROTOR = AspectType("demo.Rotor", (Variable("speed", "DOUBLE", "1/min"), Variable("n", "LONG")))
TURBINE = AssetType("demo.Turbine", "core.basicdevice", (("rotor", "demo.Rotor"),))
ALARM = EventType("demo.Alarm", (EventField("source", "STRING"),))
MODEL = DataModel(
    "m1", [DataSource("rotor", [DataPoint("p0", "DOUBLE"), DataPoint("p1", "LONG")])]
)
OTHER = DataModel("m2", [DataSource("rotor", [DataPoint("p0", "DOUBLE")])])
AGENT = AgentRecord("a" * 32, "gateway", "SHARED_SECRET", "a" * 32)
STRANGER = "f" * 32


def asset(name, **members):
    return AssetWish(Asset("", name, "demo.Turbine", None, **members), None, frozenset(members))


def present(*mappings, model=MODEL, events=(), **members):
    """A platform that has everything of `plant()`, with these mappings."""
    there = {
        "aspect_types": {ROTOR.id: ROTOR},
        "asset_types": {TURBINE.id: TURBINE},
        "event_types": {ALARM.id: ALARM},
        "assets": {"T1": replace(asset("T1").asset, id="1" * 32)},
        "agents": {"gateway": PresentAgent(AGENT, model, mappings, events)},
    }
    return Present(**{**there, **members})


def plant(*mappings, model=MODEL, events=(), assets=None):
    assets = (asset("T1"),) if assets is None else assets
    agent = AgentWish("gateway", None, "SHARED_SECRET", model, mappings, events)
    return Plant("", (ROTOR,), (TURBINE,), (ALARM,), assets, (agent,))


def mapping(point="p0", entity="1" * 32, variable="speed", *, keep=True):
    return Mapping(AGENT.id, point, entity, "rotor", variable, keep=keep)


def wish(point="p0", name="T1", variable="speed", *, keep=True):
    return MappingWish(point, name, "rotor", variable, keep)


def steps(plan):
    return [f"{change.action} {change.what}" for change in plan.changes]


def test_on_an_empty_platform_everything_is_made_in_an_order_that_works():
    """What is needed stands before what needs it."""
    event = EventMappingWish("demo.Alarm", "T1", "source", "pump")
    plan = make_plan(plant(wish(), events=(event,)), Present())
    assert steps(plan) == [
        "create aspect type",
        "create asset type",
        "create event type",
        "create asset",
        "create agent asset",
        "create agent",
        "create data model",
        "create mapping",
        "create event mapping",
    ]
    after = carry_out(Present(), plan.changes)
    assert make_plan(plant(wish(), events=(event,)), after).changes == ()


def test_an_agents_own_asset_that_a_cut_left_behind_is_used():
    """A run that was cut between asset and agent does not make a second asset."""
    there = present(agents={}, agent_assets={"gateway": asset("gateway").asset})
    assert steps(make_plan(plant(), there)) == ["create agent", "create data model"]


def test_nothing_is_deleted_unless_asked():
    """What is not in the file is named and stays."""
    there = present(mapping(), mapping("p1", variable="n"))
    plan = make_plan(plant(wish()), there)
    assert (plan.changes, plan.conflicts) == ((), ())
    assert plan.leftovers == ("agent gateway: mapping p1 -> T1 rotor.n is not in the file",)
    asked = make_plan(plant(wish()), there, delete=True)
    assert steps(asked) == ["delete mapping"]
    assert asked.changes[0].subject == mapping("p1", variable="n")
    assert asked.leftovers == ()


def test_event_mappings_are_deleted_only_when_asked():
    """The same holds for event mappings."""
    held = EventMapping(AGENT.id, "1" * 32, "demo.Alarm", "source", "pump")
    plan = make_plan(plant(), present(events=(held,)))
    assert plan.changes == ()
    assert len(plan.leftovers) == 1
    assert "'pump'" in plan.leftovers[0]
    assert steps(make_plan(plant(), present(events=(held,)), delete=True)) == [
        "delete event mapping"
    ]


def test_a_new_model_names_the_mappings_that_go_with_it():
    """Mappings without keepMapping go when a model is put: those that are wanted come again."""
    there = present(
        mapping(keep=False), mapping(entity=STRANGER, keep=False), mapping("p1", variable="n")
    )
    plan = make_plan(plant(wish(keep=False), model=OTHER), there)
    assert steps(plan) == ["change data model", "create mapping"]
    assert plan.loses == (mapping(keep=False), mapping(entity=STRANGER, keep=False))
    # The same model is not put: nothing is lost.
    assert make_plan(plant(wish(keep=False)), there).changes == ()


def test_a_wish_to_keep_is_told_and_done_when_deleting_was_asked():
    """keepMapping cannot be changed; the mapping has to be deleted and made again."""
    there = present(mapping(keep=False))
    plan = make_plan(plant(wish()), there)
    assert plan.changes == ()
    assert plan.leftovers == ("agent gateway: mapping p0 -> T1 rotor.speed has keepMapping false",)
    assert steps(make_plan(plant(wish()), there, delete=True)) == [
        "delete mapping",
        "create mapping",
    ]


def test_a_point_that_feeds_another_variable_of_the_aspect_is_a_conflict():
    """The platform would refuse the mapping; with delete the other one goes first."""
    there = present(mapping(variable="n"))
    plan = make_plan(plant(wish()), there)
    assert len(plan.conflicts) == 1
    assert "p0 -> T1 rotor.n" in plan.conflicts[0]
    assert make_plan(plant(wish()), there, delete=True).conflicts == ()


@pytest.mark.parametrize(
    ("limits", "allowed"),
    [("XXS", 1), ("XS", 5), ("S", 5), ("M", 10), ("L", 10), ("XL", 20), ("none", 21)],
)
def test_variables_of_a_point_are_limited_by_the_plan(limits, allowed):
    """As many as the plan allows pass, one more does not."""
    turbines = tuple(asset(f"T{number}") for number in range(allowed + 1))
    wishes = tuple(wish(name=one.asset.name) for one in turbines)
    exact = make_plan(plant(*wishes[:allowed], assets=turbines), Present(), limits=limits)
    assert exact.conflicts == ()
    more = make_plan(plant(*wishes, assets=turbines), Present(), limits=limits)
    if limits == "none":
        assert more.conflicts == ()
    else:
        (words,) = more.conflicts
        assert f"plan {limits} allows {allowed} variables a data point" in words
        assert f"p0 has {allowed + 1}" in words


@pytest.mark.parametrize(
    ("limits", "allowed"), [("XXS", 2), *((plan, 50) for plan in ("XS", "S", "M", "L", "XL"))]
)
def test_event_mappings_are_limited_by_the_plan(limits, allowed):
    """2 or 50 an agent, 5 for one event type."""
    many = tuple(
        EventMappingWish(f"demo.Kind{number // 5}", "T1", "source", f"pump {number}")
        for number in range(allowed + 1)
    )
    assert make_plan(plant(events=many[:allowed]), Present(), limits=limits).conflicts == ()
    over = make_plan(plant(events=many), Present(), limits=limits).conflicts
    assert len(over) == 1
    assert f"plan {limits} allows {allowed}" in over[0]
    assert make_plan(plant(events=many), Present()).conflicts == ()


@pytest.mark.parametrize("limits", ["XS", "S", "M", "L", "XL"])
def test_five_event_mappings_for_one_type(limits):
    """The sixth for one event type is one too many; XXS has two in all, and no plan no limit."""
    six = tuple(EventMappingWish("demo.Alarm", "T1", "source", f"{n}") for n in range(6))
    assert make_plan(plant(events=six[:5]), Present(), limits=limits).conflicts == ()
    over = make_plan(plant(events=six), Present(), limits=limits).conflicts
    assert len(over) == 1
    assert f"6 event mappings for demo.Alarm; plan {limits} allows 5" in over[0]
    assert make_plan(plant(events=six), Present()).conflicts == ()


def test_what_stays_counts_for_the_limit():
    """A mapping that is not in the file takes a place, unless it is deleted."""
    there = present(mapping(entity=STRANGER))
    assert len(make_plan(plant(wish()), there, limits="XXS").conflicts) == 1
    assert make_plan(plant(wish()), there, limits="XXS", delete=True).conflicts == ()


def test_types_only_grow():
    """New variables, units and aspects are changes; anything else is a conflict."""
    grown = replace(
        ROTOR, variables=(Variable("speed", "DOUBLE", "rpm"), Variable("pitch", "DOUBLE"))
    )
    plan = make_plan(Plant(aspect_types=(grown,)), present())
    assert [change.detail for change in plan.changes] == [
        "unit of speed '1/min' becomes 'rpm', variable pitch is new"
    ]
    # A variable that the file does not have stays: the platform takes none away.
    assert [one.name for one in plan.changes[0].subject.variables] == ["speed", "n", "pitch"]
    for wrong, words in (
        (
            replace(ROTOR, variables=(Variable("speed", "LONG", "1/min"),)),
            "type of variable speed",
        ),
        (replace(ROTOR, variables=(Variable("n", "LONG", quality_code=True),)), "quality code"),
        (replace(ROTOR, category="static"), "it is dynamic"),
    ):
        plan = make_plan(Plant(aspect_types=(wrong,)), present())
        assert plan.changes == ()
        assert words in plan.conflicts[0]
    for other, words in (
        (replace(TURBINE, aspects=(("rotor", "demo.Other"),)), "aspect rotor is of type"),
        (replace(TURBINE, parent_type_id="core.basicsite"), "its parent is core.basicdevice"),
    ):
        assert words in make_plan(Plant(asset_types=(other,)), present()).conflicts[0]
    more = replace(TURBINE, aspects=(("second", "demo.Rotor"),))
    plan = make_plan(Plant(asset_types=(more,)), present())
    assert plan.changes[0].subject.aspects == (("rotor", "demo.Rotor"), ("second", "demo.Rotor"))


def test_event_types_grow_by_fields():
    """A new field is a change, another type of a field a conflict."""
    more = replace(ALARM, fields=(*ALARM.fields, EventField("level", "INTEGER")), ttl=7)
    plan = make_plan(Plant(event_types=(more,)), present())
    assert plan.changes[0].detail == "field level is new, ttl 35 becomes 7"
    wrong = replace(ALARM, fields=(EventField("source", "INTEGER"),))
    assert (
        "field source is STRING" in make_plan(Plant(event_types=(wrong,)), present()).conflicts[0]
    )


def test_only_what_the_file_names_of_an_asset_changes():
    """Values that people wrote by hand stay."""
    held = replace(
        asset("T1").asset,
        id="1" * 32,
        description="by hand",
        external_id="old",
        variables={"maker": "A"},
    )
    there = present(assets={"T1": held})
    wanted = asset("T1", external_id="new", variables={"model": "B"}, location=Location("Spain"))
    plan = make_plan(plant(assets=(wanted,)), there)
    assert steps(plan) == ["change asset"]
    after = carry_out(there, plan.changes)
    assert after.assets["T1"].description == "by hand"
    assert after.assets["T1"].variables == {"maker": "A", "model": "B"}
    assert after.assets["T1"].external_id == "new"
    assert make_plan(plant(assets=(wanted,)), after).changes == ()


def test_another_profile_or_type_is_a_conflict():
    """What cannot change is told before anything is done."""
    agent = replace(plant().agents[0], security_profile="RSA_3072")
    plan = make_plan(replace(plant(), agents=(agent,)), present())
    assert "its profile is SHARED_SECRET" in plan.conflicts[0]
    other = {"T1": replace(asset("T1").asset, id="1" * 32, type_id="demo.Pump")}
    assert "it is of type demo.Pump" in make_plan(plant(), present(assets=other)).conflicts[0]


# -- properties -----------------------------------------------------------------------------

NAMES = ("T1", "T2", STRANGER)
IDS = {"T1": "1" * 32, "T2": "2" * 32, STRANGER: STRANGER}
wishes = st.lists(
    st.builds(
        wish,
        st.sampled_from(["p0", "p1"]),
        st.sampled_from(NAMES),
        st.sampled_from(["speed", "n"]),
        keep=st.booleans(),
    ),
    max_size=8,
    unique_by=lambda one: (one.data_point_id, one.asset),  # one variable of an aspect a point
)
event_wishes = st.lists(
    st.builds(
        EventMappingWish,
        st.sampled_from(["demo.Alarm", "demo.Other"]),
        st.sampled_from(NAMES),
        st.just("source"),
        st.sampled_from(["pump", "drive"]),
    ),
    max_size=6,
)
models = st.sampled_from([None, MODEL, OTHER])


@st.composite
def platforms(draw):
    """A platform with a part of the plant, and with more than that."""
    turbines = draw(st.sets(st.sampled_from(["T1", "T2"])))
    mappings = [
        Mapping(AGENT.id, one.data_point_id, IDS[one.asset], "rotor", one.variable, keep=one.keep)
        for one in draw(wishes)
        if one.asset in turbines or one.asset == STRANGER
    ]
    events = {
        one.mapping(AGENT.id, IDS[one.asset])
        for one in draw(event_wishes)
        if one.asset in turbines or one.asset == STRANGER
    }
    agent = PresentAgent(AGENT, draw(models), tuple(mappings), tuple(events))
    there = draw(st.sampled_from([{}, {"gateway": agent}]))
    types = draw(st.booleans())
    return Present(
        aspect_types={ROTOR.id: ROTOR} if types else {},
        asset_types={TURBINE.id: TURBINE} if types else {},
        event_types={ALARM.id: replace(ALARM, fields=())} if types else {},
        assets={name: replace(asset(name).asset, id=IDS[name]) for name in turbines},
        agents=there,
    )


plants = st.builds(
    lambda mappings, events, model: plant(
        *mappings, model=model, events=tuple(events), assets=(asset("T1"), asset("T2"))
    ),
    wishes,
    event_wishes,
    models,
)


def mappings_of(there):
    return {one for agent in there.agents.values() for one in agent.mappings}


def events_of(there):
    return {one for agent in there.agents.values() for one in agent.event_mappings}


@settings(max_examples=300, deadline=None)
@given(plants, platforms(), st.booleans())
def test_after_a_plan_nothing_is_left_to_do(wanted, there, delete):
    """Carried out and made again, a plan is empty; what was not asked to go is there still."""
    plan = make_plan(wanted, there, delete=delete)
    if plan.conflicts:
        assert not delete  # a point that feeds another variable already: with delete it goes
        return
    after = carry_out(there, plan.changes)
    again = make_plan(wanted, after, delete=delete)
    assert (again.changes, again.conflicts) == ((), ())
    if delete:
        assert again.leftovers == ()
        agent = wanted.agents[0]
        held = after.agents["gateway"]
        ids = {name: one.id for name, one in after.assets.items()}
        assert mappings_of(after) == {
            one.mapping(held.record.id, ids.get(one.asset, one.asset)) for one in agent.mappings
        }
        assert events_of(after) == {
            one.mapping(held.record.id, ids.get(one.asset, one.asset))
            for one in agent.event_mappings
        }
    else:
        assert mappings_of(there) - {*plan.loses} <= mappings_of(after)
        assert events_of(there) <= events_of(after)
        assert not any(change.action == "delete" for change in plan.changes)


@settings(max_examples=100, deadline=None)
@given(plants, platforms(), st.sampled_from(["XXS", "XS"]))
def test_a_plan_without_conflict_keeps_the_limits(wanted, there, limits):
    """No point has more targets, and no agent more event mappings, than the tenant's plan has."""
    plan = make_plan(wanted, there, limits=limits)
    if plan.conflicts:
        return
    after = carry_out(there, plan.changes)
    most = {"XXS": 1, "XS": 5}[limits]
    for point in ("p0", "p1"):
        assert len([one for one in mappings_of(after) if one.data_point_id == point]) <= most
    assert len(events_of(after)) <= {"XXS": 2, "XS": 50}[limits]
