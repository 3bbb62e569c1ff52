"""Assets: members, tree, etags, pages, filters, locks (services API 5.1 and 5.4)."""

import json
from urllib.parse import quote

import pytest

from .application import Application
from .device import AGENTS, call, onboarded, ready, sample, timeseries
from .model import ASSETS, machine, post_asset, put_aspect_type, put_asset_type, root, variable

PATH = f"{ASSETS}/assets"


@pytest.fixture
def app(hub):
    return Application(hub)


def names(got):
    return [one["name"] for one in got.json.get("_embedded", {}).get("assets", [])]


def listed(app, wanted, more=""):
    return app.call("GET", f"{PATH}?size=100&filter={quote(json.dumps(wanted), safe='')}{more}")


def test_an_asset_is_answered_with_everything_filled_in(app):
    asset_root = root(app)
    got = post_asset(
        app, "Pump 1", externalId="SN-0042", variables=[{"name": "model", "value": "X"}]
    )
    assert got.status == 201
    body = got.json
    assert got.headers["location"] == body["_links"]["self"]["href"]
    assert got.headers["etag"] == str(body["etag"]) == "0"
    assert len(body["assetId"]) == 32
    assert body["assetId"] == body["assetId"].lower()
    assert body["hierarchyPath"] == [{"assetId": asset_root, "name": "localdev"}]
    assert (body["tenantId"], body["twinType"], body["deleted"], body["locks"]) == (
        "localdev",
        "performance",
        None,
        [],
    )
    assert {"self", "parent", "children", "variables", "aspects", "location"} == set(
        body["_links"]
    )
    assert app.call("GET", f"{PATH}/{body['assetId'].upper()}").json == body


def test_the_root_asset_has_aspects_and_variables_and_cannot_go(app):
    got = app.call("GET", f"{PATH}/root")
    assert got.status == 200
    assert (got.json["hierarchyPath"], got.json["parentId"]) == ([], None)
    path = f"{PATH}/{got.json['assetId']}"
    assert app.call("GET", f"{path}/aspects").json["_embedded"]["aspects"]
    assert app.call("GET", f"{path}/variables").json["_embedded"]["variables"]
    assert app.call("DELETE", path, If_Match="0").status == 400
    assert app.call("POST", f"{path}/move", {"newParentId": "0" * 32}, If_Match="0").status == 400


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"name": "x" * 128}, 201),
        ({"name": "x" * 129}, 400),
        ({"name": ""}, 400),
        ({"name": "a/b"}, 400),
        ({"name": "a\\b"}, 400),
        ({"name": None}, 400),
        ({"externalId": "x" * 255}, 201),
        ({"externalId": "x" * 256}, 400),
        ({"typeId": "core.nothing"}, 400),
        ({"typeId": None}, 400),
        ({"typeId": "core.basicenterprise"}, 400),
        ({"typeId": "core.BASICDEVICE"}, 201),
        ({"parentId": "0" * 32}, 400),
        ({"parentId": 7}, 400),
        ({"twinType": "simulation"}, 201),
        ({"twinType": "other"}, 400),
        ({"location": {"longitude": 180, "latitude": -90}}, 201),
        ({"location": {"longitude": 180.1}}, 400),
        ({"location": {"latitude": True}}, 400),
        ({"location": "Erlangen"}, 400),
        ({"variables": [{"name": "model", "value": "x" * 255}]}, 201),
        ({"variables": [{"name": "model", "value": "x" * 256}]}, 400),
        ({"variables": [{"name": "nothing", "value": "x"}]}, 400),
        ({"variables": [{"name": "model", "value": ["x"]}]}, 400),
        ({"aspects": [{"name": "nothing", "variables": []}]}, 400),
        ({"aspects": {}}, 400),
    ],
)
def test_each_rule_of_an_asset_at_its_limit_and_beyond(app, changes, status):
    body = {"name": "Pump", "typeId": "core.basicdevice", "parentId": root(app), **changes}
    got = app.call("POST", PATH, body)
    assert got.status == status, got.body
    if status == 400:
        error = got.json["errors"][0]
        assert error["message"]
        assert error["code"] == error["errorcode"] == "mdsp.core.generic.invalidParameter"
        assert got.headers["content-type"] == "application/vnd.error+json"


@pytest.mark.parametrize("asset", ["0" * 32, "zz", "%20", "..", "x" * 300])
def test_an_unknown_asset_is_404(app, asset):
    assert app.call("GET", f"{PATH}/{asset}").status == 404


def test_etags_guard_every_change(app):
    """Promise: without `If-Match` 400, stale 412, and each change moves the etag by one."""
    asset = post_asset(app).json["assetId"]
    path = f"{PATH}/{asset}"
    body = app.call("GET", path).json
    changes = [
        ("PUT", path, {**body, "name": "Pump 2"}),
        ("PATCH", path, {"externalId": "12354"}),
        ("PUT", f"{path}/location", {"country": "Bosnia"}),
        ("DELETE", f"{path}/location", None),
        ("POST", f"{path}/move", {"newParentId": root(app)}),
    ]
    for etag, (method, where, change) in enumerate(changes, start=0):
        assert app.call(method, where, change).status == 400, where
        assert app.call(method, where, change, If_Match="99").status == 412, where
        got = app.call(method, where, change, If_Match=str(etag))
        assert got.status == 200, (where, got.body)
        assert got.json["etag"] == etag + 1 == int(got.headers["etag"])
    after = app.call("GET", path).json
    assert (after["name"], after["externalId"], after["location"]) == ("Pump 2", "12354", None)
    assert app.call("GET", path, If_None_Match="5").status == 304
    assert app.call("DELETE", path).status == 400
    assert app.call("DELETE", path, If_Match="4").status == 412
    assert app.call("DELETE", path, If_Match="5").status == 204
    assert app.call("GET", path).status == 404


@pytest.mark.parametrize(
    "changes",
    [
        {"typeId": "core.basicsite"},
        {"parentId": "0" * 32},
        {"timezone": "Asia/Tokyo"},
        {"twinType": "simulation"},
        {"name": "a/b"},
    ],
)
def test_what_cannot_change_on_an_asset(app, changes):
    asset = post_asset(app).json["assetId"]
    assert app.call("PATCH", f"{PATH}/{asset}", changes, If_Match="0").status == 400


def test_a_location_is_inherited_until_there_is_one_of_its_own(app):
    area = post_asset(app, "Area", "core.basicarea", location={"country": "Austria"}).json
    asset = post_asset(app, "Pump", parent=area["assetId"]).json["assetId"]
    path = f"{PATH}/{asset}"
    assert app.call("GET", path).json["location"]["country"] == "Austria"
    assert app.call("DELETE", f"{path}/location", If_Match="0").status == 409
    app.call("PUT", f"{path}/location", {"country": "Bosnia"}, If_Match="0")
    assert app.call("GET", path).json["location"]["country"] == "Bosnia"
    got = app.call("DELETE", f"{path}/location", If_Match="1")
    assert (got.status, got.json["location"]["country"]) == (200, "Austria")


def test_an_asset_moves_but_never_below_itself(app):
    one = post_asset(app, "One").json["assetId"]
    two = post_asset(app, "Two", parent=one).json["assetId"]
    three = post_asset(app, "Three", parent=two).json["assetId"]
    for target in (one, three):
        got = app.call("POST", f"{PATH}/{one}/move", {"newParentId": target}, If_Match="0")
        assert got.status == 400, target
    got = app.call("POST", f"{PATH}/{three}/move", {"newParentId": one}, If_Match="0")
    assert [step["name"] for step in got.json["hierarchyPath"]] == ["localdev", "One"]


def test_an_asset_with_children_or_an_agent_cannot_be_deleted(hub, app):
    one = post_asset(app, "One").json["assetId"]
    two = post_asset(app, "Two", "core.mclib", parent=one).json["assetId"]
    assert app.call("DELETE", f"{PATH}/{one}", If_Match="0").status == 400
    body = {"name": "agent", "securityProfile": "SHARED_SECRET", "entityId": two}
    assert app.call("POST", f"{AGENTS}/agents", body).status == 201
    assert app.call("GET", f"{PATH}/{two}").json["locks"][0]["id"] == two
    assert app.call("DELETE", f"{PATH}/{two}", If_Match="0").status == 400
    assert app.call("DELETE", f"{AGENTS}/agents/{two}", If_Match="1").status == 204
    assert app.call("DELETE", f"{PATH}/{two}", If_Match="0").status == 204
    assert app.call("DELETE", f"{PATH}/{one}", If_Match="0").status == 204


def test_deleting_an_asset_deletes_its_series_and_files(hub, app):
    asset = hub.create_asset("press", {"press": {"P1": {"type": "DOUBLE"}}})
    device = ready(hub)
    hub.automap(device.id, asset)
    device.send(timeseries(sample("2026-01-05T08:00:00.000Z", P1="1")))
    hub.settle()
    assert hub.stored(asset)
    assert app.call("DELETE", f"{PATH}/{asset}", If_Match="0").status == 204
    assert not hub.stored(asset)


def test_pages_of_assets_neither_lose_nor_repeat(app):
    for number in range(23):
        post_asset(app, f"Pump {number:02}")
    seen, url, pages = (
        [],
        f"{PATH}?size=10&sort=name,asc&filter=%7B%22typeId%22%3A%22core.basicdevice%22%7D",
        0,
    )
    while url:
        got = app.call("GET", url)
        seen += names(got)
        assert got.json["page"]["totalElements"] == 23
        links = got.json["_links"]
        assert ("prev" in links) == (pages > 0)
        pages += 1
        url = links.get("next", {}).get("href")
        url = url and url[url.index("/api") :]
    assert pages == 3
    assert seen == [f"Pump {number:02}" for number in range(23)]


@pytest.mark.parametrize(
    ("query", "status", "size"),
    [
        ("", 200, 10),
        ("size=0", 200, 10),
        ("size=2000", 200, 2000),
        ("size=2001", 400, None),
        ("size=-1", 400, None),
        ("size=x", 400, None),
        ("page=1000000", 200, 10),
        ("page=1000001", 400, None),
        ("sort=name,asc", 200, 10),
        ("sort=DESC", 200, 10),
        ("sort=nothing", 400, None),
        ("filter=", 200, 10),
        ("&", 200, 10),
    ],
)
def test_paging_parameters(app, query, status, size):
    got = app.call("GET", f"{PATH}?{query}")
    assert got.status == status
    if size:
        assert got.json["page"]["size"] == size


def test_strict_mode_has_pages_of_200_and_wants_hal(hub, app):
    hub.change_settings(asset_page_max=200, strict_accept=True)
    assert app.call("GET", f"{PATH}?size=200").status == 200
    assert app.call("GET", f"{PATH}?size=201").status == 400
    got = app.call("GET", PATH, Accept="application/json")
    assert (got.status, got.json["errors"][0]["message"]) == (500, "No acceptable representation")
    for accept in ("*/*", "application/hal+json", "application/json, application/hal+json;q=0.5"):
        assert app.call("GET", PATH, Accept=accept).status == 200


def test_what_strict_mode_would_refuse_is_noted(hub, app):
    """Promise: without --strict a large page and a narrow Accept work, and are told."""
    assert app.call("GET", f"{PATH}?size=200").status == 200
    assert app.call("GET", f"{PATH}?size=201", Accept="application/json").status == 200
    noted = call(hub.url, "GET", "/_emulator/breaches").body.decode()
    assert noted.count("asset_page_max") == 1
    assert noted.count("strict_accept") == 1


def test_assets_are_filtered(app):
    put_asset_type(app, "Machine", parentTypeId="core.basicdevice")
    area = post_asset(app, "Area", "core.basicarea").json["assetId"]
    post_asset(app, "Pump 1", parent=area, externalId="SN-1")
    post_asset(app, "Pump 2", "localdev.Machine", parent=area, twinType="simulation")
    for wanted, found in (
        ({"name": "Pump 1"}, ["Pump 1"]),
        ({"name": {"eq": "Pump 2"}}, ["Pump 2"]),
        ({"name": {"in": {"value": ["Pump 2", "Area"]}}}, ["Area", "Pump 2"]),
        ({"and": {"deleted": None, "name": {"startsWith": "Pump"}}}, ["Pump 1", "Pump 2"]),
        ({"or": [{"externalId": "SN-1"}, {"twinType": "simulation"}]}, ["Pump 1", "Pump 2"]),
        ({"not": {"parentId": area}, "typeId": {"contains": "area"}}, ["Area"]),
        ({"hasType": "core.basicdevice"}, ["Pump 1", "Pump 2"]),
        ({"typeId": {"endsWith": "Machine"}, "unheard": 7}, ["Pump 2"]),
    ):
        assert names(listed(app, wanted)) == found, wanted


def test_the_model_lock_keeps_everything_as_it_is(hub, app):
    asset = machine(app)
    assert app.call("PUT", f"{ASSETS}/model/lock?enabled=true").json["enabled"] is True
    assert app.call("GET", f"{ASSETS}/model/lock").json["enabled"] is True
    assert post_asset(app, "Pump 2").status == 403
    assert put_aspect_type(app, "Other").status == 403
    assert app.call("PATCH", f"{PATH}/{asset}", {"name": "x"}, If_Match="0").status == 403
    assert post_asset(Application(hub, tenant="otherdev"), "Pump 2").status == 201
    assert app.call("PUT", f"{ASSETS}/model/lock?enabled=false").json["enabled"] is False
    assert post_asset(app, "Pump 2").status == 201


def test_another_tenants_asset_is_refused_and_a_shared_one_can_be_read(hub, app):
    """Promise: 403 for everything; after sharing, reading works and writing still does not."""
    asset = machine(app)
    path = f"{PATH}/{asset}"
    neighbour = Application(hub, tenant="otherdev")
    reads = [path, f"{path}/aspects", f"{path}/variables"]
    writes = [
        ("PUT", path, {"name": "x"}),
        ("PATCH", path, {"name": "x"}),
        ("DELETE", path, None),
        ("POST", f"{path}/move", {"newParentId": root(neighbour)}),
        ("PUT", f"{path}/location", {}),
        ("DELETE", f"{path}/location", None),
    ]
    assert {neighbour.call("GET", read).status for read in reads} == {403}
    for method, where, body in writes:
        assert neighbour.call(method, where, body, If_Match="0").status == 403, where
    assert post_asset(neighbour, "Spy", parent=asset).status == 400
    everything = "?size=100&includeShared=true"
    assert names(neighbour.call("GET", PATH + everything)) == ["otherdev"]
    share = f"/_emulator/assets/{asset}/share"
    assert call(hub.url, "POST", share, {"tenant": "otherdev"}).status == 204
    assert {neighbour.call("GET", read).status for read in reads} == {200}
    assert neighbour.call("GET", path).json["sharing"] == {"modes": ["RECEIVER"]}
    assert app.call("GET", path).json["sharing"] == {"modes": ["SHARER"]}
    assert "Pump 1" in names(neighbour.call("GET", PATH + everything))
    assert "Pump 1" not in names(neighbour.call("GET", PATH))
    for method, where, body in writes:
        assert neighbour.call(method, where, body, If_Match="0").status == 403, where
    for wrong in ("localdev", "nobody", None):
        assert call(hub.url, "POST", share, {"tenant": wrong}).status == 400


def test_an_agent_reads_assets_and_changes_none(hub, app):
    device = onboarded(hub)
    asset = machine(app)
    assert device.call("GET", f"{PATH}/{asset}").status == 200
    assert device.call("GET", f"{PATH}/{device.id}/aspects").status == 200
    assert device.call("DELETE", f"{PATH}/{asset}", If_Match="0").status == 403
    assert post_asset(device, "Pump").status == 403


def test_what_a_device_describes_shows_as_aspects_of_its_asset(hub, app):
    device = ready(hub)
    aspects = app.call("GET", f"{PATH}/{device.id}/aspects").json["_embedded"]["aspects"]
    press = next(one for one in aspects if one["name"] == "press")
    assert {one["name"]: one["dataType"] for one in press["variables"]} == {
        "P1": "DOUBLE",
        "CNT": "LONG",
    }


def test_the_assets_of_types_take_mappings(hub, app):
    """Promise: what asset management makes is what data point mappings see."""
    put_aspect_type(app, "Motor", variable("rpm", "LONG"))
    motor = {"name": "motor", "aspectTypeId": "localdev.Motor"}
    put_asset_type(app, "Machine", aspects=[motor])
    asset = post_asset(app, "Pump", "localdev.Machine").json["assetId"]
    device = ready(hub)
    body = {
        "agentId": device.id,
        "dataPointId": "CNT",
        "entityId": asset,
        "propertySetName": "motor",
        "propertyName": "rpm",
    }
    assert app.call("POST", "/api/mindconnect/v3/dataPointMappings", body).status == 201
    device.send(timeseries(sample("2026-01-05T08:00:00.000Z", CNT="7")))
    hub.settle()
    assert hub.stored(asset, "motor")[0]["values"] == {"rpm": 7}


def test_the_billboard_is_there_with_and_without_a_slash(app):
    for path in (ASSETS, ASSETS + "/"):
        board = app.call("GET", path).json
        links = board.pop("_links")
        assert board == links
        assert set(links) == {"self", "assets", "assetTypes", "aspectTypes"}
        assert links["aspectTypes"]["href"].endswith(f"{ASSETS}/aspecttypes")
