"""Two tenants share a hub and see nothing of one another (services API 1.10, 7.5)."""

import base64
import json

import pytest

from .application import Application
from .device import AGENTS, CONNECT, call, configuration, onboarded, sample, timeseries
from .model import machine

MAPPINGS = CONNECT + "/dataPointMappings"


@pytest.fixture
def neighbour(hub):
    return Application(hub, tenant="otherdev")


@pytest.fixture
def owner(hub):
    return Application(hub)


def agent_paths(agent):
    path = f"{AGENTS}/agents/{agent}"
    return [
        ("GET", path),
        ("PUT", path),
        ("DELETE", path),
        ("GET", f"{path}/status"),
        ("GET", f"{path}/boarding/status"),
        ("GET", f"{path}/boarding/configuration"),
        ("POST", f"{path}/boarding/offboard"),
        ("GET", f"{path}/dataSourceConfiguration"),
        ("PUT", f"{path}/dataSourceConfiguration"),
    ]


def test_another_tenants_agent_is_refused_in_every_operation(hub, owner, neighbour):
    """Promise: 403 for each; the same call by the owner is none."""
    device = onboarded(hub)
    for method, path in agent_paths(device.id):
        body = {} if method == "PUT" else None
        got = neighbour.call(method, path, body, If_Match="1")
        assert got.status == 403, (method, path)
        assert "another tenant" in got.json["message"], (method, path)
    assert owner.call("GET", f"{AGENTS}/agents/{device.id}").status == 200
    assert owner.call("GET", f"{AGENTS}/agents").json["totalElements"] == 1
    assert neighbour.call("GET", f"{AGENTS}/agents").json["totalElements"] == 0
    assert device.ask_token().status == 200  # nothing of it took effect


def test_an_agent_stays_in_the_tenant_that_made_it(hub, neighbour):
    """Its token names that one, whatever the hub's own is by now."""
    device = onboarded(hub)
    hub.change_settings(tenant="renamed")
    device.token = device.ask_token().json["access_token"]
    claims = device.token.split(".")[1]
    assert json.loads(base64.urlsafe_b64decode(claims + "=="))["ten"] == "localdev"
    assert device.send(timeseries(sample("2026-01-05T08:00:00.000Z", P1="1"))).status == 200


def test_the_refusal_may_be_a_404_that_gives_nothing_away(hub, neighbour):
    device = onboarded(hub)
    hub.change_settings(foreign_status=404)
    got = neighbour.call("GET", f"{AGENTS}/agents/{device.id}")
    assert got.status == 404
    unknown = neighbour.call("GET", f"{AGENTS}/agents/{'0' * 32}").json["message"]
    assert got.json["message"].replace(device.id, "") == unknown.replace("0" * 32, "")


def test_an_agent_on_another_tenants_asset_cannot_be_created(hub, neighbour, owner):
    asset = hub.create_asset("press")
    body = {"name": "spy", "securityProfile": "SHARED_SECRET", "entityId": asset}
    assert neighbour.call("POST", f"{AGENTS}/agents", body).status == 403
    assert owner.call("POST", f"{AGENTS}/agents", body).status == 201


def test_mappings_do_not_cross_tenants(hub, neighbour, owner):
    """Promise: neither another's agent nor another's mapping is touched or listed."""
    device = onboarded(hub)
    device.put_configuration(configuration(P1="DOUBLE"))
    asset = hub.create_asset("press", {"press": {"force": {"type": "DOUBLE"}}})
    body = {
        "agentId": device.id,
        "dataPointId": "P1",
        "entityId": asset,
        "propertySetName": "press",
        "propertyName": "force",
    }
    assert neighbour.call("POST", MAPPINGS, body).status == 403
    made = owner.call("POST", MAPPINGS, body).json["id"]
    assert neighbour.call("GET", f"{MAPPINGS}/{made}").status == 403
    assert neighbour.call("DELETE", f"{MAPPINGS}/{made}").status == 403
    assert neighbour.call("GET", MAPPINGS).json["totalElements"] == 0
    assert owner.call("GET", MAPPINGS).json["totalElements"] == 1


def test_diagnostics_and_recoverable_records_do_not_cross_tenants(hub, neighbour, owner):
    device = onboarded(hub)
    hub.settle()
    activations = CONNECT + "/diagnosticActivations"
    body = {"agentId": device.id}
    assert neighbour.call("POST", activations, body).status == 403
    assert owner.call("POST", activations, body).status == 201
    for method, path in (
        ("GET", f"{activations}/{device.id}"),
        ("GET", f"{activations}/{device.id}/messages"),
        ("DELETE", f"{activations}/{device.id}"),
    ):
        assert neighbour.call(method, path).status == 403, path
    device.put_configuration(configuration(P1="DOUBLE"))
    device.send(timeseries(sample("2026-01-05T08:00:00.000Z", P1="1")))
    hub.settle()
    records = CONNECT + "/recoverableRecords"
    record = owner.call("GET", records).json["content"][0]["id"]
    for path in (activations, records, CONNECT + "/diagnosticInformation"):
        assert owner.call("GET", path).json["totalElements"] > 0, path
        assert neighbour.call("GET", path).json["totalElements"] == 0, path
    for method, path in (("DELETE", ""), ("POST", "/replay"), ("GET", "/downloadLink")):
        assert neighbour.call(method, f"{records}/{record}{path}").status == 403, path


def test_time_series_of_another_tenant_are_refused_and_shared_ones_are_read_only(
    hub, owner, neighbour
):
    asset = machine(owner)
    path = f"/api/iottimeseries/v3/timeseries/{asset}/motor"
    record = [{"_time": "2026-01-05T08:00:00.000Z", "rpm": 7}]
    assert owner.call("PUT", path, record).status == 204
    assert neighbour.call("GET", path).status == 403
    call(hub.url, "POST", f"/_emulator/assets/{asset}/share", {"tenant": "otherdev"})
    assert neighbour.call("GET", path).status == 200
    assert neighbour.call("PUT", path, record).status == 403
    times = "from=2026-01-05T08:00:00Z&to=2026-01-05T09:00:00Z"
    assert neighbour.call("DELETE", f"{path}?{times}").status == 403
