"""Whatever comes in, the hub answers with a documented error or takes it, and goes on."""

import json
import random
import re
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .device import (
    CONNECT,
    configuration,
    event,
    exchange_body,
    file_item,
    hs256,
    jwt,
    model,
    ready,
    sample,
    timeseries,
)

T0 = "2026-01-05T08:00:00.000Z"
SPLICES = [
    b"--OUT",
    b"--IN--",
    b"\r\n\r\n",
    b"\n",
    b"{",
    b"}",
    b"[",
    b'"',
    b"\\u",
    b"\x00",
    b"\xff",
    b"",
]
EVENT_MAPPING = {
    "eventTypeId": "Press",
    "eventTypeName": "Press",
    "eventTypeFieldName": "source",
    "eventTypeFieldValue": "1",
}
COUNTS = re.compile(r"Total [a-z ]+: (\d+), valid: (-?\d+), dropped: (\d+) ")
few = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4)
    ),
    max_leaves=12,
)


@pytest.fixture
def device(hub):
    return ready(hub)


def alive(hub, device):
    """The worker processes and the hub stores: nothing died."""
    device.send(event(id="alive"))
    hub.settle()
    return any(line["event"]["id"] == "alive" for line in hub.events())


def test_damaged_exchanges_are_taken_or_refused_with_400(hub, device, figure):
    """Promise: random damage to a good body never causes another answer than 200, 400 or 413."""
    good = exchange_body(
        timeseries(sample(T0, P1="1")), event(), file_item("f", b"\r\nx"), model(configuration())
    )
    dice = random.Random(20260105)
    statuses = {}
    for _ in range(600):
        body = bytearray(good)
        for _ in range(dice.randint(1, 4)):
            at = dice.randrange(len(body) + 1)
            body[at : at + dice.choice((0, 1, 5, 60))] = dice.choice(SPLICES)
        status = device.exchange(bytes(body)).status
        statuses[status] = statuses.get(status, 0) + 1
    figure("emulator: damaged exchanges by status", statuses)
    assert set(statuses) <= {200, 400}
    assert statuses[400] > 100
    assert alive(hub, device)
    assert not any(
        line["kind"] not in ("timeseries", "event", "file", "model", "custom")
        for line in hub.received()
    )


@few
@given(
    kind=st.sampled_from(
        ["standardTimeSeries", "businessEvent", "dataSourceConfiguration", "file"]
    ),
    details=json_values,
    content=json_values,
)
def test_any_json_in_an_item_is_taken_or_refused(hub, device, kind, details, content):
    payload = {"type": kind, "version": "1.0", "details": details}
    body = exchange_body((payload, "application/json", json.dumps(content).encode()))
    assert device.exchange(body).status in (200, 400)
    hub.settle()


@few
@given(
    timestamp=st.text(max_size=30) | json_values,
    point=st.sampled_from(["P1", "CNT"]) | json_values,
    value=json_values | st.text(max_size=20),
    quality=json_values,
)
def test_any_sample_is_taken_and_stored_or_dropped(hub, device, timestamp, point, value, quality):
    entry = {"dataPointId": point, "value": value, "qualityCode": quality}
    item = timeseries(
        {"timestamp": timestamp, "values": [entry]}, {"timestamp": T0, "values": [entry]}
    )
    status = device.exchange(exchange_body(item)).status
    # NaN, infinity and lone surrogates are no JSON; everything else is well-formed.
    assert status in (200, 400)
    hub.settle()
    list(hub.stored())
    list(hub.received())
    for record in hub.recoverable_records():
        total, valid, dropped = map(int, COUNTS.match(record["dropReason"]).groups())
        assert 0 < dropped <= total, record
        assert valid == total - dropped


@few
@given(
    changes=st.dictionaries(
        st.sampled_from(["id", "timestamp", "severity", "type", "description", "details"]),
        json_values,
    )
)
def test_any_event_is_stored_or_dropped(hub, device, changes):
    assert device.exchange(exchange_body(event(**changes))).status in (200, 400)
    hub.settle()
    hub.events()


@few
@given(body=json_values)
def test_any_json_as_configuration_or_mapping_is_answered(hub, device, body):
    assert device.put_configuration(json.dumps(body), "*").status in (400, 412)
    assert device.call("POST", CONNECT + "/dataPointMappings", json.dumps(body)).status in (
        400,
        403,
    )
    assert device.register(body=json.dumps(body)).status in (400, 401)
    assert device.rotate(body=json.dumps(body)).status in (400, 401)


@settings(few, max_examples=50)
@given(
    changes=st.dictionaries(
        st.sampled_from(sorted(("agentId", "assetId", *EVENT_MAPPING))),
        json_values | st.text(max_size=300),
    ),
    details=json_values | st.dictionaries(st.sampled_from(["source", "code"]), json_values),
)
def test_any_event_mapping_and_any_event_against_it_are_answered(hub, device, changes, details):
    path = CONNECT + "/eventMappings"
    body = {"agentId": device.id, "assetId": device.id, **EVENT_MAPPING, **changes}
    got = device.call("POST", path, json.dumps(body))
    assert got.status in (201, 400, 403, 409), got.body
    if got.status == 201:
        one = f"{path}/{got.json['id']}"
        changed = device.call("PATCH", one, json.dumps(changes), If_Match="1")
        assert changed.status in (200, 400, 403, 409), changed.body
    sent = exchange_body(event(type="Press", details=details))
    assert device.exchange(sent).status in (200, 400)
    hub.settle()
    assert {line["asset"] for line in hub.events()} <= {device.id}


@few
@given(query=st.text(alphabet=st.characters(min_codepoint=33, max_codepoint=126), max_size=60))
def test_any_query_is_answered(hub, device, query):
    path = CONNECT + "/dataPointMappings"
    assert device.call("GET", f"{path}?{query}").status in (200, 400)
    assert device.call("GET", f"{path}?filter={query}").status in (200, 400)
    assert device.call("GET", f"{path}/{query.replace('?', '')}").status in (200, 404)


@few
@given(
    changes=st.dictionaries(
        st.sampled_from(["iss", "sub", "aud", "iat", "nbf", "exp", "ten", "schemas", "jti"]),
        json_values,
        min_size=1,
    )
)
def test_any_claims_are_answered_with_200_or_400(hub, device, changes):
    claims = {**device.claims(), **changes}
    got = device.ask_token(jwt(claims, hs256(device.answer["client_secret"])))
    assert got.status in (200, 400)


@few
@given(assertion=st.text(alphabet="abcXYZ019._-=+/ ", max_size=80))
def test_any_assertion_is_answered_with_400(hub, device, assertion):
    assert device.ask_token(assertion).status == 400


@few
@given(
    method=st.sampled_from(["POST", "PUT", "GET", "DELETE"]),
    path=st.sampled_from(
        [
            "/diagnosticActivations",
            "/diagnosticActivations/ID",
            "/diagnosticActivations/ID/messages",
            "/diagnosticInformation",
            "/recoverableRecords",
            "/recoverableRecords/nobody/replay",
            "/recoverableRecords/nobody/downloadLink",
        ]
    ),
    body=json_values,
    condition=json_values,
    sort=st.sampled_from(["", "timestamp,desc", "requestTime", ",,", "desc", "id,asc"]),
)
def test_any_question_about_diagnostics_is_answered(
    hub, device, method, path, body, condition, sort
):
    wanted = quote(json.dumps({"severity": condition, "correlationId": condition}))
    place = CONNECT + path.replace("ID", device.id) + f"?filter={wanted}&sort={sort}"
    text = json.dumps(body) if method in ("POST", "PUT") else None
    status = device.call(method, place, text).status
    assert status in (200, 201, 204, 400, 404, 405, 409)
