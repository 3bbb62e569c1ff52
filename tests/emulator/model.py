"""Aspect types, asset types and assets for tests, as an application would make them."""

ASSETS = "/api/assetmanagement/v3"


def variable(name="rpm", kind="INT", **changes):
    return {"name": name, "dataType": kind, "unit": "", **changes}


def aspect_type(name="Motor", *variables, **changes):
    return {
        "name": name,
        "category": "dynamic",
        "scope": "private",
        "variables": list(variables) or [variable()],
        **changes,
    }


def put_aspect_type(app, name="Motor", *variables, tenant="localdev", **changes):
    path = f"{ASSETS}/aspecttypes/{tenant}.{name}"
    return app.call("PUT", path, aspect_type(name, *variables, **changes))


def asset_type(name="Machine", **changes):
    return {"name": name, "parentTypeId": "core.basicasset", "aspects": [], **changes}


def put_asset_type(app, name="Machine", *, tenant="localdev", etag=None, **changes):
    path = f"{ASSETS}/assettypes/{tenant}.{name}"
    headers = {} if etag is None else {"If_Match": str(etag)}
    return app.call("PUT", path, asset_type(name, **changes), **headers)


def root(app):
    return app.call("GET", f"{ASSETS}/assets/root").json["assetId"]


def post_asset(app, name="Pump 1", kind="core.basicdevice", parent=None, **changes):
    body = {"name": name, "typeId": kind, "parentId": parent or root(app), **changes}
    return app.call("POST", f"{ASSETS}/assets", body)


def machine(app, name="Pump 1", tenant="localdev", **changes):
    """Make aspect type, asset type and one asset of it; give the asset's id."""
    rpm = variable("rpm", "INT", qualityCode=True)
    put_aspect_type(app, "Motor", rpm, variable("state", "STRING", length=16), tenant=tenant)
    motor = {"name": "motor", "aspectTypeId": f"{tenant}.Motor"}
    put_asset_type(app, "Machine", aspects=[motor], tenant=tenant)
    got = post_asset(app, name, f"{tenant}.Machine", **changes)
    assert got.status == 201, got.body
    return got.json["assetId"]
