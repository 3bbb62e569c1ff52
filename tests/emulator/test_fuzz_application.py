"""Whatever an application sends, the hub answers with a documented status, and goes on."""

import base64
import dataclasses
import json
import math
import os
import random
import re
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mcagent.emulator.faults_rule import ACTIONS, Rule
from mcagent.emulator.scopes import OPERATIONS
from mcagent.emulator.seed_file import read_plant

from .application import Application, basic
from .device import call
from .model import ASSETS, aspect_type, asset_type, machine, post_asset, root
from .test_fuzz import json_values

STATUSES = {200, 201, 202, 204, 206, 304, 400, 401, 403, 404, 405, 409, 412, 413, 415, 416}
EM = "/api/eventmanagement/v3"
# A longer search than the suite's: FUZZ_EXAMPLES=5000 pytest tests/emulator/test_fuzz_application.py
few = settings(
    max_examples=int(os.environ.get("FUZZ_EXAMPLES", "60")),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
HEADERS = ("If-Match", "If-None-Match", "Range", "type", "description", "timestamp", "Accept")
texts = st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126), max_size=40)


@pytest.fixture
def app(hub):
    return Application(hub)


def replaced(dice, value, odd):
    """A copy of *value* with one random member or element replaced by *odd*."""
    if not isinstance(value, (dict, list)) or not value or dice.random() < 0.15:
        return odd
    if isinstance(value, dict):
        name = dice.choice(sorted(value))
        return {**value, name: replaced(dice, value[name], odd)}
    index = dice.randrange(len(value))
    return [*value[:index], replaced(dice, value[index], odd), *value[index + 1 :]]


def good_requests(asset, parent):
    """(method, path, body) of writes that a hub takes as they stand."""
    event = {"entityId": asset, "timestamp": "2026-03-04T05:06:07Z", "severity": 20}
    kind = {"name": "E", "fields": [{"name": "x", "type": "ENUM", "values": ["A"]}]}
    files = [{"filePath": "f", "from": "2026-03-04T05:06:07Z", "to": "2026-03-04T05:06:08Z"}]
    location = {"country": "x", "longitude": 1.5, "latitude": 2}
    made = {
        "name": "P",
        "typeId": "localdev.Machine",
        "parentId": parent,
        "location": location,
        "variables": [],
        "aspects": [],
    }
    operations = [{"op": "add", "path": "/fields", "value": [{"name": "y", "type": "STRING"}]}]
    aspects = [{"name": "m", "aspectTypeId": "localdev.Motor"}]
    return [
        ("PUT", f"{ASSETS}/aspecttypes/localdev.T", aspect_type("T")),
        ("PATCH", f"{ASSETS}/aspecttypes/localdev.Motor", {"description": "x"}),
        ("PATCH", f"{ASSETS}/aspecttypes/localdev.Motor/variables", {"n": {"dataType": "INT"}}),
        ("PUT", f"{ASSETS}/assettypes/localdev.T", asset_type("T", aspects=aspects)),
        ("POST", f"{ASSETS}/assets", made),
        ("PATCH", f"{ASSETS}/assets/{asset}", {"location": location}),
        ("PUT", f"{ASSETS}/assets/{asset}/location", location),
        ("POST", f"{ASSETS}/assets/{asset}/move", {"newParentId": parent}),
        ("POST", f"{EM}/events", event),
        ("POST", f"{EM}/createEventsJobs", {"events": [event]}),
        ("POST", f"{EM}/deleteEventsJobs", {"filter": {"typeId": "x", "code": "y"}}),
        ("POST", f"{EM}/eventTypes", kind),
        ("PATCH", f"{EM}/eventTypes/localdev.E", operations),
        (
            "POST",
            "/api/iottsbulk/v3/importJobs",
            {"data": [{"entity": asset, "propertySetName": "motor", "timeseriesFiles": files}]},
        ),
        ("POST", "/_emulator/seed", read_plant("wind-farm")),
        ("POST", "/_emulator/applications", {"name": "x", "version": "1", "users": []}),
        ("POST", "/_emulator/token", {"scopes": [], "tenant": "localdev"}),
    ]


def send(app, method, path, body):
    """Send a change with the etag that its resource has now."""
    resource = re.sub(r"/(variables|location|move)$", "", path)
    etag = app.call("GET", resource).headers.get("etag", "0")
    headers = {"If_Match": etag} if method == "PATCH" or resource != path else {}
    if method == "PUT" and path.endswith("/location"):
        headers = {"If_Match": etag}
    return app.call(method, path, body, **headers)


@pytest.mark.slow
def test_good_bodies_with_one_odd_value_are_taken_or_refused(hub, app, figure):
    """Promise: whatever stands in whatever place, no answer is a 500 and every refusal speaks."""
    asset, parent = machine(app), root(app)
    app.call("POST", f"{EM}/eventTypes", {"id": "localdev.E", "name": "E"})
    odd = [
        None,
        True,
        0,
        -1,
        2**70,
        1.5,
        "",
        "x" * 300,
        "\x00",
        "é",
        [],
        {},
        [[]],
        [None],
        {"": 0},
        10**400,
        math.inf,
    ]
    dice = random.Random(20260106)
    statuses = {}
    for _ in range(50):
        for method, path, body in good_requests(asset, parent):
            changed = replaced(dice, body, dice.choice(odd))
            sent = json.dumps(changed).replace("Infinity", "1e999")  # JSON, and no double
            got = send(app, method, path, sent)
            statuses[got.status] = statuses.get(got.status, 0) + 1
            assert got.status in STATUSES, (method, path, changed, got.body)
            if got.status >= 400:
                assert json.loads(got.body), (method, path)
            elif got.body:
                json.loads(got.body, parse_constant=pytest.fail)
    figure("emulator: bodies with one odd value by status", dict(sorted(statuses.items())))
    assert statuses[400] > 300
    assert post_asset(app, "alive").status == 201


def test_the_bodies_that_are_damaged_above_are_good_as_they_stand(app):
    """Promise: what is refused above was refused for its odd value."""
    asset = machine(app)
    app.call("POST", f"{EM}/eventTypes", {"id": "localdev.E", "name": "E"})
    for method, path, body in good_requests(asset, root(app)):
        got = send(app, method, path, body)
        expected = {400} if "deleteEventsJobs" in path else {200, 201, 204}  # no such type
        assert got.status in expected, (method, path, got.body)


@few
@given(
    name=st.sampled_from(sorted(OPERATIONS)),
    body=st.binary(max_size=60) | json_values.map(lambda value: json.dumps(value).encode()),
    query=texts,
    part=texts,
    header=st.sampled_from(HEADERS),
    value=texts,
)
def test_any_request_to_any_operation_is_answered(
    hub, app, name, body, query, part, header, value
):
    method, path = name.split(" ")
    path = re.sub(r"\{\w+(:path)?\}", quote(part, safe=""), path) + "?" + quote(query, safe="&=")
    headers = {"Authorization": f"Bearer {app.token}", header: value}
    got = call(hub.url, method, path, body, headers)
    assert got.status in STATUSES, (method, path, headers, body, got.body)


@pytest.mark.slow
@few
@given(wanted=json_values | st.text(max_size=40))
def test_any_filter_is_answered(hub, app, wanted):
    machine(app, "Pump")
    app.call("POST", f"{EM}/events", {"entityId": root(app), "timestamp": "2026-03-04T05:06:07Z"})
    text = quote(wanted if isinstance(wanted, str) else json.dumps(wanted), safe="")
    for path in ("/assets", "/aspecttypes", "/assettypes"):
        assert app.call("GET", f"{ASSETS}{path}?filter={text}").status in (200, 400)
    for path in ("/events", "/eventTypes"):
        assert app.call("GET", f"{EM}{path}?filter={text}").status in (200, 400)
    assert app.call("GET", f"/api/iotfile/v3/files/{root(app)}?filter={text}").status == 200


operators = st.sampled_from(
    ["eq", "in", "startsWith", "endsWith", "contains", "before", "after", "between", "value"]
)
fields = st.sampled_from(["name", "typeId", "timestamp", "severity", "assetTypeId", "entityId"])
conditions = st.recursive(
    st.dictionaries(fields, json_values | st.dictionaries(operators, json_values, max_size=2)),
    lambda inner: st.dictionaries(
        st.sampled_from(["and", "or", "not"]), inner | st.lists(inner, max_size=3), max_size=2
    ),
    max_leaves=6,
)


@pytest.mark.slow
@few
@given(wanted=conditions)
def test_filters_that_are_nearly_right_are_answered(hub, app, wanted):
    app.call("POST", f"{EM}/events", {"entityId": root(app), "timestamp": "2026-03-04T05:06:07Z"})
    text = quote(json.dumps(wanted), safe="")
    assert app.call("GET", f"{ASSETS}/assets?filter={text}").status in (200, 400)
    assert app.call("GET", f"{EM}/events?filter={text}").status in (200, 400)


@few
@given(
    header=json_values,
    claims=json_values
    | st.dictionaries(
        st.sampled_from(["scope", "ten", "sub", "exp", "iat", "aud", "jti"]), json_values
    ),
    signature=st.binary(max_size=300),
)
def test_any_token_is_401(hub, header, claims, signature):
    """Promise: what the hub did not sign opens nothing, whatever it says."""
    parts = [json.dumps(header).encode(), json.dumps(claims).encode(), signature]
    token = ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)
    bearer = {"Authorization": f"Bearer {token}"}
    assert call(hub.url, "GET", f"{ASSETS}/assets", None, bearer).status == 401


@few
@given(
    claims=st.dictionaries(
        st.sampled_from(["scope", "ten", "sub", "exp", "iat", "cat"]), json_values, min_size=1
    )
)
def test_any_claims_under_the_hubs_own_signature_are_answered(hub, claims):
    now_s = hub._running.clock.now_s()
    base = {"scope": ["asm.r"], "ten": "localdev", "sub": "x", "exp": now_s + 60}
    token = hub._running.keys.issue({**base, **claims})
    bearer = {"Authorization": f"Bearer {token}"}
    assert call(hub.url, "GET", f"{ASSETS}/assets", None, bearer).status in (200, 401, 403)


@pytest.mark.slow
@few
@given(header=texts, body=st.binary(max_size=80))
def test_any_credentials_are_refused(hub, header, body):
    for path in ("/oauth/token", "/api/technicaltokenmanager/v3/oauth/token"):
        for headers in (
            {"Authorization": header},
            {"X-SPACE-AUTH-KEY": header},
            {"Authorization": basic("localdev-x", "y")},
        ):
            got = call(hub.url, "POST", path, body, headers)
            assert got.status in (400, 401)
            assert got.json["error"]


@pytest.mark.slow
@few
@given(steps=st.lists(st.tuples(texts, texts, st.binary(max_size=8)), max_size=5))
def test_any_steps_of_an_upload_are_answered(hub, app, steps):
    path = f"/api/iotfile/v3/files/{root(app)}/f"
    for upload, part, content in steps:
        step = upload if len(upload) > 20 else ("start", "complete", "abort")[len(upload) % 3]
        query = f"part={quote(part)}" if len(part) % 2 else f"upload={quote(step)}"
        got = app.call("PUT", f"{path}?{query}", content)
        assert got.status in (200, 201, 400, 404, 409)


near_rules = st.dictionaries(
    st.sampled_from([member.name for member in dataclasses.fields(Rule)] + ["hits", "x"]),
    json_values | st.sampled_from([*ACTIONS, "2026-03-01T08:00:00Z", 1, 0.5, True]),
    max_size=6,
)


@few
@given(rule=near_rules, action=st.sampled_from(sorted(ACTIONS)), settings=json_values)
def test_any_fault_rule_and_setting_is_taken_whole_or_refused(hub, rule, action, settings):
    """Promise: what was taken is shown, can be put back and carried out; the rest changed nothing."""
    hub.set_faults([])
    value = {"action": action, **rule}
    got = call(hub.url, "POST", "/_emulator/faults", json.dumps(value))
    assert got.status in (201, 400)
    shown = hub.faults()
    assert len(shown) == (got.status == 201)
    if got.status == 400:
        assert got.json["message"]
    assert call(hub.url, "PUT", "/_emulator/faults", json.dumps(shown)).status == 200
    assert [{**one, "label": ""} for one in hub.faults()] == [
        {**one, "label": "", "hits": 0} for one in shown
    ]
    assert call(hub.url, "PUT", "/_emulator/faults", json.dumps([value, 5])).status == 400
    before = hub.state()["settings"]
    changed = {"token_life_s": 5, "unknown": settings}
    assert call(hub.url, "PUT", "/_emulator/settings", json.dumps(changed)).status == 400
    assert hub.state()["settings"] == before
    hub.set_faults([])
