"""Diagnostics: activations with their limit and their hour, and what messages say (agent API 7)."""

import json
import time
from urllib.parse import quote

import pytest

from .application import Application
from .device import (
    AGENTS,
    CONNECT,
    call,
    configuration,
    event,
    exchange_body,
    file_item,
    hs256,
    jwt,
    model,
    onboarded,
    ready,
    sample,
)
from .device import timeseries as series

PATH = CONNECT + "/diagnosticActivations"
T0 = "2026-01-05T08:00:00.000Z"
HOUR_S, WEEK_S = 3600, 7 * 24 * 3600


def activate(device, **body):
    return device.call("POST", PATH, {"agentId": device.id, **body})


def status_of(device):
    return device.call("GET", f"{PATH}/{device.id}").json["status"]


def messages(device, query=""):
    got = device.call("GET", f"{PATH}/{device.id}/messages?{query}")
    assert got.status == 200, got.body
    return got.json["content"]


def operator(hub, *scopes):
    return {"Authorization": f"Bearer {hub.operator_token(list(scopes))}"}


# -- activations --------------------------------------------------------------------------------


def test_an_activation_is_made_read_listed_and_deleted(hub):
    device = onboarded(hub)
    made = activate(device)
    assert made.status == 201
    assert made.json == {"id": made.json["id"], "agentId": device.id, "status": "ACTIVE"}
    assert len(made.json["id"]) == 36
    assert device.call("GET", f"{PATH}/{made.json['id']}").json == made.json
    page = device.call("GET", PATH).json
    assert (page["content"], page["totalElements"]) == ([made.json], 1)
    assert device.call("DELETE", f"{PATH}/{made.json['id']}").status == 204
    assert device.call("GET", f"{PATH}/{made.json['id']}").status == 404
    assert device.call("DELETE", f"{PATH}/{made.json['id']}").status == 404


def test_the_agent_s_id_stands_for_the_activation_s(hub):
    device = onboarded(hub)
    made = activate(device).json
    assert device.call("GET", f"{PATH}/{device.id}").json == made
    assert device.call("GET", f"{PATH}/{device.id}/messages").status == 200
    assert device.call("DELETE", f"{PATH}/{device.id}").status == 204


def test_twice_for_one_agent_is_409_also_when_it_is_off(hub):
    device = onboarded(hub)
    assert activate(device, status="INACTIVE").status == 201
    assert activate(device).status == 409


@pytest.mark.parametrize("status", ["400", "409"])
def test_the_sixth_active_agent_is_refused_with_the_status_of_the_switch(hub, status):
    hub.change_settings(diagnostic_limit_status=status)
    devices = [onboarded(hub, f"d{number}") for number in range(6)]
    assert [activate(device).status for device in devices[:5]] == [201] * 5
    refused = activate(devices[5])
    assert refused.status == int(status)
    assert "agent limitation" in refused.json["message"]
    # One that is off does not count, until it is switched on.
    assert activate(devices[5], status="INACTIVE").status == 201
    on = {"agentId": devices[5].id, "status": "ACTIVE"}
    path = f"{PATH}/{devices[5].id}"
    assert devices[5].call("PUT", path, on).status == int(status)
    off = {"agentId": devices[0].id, "status": "INACTIVE"}
    assert devices[0].call("PUT", f"{PATH}/{devices[0].id}", off).json["status"] == "INACTIVE"
    assert devices[5].call("PUT", path, on).json["status"] == "ACTIVE"


def test_the_limit_of_activations_is_one_of_each_tenant(hub):
    """Promise: what the neighbour activates takes nothing away."""
    hub.change_settings(diagnostic_agents_max=1)
    neighbour = Application(hub, tenant="otherdev")
    assets = "/api/assetmanagement/v3/assets"
    root = neighbour.call("GET", f"{assets}/root").json["assetId"]
    body = {"name": "theirs", "typeId": "core.mclib", "parentId": root}
    asset = neighbour.call("POST", assets, body).json["assetId"]
    body = {"name": "theirs", "securityProfile": "SHARED_SECRET", "entityId": asset}
    assert neighbour.call("POST", f"{AGENTS}/agents", body).status == 201
    assert neighbour.call("POST", PATH, {"agentId": asset}).status == 201
    assert activate(onboarded(hub, "first")).status == 201
    assert activate(onboarded(hub, "second")).status == 400


def test_an_activation_ends_by_itself_after_an_hour_and_not_before(hub):
    device = ready(hub)
    activate(device)
    hub.set_clock(HOUR_S - 30)
    assert device.ask_token().status == 200
    assert status_of(device) == "ACTIVE"
    device.send(series(sample(T0, P1="1")))
    hub.settle()
    written = len(messages(device))
    assert written == 3
    hub.set_clock(HOUR_S + 30)
    assert device.ask_token(jwt_of(device, HOUR_S)).status == 200
    assert status_of(device) == "INACTIVE"
    device.send(series(sample(T0, P1="2")))
    hub.settle()
    assert len(messages(device)) == written, "nothing is written while it is off"
    on = device.call("PUT", f"{PATH}/{device.id}", {"status": "ACTIVE"})
    assert on.json["status"] == "ACTIVE"
    device.send(series(sample(T0, P1="3")))
    hub.settle()
    assert len(messages(device)) == written + 3


def jwt_of(device, ahead_s):
    """An assertion of a device whose clock is *ahead_s* ahead."""
    now_s = int(time.time()) + ahead_s
    claims = device.claims(iat=now_s, nbf=now_s, exp=now_s + 3600)
    return jwt(claims, hs256(device.answer["client_secret"]))


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"agentId": 5},
        {"agentId": "0" * 32},
        {"agentId": None},
        {"status": "ON"},
        {"status": 1},
        [],
    ],
)
def test_a_bad_activation_is_400(hub, body):
    device = onboarded(hub)
    if isinstance(body, dict) and "status" in body:
        body = {"agentId": device.id, **body}
    got = call(hub.url, "POST", PATH, body, operator(hub, "da.c"))
    assert got.status == 400


@pytest.mark.parametrize("body", [{}, {"status": "OFF"}, {"status": None}])
def test_a_bad_change_is_400(hub, body):
    device = onboarded(hub)
    activate(device)
    assert device.call("PUT", f"{PATH}/{device.id}", body).status == 400


def test_an_agent_works_on_itself_only_and_an_operator_by_scope(hub):
    one, two = onboarded(hub, "one"), onboarded(hub, "two")
    assert one.call("POST", PATH, {"agentId": two.id}).status == 403
    activate(one)
    activate(two)
    for method, path in (
        ("GET", f"{PATH}/{two.id}"),
        ("PUT", f"{PATH}/{two.id}"),
        ("DELETE", f"{PATH}/{two.id}"),
        ("GET", f"{PATH}/{two.id}/messages"),
    ):
        body = {"status": "INACTIVE"} if method == "PUT" else None
        assert one.call(method, path, body).status == 403
        assert call(hub.url, method, path, body).status == 401
        assert call(hub.url, method, path, body, operator(hub, "map.r")).status == 403
    assert [row["agentId"] for row in one.call("GET", PATH).json["content"]] == [one.id]
    both = call(hub.url, "GET", PATH, headers=operator(hub, "da.r")).json["content"]
    assert [row["agentId"] for row in both] == [one.id, two.id]


def test_agents_may_be_denied_what_a_tenant_may_deny_them(hub):
    device = onboarded(hub)
    activate(device)
    hub.change_settings(denied_to_agents="da.m.r rec.r map.r")
    assert device.call("GET", f"{PATH}/{device.id}").status == 200
    refused = [
        device.call("GET", f"{PATH}/{device.id}/messages"),
        device.call("GET", CONNECT + "/recoverableRecords"),
        device.call("GET", CONNECT + "/dataPointMappings"),
    ]
    assert [answer.status for answer in refused] == [403] * 3
    assert refused[0].json["message"] == "Scope da.m.r is missing."


def test_a_deleted_agent_takes_its_activation_along(hub):
    device = onboarded(hub)
    activate(device)
    headers = {**operator(hub, "agm.d", "da.r"), "If-Match": "1"}
    path = f"/api/agentmanagement/v3/agents/{device.id}"
    assert call(hub.url, "DELETE", path, headers=headers).status == 204
    assert call(hub.url, "GET", PATH, headers=headers).json["content"] == []


# -- messages -----------------------------------------------------------------------------------


def test_nothing_is_written_before_the_activation(hub):
    device = ready(hub)
    device.send(series(sample(T0, P1="1")))
    hub.settle()
    activate(device)
    assert messages(device) == []


def test_what_is_stored_is_accepted_processed_and_finished(hub):
    device = ready(hub)
    activate(device)
    correlation_id = "0123456789abcdef0123456789abcdef"
    body = series(sample(T0, P1="1", CNT="2"), sample("2026-01-05T08:00:01.000Z", P1="1"))
    got = device.exchange(exchange_body(body), Correlation_ID=correlation_id)
    assert got.status == 200
    hub.settle()
    found = messages(device)
    assert [(row["state"], row["severity"]) for row in found] == [
        ("ACCEPTED", "INFO"),
        ("PROCESSING", "INFO"),
        ("FINISHED", "INFO"),
    ]
    assert set(found[0]) == {
        "correlationId",
        "severity",
        "message",
        "source",
        "state",
        "timestamp",
    }
    assert {row["correlationId"] for row in found} == {correlation_id}
    assert {row["source"] for row in found} == {"TIMESERIES"}
    assert found[2]["message"].startswith("[Finished] ")
    assert "Number of samplings: 2" in found[2]["message"]
    assert "Total data points: 3, valid: 3, dropped: 0" in found[2]["message"]


def test_every_kind_of_item_has_its_source(hub):
    device = ready(hub)
    activate(device)
    device.send(event(), file_item("a", b"x"), model(configuration("c2")))
    hub.settle()
    sources = [row["source"] for row in messages(device) if row["state"] == "FINISHED"]
    assert sources == ["EVENT", "FILE", "DATASOURCE_CONFIGURATION"]


def test_a_part_is_dropped_with_a_warning_and_the_whole_with_an_error(hub):
    device = ready(hub)
    activate(device)
    device.send(series(sample(T0, P1="1", nope="3")))
    device.send(series(sample(T0, nope="3")))
    hub.settle()
    part, whole = (row for row in messages(device) if row["state"] == "DROPPED")
    assert (part["severity"], whole["severity"]) == ("WARN", "ERROR")
    assert part["message"].startswith("[Dropped] ")
    assert "Total data points: 2, valid: 1, dropped: 1" in part["message"]
    assert "Data points without mapping: nope." in part["message"]


def test_custom_data_is_dropped_where_the_tenant_has_no_consumer(hub):
    device = onboarded(hub)
    activate(device)
    hub.change_settings(custom_data_consumer=False)
    device.send(({"type": "spectrum", "version": "1.0"}, "text/plain", b"1 2 3"))
    hub.settle()
    last = messages(device)[-1]
    assert (last["state"], last["source"]) == ("DROPPED", "CUSTOM")
    assert "spectrum" in last["message"]


def test_messages_are_filtered_sorted_and_paged(hub):
    device = ready(hub)
    activate(device)
    for number in range(4):
        device.send(series(sample(T0, P1=str(number))), event())
    device.send(series(sample(T0, nope="3")))
    hub.settle()
    everything = messages(device, "size=2000")
    assert len(everything) == 27

    def filtered(**keys):
        return messages(device, "size=2000&filter=" + quote(json.dumps(keys)))

    assert len(filtered(source="EVENT")) == 12
    assert [row["state"] for row in filtered(severity="ERROR")] == ["DROPPED"]
    assert len(filtered(message={"contains": "nope"})) == 1
    assert len(filtered(correlationId=everything[0]["correlationId"])) == 6
    last = everything[-1]["timestamp"]
    later = filtered(timestamp={"after": last})
    assert later == []
    assert filtered(timestamp={"before": last}) == [
        row for row in everything if row["timestamp"] < last
    ]
    assert messages(device, "size=10&page=2") == everything[20:]
    newest = messages(device, "size=2000&sort=timestamp,desc")
    assert [row["timestamp"] for row in newest] == sorted(
        (row["timestamp"] for row in everything), reverse=True
    )
    for bad in ("filter=x", "size=0", "sort=colour", "filter=" + quote('{"state":"DROPPED"}')):
        assert device.call("GET", f"{PATH}/{device.id}/messages?{bad}").status == 400


def test_messages_are_gone_after_seven_days(hub):
    device = ready(hub)
    activate(device)
    device.send(series(sample(T0, P1="1")))
    hub.settle()
    headers = operator(hub, "di.r")
    path = CONNECT + "/diagnosticInformation"

    def left(offset_s):
        hub.set_clock(offset_s)
        token = operator(hub, "di.r") if offset_s else headers
        return len(call(hub.url, "GET", path, headers=token).json["content"])

    assert (left(0), left(WEEK_S - 60), left(WEEK_S + 60)) == (3, 3, 0)


def test_the_deprecated_list_names_the_agent_and_shows_an_agent_its_own(hub):
    one, two = ready(hub), onboarded(hub, "two", automap=True)
    two.put_configuration(configuration())
    for device in (one, two):
        activate(device)
        device.send(series(sample(T0, P1="1")))
    hub.settle()
    path = CONNECT + "/diagnosticInformation"
    assert {row["agentId"] for row in one.call("GET", path).json["content"]} == {one.id}
    everything = call(hub.url, "GET", path, headers=operator(hub, "di.r")).json["content"]
    assert {row["agentId"] for row in everything} == {one.id, two.id}
    mine = path + "?filter=" + quote(json.dumps({"agentId": two.id}))
    found = call(hub.url, "GET", mine, headers=operator(hub, "di.r")).json["content"]
    assert {row["agentId"] for row in found} == {two.id}


def test_correlation_ids_may_be_the_platform_s_own(hub):
    device = ready(hub)
    hub.change_settings(own_correlation_ids=True)
    activate(device)
    given = "0123456789abcdef0123456789abcdef"
    device.exchange(exchange_body(series(sample(T0, P1="1"))), Correlation_ID=given)
    device.exchange(exchange_body(series(sample(T0, P1="1"))), Correlation_ID=given)
    hub.settle()
    shown = {row["correlationId"] for row in messages(device)}
    assert len(shown) == 2, "one an exchange"
    assert given not in shown
    assert all(len(text) == 36 for text in shown)
