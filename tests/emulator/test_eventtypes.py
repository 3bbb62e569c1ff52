"""Event types: form, inheritance, change, use (services API 4.4)."""

import pytest

from .application import Application
from .model import post_asset
from .test_events import BASE, EM, STANDARD, found, post, query

TYPES = f"{EM}/eventTypes"
PUMP = "localdev.PumpEvent"


@pytest.fixture
def app(hub):
    return Application(hub)


def field(name="pressure", kind="DOUBLE", **flags):
    return {"name": name, "type": kind, **flags}


def make(app, type_id=PUMP, **changes):
    wanted = {"id": type_id, "name": "PumpEvent", "parentId": BASE, "fields": [field()], **changes}
    wanted = {name: value for name, value in wanted.items() if value is not None}
    return app.call("POST", TYPES, wanted)


def test_a_type_is_answered_with_everything_filled_in(app):
    got = make(app, parentId=None)
    assert got.status == 201
    made = got.json
    assert {"self", "events"} == set(made.pop("_links"))
    assert made == {
        "id": PUMP,
        "owner": "localdev",
        "etag": 0,
        "name": "PumpEvent",
        "parentId": BASE,
        "ttl": 35,
        "scope": "LOCAL",
        "sharing": {"modes": []},
        "fields": [
            {
                "name": "pressure",
                "type": "DOUBLE",
                "filterable": False,
                "required": False,
                "updatable": True,
            }
        ],
    }
    assert app.call("GET", f"{TYPES}/{PUMP}").json["fields"] == made["fields"]
    assert make(app).status == 409
    assert len(make(app, None).json["id"]) == 36


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"id": "otherdev.Pump"}, 400),
        ({"id": "localdev.a b"}, 400),
        ({"id": "localdev." + "x" * 119}, 201),
        ({"id": "localdev." + "x" * 120}, 400),
        ({"name": None}, 400),
        ({"name": "x" * 128}, 201),
        ({"name": "x" * 129}, 400),
        ({"ttl": 1}, 201),
        ({"ttl": 0}, 400),
        ({"ttl": "35"}, 400),
        ({"scope": "GLOBAL"}, 201),
        ({"scope": "ALL"}, 400),
        ({"parentId": "nobody"}, 400),
        ({"parentId": 7}, 400),
        ({"fields": "x"}, 400),
        ({"fields": [field(kind="FLOAT")]}, 400),
        ({"fields": [field("1x")]}, 400),
        ({"fields": [field(), field()]}, 400),
        ({"fields": [field("timestamp")]}, 400),
        ({"parentId": STANDARD, "fields": [field("severity", "INTEGER")]}, 400),
        ({"fields": [field(required="yes")]}, 400),
        ({"fields": [field(kind="ENUM", values=["AUTO", "HAND"])]}, 201),
        ({"fields": [field(kind="ENUM")]}, 400),
        ({"fields": [field(kind="ENUM", values=[])]}, 400),
        ({"fields": [field(values=["AUTO"])]}, 400),
    ],
)
def test_each_rule_of_a_type_at_its_limit_and_beyond(app, changes, status):
    got = make(app, **{"type_id" if name == "id" else name: v for name, v in changes.items()})
    assert got.status == status, got.body


def test_types_inherit_over_four_levels_and_not_five(app):
    parent = BASE
    for level, status in ((2, 201), (3, 201), (4, 201), (5, 400)):
        type_id = f"localdev.Level{level}"
        fields = [field(f"f{level}")]
        assert make(app, type_id, parentId=parent, fields=fields).status == status, level
        parent = type_id


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("STRING", "x" * 255, "x" * 256),
        ("INTEGER", -(2**31), -(2**31) - 1),
        ("INTEGER", 0, 1.5),
        ("DOUBLE", 1.5, "1.5"),
        ("DOUBLE", 1, True),
        ("DOUBLE", -1.7e308, 10**309),
        ("BOOLEAN", True, 1),
        ("LINK", "https://localhost/" + "x" * 2030, "x" * 2049),
        ("TIMESTAMP", "2026-03-04T05:06:07Z", "yesterday"),
        ("UUID", "9a6b7c1e-0000-4000-8000-000000000000", "9a6b"),
        ("ENUM", "AUTO", "OTHER"),
        ("ENUM", "HAND", ["AUTO"]),
    ],
)
def test_values_are_held_to_their_fields_types(app, kind, good, bad):
    extra = {"values": ["AUTO", "HAND"]} if kind == "ENUM" else {}
    make(app, fields=[field("x", kind, **extra)])
    asset = post_asset(app).json["assetId"]
    for value, status in ((good, 201), (bad, 400)):
        got = post(app, asset, typeId=PUMP, severity=None, x=value)
        assert got.status == status, got.body


def test_required_fields_of_a_type_and_its_parents_must_be_there(app):
    make(app, fields=[field(required=True)])
    make(app, "localdev.Child", parentId=PUMP, fields=[field("mode", "STRING", required=True)])
    asset = post_asset(app).json["assetId"]
    for given, status in (({}, 400), ({"mode": "x"}, 400), ({"mode": "x", "pressure": 1}, 201)):
        got = post(app, asset, typeId="localdev.Child", severity=None, **given)
        assert got.status == status, given


def test_a_query_by_type_finds_its_descendants_and_filters_by_its_fields(app):
    make(app, fields=[field(filterable=True), field("secret", "STRING")])
    make(app, "localdev.Child", parentId=PUMP, fields=[])
    make(app, "localdev.Derived", parentId=STANDARD, fields=[])
    asset = post_asset(app).json["assetId"]
    post(app, asset, typeId=PUMP, severity=None, pressure=1)
    post(app, asset, typeId="localdev.Child", severity=None, pressure=2)
    post(app, asset, typeId="localdev.Derived", code="derived")
    assert set(found(query(app, {"typeId": PUMP}), "pressure")) == {1, 2}
    assert found(query(app, {"typeId": PUMP, "pressure": 2}), "typeId") == ["localdev.Child"]
    assert query(app, {"typeId": PUMP, "secret": "x"}).status == 400
    # Without a type: standard events and types derived from them.
    assert found(query(app)) == ["derived"]


def test_only_updatable_fields_change_in_a_correction(app):
    make(app, fields=[field(updatable=False), field("note", "STRING")])
    asset = post_asset(app).json["assetId"]
    made = post(app, asset, typeId=PUMP, severity=None, pressure=1, note="a").json
    path = f"{EM}/events/{made['id']}"
    assert app.call("PUT", path, {**made, "note": "b"}, If_Match="1").status == 200
    assert app.call("PUT", path, {**made, "pressure": 2}, If_Match="2").status == 400
    less = {name: value for name, value in made.items() if name != "typeId"}
    assert app.call("PUT", path, less, If_Match="2").status == 400


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
def test_a_type_changes_by_operations_with_its_etag(app, method):
    make(app)
    path = f"{TYPES}/{PUMP}"
    changes = [
        {"op": "replace", "path": "/ttl", "value": 7},
        {"op": "replace", "path": "/scope", "value": "GLOBAL"},
        {"op": "add", "path": "/fields", "value": [field("mode", "STRING")]},
        {"op": "replace", "path": "/fields/pressure/required", "value": True},
    ]
    assert app.call(method, path, changes).status == 400
    assert app.call(method, path, changes, If_Match="1").status == 412
    got = app.call(method, path, changes, If_Match="0").json
    assert (got["etag"], got["ttl"], got["scope"], len(got["fields"])) == (1, 7, "GLOBAL", 2)
    assert got["fields"][0]["required"] is True
    for bad in (
        {},
        [],
        [7],
        "{",
        [{"op": "remove", "path": "/ttl"}],
        [{"op": "replace", "path": "/name", "value": "x"}],
        [{"op": "replace", "path": "/fields", "value": []}],
        [{"op": "replace", "path": "/fields/nobody/required", "value": True}],
        [{"op": "replace", "path": "/fields/pressure/type", "value": "STRING"}],
        [{"op": "add", "path": "/fields", "value": 7}],
        [
            {"op": "add", "path": "/fields", "value": [7, {}]},
            {"op": "replace", "path": "/fields/nobody/required", "value": True},
        ],
        [{"op": "replace", "path": "ttl", "value": 7}],
        [{"op": "replace", "path": 7, "value": 7}],
    ):
        assert app.call(method, path, bad, If_Match="1").status == 400, bad


def test_a_type_that_is_used_cannot_be_deleted(app):
    make(app)
    make(app, "localdev.Child", parentId=PUMP, fields=[])
    asset = post_asset(app).json["assetId"]
    post(app, asset, typeId="localdev.Child", severity=None)
    path = f"{TYPES}/{PUMP}"
    assert app.call("DELETE", f"{TYPES}/localdev.Child", If_Match="0").status == 400
    assert app.call("DELETE", path, If_Match="0").status == 400
    job = {"filter": {"typeId": "localdev.Child"}}
    assert app.call("POST", f"{EM}/deleteEventsJobs", job).status == 201
    assert app.call("DELETE", f"{TYPES}/localdev.Child", If_Match="0").status == 204
    assert app.call("DELETE", path).status == 400
    assert app.call("DELETE", path, If_Match="1").status == 412
    assert app.call("DELETE", path, If_Match="0").status == 204


def test_another_tenants_type_is_not_there_unless_it_is_global(hub, app):
    make(app)
    make(app, "localdev.Open", scope="GLOBAL", fields=[])
    neighbour = Application(hub, tenant="otherdev")
    assert neighbour.call("GET", f"{TYPES}/{PUMP}").status == 404
    assert neighbour.call("GET", f"{TYPES}/localdev.Open").json["sharing"]["modes"] == ["RECEIVER"]
    assert neighbour.call("DELETE", f"{TYPES}/localdev.Open", If_Match="0").status == 403
    listed = neighbour.call("GET", TYPES).json["_embedded"]["eventTypes"]
    assert {one["owner"] for one in listed} == {"core", "localdev"}
    own = neighbour.call("GET", f"{TYPES}?excludeGlobal=true").json
    assert "_embedded" not in own


def test_built_in_types_are_there_and_for_nobody_to_change(app):
    for type_id in (BASE, STANDARD):
        assert app.call("GET", f"{TYPES}/{type_id}").status == 200
        assert app.call("DELETE", f"{TYPES}/{type_id}", If_Match="0").status == 403


@pytest.mark.parametrize(("more", "status"), [("size=100", 200), ("size=101", 400)])
def test_pages_of_types(app, more, status):
    assert app.call("GET", f"{TYPES}?{more}").status == status
