"""mcagent/services/datasources.py: models by version, and what goes with them."""

import pytest

from mcagent import DataModel, DataPoint, DataSource, InvalidMessage, RemoteError
from mcagent.services.agents import Agents
from mcagent.services.assets import Assets
from mcagent.services.assets_values import AGENT_TYPE, Aspect, Asset, Variable
from mcagent.services.datasources import DataSources, MappingsAtRisk
from mcagent.services.datasources_model import model_from_aspects
from mcagent.services.mappings import Mappings
from mcagent.services.mappings_values import Mapping, generate_mappings
from tests.services.meddler import meddle


def model(model_id, *points):
    return DataModel(model_id, [DataSource("press", [DataPoint(one, "DOUBLE") for one in points])])


@pytest.fixture
def agent(platform):
    session = platform.session()
    assets = Assets(session)
    own = assets.create(Asset("", "press-7", AGENT_TYPE, assets.root().id))
    return Agents(session).create("press-7", entity_id=own.id)


@pytest.mark.parametrize("missing", [False, True])
def test_a_new_agent_has_no_model(platform, agent, missing):
    """404 and an empty shell both mean that; the first PUT goes with version 0."""
    platform.hub.change_settings(dsc_404_before_first_put=missing)
    sources = DataSources(platform.session())
    there = sources.read(agent.id)
    assert (there.model, there.etag) == (None, "0")
    put = sources.put(agent.id, model("m1", "p"))
    assert (put.changed, put.etag) == (True, "1")
    assert sources.read(agent.id).model == model("m1", "p")


def test_the_same_model_is_not_put(platform, agent):
    """A PUT would delete mappings for nothing."""
    session = platform.session()
    DataSources(session).put(agent.id, model("m1", "p"))
    before = len(session.transport.requests)
    assert not DataSources(session).put(agent.id, model("m1", "p")).changed
    assert [request.method for request in session.transport.requests[before:]] == ["GET"]


def test_a_model_that_differs_in_order_and_empty_members_is_the_same(platform, agent):
    """Other clients write `customData` {} for none, and nobody promises an order."""
    session = platform.session()
    theirs = {
        "configurationId": "m1",
        "dataSources": [
            {
                "name": name,
                "description": "",
                "dataPoints": [
                    {"id": one, "name": one, "type": "DOUBLE", "unit": "", "customData": {}}
                    for one in points
                ],
                "customData": {},
            }
            for name, points in (("b", "zy"), ("a", "x"))
        ],
    }
    session.call(
        "PUT",
        f"/api/agentmanagement/v3/agents/{agent.id}/dataSourceConfiguration",
        document=theirs,
        headers={"If-Match": "0"},
    )

    def ours(*, unit=""):
        a, b = [DataPoint("x", "DOUBLE", unit=unit)], [DataPoint(one, "DOUBLE") for one in "yz"]
        return DataModel("m1", [DataSource("a", a), DataSource("b", b)])

    assert not DataSources(session).put(agent.id, ours()).changed
    assert DataSources(session).put(agent.id, ours(unit="m")).changed


def test_a_lost_answer_is_no_conflict(platform, agent):
    """The PUT arrived; its repetition is refused for the version, and the model is ours."""
    session = platform.session()
    meddler = meddle(session, "PUT /dataSourceConfiguration", lose=True)
    put = DataSources(session).put(agent.id, model("m1", "p"))
    assert meddler.done
    assert (put.changed, put.etag) == (True, "1")


def test_a_version_that_moved_under_the_same_model_is_taken(platform, agent):
    """Somebody put the old model again: ours still replaces it."""
    session, other = platform.session(), platform.session(kind="service")
    DataSources(session).put(agent.id, model("m1", "p"))
    meddle(
        session,
        "PUT /dataSourceConfiguration",
        before=lambda: other.call(
            "PUT",
            f"/api/agentmanagement/v3/agents/{agent.id}/dataSourceConfiguration",
            body=model("m1", "p").fragment(),
            headers={"If-Match": "1", "Content-Type": "application/json"},
        ),
    )
    assert DataSources(session).put(agent.id, model("m2", "q")).etag == "3"


def test_a_model_of_somebody_else_is_reported_and_not_overwritten(platform, agent):
    """The device sends its own model in the same second."""
    session, other = platform.session(), platform.session(kind="service")
    meddle(
        session,
        "PUT /dataSourceConfiguration",
        before=lambda: DataSources(other).put(agent.id, model("theirs", "x")),
    )
    with pytest.raises(RemoteError, match="somebody else put 'theirs'") as caught:
        DataSources(session).put(agent.id, model("ours", "p"))
    assert caught.value.status == 412
    assert DataSources(session).read(agent.id).model.id == "theirs"


def test_mappings_without_keep_are_named_and_go_only_with_consent(platform, agent):
    """Those with keepMapping stay, and nobody is asked about them."""
    session = platform.session()
    shape = {"press": {"a": {"type": "DOUBLE"}, "b": {"type": "DOUBLE"}}}
    asset = platform.hub.create_asset("Press", shape)
    sources, mappings = DataSources(session), Mappings(session)
    sources.put(agent.id, model("m1", "a", "b"))
    mappings.create(Mapping(agent.id, "a", asset, "press", "a", keep=False))
    mappings.create(Mapping(agent.id, "b", asset, "press", "b", keep=True))
    with pytest.raises(MappingsAtRisk) as caught:
        sources.put(agent.id, model("m2", "a", "b"))
    assert f"would delete 1 of its mappings: a -> {asset} press.a" in str(caught.value)
    assert "lose_mappings" in caught.value.hint
    assert len(list(mappings.list())) == 2
    put = sources.put(agent.id, model("m2", "a", "b"), lose_mappings=True)
    assert [one.data_point_id for one in put.lost] == ["a"]
    assert [one.data_point_id for one in mappings.list()] == ["b"]


def test_a_configuration_that_no_model_can_be_is_told(platform, agent):
    """An operator may make one without data sources; it is not mistaken for ours, nor fatal."""
    session = platform.session()
    session.call(
        "PUT",
        f"/api/agentmanagement/v3/agents/{agent.id}/dataSourceConfiguration",
        document={"configurationId": "by hand", "dataSources": []},
        headers={"If-Match": "0"},
    )
    there = DataSources(session).read(agent.id)
    assert (there.model, there.etag) == (None, "1")
    assert "by hand" in there.problem
    assert DataSources(session).put(agent.id, model("m1", "p")).changed


# -- made from an asset

ASPECTS = (
    Aspect(
        "rotor",
        "demo.Rotor",
        "dynamic",
        (Variable("speed", "DOUBLE", unit="1/min"), Variable("state", "STRING", length=16)),
    ),
    Aspect("gear", "demo.Gear", "dynamic", (Variable("speed", "LONG"),)),
    Aspect("plate", "demo.Plate", "static", (Variable("made", "STRING"),)),
)


def test_a_model_from_an_asset_has_a_point_for_each_variable():
    """Types, units and lengths are the variables' own; equal names get their aspect's before."""
    made = model_from_aspects("v1", ASPECTS)
    assert [(source.name, [p.id for p in source.data_points]) for source in made.sources] == [
        ("rotor", ["rotor.speed", "state"]),
        ("gear", ["gear.speed"]),
    ]
    assert made.points["rotor.speed"].unit == "1/min"
    assert made.points["state"].length == 16
    mappings = generate_mappings(made, ASPECTS, agent_id="a", entity_id="e")
    assert [(one.data_point_id, one.aspect, one.variable) for one in mappings] == [
        ("rotor.speed", "rotor", "speed"),
        ("state", "rotor", "state"),
        ("gear.speed", "gear", "speed"),
    ]


def test_what_cannot_be_made_into_a_model_is_told():
    """Nothing dynamic, or ids that would be too long."""
    with pytest.raises(InvalidMessage, match="no dynamic aspect"):
        model_from_aspects("v1", ASPECTS[2:])
    long = Aspect("a" * 30, "x", "dynamic", (Variable("speed", "DOUBLE"), Variable("x", "INT")))
    assert list(model_from_aspects("v1", [long]).points) == ["speed", "x"]
    assert "a" * 30 + ".speed" in model_from_aspects("v1", [long, ASPECTS[0]]).points  # 36
    longer = Aspect("a" * 31, "x", "dynamic", long.variables)
    with pytest.raises(InvalidMessage, match="more than 36 characters"):
        model_from_aspects("v1", [longer, ASPECTS[0]])


def test_mappings_are_made_for_equal_names_and_types_only():
    """A point that fits nothing is left out; one that fits by name and not by type is an error."""
    points = [DataPoint("s", "DOUBLE", name="speed"), DataPoint("t", "DOUBLE", name="torque")]
    made = DataModel("v1", [DataSource("rotor", points)])
    found = generate_mappings(made, ASPECTS, agent_id="a", entity_id="e")
    assert [one.data_point_id for one in found] == ["s"]
    wrong = DataModel("v1", [DataSource("gear", [DataPoint("speed", "DOUBLE")])])
    with pytest.raises(InvalidMessage, match=r"variable gear\.speed of type LONG"):
        generate_mappings(wrong, ASPECTS, agent_id="a", entity_id="e")
