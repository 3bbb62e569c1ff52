"""The Node client's asset management client: types, assets, what hangs on them."""

import json

import pytest

from .node import NodeError
from .operations import shows

ASSETS = "/api/assetmanagement/v3/"
MOTOR = {
    "name": "Motor",
    "category": "dynamic",
    "scope": "private",
    "description": "drive data",
    "variables": [
        {
            "name": "rpm",
            "dataType": "INT",
            "unit": "1/min",
            "searchable": False,
            "length": None,
            "qualityCode": True,
        },
        {
            "name": "state",
            "dataType": "STRING",
            "unit": "",
            "searchable": True,
            "length": 16,
            "qualityCode": False,
        },
    ],
}
MACHINE = {
    "name": "Machine",
    "description": "",
    "parentTypeId": "core.basicdevice",
    "instantiable": True,
    "scope": "private",
    "aspects": [{"name": "motor", "aspectTypeId": "localdev.Motor"}],
    "variables": [
        {
            "name": "serial",
            "dataType": "STRING",
            "unit": "",
            "searchable": True,
            "length": 32,
            "defaultValue": "none",
        }
    ],
    "fileAssignments": [],
}


@pytest.fixture
def client(world):
    return world.sdk().client("GetAssetManagementClient")


def without_nulls(value):
    """Leave members out that are null: what is unset may be null or not there."""
    if isinstance(value, list):
        return [without_nulls(item) for item in value]
    if isinstance(value, dict):
        return {name: without_nulls(item) for name, item in value.items() if item is not None}
    return value


def equal_where_given(found, given):
    """Compare the members that were sent; what the platform adds may be there."""
    return without_nulls({name: found[name] for name in given}) == without_nulls(given)


def types(client):
    client.call("PutAspectType", "localdev.Motor", MOTOR, {"ifNoneMatch": "*"})
    return client.call("PutAssetType", "localdev.Machine", MACHINE, {"ifNoneMatch": "*"})


@shows(
    "AssetManagementClient.PutAspectType",
    "AssetManagementClient.GetAspectType",
    "AssetManagementClient.GetAspectTypes",
    "AssetManagementClient.PatchAspectType",
    "AssetManagementClient.DeleteAspectType",
    compared="every member by REST; lists with filter and sort; eTags; a stale one is refused; 404 at last",
)
def test_aspect_types(world, client):
    path = ASSETS + "aspecttypes/localdev.Motor"
    put = client.call("PutAspectType", "localdev.Motor", MOTOR, {"ifNoneMatch": "*"})
    there = world.plain.get(path)
    assert put == there == client.call("GetAspectType", "localdev.Motor")
    assert equal_where_given(there, MOTOR)
    page = client.call(
        "GetAspectTypes",
        {"filter": json.dumps({"id": {"contains": "localdev"}}), "sort": "id,asc", "size": 5},
    )
    assert [line["id"] for line in page["_embedded"]["aspectTypes"]] == ["localdev.Motor"]
    more = {"name": "torque", "dataType": "DOUBLE", "unit": "Nm", "searchable": False}
    variables = [*there["variables"], {**more, "length": None, "qualityCode": True}]
    changed = client.call(
        "PatchAspectType", "localdev.Motor", {"variables": variables}, {"ifMatch": there["etag"]}
    )
    assert [line["name"] for line in changed["variables"]] == ["rpm", "state", "torque"]
    assert world.plain.get(path) == changed
    with pytest.raises(NodeError, match="Precondition Failed"):
        client.call("DeleteAspectType", "localdev.Motor", {"ifMatch": there["etag"]})
    client.call("DeleteAspectType", "localdev.Motor", {"ifMatch": changed["etag"]})
    assert world.plain.status(path) == 404


@shows(
    "AssetManagementClient.PutAssetType",
    "AssetManagementClient.GetAssetType",
    "AssetManagementClient.GetAssetTypes",
    "AssetManagementClient.PatchAssetType",
    "AssetManagementClient.DeleteAssetType",
    compared="every member by REST; exploded with what is inherited; lists; eTags; 404 at last",
)
def test_asset_types(world, client):
    path = ASSETS + "assettypes/localdev.Machine"
    put = types(client)
    there = world.plain.get(path)
    assert put == there
    assert equal_where_given(
        there, {name: MACHINE[name] for name in MACHINE if name not in ("aspects", "variables")}
    )
    assert equal_where_given(there["aspects"][0]["aspectType"], MOTOR)
    assert equal_where_given(there["variables"][0], MACHINE["variables"][0])
    assert client.call("GetAssetType", "localdev.Machine") == there
    exploded = client.call("GetAssetType", "localdev.Machine", {"exploded": True})
    assert exploded == world.plain.get(path, exploded="true")
    assert len(exploded["variables"]) > len(there["variables"])
    wanted = json.dumps({"name": {"startsWith": "Mach"}})
    page = client.call("GetAssetTypes", {"filter": wanted, "sort": "id,asc", "size": 10})
    assert [line["id"] for line in page["_embedded"]["assetTypes"]] == ["localdev.Machine"]
    changed = client.call(
        "PatchAssetType", "localdev.Machine", {"description": "new"}, {"ifMatch": there["etag"]}
    )
    assert changed["description"] == "new"
    client.call("DeleteAssetType", "localdev.Machine", {"ifMatch": changed["etag"]})
    assert world.plain.status(path) == 404


@shows(
    "AssetManagementClient.PatchAssetTypeVariable",
    compared="the variable by REST; the client throws after it, because it reads a body and a 204 has none",
)
def test_a_variable_of_a_type_is_changed_although_the_client_throws(world, client):
    """The platform's description has 204 without a body here, so it does the same there."""
    made = types(client)
    variable = {"serial": {**MACHINE["variables"][0], "length": 64}}
    with pytest.raises(NodeError, match="JSON"):
        client.call(
            "PatchAssetTypeVariable", "localdev.Machine", variable, {"ifMatch": made["etag"]}
        )
    world.node.note("AssetManagementClient.PatchAssetTypeVariable")
    there = world.plain.get(ASSETS + "assettypes/localdev.Machine")
    assert there["variables"][0]["length"] == 64
    assert there["etag"] == made["etag"] + 1


def machine(client, root, **changes):
    asset = {
        "name": "Press 7",
        "externalId": "SN-0042",
        "description": "by the window",
        "typeId": "localdev.Machine",
        "parentId": root,
        "timezone": "Europe/Berlin",
        "twinType": "performance",
        "variables": [{"name": "serial", "value": "42"}],
    }
    asset.update(changes)
    return asset


@shows(
    "AssetManagementClient.PostAsset",
    "AssetManagementClient.GetAsset",
    "AssetManagementClient.GetAssets",
    "AssetManagementClient.PutAsset",
    "AssetManagementClient.PatchAsset",
    "AssetManagementClient.DeleteAsset",
    "AssetManagementClient.GetRootAsset",
    compared="every member by REST; filters as its commands build them; eTags and 304; 404 at last",
)
def test_assets(world, client):
    types(client)
    root = client.call("GetRootAsset")
    assert root == world.plain.get(ASSETS + "assets/root")
    given = machine(client, root["assetId"])
    made = client.call("PostAsset", given)
    path = ASSETS + "assets/" + made["assetId"]
    there = world.plain.get(path)
    assert equal_where_given({**there, "variables": given["variables"]}, given)
    assert there["variables"][0]["value"] == "42"
    assert client.call("GetAsset", made["assetId"]) == there
    with pytest.raises(NodeError, match="Not Modified"):
        client.call("GetAsset", made["assetId"], {"ifNoneMatch": there["etag"]})
    both = {"and": {"name": {"contains": "ress"}, "typeId": {"contains": "Mach"}}}
    page = client.call("GetAssets", {"filter": json.dumps(both), "sort": "name,asc", "page": 0})
    assert [line["assetId"] for line in page["_embedded"]["assets"]] == [made["assetId"]]
    put = client.call(
        "PutAsset", made["assetId"], {**given, "name": "Press 8"}, {"ifMatch": there["etag"]}
    )
    assert world.plain.get(path)["name"] == "Press 8"
    patched = client.call(
        "PatchAsset", made["assetId"], {"description": None}, {"ifMatch": put["etag"]}
    )
    assert not patched.get("description")
    with pytest.raises(NodeError, match="Precondition Failed"):
        client.call("DeleteAsset", made["assetId"], {"ifMatch": there["etag"]})
    client.call("DeleteAsset", made["assetId"], {"ifMatch": patched["etag"]})
    assert world.plain.status(path) == 404


@shows(
    "AssetManagementClient.GetAspects",
    "AssetManagementClient.GetVariables",
    "AssetManagementClient.PutAssetLocation",
    "AssetManagementClient.DeleteAssetLocation",
    "AssetManagementClient.GetBillboard",
    "AssetManagementClient.GetModelLock",
    "AssetManagementClient.PutModelLock",
    compared="aspects and variables of an asset; its location; links; a locked model refuses a new asset",
)
def test_what_hangs_on_an_asset(world, client):
    types(client)
    root = client.call("GetRootAsset")["assetId"]
    made = client.call("PostAsset", machine(client, root))
    ident, path = made["assetId"], ASSETS + "assets/" + made["assetId"]
    aspects = client.call("GetAspects", ident)
    assert aspects == world.plain.get(path + "/aspects")
    (motor,) = [line for line in aspects["_embedded"]["aspects"] if line["name"] == "motor"]
    assert [variable["name"] for variable in motor["variables"]] == ["rpm", "state"]
    variables = client.call("GetVariables", ident, {"size": 100})["_embedded"]["variables"]
    assert "serial" in [line["name"] for line in variables]
    place = {"country": "Germany", "locality": "Erlangen", "longitude": 11.0, "latitude": 49.6}
    placed = client.call("PutAssetLocation", ident, place, {"ifMatch": made["etag"]})
    assert equal_where_given(world.plain.get(path)["location"], place)
    client.call("DeleteAssetLocation", ident, {"ifMatch": placed["etag"]})
    assert not world.plain.get(path).get("location")
    links = client.call("GetBillboard")["_links"]
    assert {"assets", "aspectTypes", "assetTypes"} <= set(links)
    assert client.call("GetModelLock")["enabled"] is False
    assert client.call("PutModelLock", {"enabled": True})["enabled"] is True
    with pytest.raises(NodeError):
        client.call("PostAsset", machine(client, root, name="Press 8", externalId="x"))
    assert client.call("PutModelLock", {"enabled": False})["enabled"] is False
    assert client.call("PostAsset", machine(client, root, name="Press 8", externalId="x"))
