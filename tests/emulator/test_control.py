"""The control interface, over HTTP."""

import json

import pytest

from .device import (
    AGENTS,
    CONNECT,
    Device,
    call,
    configuration,
    event,
    file_item,
    onboarded,
    ready,
    sample,
)
from .device import timeseries as series

T0 = "2026-01-05T08:00:00.000Z"


def control(hub, method, path, body=None):
    return call(hub.url, method, "/_emulator/" + path, body)


def lines(answer):
    assert answer.headers["content-type"] == "application/x-ndjson"
    return [json.loads(line) for line in answer.body.splitlines()]


def test_an_agent_is_created_with_its_boarding_configuration(hub):
    got = control(hub, "POST", "agents", {"name": "press", "securityProfile": "RSA_3072"})
    assert got.status == 201
    assert got.json["content"]["clientCredentialProfile"] == ["RSA_3072"]
    assert got.json["content"]["baseUrl"] == hub.url
    assert set(got.json["content"]) == {
        "baseUrl",
        "iat",
        "clientCredentialProfile",
        "clientId",
        "tenant",
    }
    again = control(hub, "GET", f"agents/{got.json['content']['clientId']}/boarding")
    assert again.json == got.json


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"name": ""}, 400),
        ({"name": "x" * 129}, 400),
        ({"name": 5}, 400),
        ({"name": "x", "securityProfile": "NATIVE_CA_CERTIFIED_X509"}, 400),
        ({"name": "x", "automap": "0" * 32}, 400),
        ({"name": "taken"}, 409),
        ([], 400),
        ("{", 400),
    ],
)
def test_bad_agents_are_refused(hub, body, status):
    hub.create_agent("taken")
    assert control(hub, "POST", "agents", body).status == status


def test_a_fresh_boarding_file_for_reonboarding(hub):
    device = onboarded(hub)
    got = control(hub, "POST", f"agents/{device.id}/boarding")
    assert got.status == 200
    assert got.json["content"]["iat"] != device.content["iat"]
    assert Device(hub, got.json).register().status == 201
    assert control(hub, "POST", "agents/nobody/boarding").status == 404


def test_automap_by_path_and_by_member(hub):
    first = control(hub, "POST", "agents", {"name": "a", "automap": True}).json
    second = control(hub, "POST", "agents", {"name": "b"}).json
    asset = control(hub, "POST", "assets", {"name": "plant"}).json["id"]
    path = f"agents/{second['content']['clientId']}/automap"
    assert control(hub, "POST", path, {"asset": asset}).status == 204
    assert control(hub, "POST", path, {"asset": "nope"}).status == 400
    assert control(hub, "POST", path).status == 204
    assert first["content"]["clientId"] != asset


def test_assets_are_created_and_listed(hub):
    aspects = {"Hydraulics": {"pressure": {"type": "DOUBLE", "unit": "bar"}}}
    got = control(hub, "POST", "assets", {"name": "plant", "aspects": aspects})
    assert got.status == 201
    (asset,) = control(hub, "GET", "assets").json
    assert asset == {"id": got.json["id"], "name": "plant", "aspects": aspects}


@pytest.mark.parametrize(
    "aspects",
    [
        [],
        {"a": []},
        {"a": {"v": {}}},
        {"a": {"v": {"type": "FLOAT"}}},
        {"a": {"v": {"type": []}}},
        {"a": {"v": {"type": "INT", "unit": 5}}},
        {"a": {"v": {"type": "STRING", "length": 0}}},
        {"a": {"v": {"type": "STRING", "length": 10**30}}},
    ],
)
def test_bad_assets_are_refused_as_a_whole(hub, aspects):
    assert control(hub, "POST", "assets", {"name": "x", "aspects": aspects}).status == 400
    assert control(hub, "GET", "assets").json == []


def test_an_operators_token_maps(hub):
    device = onboarded(hub)
    got = control(hub, "POST", "token", {"scopes": ["map.c"]})
    assert (got.status, got.json["scope"]) == (200, ["map.c"])
    asset = hub.create_asset("x", {"a": {"v": {"type": "INT"}}})
    body = {
        "agentId": device.id,
        "dataPointId": "P",
        "entityId": asset,
        "propertySetName": "a",
        "propertyName": "v",
    }
    headers = {"Authorization": f"Bearer {got.json['access_token']}"}
    path = CONNECT + "/dataPointMappings?noAgentValidation=true"
    assert call(hub.url, "POST", path, body, headers).status == 201
    assert control(hub, "POST", "token").status == 200
    assert control(hub, "POST", "token", {"scopes": "x"}).status == 400


def test_received_and_stored_and_events_and_files_are_lines(hub):
    device = ready(hub)
    device.send(series(sample(T0, P1="1")), event(id="e"), file_item("f", b"bytes"))
    hub.settle()
    received = lines(control(hub, "GET", f"received?agent={device.id}"))
    assert received == hub.received()
    assert lines(control(hub, "GET", "received?kind=event")) == hub.received(kind="event")
    assert lines(control(hub, "GET", "received?after=2")) == hub.received(after=2)
    assert lines(control(hub, "GET", f"stored?asset={device.id}&aspect=press")) == hub.stored()
    assert lines(control(hub, "GET", "stored?aspect=other")) == []
    assert lines(control(hub, "GET", f"events?asset={device.id}")) == hub.events()
    (file,) = lines(control(hub, "GET", "files"))
    assert control(hub, "GET", f"files/{file['sha256']}").body == b"bytes"
    assert control(hub, "GET", "files/nope").status == 404
    assert control(hub, "GET", "received?kind=nope").status == 400
    for seq in ("x", "", "-1", "1_0", "9" * 19, "9" * 5000):
        assert control(hub, "GET", f"received?after={seq}").status == 400
    assert lines(control(hub, "GET", "received?after=" + "9" * 18)) == []


def test_a_long_journal_is_streamed_completely(hub):
    device = onboarded(hub)
    device.send(series(*(sample(T0, P1=str(n)) for n in range(2500))))
    got = lines(control(hub, "GET", "received"))
    assert [line["seq"] for line in got] == list(range(1, 2501))


def test_faults_are_put_and_read(hub):
    rule = {"match": "GET /x", "action": "status", "status": 502, "times": 3}
    assert control(hub, "PUT", "faults", [rule]).status == 200
    assert call(hub.url, "GET", "/x").status == 502
    (shown,) = control(hub, "GET", "faults").json
    assert (shown["times"], shown["hits"]) == (2, 1)
    assert control(hub, "PUT", "faults", [shown]).status == 200
    assert control(hub, "PUT", "faults", {}).status == 400
    assert control(hub, "PUT", "faults", []).json == []


def test_one_fault_rule_is_added_shown_switched_and_removed(hub):
    made = control(hub, "POST", "faults", {"action": "status", "match": "GET /x", "status": 502})
    assert made.status == 201
    assert made.json["label"] == "status 502: GET /x"
    path = f"faults/{made.json['id']}"
    assert call(hub.url, "GET", "/x").status == 502
    assert control(hub, "GET", path).json["hits"] == 1
    off = control(hub, "PATCH", path, {"enabled": False})
    assert (off.status, off.json["state"], off.json["hits"]) == (200, "off", 1)
    assert call(hub.url, "GET", "/x").status == 404
    assert control(hub, "PATCH", path, {"enabled": True, "status": 503}).json["state"] == "on"
    assert call(hub.url, "GET", "/x").status == 503
    assert control(hub, "GET", "faults").json == [control(hub, "GET", path).json]
    assert control(hub, "DELETE", path).status == 204
    assert control(hub, "GET", "faults").json == []
    for method, body in (("GET", None), ("PATCH", {}), ("DELETE", None)):
        got = control(hub, method, path, body)
        assert (got.status, made.json["id"] in got.json["message"]) == (404, True)


def test_bad_fault_rules_are_refused_by_member_and_value(hub):
    rule = {"id": "a", "action": "status"}
    assert control(hub, "PUT", "faults", [rule]).status == 200
    bad = {"action": "slow_body", "seconds": 7200}
    for method, path, body in (
        ("PUT", "faults", [rule, bad]),
        ("POST", "faults", bad),
        ("PATCH", "faults/a", bad),
    ):
        got = control(hub, method, path, body)
        assert got.status == 400
        assert "seconds of a fault rule is 7200; it must be" in got.json["message"]
    assert "rule 2 of 2" in control(hub, "PUT", "faults", [rule, bad]).json["message"]
    assert control(hub, "POST", "faults", rule).status == 400  # the id is taken
    assert control(hub, "POST", "faults", "{").status == 400
    assert [one["id"] for one in control(hub, "GET", "faults").json] == ["a"]


@pytest.mark.parametrize("offset", ["x", None, True, 1e300, 1e12, -1e12])
def test_the_clock_takes_a_sensible_offset_only(hub, offset):
    assert control(hub, "POST", "clock", {"offset_s": 3600.5}).json["offset_s"] == 3600.5
    assert control(hub, "POST", "clock", {"offset_s": offset}).status == 400
    assert control(hub, "GET", "clock").json["offset_s"] == 3600.5


def test_settings_change_at_run_time(hub):
    assert control(hub, "PUT", "settings", {"token_life_s": 7}).json["token_life_s"] == 7
    assert onboarded(hub).ask_token().json["expires_in"] == 7
    assert control(hub, "PUT", "settings", {"token_life_s": 8, "color": 1}).status == 400
    assert control(hub, "GET", "settings").json["token_life_s"] == 7


def test_state_counts(hub):
    device = ready(hub)
    device.send(series(sample(T0, P1="1", X="2")), event())
    hub.settle()
    state = control(hub, "GET", "state").json
    wanted = {
        "agents": 1,
        "onboarded": 1,
        "exchanges": 1,
        "received": {"event": 1, "timeseries": 1},
        "records": 1,
        "values": 1,
        "events": 1,
        "files": 0,
        "dropped": {"unmapped value": 1},
        "recoverable_records": 1,
        "pending": 0,
    }
    assert {name: state[name] for name in wanted} == wanted
    assert state["requests"][f"POST {CONNECT}/exchange"] == 1


def test_clear_forgets_everything(hub):
    device = ready(hub)
    device.send(series(sample(T0, P1="1")))
    hub.set_faults([{"action": "status"}])
    hub.set_clock(99)
    hub.change_settings(token_life_s=1)
    hub.clear()
    hub.settle()
    state = hub.state()
    assert (state["agents"], state["received"], state["values"]) == (0, {}, 0)
    assert (state["faults"], state["clock_offset_s"], state["requests"]) == ([], 0, {})
    assert state["settings"]["token_life_s"] == 3600


def test_agents_over_the_platforms_interface(hub):
    token = hub.operator_token(["agm.c", "agm.r", "agm.u", "agm.d", "obc.sec", "obc.r"])
    operator = {"Authorization": f"Bearer {token}"}

    def ask(method, path, body=None, **headers):
        return call(hub.url, method, f"{AGENTS}/agents{path}", body, {**operator, **headers})

    asset = hub.create_asset("x")
    body = {"name": "a", "securityProfile": "SHARED_SECRET", "entityId": asset}
    created = ask("POST", "", body)
    assert (created.status, created.json) == (201, {"id": asset, "eTag": "1", **body})
    assert ask("POST", "", {**body, "name": "b"}).status == 409
    assert ask("POST", "", {**body, "entityId": "0" * 32}).status == 400
    assert ask("GET", f"/{asset}/boarding/status").json == {"status": "NOT_ONBOARDED"}
    hub.change_settings(boarding_delay_reads=2)
    reads = [ask("GET", f"/{asset}/boarding/configuration").json for _ in range(3)]
    assert reads[:2] == [{}, {}]
    assert ask("GET", f"/{asset}/boarding/status").json == {"status": "ONBOARDING"}
    assert Device(hub, reads[2]).register().status == 201
    assert ask("GET", f"/{asset}/boarding/status").json == {"status": "ONBOARDED"}
    assert ask("GET", f"/{asset}/status").json["status"] == "OFFLINE"
    renamed = ask("PUT", f"/{asset}", {**body, "name": "c"}, **{"If-Match": "1"})
    assert (renamed.json["name"], renamed.json["eTag"]) == ("c", "2")
    assert [agent["name"] for agent in ask("GET", "").json["content"]] == ["c"]
    assert ask("DELETE", f"/{asset}", **{"If-Match": "1"}).status == 412
    assert ask("DELETE", f"/{asset}").status == 400
    assert ask("POST", f"/{asset}/boarding/offboard").json == {"status": "NOT_ONBOARDED"}
    assert ask("POST", f"/{asset}/boarding/offboard").status == 409
    assert ask("DELETE", f"/{asset}", **{"If-Match": "2"}).status == 204
    assert ask("GET", f"/{asset}").status == 404


def test_online_follows_traffic(hub):
    device = onboarded(hub)
    path = f"{AGENTS}/agents/{device.id}/status"
    assert device.call("GET", path).json["status"] == "ONLINE"
    hub.set_clock(400)
    assert device.call("GET", path).json["status"] == "OFFLINE"


def test_assets_are_listed_though_somebody_mapped_to_the_root(hub):
    device = onboarded(hub)
    path = f"/api/assetmanagement/v3/assets/{device.id}"
    root = device.call("GET", path).json["parentId"]
    assert control(hub, "POST", f"agents/{device.id}/automap", {"asset": root}).status == 204
    assert device.put_configuration(configuration()).status == 200
    assert [one["id"] for one in control(hub, "GET", "assets").json] == [device.id]
