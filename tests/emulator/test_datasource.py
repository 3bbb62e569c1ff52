"""Data source configuration: limits, eTags, and its effect on mappings (agent API 5)."""

import pytest

from .device import AGENTS, CONNECT, configuration, model, onboarded, ready


def path(device):
    return f"{AGENTS}/agents/{device.id}/dataSourceConfiguration"


def test_a_new_agent_has_an_empty_shell(hub):
    device = onboarded(hub)
    got = device.call("GET", path(device))
    assert got.status == 200
    assert (got.json["eTag"], got.json["configurationId"], got.json["dataSources"]) == (
        "0",
        None,
        [],
    )


def test_the_other_reading_answers_404(hub):
    hub.change_settings(dsc_404_before_first_put=True)
    device = onboarded(hub)
    assert device.call("GET", path(device)).status == 404
    assert device.put_configuration(configuration()).status == 200
    assert device.call("GET", path(device)).status == 200


def test_put_answers_the_configuration_with_id_and_the_next_etag(hub):
    device = onboarded(hub)
    sent = configuration()
    sent["dataSources"][0]["customData"] = {"host": "10.0.0.4", "deep": [1, {"x": None}]}
    sent["dataSources"][0]["dataPoints"][0]["description"] = "main line"
    del sent["dataSources"][0]["dataPoints"][1]["unit"]
    got = device.put_configuration(sent)
    assert got.status == 200
    sent["dataSources"][0]["dataPoints"][1]["unit"] = ""
    answer = got.json
    assert (answer.pop("eTag"), len(answer.pop("id"))) == ("1", 32)
    assert answer == sent
    assert device.call("GET", path(device)).json == got.json


@pytest.mark.parametrize("form", ["{}", '"{}"', 'W/"{}"'])
def test_etags_count_and_a_stale_one_is_412(hub, form):
    device = onboarded(hub)
    assert device.put_configuration(configuration(), form.format(1)).status == 412
    assert device.put_configuration(configuration(), form.format(0)).status == 200
    assert device.put_configuration(configuration(), form.format(0)).status == 412
    assert device.put_configuration(configuration(), form.format(1)).json["eTag"] == "2"
    assert set(device.put_configuration(configuration(), "x").json) == {"id", "message"}


def test_a_missing_if_match_is_400(hub):
    device = onboarded(hub)
    assert device.call("PUT", path(device), configuration()).status == 400


def broken(change):
    value = configuration()
    change(value, value["dataSources"][0], value["dataSources"][0]["dataPoints"])
    return value


BAD = {
    "no id": broken(lambda c, s, p: c.pop("configurationId")),
    "id too long": broken(lambda c, s, p: c.update(configurationId="x" * 37)),
    "no sources": broken(lambda c, s, p: c.pop("dataSources")),
    "source name too long": broken(lambda c, s, p: s.update(name="x" * 65)),
    "source description too long": broken(lambda c, s, p: s.update(description="x" * 257)),
    "custom data no object": broken(lambda c, s, p: s.update(customData=[])),
    "no points": broken(lambda c, s, p: s.pop("dataPoints")),
    "point is text": broken(lambda c, s, p: p.append("P9")),
    "point id twice": broken(lambda c, s, p: p.append(p[0])),
    "point id too long": broken(lambda c, s, p: p[0].update(id="x" * 37)),
    "point name too long": broken(lambda c, s, p: p[0].update(name="x" * 65)),
    "unknown type": broken(lambda c, s, p: p[0].update(type="FLOAT")),
    "lower case type": broken(lambda c, s, p: p[0].update(type="int")),
    "type is an object": broken(lambda c, s, p: p[0].update(type={})),
    "unit too long": broken(lambda c, s, p: p[0].update(unit="x" * 33)),
    "unit null": broken(lambda c, s, p: p[0].update(unit=None)),
}


@pytest.mark.parametrize("name", BAD)
def test_a_configuration_over_a_limit_is_400_and_changes_nothing(hub, name):
    device = onboarded(hub)
    got = device.put_configuration(BAD[name])
    assert got.status == 400, got.body
    assert got.json["message"]
    assert device.call("GET", path(device)).json["eTag"] == "0"


def test_a_configuration_at_every_limit_is_taken(hub):
    device = onboarded(hub)
    value = configuration("x" * 36, **{"p" * 36: "BIG_STRING", "t": "TIMESTAMP"})
    source = value["dataSources"][0]
    source.update(name="n" * 64, description="d" * 256)
    source["dataPoints"][0].update(unit="u" * 32, name="n" * 64, description="d" * 256)
    assert device.put_configuration(value).status == 200


def test_an_agent_sees_only_its_own(hub):
    device, other = onboarded(hub), onboarded(hub, "other")
    assert device.call("GET", path(other)).status == 403
    assert device.call("PUT", path(other), configuration(), If_Match="0").status == 403
    assert device.call("GET", path(device), Authorization="").status == 401


def test_put_deletes_mappings_without_keep_and_checks_the_others_again(hub):
    device = onboarded(hub)
    device.put_configuration(configuration(P1="DOUBLE", P2="DOUBLE"))
    variable = {"type": "DOUBLE"}
    asset = hub.create_asset("a", {"x": {"v1": variable, "v2": variable, "v3": variable}})
    for point, name, keep in (("P1", "v1", True), ("P2", "v2", True), ("P1", "v3", False)):
        got = device.call(
            "POST",
            CONNECT + "/dataPointMappings",
            {
                "agentId": device.id,
                "dataPointId": point,
                "entityId": asset,
                "propertySetName": "x",
                "propertyName": name,
                "keepMapping": keep,
            },
        )
        # One point feeds one property of a property set: the third is refused there.
        assert got.status == (400 if name == "v3" else 201)
    other = hub.create_asset("b", {"x": {"v3": variable}})
    careless = {
        "agentId": device.id,
        "dataPointId": "P1",
        "entityId": other,
        "propertySetName": "x",
        "propertyName": "v3",
    }
    assert device.call("POST", CONNECT + "/dataPointMappings", careless).status == 201
    device.put_configuration(configuration("c2", P1="LONG"), "1")
    kept = device.call("GET", CONNECT + "/dataPointMappings").json["content"]
    assert [(m["dataPointId"], m["propertyName"], m["validity"]) for m in kept] == [
        ("P1", "v1", {"status": "INVALID", "reasons": ["INVALID_TYPE"]}),
        ("P2", "v2", {"status": "INVALID", "reasons": ["MISSING_DATAPOINT"]}),
    ]


def test_a_configuration_by_exchange_replaces_without_an_etag(hub):
    device = ready(hub)
    device.send(model(configuration("c2", P1="STRING")))
    hub.settle()
    got = device.call("GET", path(device)).json
    assert (got["configurationId"], got["eTag"]) == ("c2", "2")


def test_a_configuration_by_exchange_treats_mappings_alike(hub):
    """Without `keepMapping` they are deleted, the others are checked again, as after a PUT."""
    device = onboarded(hub)
    device.put_configuration(configuration(P1="DOUBLE", P2="DOUBLE"))
    variable = {"type": "DOUBLE"}
    asset = hub.create_asset("a", {"x": {"v": variable}, "y": {"v": variable}})
    for point, aspect, keep in (("P1", "x", True), ("P2", "x", False), ("P2", "y", True)):
        body = {
            "agentId": device.id,
            "dataPointId": point,
            "entityId": asset,
            "propertySetName": aspect,
            "propertyName": "v",
            "keepMapping": keep,
        }
        assert device.call("POST", CONNECT + "/dataPointMappings", body).status == 201
    device.send(model(configuration("c2", P1="DOUBLE")))
    hub.settle()
    kept = device.call("GET", CONNECT + "/dataPointMappings").json["content"]
    assert [(m["dataPointId"], m["propertySetName"], m["validity"]["reasons"]) for m in kept] == [
        ("P1", "x", []),
        ("P2", "y", ["MISSING_DATAPOINT"]),
    ]
    # The eTag that the exchange moved is the one that the next PUT needs.
    assert device.put_configuration(configuration("c3"), "1").status == 412
    assert device.put_configuration(configuration("c3"), "2").status == 200


def test_a_refused_configuration_leaves_mappings_alone(hub):
    device = ready(hub)
    before = device.call("GET", CONNECT + "/dataPointMappings").json
    assert device.put_configuration(configuration("c2"), "0").status == 412
    assert device.put_configuration(BAD["unknown type"], "1").status == 400
    device.send(model(BAD["point id twice"]))
    hub.settle()
    assert device.call("GET", CONNECT + "/dataPointMappings").json == before


def test_a_bad_configuration_by_exchange_is_200_and_dropped(hub):
    device = ready(hub)
    device.send(model(BAD["unknown type"]))
    hub.settle()
    assert device.call("GET", path(device)).json["eTag"] == "1"
    assert hub.state()["dropped"] == {"configuration": 1}
