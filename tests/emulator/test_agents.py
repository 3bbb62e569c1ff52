"""Agents over the platform's interface: eTags, boarding, online status (agent API 2)."""

import pytest

from mcagent.emulator.times import format_time, parse_time

from .application import Application
from .device import AGENTS, Device, configuration, onboarded

PATH = f"{AGENTS}/agents"


@pytest.fixture
def operator(hub):
    return Application(hub)


def created(hub, operator, name="a"):
    body = {"name": name, "securityProfile": "SHARED_SECRET", "entityId": hub.create_asset(name)}
    got = operator.call("POST", PATH, body)
    assert got.status == 201, got.body
    return f"{PATH}/{got.json['id']}", body


@pytest.mark.parametrize("form", ["{}", '"{}"', 'W/"{}"', " {} "])
def test_etags_of_agents_bare_quoted_and_weak(hub, operator, form):
    """Missing is 400, stale is 412 and changes nothing, each change moves it by one."""
    path, body = created(hub, operator)
    for method in ("PUT", "DELETE"):
        assert operator.call(method, path, body).status == 400
        for stale in ("0", "2", "x", "*", "1 1"):
            got = operator.call(method, path, body, If_Match=form.format(stale))
            assert got.status == 412, (method, stale)
            assert set(got.json) == {"id", "message"}
    assert operator.call("GET", path).json["eTag"] == "1"
    for etag in (1, 2):
        got = operator.call("PUT", path, body, If_Match=form.format(etag))
        assert (got.status, got.json["eTag"]) == (200, str(etag + 1))
    assert operator.call("DELETE", path, If_Match=form.format(3)).status == 204
    assert operator.call("DELETE", path, If_Match=form.format(3)).status == 404


def test_what_an_agent_does_moves_no_etag_of_its_own(hub, operator):
    """Observed: an agent is deleted with the eTag that it was created with (2.6)."""
    device = onboarded(hub)
    device.rotate()
    device.put_configuration(configuration())
    path = f"{PATH}/{device.id}"
    assert operator.call("POST", f"{path}/boarding/offboard").status == 200
    assert operator.call("DELETE", path, If_Match="1").status == 204


@pytest.mark.parametrize(
    "changes",
    [
        {"name": ""},
        {"name": "n" * 129},
        {"name": None},
        {"securityProfile": "NATIVE_CA_CERTIFIED_X509"},
        {"entityId": "0" * 32},
        {"entityId": None},
    ],
)
def test_an_agent_that_breaks_a_rule_is_400(hub, operator, changes):
    body = {"name": "b", "securityProfile": "RSA_3072", "entityId": hub.create_asset("b")}
    assert operator.call("POST", PATH, {**body, **changes}).status == 400
    assert operator.call("POST", PATH, body).status == 201
    taken = {**body, "entityId": hub.create_asset("c")}
    assert operator.call("POST", PATH, taken).status == 409  # its name is


def test_a_boarding_configuration_that_is_made_slowly_is_empty_first(hub, operator):
    """As on the platform, 200 without `content` (2.2); each agent waits for itself."""
    hub.change_settings(boarding_delay_reads=2)
    for name in ("a", "b"):
        path, _ = created(hub, operator, name)
        assert operator.call("GET", f"{path}/boarding/status").json == {"status": "NOT_ONBOARDED"}
        for _ in range(2):
            got = operator.call("GET", f"{path}/boarding/configuration")
            assert (got.status, got.json) == (200, {})
        content = operator.call("GET", f"{path}/boarding/configuration").json
        assert operator.call("GET", f"{path}/boarding/status").json == {"status": "ONBOARDING"}
        assert Device(hub, content).register().status == 201
        assert operator.call("GET", f"{path}/boarding/status").json == {"status": "ONBOARDED"}


def test_an_offboarded_agent_needs_a_fresh_file_and_loses_its_tokens_by_switch(hub, operator):
    device = onboarded(hub)
    path = f"{PATH}/{device.id}"
    old = device.content["iat"]
    assert operator.call("POST", f"{path}/boarding/offboard").json == {"status": "NOT_ONBOARDED"}
    assert operator.call("POST", f"{path}/boarding/offboard").status == 409
    assert device.call("GET", f"{path}/boarding/status").status == 401
    hub.change_settings(tokens_after_offboard=True)
    assert device.call("GET", f"{path}/boarding/status").status == 200
    assert device.ask_token().status == 400
    assert device.rotate().status == 401
    assert device.register(token=old).status == 401
    fresh = Device(hub, operator.call("GET", f"{path}/boarding/configuration").json)
    assert fresh.register().status == 201


def test_online_follows_tokens_and_exchanges_and_says_since_when(hub, operator):
    """Promise: ONLINE since the first contact of this period, OFFLINE since it was too silent."""
    path, _ = created(hub, operator)
    never = operator.call("GET", f"{path}/status").json
    assert never == {"status": "OFFLINE", "since": "1970-01-01T00:00:00.000Z"}
    hub.change_settings(online_window_s=300, clock_leeway_s=10_000)
    device = onboarded(hub, "online")
    ask = lambda: operator.call("GET", f"{PATH}/{device.id}/status").json  # noqa: E731
    first = ask()
    assert first["status"] == "ONLINE"
    for offset_s in (200, 400):  # each within the window of the one before
        hub.set_clock(offset_s)
        device.send(({"type": "custom", "version": "1.0"}, "text/plain", b"x"))
        assert ask() == first
    hub.set_clock(400 + 320)
    silent = ask()
    assert silent["status"] == "OFFLINE"
    passed_ms = parse_time(silent["since"]) - parse_time(first["since"])
    assert 700_000 <= passed_ms < 710_000
    assert device.ask_token().status == 200
    again = ask()
    assert again["status"] == "ONLINE"
    assert parse_time(again["since"]) > parse_time(silent["since"])
    assert again["since"] == format_time(parse_time(again["since"]))
