"""mcagent/services/mappings.py and eventmappings.py, on the local hub."""

from dataclasses import replace

import pytest

from mcagent import ConfigurationError, InvalidMessage, RemoteError
from mcagent.services.eventmappings import EventMappings
from mcagent.services.eventmappings_values import (
    EventMapping,
    check_event_limits,
    check_event_mapping,
)
from mcagent.services.events import Events
from mcagent.services.events_values import EventField, EventType
from mcagent.services.mappings import Mappings
from mcagent.services.mappings_values import Mapping, check_limit, over_limit
from tests.services.meddler import meddle

SHAPE = {"press": {"a": {"type": "DOUBLE"}, "b": {"type": "DOUBLE"}, "n": {"type": "LONG"}}}
CONFIGURATION = {
    "configurationId": "m1",
    "dataSources": [
        {
            "name": "press",
            "dataPoints": [
                {"id": "p", "name": "p", "type": "DOUBLE", "unit": ""},
                {"id": "q", "name": "q", "type": "DOUBLE", "unit": "bar"},
            ],
        }
    ],
}


@pytest.fixture
def plant(platform):
    """An agent with a model, and an asset with an aspect: (session, agent's id, asset's id)."""
    session = platform.session()
    agent = platform.hub.create_agent("press-7")["content"]["clientId"]
    asset = platform.hub.create_asset("Press", SHAPE)
    session.call(
        "PUT",
        f"/api/agentmanagement/v3/agents/{agent}/dataSourceConfiguration",
        document=CONFIGURATION,
        headers={"If-Match": "0"},
    )
    return session, agent, asset


def test_a_mapping_is_made_listed_and_deleted(plant):
    """What comes back is what was asked for; deleting twice is harmless."""
    session, agent, asset = plant
    mappings = Mappings(session)
    made = mappings.create(Mapping(agent, "p", asset, "press", "a"))
    assert made == Mapping(agent, "p", asset, "press", "a")
    assert (made.valid, made.reasons, bool(made.id)) == (True, (), True)
    assert list(mappings.list(agent_id=agent)) == [made]
    assert list(mappings.list(agent_id="0" * 32)) == []
    mappings.delete(made.id)
    mappings.delete(made.id)
    assert list(mappings.list()) == []


def test_a_mapping_that_exists_is_as_good(plant):
    """409, also after a lost answer, gives the mapping that is there."""
    session, agent, asset = plant
    wanted = Mapping(agent, "p", asset, "press", "a")
    meddler = meddle(session, "POST /dataPointMappings", lose=True)
    first = Mappings(session).create(wanted)
    assert meddler.done
    assert Mappings(session).create(wanted).id == first.id
    assert len(list(Mappings(session).list())) == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"variable": "zz"}, "does not belong to property set"),
        ({"variable": "n"}, "Type DOUBLE"),
        ({"data_point_id": "zz"}, "zz is not in the data source configuration"),
        ({"agent_id": "0" * 32}, "agent"),
    ],
)
def test_what_the_platform_refuses_is_said_in_its_words(plant, change, words):
    """400, with the mapping that was asked for."""
    session, agent, asset = plant
    wanted = replace(Mapping(agent, "p", asset, "press", "a"), **change)
    with pytest.raises(RemoteError, match=words) as caught:
        Mappings(session).create(wanted)
    assert caught.value.status in (400, 403, 404)
    assert f"mapping {wanted}" in str(caught.value)


@pytest.mark.parametrize(
    ("member", "most"),
    [
        ("agent_id", 36),
        ("data_point_id", 36),
        ("entity_id", 36),
        ("aspect", 256),
        ("variable", 256),
    ],
)
def test_lengths_are_checked_before_the_request(plant, member, most):
    """Empty and one too long never leave; the longest does, and the platform judges it."""
    session, agent, asset = plant
    good = Mapping(agent, "p", asset, "press", "a")
    before = len(session.transport.requests)
    for wrong in ("", "x" * (most + 1)):
        with pytest.raises(InvalidMessage, match=f"not 1 to {most} characters"):
            Mappings(session).create(replace(good, **{member: wrong}))
    assert len(session.transport.requests) == before
    with pytest.raises(RemoteError):
        Mappings(session).create(replace(good, **{member: "x" * most}))


def test_a_point_with_a_second_variable_of_an_aspect_is_refused(plant):
    """The platform's refusal is told: no mapping is mistaken for the one that was wanted."""
    session, agent, asset = plant
    Mappings(session).create(Mapping(agent, "p", asset, "press", "a"))
    with pytest.raises(RemoteError):
        Mappings(session).create(Mapping(agent, "p", asset, "press", "b"))


def test_an_invalid_mapping_says_why(plant, platform):
    """Another unit: marked, and the reason is told."""
    session, agent, asset = plant
    made = Mappings(session).create(Mapping(agent, "q", asset, "press", "b"))
    assert (made.valid, made.reasons) == (False, ("INVALID_UNIT",))


def test_limits_are_counted_for_each_point():
    """The same mapping twice counts once; other points and agents do not count."""
    five = [Mapping("a", "p", f"asset{number}", "x", "y") for number in range(5)]
    check_limit([*five, five[0], Mapping("a", "q", "asset", "x", "y")], "XS")
    check_limit([*five, Mapping("b", "p", "asset9", "x", "y")], "XS")
    assert over_limit([*five, Mapping("a", "p", "asset9", "x", "y")], "XS") == {"p": 6}
    for check in (check_limit, check_event_limits):
        with pytest.raises(ConfigurationError, match="no plan 'XXL'"):
            check([], "XXL")


# -- event mappings


@pytest.fixture
def event_plant(plant):
    session, agent, asset = plant
    kind = EventType("localdev.PressEvent", (EventField("part", "STRING", filterable=True),))
    Events(session).create_type(kind)
    return session, EventMapping(agent, asset, kind.id, "part", "pump")


def test_an_event_mapping_is_made_changed_and_deleted(event_plant):
    """Its version is taken from the answer; deleting twice is harmless."""
    session, wanted = event_plant
    mappings = EventMappings(session)
    made = mappings.create(wanted)
    assert (made, made.event_type_name, made.etag) == (wanted, "PressEvent", "1")
    changed = mappings.change(made, replace(made, field_value="drive"))
    assert (changed.field_value, changed.etag) == ("drive", "2")
    assert list(mappings.list(agent_id=wanted.agent_id)) == [changed]
    mappings.delete(changed)
    mappings.delete(changed)
    assert list(mappings.list()) == []


def test_an_event_mapping_that_exists_is_as_good(event_plant):
    """Also where the first answer was lost."""
    session, wanted = event_plant
    meddler = meddle(session, "POST /eventMappings", lose=True)
    first = EventMappings(session).create(wanted)
    assert meddler.done
    assert EventMappings(session).create(wanted).id == first.id


def test_the_plans_limit_is_the_platforms_word(event_plant, platform):
    """409 is also the status of a full plan: it is not taken for a mapping that exists."""
    session, wanted = event_plant
    platform.hub.change_settings(plan="XXS", plan_limit_status=409)
    mappings = EventMappings(session)
    for number in range(2):
        mappings.create(replace(wanted, field_value=f"pump {number}"))
    with pytest.raises(RemoteError) as caught:
        mappings.create(wanted)
    assert caught.value.status == 409


def test_a_stale_version_is_read_again_and_another_mapping_reported(event_plant):
    """Only the version moved: done. Another value: told, and not overwritten."""
    session, wanted = event_plant
    mappings = EventMappings(session)
    made = mappings.create(wanted)
    stale = replace(made, etag="7")
    drive = mappings.change(stale, replace(made, field_value="drive"))
    assert drive.field_value == "drive"
    with pytest.raises(RemoteError):  # `made` is not what is there any more
        mappings.change(made, replace(made, field_value="valve"))
    with pytest.raises(RemoteError):
        mappings.delete(made)
    mappings.delete(replace(drive, etag="99"))
    assert list(mappings.list()) == []


@pytest.mark.parametrize(
    ("member", "most"),
    [
        ("agent_id", 32),
        ("asset_id", 32),
        ("event_type_id", 64),
        ("field_name", 64),
        ("field_value", 255),
    ],
)
def test_lengths_of_event_mappings(event_plant, member, most):
    """At both sides of each limit."""
    session, wanted = event_plant
    for wrong in ("", "x" * (most + 1)):
        with pytest.raises(InvalidMessage, match=f"not 1 to {most} characters"):
            EventMappings(session).create(replace(wanted, **{member: wrong}))
    check_event_mapping(replace(wanted, **{member: "x" * most}, event_type_name="PressEvent"))
