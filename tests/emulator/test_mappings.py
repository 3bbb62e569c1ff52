"""Data point mappings: rules, listing, rights (agent API 8)."""

import json
from urllib.parse import quote

import pytest

from .device import CONNECT, call, configuration, onboarded, sample, timeseries

PATH = CONNECT + "/dataPointMappings"


@pytest.fixture
def device(hub):
    device = onboarded(hub)
    device.put_configuration(configuration(P1="DOUBLE", P2="DOUBLE", CNT="LONG"))
    return device


@pytest.fixture
def asset(hub):
    return hub.create_asset(
        "plant",
        {
            "Hydraulics": {
                "pressure": {"type": "DOUBLE", "unit": "bar"},
                "level": {"type": "DOUBLE"},
            },
            "Counters": {"strokes": {"type": "LONG"}},
        },
    )


def mapping(device, asset, **changes):
    body = {
        "agentId": device.id,
        "dataPointId": "P1",
        "entityId": asset,
        "propertySetName": "Hydraulics",
        "propertyName": "level",
        "keepMapping": True,
    }
    body.update(changes)
    return body


def test_creation_answers_201_with_everything_filled_in(hub, device, asset):
    got = device.call("POST", PATH, mapping(device, asset))
    assert got.status == 201
    body = got.json
    assert len(body.pop("id")) == 36
    assert body == {
        **mapping(device, asset),
        "dataPointUnit": "",
        "dataPointType": "DOUBLE",
        "propertyUnit": "",
        "propertyType": "DOUBLE",
        "qualityEnabled": True,
        "validity": {"status": "VALID", "reasons": []},
    }


def test_a_mapping_says_whether_quality_codes_are_kept(hub, device):
    """Promise: `qualityEnabled` is the variable's own (8)."""
    aspects = {"Hydraulics": {"level": {"type": "DOUBLE", "qualityCode": False}}}
    made = device.call("POST", PATH, mapping(device, hub.create_asset("bare", aspects)))
    assert (made.status, made.json["qualityEnabled"]) == (201, False)


def test_a_bare_question_mark_and_the_node_flag_are_routed(hub, device, asset):
    assert device.call("POST", PATH + "?", mapping(device, asset)).status == 201
    unknown = mapping(device, asset, dataPointId="later")
    assert device.call("POST", PATH, unknown).status == 400
    got = device.call("POST", PATH + "?noAgentValidation=true", unknown)
    assert got.status == 201
    assert got.json["validity"] == {"status": "INVALID", "reasons": ["MISSING_DATAPOINT"]}


def test_a_duplicate_is_409(hub, device, asset):
    assert device.call("POST", PATH, mapping(device, asset)).status == 201
    assert device.call("POST", PATH, mapping(device, asset)).status == 409


def test_an_unknown_property_has_the_real_answers_words_and_empty_id(hub, device, asset):
    got = device.call("POST", PATH, mapping(device, asset, propertyName="nope"))
    assert got.status == 400
    assert got.json == {
        "id": "",
        "message": "Property with name nope does not belong to property set with name Hydraulics!",
    }


@pytest.mark.parametrize(
    "changes",
    [
        {"dataPointId": "CNT"},  # LONG on DOUBLE
        {"dataPointId": ""},
        {"dataPointId": "x" * 37},
        {"dataPointId": None},
        {"propertyName": 5},
        {"propertyName": "x" * 257},
        {"keepMapping": "yes"},
        {"entityId": "0" * 32},
    ],
)
def test_a_mapping_that_breaks_a_rule_is_400(hub, device, asset, changes):
    assert device.call("POST", PATH, mapping(device, asset, **changes)).status == 400


def test_one_point_feeds_one_property_of_a_set_but_several_sets_and_a_property_many_points(
    hub, device, asset
):
    other = hub.create_asset("b", {"Hydraulics": {"level": {"type": "DOUBLE"}}})
    wanted = [
        (mapping(device, asset), 201),
        (mapping(device, asset, propertyName="pressure"), 400),
        (mapping(device, other), 201),
        (mapping(device, asset, dataPointId="P2"), 201),
    ]
    for body, status in wanted:
        assert device.call("POST", PATH, body).status == status


def test_different_units_make_a_mapping_invalid_and_what_comes_for_it_is_dropped(
    hub, device, asset
):
    got = device.call("POST", PATH, mapping(device, asset, propertyName="pressure"))
    assert got.status == 201
    assert got.json["validity"] == {"status": "INVALID", "reasons": ["INVALID_UNIT"]}
    device.send(timeseries(sample("2026-01-05T08:00:00.000Z", P1="1")))
    hub.settle()
    assert hub.stored() == []
    (record,) = hub.recoverable_records()
    assert "P1 (INVALID_UNIT)" in record["dropReason"]
    # The unit is mended on the device, and the kept mapping is valid again.
    mended = configuration(P1="DOUBLE")
    mended["dataSources"][0]["dataPoints"][0]["unit"] = "bar"
    assert device.put_configuration(mended, "1").status == 200
    (kept,) = device.call("GET", PATH).json["content"]
    assert kept["validity"] == {"status": "VALID", "reasons": []}


def test_different_units_are_refused_or_ignored_by_switch(hub, device, asset):
    body = mapping(device, asset, propertyName="pressure")
    hub.change_settings(units="refuse")
    assert device.call("POST", PATH, body).status == 400
    hub.change_settings(units="ignore")
    got = device.call("POST", PATH, body)
    assert got.json["validity"]["status"] == "VALID"
    device.send(timeseries(sample("2026-01-05T08:00:00.000Z", P1="1")))
    hub.settle()
    assert [record["values"] for record in hub.stored(asset)] == [{"pressure": 1.0}]
    hub.change_settings(units="refuse")
    got = device.call("GET", f"{PATH}/{got.json['id']}")
    assert got.json["validity"] == {"status": "INVALID", "reasons": ["INVALID_UNIT"]}


PLANS = [("XXS", 1), ("XS", 5), ("S", 5), ("M", 10), ("L", 10), ("XL", 20)]


@pytest.mark.parametrize(("plan", "most"), PLANS)
def test_a_plan_limits_the_variables_of_one_data_point(hub, device, plan, most):
    """Each data point has its own; a mapping that exists already is told as that."""
    hub.change_settings(plan=plan)
    shape = {"level": {"type": "DOUBLE"}}
    asset = hub.create_asset("wide", {f"a{number}": shape for number in range(most + 1)})
    wanted = [mapping(device, asset, propertySetName=f"a{number}") for number in range(most + 1)]
    for body in wanted[:most]:
        assert device.call("POST", PATH, body).status == 201
    got = device.call("POST", PATH, wanted[most])
    assert got.status == 400
    assert f"Plan {plan} allows {most} variables for one data point" in got.json["message"]
    assert device.call("POST", PATH, wanted[0]).status == 409
    other = {**wanted[most], "dataPointId": "P2"}
    assert device.call("POST", PATH, other).status == 201
    hub.change_settings(plan="none")
    assert device.call("POST", PATH, wanted[most]).status == 201


def test_without_a_plan_more_than_the_smallest_allows_is_noted(hub, device, asset):
    other = hub.create_asset("b", {"Hydraulics": {"level": {"type": "DOUBLE"}}})
    assert device.call("POST", PATH, mapping(device, asset)).status == 201
    assert hub.breaches() == []
    assert device.call("POST", PATH, mapping(device, other)).status == 201
    (breach,) = hub.breaches()
    assert breach["switch"] == "plan"
    assert "data point P1" in breach["what"]


def test_read_and_delete(hub, device, asset):
    created = device.call("POST", PATH, mapping(device, asset)).json
    one = f"{PATH}/{created['id']}"
    assert device.call("GET", one).json == created
    assert (device.call("DELETE", one).status, device.call("DELETE", one).status) == (204, 404)
    assert device.call("GET", one).status == 404


def test_listing_by_filter_size_and_page(hub, device, asset):
    other = onboarded(hub, "other")
    other.put_configuration(configuration(P1="DOUBLE"))
    token = hub.operator_token(["map.c", "map.r"])
    operator = {"Authorization": f"Bearer {token}"}
    bodies = [
        mapping(device, asset),
        mapping(device, asset, dataPointId="P2"),
        mapping(
            device, asset, dataPointId="CNT", propertySetName="Counters", propertyName="strokes"
        ),
        mapping(other, asset),
    ]
    for body in bodies:
        assert call(hub.url, "POST", PATH, body, operator).status == 201

    def points(query):
        got = call(hub.url, "GET", f"{PATH}?{query}", headers=operator)
        assert got.status == 200, got.body
        return [m["dataPointId"] for m in got.json["content"]]

    mine = quote(json.dumps({"agentId": device.id}))
    assert points(f"size=2000&filter={mine}") == ["P1", "P2", "CNT"]
    assert points("size=3") == ["P1", "P2", "CNT"]
    assert points("size=3&page=1") == ["P1"]
    assert points("size=3&page=9") == []
    assert points(f"filter={mine}&sort=dataPointId,desc") == ["P2", "P1", "CNT"]
    assert points("filter=" + quote('{"dataPointId":{"in":["CNT","x"]}}')) == ["CNT"]
    assert points("filter=" + quote('{"propertyName":{"startsWith":"lev"}}')) == ["P1", "P2", "P1"]
    both = '{"and":{"propertyName":{"startsWith":"lev"},"dataPointId":"P2"}}'
    assert points("filter=" + quote(both)) == ["P2"]
    both = '{"dataPointId":"P1","and":[{"propertyName":{"startsWith":"lev"}},{"agentId":"x"}]}'
    assert points("filter=" + quote(both)) == []
    page = call(hub.url, "GET", PATH + "?size=3", headers=operator).json
    del page["content"]
    assert page == {
        "totalPages": 2,
        "totalElements": 4,
        "last": False,
        "first": True,
        "numberOfElements": 3,
        "size": 3,
        "number": 0,
        "sort": None,
    }
    # An agent sees its own, whatever it asks for.
    assert len(device.call("GET", PATH).json["content"]) == 3


def test_an_empty_list_has_no_pages(hub, device):
    page = device.call("GET", PATH).json
    assert (page["content"], page["totalPages"], page["last"], page["first"]) == (
        [],
        0,
        True,
        True,
    )


@pytest.mark.parametrize(
    "query",
    [
        "size=0",
        "size=2001",
        "size=x",
        "page=-1",
        "page=" + "9" * 5000,
        "filter=x",
        "filter=[]",
        "filter=" + quote('{"color":1}'),
        "filter=" + quote('{"and":1}'),
        "filter=" + quote('{"and":[[]]}'),
        "filter=" + quote('{"and":{"color":1}}'),
        "filter=" + quote('{"agentId":{"like":"x"}}'),
        "filter=" + "[" * 3000,
        "sort=color",
    ],
)
def test_a_bad_query_is_400(hub, device, query):
    assert device.call("GET", f"{PATH}?{query}").status == 400


def test_rights(hub, device, asset):
    other = onboarded(hub, "other")
    created = device.call("POST", PATH, mapping(device, asset)).json
    assert other.call("POST", PATH, mapping(device, asset)).status == 403
    assert other.call("GET", f"{PATH}/{created['id']}").status == 403
    assert other.call("DELETE", f"{PATH}/{created['id']}").status == 403
    reader = {"Authorization": f"Bearer {hub.operator_token(['map.r'])}"}
    assert call(hub.url, "GET", PATH, headers=reader).status == 200
    assert call(hub.url, "POST", PATH, mapping(device, asset), reader).status == 403
    long_name = {"Authorization": f"Bearer {hub.operator_token(['mdsp:core:map.r'])}"}
    assert call(hub.url, "GET", PATH, headers=long_name).status == 200
    assert call(hub.url, "GET", PATH).status == 401
