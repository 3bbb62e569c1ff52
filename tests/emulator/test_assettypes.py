"""Aspect types and asset types: form, growth, inheritance, etags (services API 5.1 to 5.3)."""

import pytest

from .application import Application
from .model import (
    ASSETS,
    aspect_type,
    machine,
    post_asset,
    put_aspect_type,
    put_asset_type,
    variable,
)

MOTOR = f"{ASSETS}/aspecttypes/localdev.Motor"
MACHINE = f"{ASSETS}/assettypes/localdev.Machine"


@pytest.fixture
def app(hub):
    return Application(hub)


def words(got):
    return got.json["errors"][0]["message"]


def test_an_aspect_type_is_answered_with_everything_filled_in(app):
    got = put_aspect_type(app, "Motor", variable("rpm", "INT", qualityCode=True))
    assert got.status == 201
    assert got.headers["content-type"] == "application/hal+json"
    assert got.headers["etag"] == "1"
    assert got.headers["location"].endswith(MOTOR)
    body = got.json
    assert body.pop("_links")["self"]["href"].endswith(MOTOR)
    assert body == {
        "id": "localdev.Motor",
        "tenantId": "localdev",
        "etag": 1,
        "name": "Motor",
        "category": "dynamic",
        "scope": "private",
        "description": "",
        "sharing": {"modes": []},
        "variables": [
            {
                "name": "rpm",
                "dataType": "INT",
                "unit": "",
                "searchable": False,
                "length": None,
                "defaultValue": None,
                "qualityCode": True,
            }
        ],
    }
    assert app.call("GET", MOTOR).json["variables"] == body["variables"]


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"description": "x" * 255}, 201),
        ({"description": "x" * 256}, 400),
        ({"description": "it's"}, 400),
        ({"name": "Other"}, 400),
        ({"name": None}, 400),
        ({"category": "moving"}, 400),
        ({"category": None}, 400),
        ({"scope": "everybody"}, 400),
        ({"variables": []}, 400),
        ({"variables": {}}, 400),
        ({"variables": [variable("a"), variable("a")]}, 400),
        ({"variables": [variable("a" * 64)]}, 201),
        ({"variables": [variable("a" * 65)]}, 400),
        ({"variables": [variable("_a1")]}, 201),
        ({"variables": [variable("1a")]}, 400),
        ({"variables": [variable("a-b")]}, 400),
        ({"variables": [variable("etag")]}, 400),
        ({"variables": [variable(kind="FLOAT")]}, 400),
        ({"variables": [variable(unit="u" * 32)]}, 201),
        ({"variables": [variable(unit="u" * 33)]}, 400),
        ({"variables": [variable(kind="STRING", length=255)]}, 201),
        ({"variables": [variable(kind="STRING", length=256)]}, 400),
        ({"variables": [variable(kind="STRING", length=0)]}, 400),
        ({"variables": [variable(kind="STRING", length=True)]}, 400),
        ({"variables": [variable(kind="BIG_STRING", length=100_000)]}, 201),
        ({"variables": [variable(kind="BIG_STRING", length=100_001)]}, 400),
        ({"variables": [variable(defaultValue="x")]}, 400),
        ({"category": "static", "variables": [variable(defaultValue="x" * 255)]}, 201),
        ({"category": "static", "variables": [variable(defaultValue="x" * 256)]}, 400),
        ({"category": "static", "variables": [variable(kind="BIG_STRING")]}, 400),
        ({"variables": [variable(qualityCode="yes")]}, 400),
        ({"variables": [7]}, 400),
    ],
)
def test_each_rule_of_an_aspect_type_at_its_limit_and_beyond(app, changes, status):
    """Promise: the value of services API 5.2 passes, one more is refused with a reason."""
    got = app.call("PUT", MOTOR, {**aspect_type(), **changes})
    assert got.status == status, got.body
    if status == 400:
        assert words(got)
        assert app.call("GET", MOTOR).status == 404


def test_declared_sizes_have_a_limit_in_all(app):
    """Promise: 100 000 characters of BIG_STRING and 200 000 bytes a record, not one more."""
    half = variable("a", "BIG_STRING", length=50_000)
    for length, status in ((50_000, 201), (50_001, 400)):
        other = variable("b", "BIG_STRING", length=length)
        assert put_aspect_type(app, f"Two{length}", half, other).status == status
    whole = variable("a", "BIG_STRING", length=99_996)
    for kinds, status in ((("LONG",), 201), (("LONG", "BOOLEAN"), 400)):
        others = [variable(f"v{n}", kind) for n, kind in enumerate(kinds)]
        assert put_aspect_type(app, f"Sum{len(kinds)}", whole, *others).status == status


@pytest.mark.parametrize(
    ("type_id", "status"),
    [
        ("localdev." + "a" * 119, 201),
        ("localdev." + "a" * 120, 400),
        ("localdev.", 400),
        ("Motor", 400),
        ("toolongtenant.Motor", 400),
        ("localdev.a.b", 400),
        ("core.Motor", 403),
        ("otherdev.Motor", 403),
    ],
)
def test_ids_of_types(app, type_id, status):
    name = type_id.rpartition(".")[2]
    got = app.call("PUT", f"{ASSETS}/aspecttypes/{type_id}", aspect_type(name))
    assert got.status == status, got.body


def test_conditions_decide_between_creating_and_changing(app):
    """Promise: `If-None-Match: *` creates only; `If-Match` changes; stale is 412 (5.1, 5.2)."""
    body = aspect_type()
    assert app.call("PUT", MOTOR, body, If_Match="1").status == 404
    assert app.call("PUT", MOTOR, body, If_None_Match="*").status == 201
    assert app.call("PUT", MOTOR, body, If_None_Match="*").status == 412
    assert app.call("PUT", MOTOR, body).status == 412
    assert app.call("PUT", MOTOR, body, If_Match="7").status == 412
    for etag in ("1", '"2"', 'W/"3"'):
        assert app.call("PUT", MOTOR, body, If_Match=etag).status == 200
    assert app.call("GET", MOTOR, If_None_Match="4").status == 304
    assert app.call("GET", MOTOR, If_None_Match="3").status == 200
    assert app.call("PATCH", MOTOR, {}).status == 400
    assert app.call("DELETE", MOTOR).status == 400
    assert app.call("DELETE", MOTOR, If_Match="1").status == 412
    assert app.call("DELETE", MOTOR, If_Match="4").status == 204
    assert app.call("GET", MOTOR).status == 404


@pytest.mark.parametrize(
    ("after", "status"),
    [
        ([variable("rpm", "INT"), variable("more", "DOUBLE")], 200),
        ([variable("rpm", "INT", unit="1/s")], 200),
        ([variable("more", "DOUBLE")], 400),
        ([variable("rpm", "LONG")], 400),
        ([variable("rpm", "INT", qualityCode=True)], 400),
    ],
)
def test_a_type_only_grows(app, after, status):
    put_aspect_type(app, "Motor", variable("rpm", "INT"))
    got = app.call("PUT", MOTOR, aspect_type("Motor", *after), If_Match="1")
    assert got.status == status, got.body


def test_lengths_are_fixed_but_static_ones_may_grow(app):
    for category, longer in (("dynamic", 400), ("static", 200)):
        path = f"{ASSETS}/aspecttypes/localdev.T{category}"
        made = aspect_type(f"T{category}", variable("s", "STRING", length=16), category=category)
        assert app.call("PUT", path, made).status == 201
        for length, status in ((17, longer), (15, 400)):
            made["variables"][0]["length"] = length
            etag = str(app.call("GET", path).json["etag"])
            assert app.call("PUT", path, made, If_Match=etag).status == status, (category, length)


def test_variables_can_be_merged_by_name_and_removed_by_null(app):
    put_aspect_type(app, "Motor", variable("rpm", "INT"), variable("old", "INT"))
    changes = {"rpm": {"unit": "1/min"}, "new": {"dataType": "DOUBLE"}, "old": None}
    got = app.call("PATCH", f"{MOTOR}/variables", changes, If_Match="1")
    assert (got.status, got.headers["etag"]) == (204, "2")
    left = {one["name"]: one for one in app.call("GET", MOTOR).json["variables"]}
    assert sorted(left) == ["new", "rpm"]
    assert left["rpm"]["unit"] == "1/min"
    for bad in ({"rpm": {"dataType": "LONG"}}, {"rpm": 7}, {"a-b": {"dataType": "INT"}}):
        assert app.call("PATCH", f"{MOTOR}/variables", bad, If_Match="2").status == 400


def test_what_an_answer_holds_can_be_sent_back_with_more(app):
    """Promise: a client may change the resource that it read, as the Node client's tests do."""
    machine(app)
    for path in (MOTOR, MACHINE):
        body = app.call("GET", path).json
        body["variables"].append({"name": "test", "dataType": "BOOLEAN"})
        got = app.call("PATCH", path, body, If_Match=str(body["etag"]))
        assert got.status == 200, got.body
        assert len(got.json["variables"]) == len(body["variables"])


def test_an_asset_type_answers_whole_aspect_types_and_explodes_when_asked(app):
    put_aspect_type(app)
    motor = {"name": "motor", "aspectTypeId": "LOCALDEV.motor"}
    own = [variable("serial", "STRING")]
    got = put_asset_type(
        app, "Machine", parentTypeId="core.BasicDevice", aspects=[motor], variables=own
    )
    assert got.status == 201
    aspect = got.json["aspects"][0]
    assert (aspect["name"], aspect["aspectId"]) == ("motor", "localdev.Motor")
    assert aspect["aspectType"]["variables"][0]["name"] == "rpm"
    assert len(got.json["variables"]) == 1
    whole = app.call("GET", f"{MACHINE}?exploded=true").json
    names = [one["name"] for one in whole["variables"]]
    assert names == ["manufacturer", "model", "serial"]
    child = put_asset_type(app, "Child", parentTypeId="localdev.Machine").json
    assert child["aspects"] == []
    whole = app.call("GET", f"{ASSETS}/assettypes/localdev.Child?exploded=true").json
    assert [one["name"] for one in whole["aspects"]] == ["motor"]


@pytest.mark.parametrize(
    "changes",
    [
        {"parentTypeId": "core.nothing"},
        {"parentTypeId": None},
        {"parentTypeId": "localdev.Machine"},
        {"aspects": [{"name": "motor", "aspectTypeId": "localdev.Nothing"}]},
        {"aspects": [{"name": "motor"}]},
        {"aspects": [{"name": "a" * 65, "aspectTypeId": "localdev.Motor"}]},
        {"aspects": [{"name": "m", "aspectTypeId": "localdev.Motor"}] * 2},
        {"aspects": "motor"},
        {"parentTypeId": "core.basicdevice", "variables": [variable("model", "STRING")]},
        {"instantiable": "yes"},
    ],
)
def test_what_an_asset_type_may_not_be(app, changes):
    put_aspect_type(app)
    got = put_asset_type(app, "Machine", **changes)
    assert got.status == 400, got.body


def test_neither_parent_nor_aspects_of_an_asset_type_can_go(app):
    put_aspect_type(app)
    motor = {"name": "motor", "aspectTypeId": "localdev.Motor"}
    put_asset_type(app, "Machine", aspects=[motor])
    assert put_asset_type(app, "Machine", aspects=[], etag=1).status == 400
    got = put_asset_type(app, "Machine", aspects=[motor], parentTypeId="core.basicsite", etag=1)
    assert got.status == 400
    more = [motor, {"name": "second", "aspectTypeId": "localdev.Motor"}]
    assert put_asset_type(app, "Machine", aspects=more, etag=1).status == 200


def test_a_type_that_is_used_cannot_be_deleted(app):
    asset = machine(app)
    put_asset_type(app, "Child", parentTypeId="localdev.Machine")
    for path, user in ((MOTOR, "localdev.Machine"), (MACHINE, "localdev.Child")):
        got = app.call("DELETE", path, If_Match="1")
        assert got.status == 400
        assert user in words(got)
    assert app.call("DELETE", f"{ASSETS}/assettypes/localdev.Child", If_Match="1").status == 204
    assert asset in words(app.call("DELETE", MACHINE, If_Match="1"))
    assert app.call("DELETE", f"{ASSETS}/assets/{asset}", If_Match="0").status == 204
    assert app.call("DELETE", MACHINE, If_Match="1").status == 204
    assert app.call("DELETE", MOTOR, If_Match="1").status == 204


def test_built_in_types_are_there_in_any_case_and_for_nobody_to_change(app):
    for name in ("basicasset", "BasicDevice", "basicarea", "basicsite", "basicagent", "mclib"):
        assert app.call("GET", f"{ASSETS}/assettypes/core.{name}").status == 200, name
    for method in ("PUT", "PATCH", "DELETE"):
        body = aspect_type("mclib", parentTypeId="core.basicagent")
        got = app.call(method, f"{ASSETS}/assettypes/core.mclib", body, If_Match="1")
        assert got.status == 403, method


def test_another_tenants_types_are_not_there(hub, app):
    machine(app)
    neighbour = Application(hub, tenant="otherdev")
    for path in (MOTOR, MACHINE):
        assert neighbour.call("GET", path).status == 404
        assert neighbour.call("DELETE", path, If_Match="1").status == 404
    listed = neighbour.call("GET", f"{ASSETS}/assettypes?size=100").json
    assert {one["tenantId"] for one in listed["_embedded"]["assetTypes"]} == {"core"}
    assert post_asset(neighbour, "Spy", "localdev.Machine").status == 400
    assert (
        put_asset_type(neighbour, "Spy", tenant="otherdev", parentTypeId="localdev.Machine").status
        == 400
    )


def test_more_of_a_type_reaches_the_assets_that_exist(hub, app):
    """Promise: a variable added to the aspect type can be mapped on an old asset."""
    asset = machine(app)
    more = [variable("rpm", qualityCode=True), variable("state", "STRING", length=16)]
    body = aspect_type("Motor", *more, variable("torque", "DOUBLE"))
    assert app.call("PUT", MOTOR, body, If_Match="1").status == 200
    shown = app.call("GET", f"{ASSETS}/assets/{asset}/aspects").json["_embedded"]["aspects"][0]
    assert [one["name"] for one in shown["variables"]] == ["rpm", "state", "torque"]
    with hub._running.store.reading() as db:
        rows = db.execute("SELECT variable FROM series WHERE asset = ?", (asset,)).fetchall()
    assert sorted(row["variable"] for row in rows) == ["rpm", "state", "torque"]


def test_filter_and_sort_and_pages_of_types(app):
    for letter in "CAB":
        put_aspect_type(app, f"Unit_{letter}")
    lists = f"{ASSETS}/aspecttypes"
    wanted = (
        '{"and":{"id":{"startsWith":"localdev"},"name":{"startsWith":"Unit_"}}}'.replace(
            '"', "%22"
        )
        .replace("{", "%7B")
        .replace("}", "%7D")
    )
    got = app.call("GET", f"{lists}?filter={wanted}&sort=DESC&page=0&size=0").json
    names = [one["name"] for one in got["_embedded"]["aspectTypes"]]
    assert names == ["Unit_C", "Unit_B", "Unit_A"]
    assert got["page"] == {"size": 10, "totalElements": 3, "totalPages": 1, "number": 0}
    nobody = f"{lists}?filter=%7B%22name%22%3A%22nobody%22%7D"
    assert app.call("GET", nobody).json["_embedded"] == {"aspectTypes": []}
    app.hub.change_settings(embedded_when_empty=False)
    assert "_embedded" not in app.call("GET", nobody).json
