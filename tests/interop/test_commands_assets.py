"""The command line of an operator: aspects, types, assets, the lock of the model."""

import json
import re

import pytest

from .command import CommandFailed
from .operations import shows
from .test_assets import MACHINE, MOTOR, equal_where_given

ASSETS = "/api/assetmanagement/v3/"


@pytest.fixture
def logged_in(world, mc):
    mc.log_in(world.credentials())
    return mc


def made(mc, command, name, body):
    mc.service(command, "--mode", "create", "--file", mc.write(name, json.dumps(body)))


@shows(
    "mc aspects",
    "mc asset-types",
    compared="types from files, its own template among them, by REST; listed; shown; deleted",
)
def test_types_by_command(world, logged_in):
    mc = logged_in
    made(mc, "aspects", "a.json", MOTOR)
    made(mc, "asset-types", "t.json", MACHINE)
    aspect = world.plain.get(ASSETS + "aspecttypes/localdev.Motor")
    machine = world.plain.get(ASSETS + "assettypes/localdev.Machine")
    assert equal_where_given(aspect, MOTOR)
    assert [line["name"] for line in machine["aspects"]] == ["motor"]
    shown = mc.service("aspects", "--mode", "list", "--aspect", "Motor", "--idonly")
    assert "localdev.Motor" in shown.splitlines()
    shown = mc.service("asset-types", "--mode", "list", "--assettype", "Machine")
    assert re.search(r"localdev.Machine\s+1 aspects\[1\]\s+Machine", shown)
    assert json.loads(mc.service("aspects", "--mode", "info", "--aspect", "Motor")) == aspect
    info = mc.service("asset-types", "--mode", "info", "--assettype", "Machine")
    assert json.loads(info) == machine
    with pytest.raises(CommandFailed):  # it is in use
        mc.service("aspects", "--mode", "delete", "--aspect", "Motor")
    mc.service("asset-types", "--mode", "delete", "--assettype", "Machine")
    mc.service("aspects", "--mode", "delete", "--aspect", "Motor")
    assert world.plain.status(ASSETS + "assettypes/localdev.Machine") == 404
    assert world.plain.status(ASSETS + "aspecttypes/localdev.Motor") == 404
    # the template that it writes has all types of variables
    mc.service(
        "aspects", "--mode", "template", "--aspect", "Everything", "--file", mc.path("x.json")
    )
    mc.service("aspects", "--mode", "create", "--file", mc.path("x.json"))
    there = world.plain.get(ASSETS + "aspecttypes/localdev.Everything")
    assert [line["dataType"] for line in there["variables"]] == [
        *("BOOLEAN", "INT", "DOUBLE", "STRING", "BIG_STRING", "TIMESTAMP"),
    ]


@shows(
    "mc assets",
    "mc asset-info",
    "mc list-assets",
    "mc delete-asset",
    compared="an asset by options and one by its template, by REST; listed; a tree (`asset_page_max` 2000); its data shown; deleted",
)
def test_assets_by_command(world, logged_in):
    mc = logged_in
    world.hub.change_settings(asset_page_max=2000)  # its tree asks for so many at once
    made(mc, "aspects", "a.json", MOTOR)
    made(mc, "asset-types", "t.json", {**MACHINE, "variables": []})
    given = ("--assetname", "Press 7", "--typeid", "localdev.Machine", "--externalid", "SN-42")
    printed = mc.service("assets", "--mode", "create", *given)
    ident = re.search(r"assetid ([0-9a-f]{32})", printed).group(1)
    there = world.plain.get(ASSETS + "assets/" + ident)
    assert (there["name"], there["typeId"], there["externalId"], there["twinType"]) == (
        *("Press 7", "localdev.Machine", "SN-42", "performance"),
    )
    path = "/api/iottimeseries/v3/timeseries/%s/motor" % ident
    record = {"_time": "2026-01-05T08:00:00.000Z", "rpm": 1480, "state": "RUN"}
    assert world.plain.request("PUT", path, [record]).status == 204
    shown = mc.service("asset-info", "--assetid", ident)
    assert re.search(r"'2026-01-05T08:00:00Z'.*1480.*'RUN'", shown)
    template = mc.path("p.asset.json")
    options = ("--assetname", "Press 8", "--typeid", "localdev.Machine", "--file", template)
    mc.service("assets", "--mode", "template", *options)
    printed = mc.service("assets", "--mode", "create", "--file", template)
    other = re.search(r"assetid ([0-9a-f]{32})", printed).group(1)
    with open(template, encoding="utf-8") as file:
        sent = json.load(file)
    location = world.plain.get(ASSETS + "assets/" + other)["location"]
    assert location == sent["location"]
    for command in ("assets", "list-assets"):
        printed = mc.service(command, "--typeid", "Machine")
        assert re.search(ident + r"\s+\d+\s+performance\s+\[localdev.Machine\]\s+Press 7", printed)
        assert "2 assets listed" in printed
    assert "Press 8" in mc.service("assets", "--mode", "tree")
    mc.service("assets", "--mode", "delete", "--assetid", ident)
    mc.service("delete-asset", "--assetid", other)
    assert world.plain.status(ASSETS + "assets/" + ident) == 404
    assert world.plain.status(ASSETS + "assets/" + other) == 404


@shows(
    "mc asset-lock",
    compared="the lock by REST: on, then off; while it is on a type cannot be changed",
)
def test_the_lock_of_the_model_by_command(world, logged_in):
    mc = logged_in
    made(mc, "aspects", "a.json", MOTOR)
    assert "unlocked" in mc.service("asset-lock")
    mc.service("asset-lock", "--mode", "lock")
    assert world.plain.get(ASSETS + "model/lock")["enabled"] is True
    with pytest.raises(CommandFailed):
        mc.service("aspects", "--mode", "delete", "--aspect", "Motor")
    mc.service("asset-lock", "--mode", "unlock")
    assert world.plain.get(ASSETS + "model/lock")["enabled"] is False
    mc.service("aspects", "--mode", "delete", "--aspect", "Motor")
