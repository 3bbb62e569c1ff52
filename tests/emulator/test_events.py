"""Event Management v3: events, queries, jobs (services API 4.1 to 4.3 and 4.5)."""

import json
import time
from datetime import datetime, timedelta, timezone
from urllib.parse import quote

import pytest

from .application import Application
from .device import call, event, onboarded
from .model import ASSETS, post_asset

EM = "/api/eventmanagement/v3"
STANDARD = "com.siemens.mindsphere.eventmgmt.event.type.MindSphereStandardEvent"
BASE = "com.siemens.mindsphere.eventmgmt.event.type.BaseEvent"


def ago(**past):
    moment = datetime.now(timezone.utc) - timedelta(**past)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@pytest.fixture
def app(hub):
    return Application(hub)


@pytest.fixture
def asset(app):
    return post_asset(app).json["assetId"]


def body(asset, **changes):
    made = {"entityId": asset, "timestamp": ago(minutes=1), "severity": 20, **changes}
    return {name: value for name, value in made.items() if value is not None}


def post(app, asset, **changes):
    return app.call("POST", f"{EM}/events", body(asset, **changes))


def query(app, wanted=None, more=""):
    text = "" if wanted is None else quote(json.dumps(wanted), safe="")
    return app.call("GET", f"{EM}/events?filter={text}{more}")


def found(got, name="code"):
    assert got.status == 200, got.body
    return [one.get(name) for one in got.json.get("_embedded", {}).get("events", [])]


def test_an_event_is_answered_with_everything_filled_in_and_read_back(app, asset):
    sent = body(
        asset,
        code="E-117",
        source="drive 4",
        description="overtemperature",
        acknowledged=False,
        sourceType="Agent",
        sourceId="press-07",
    )
    got = app.call("POST", f"{EM}/events?includeShared=", sent)
    assert got.status == 201
    assert got.headers["content-type"] == "application/hal+json"
    made = got.json
    link = made.pop("_links")["self"]["href"]
    assert link.endswith(f"{EM}/events/{made['id']}")
    assert got.headers["location"] == link
    assert made["etag"] == 1
    assert made["typeId"] == STANDARD
    assert {name: made[name] for name in sent} == sent
    read = app.call("GET", f"{EM}/events/{made['id']}")
    assert read.json == {**made, "_links": {"self": {"href": link}}}
    assert app.call("GET", f"{EM}/events/{made['id']}", If_None_Match="1").status == 304
    assert app.call("GET", f"{EM}/events/nobody").status == 404


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"timestamp": None}, 400),
        ({"timestamp": "yesterday"}, 400),
        ({"entityId": None}, 400),
        ({"entityId": "0" * 32}, 404),
        ({"severity": "20"}, 400),
        ({"severity": True}, 400),
        ({"severity": 2**31 - 1}, 201),
        ({"severity": 2**31}, 400),
        ({"severity": None}, 201),
        ({"description": "x" * 255}, 201),
        ({"description": "x" * 256}, 400),
        ({"acknowledged": "no"}, 400),
        ({"unheard": 1}, 400),
        ({"typeId": "nobody"}, 400),
        ({"typeId": 7}, 400),
        ({"correlationId": "x" * 128}, 201),
        ({"correlationId": "x" * 129}, 400),
        ({"id": "mine", "etag": 7}, 201),
    ],
)
def test_each_rule_of_an_event_at_its_limit_and_beyond(app, asset, changes, status):
    got = post(app, asset, **changes)
    assert got.status == status, got.body
    if status >= 400:
        (error,) = got.json  # a bare array, unlike all other services (7.1)
        assert error["message"]
        assert error["logref"]
        assert got.headers["content-type"] == "application/vnd.error+json"


def test_events_are_found_by_each_kind_of_condition(app):
    area = post_asset(app, "Area", "core.basicarea").json["assetId"]
    one = post_asset(app, "One", parent=area).json["assetId"]
    two = post_asset(app, "Two", "core.basicsite").json["assetId"]
    post(app, one, code="A", source="drive", timestamp=ago(hours=3), correlationId="m1")
    post(app, one, code="B", severity=30, timestamp=ago(hours=2), acknowledged=True)
    post(app, two, code="C", severity=40, timestamp=ago(hours=1))
    for wanted, codes in (
        (None, ["C", "B", "A"]),
        ({"entityId": one}, ["B", "A"]),
        ({"severity": {"in": [20, 30]}}, ["B", "A"]),
        ({"code": "C"}, ["C"]),
        ({"source": {"contains": "riv"}}, ["A"]),
        ({"acknowledged": True}, ["B"]),
        ({"correlationId": "m1"}, ["A"]),
        ({"typeId": STANDARD, "severity": 30}, ["B"]),
        ({"or": [{"code": "A"}, {"code": "C"}]}, ["C", "A"]),
        ({"not": {"code": "A"}}, ["C", "B"]),
        ({"assetTypeId": "core.basicsite"}, ["C"]),
        ({"parentAssetId": area}, ["B", "A"]),
        ({"timestamp": {"after": ago(minutes=90)}}, ["C"]),
        ({"timestamp": {"before": ago(minutes=90)}}, ["B", "A"]),
        ({"timestamp": {"after": ago(minutes=150), "before": ago(minutes=90)}}, ["B"]),
        ({"timestamp": {"between": f"[{ago(hours=4)},{ago(minutes=150)})"}}, ["A"]),
    ):
        assert found(query(app, wanted)) == codes, wanted


@pytest.mark.parametrize(
    "wanted",
    [
        {"unheard": 1},
        {"description": "x"},
        {"typeId": BASE},
        {"typeId": {"in": [STANDARD]}},
        {"not": {"typeId": STANDARD}},
        {"or": [{"typeId": STANDARD}]},
        {"typeId": "nobody"},
        {"assetTypeId": {"in": list("abcdef")}},
        {"timestamp": {"after": "yesterday"}},
        [],
        "text",
    ],
)
def test_what_is_no_filter_for_events_is_400(app, asset, wanted):
    post(app, asset)
    assert query(app, wanted).status == 400
    assert app.call("GET", f"{EM}/events?filter=%7B").status == 400
    assert query(app, {"assetTypeId": {"in": list("abcde")}}).status == 200


def test_without_a_time_only_seven_days_are_looked_at(app, asset):
    post(app, asset, code="new", timestamp=ago(days=7, minutes=-1))
    post(app, asset, code="old", timestamp=ago(days=7, minutes=1))
    assert found(query(app)) == ["new"]
    assert found(query(app, {"timestamp": {"after": ago(days=30)}})) == ["new", "old"]


def test_of_one_matter_only_the_newest_is_told_unless_history_is_asked_for(app, asset):
    other = post_asset(app, "Other").json["assetId"]
    for minutes in (3, 2, 1):
        post(app, asset, correlationId="m", code=str(minutes), timestamp=ago(minutes=minutes))
    post(app, other, correlationId="m", code="other", timestamp=ago(minutes=5))
    assert found(query(app)) == ["1", "other"]
    assert found(query(app, more="&history=true")) == ["1", "2", "3", "other"]


def test_pages_of_events_neither_lose_nor_repeat(app, asset):
    for number in range(45):
        post(app, asset, code=f"{number:02}", timestamp=ago(minutes=number + 1))
    seen, url = [], f"{EM}/events"
    while url:
        got = app.call("GET", url)
        assert got.json["page"]["totalElements"] == 45
        seen += found(got)
        url = got.json["_links"].get("next", {}).get("href")
        url = url and url[url.index("/api") :]
    assert seen == [f"{number:02}" for number in range(45)]
    assert found(query(app, more="&sort=code,desc&size=2")) == ["44", "43"]


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ("size=500", 200),
        ("size=501", 400),
        ("page=x", 400),
        ("sort=timestamp,asc", 200),
        ("sort=description", 400),
    ],
)
def test_paging_parameters_of_events(app, more, status):
    assert app.call("GET", f"{EM}/events?{more}").status == status


def test_a_correction_needs_its_etag_and_keeps_what_must_stay(app, asset):
    made = post(app, asset, code="E-1").json
    path = f"{EM}/events/{made['id']}"
    change = {name: made[name] for name in ("correlationId", "timestamp", "entityId")}
    change = {**change, "severity": 30, "code": "E-2"}
    assert app.call("PUT", path, change).status == 400
    assert app.call("PUT", path, change, If_Match="7").status == 412
    for name in ("correlationId", "timestamp", "entityId"):
        less = {key: value for key, value in change.items() if key != name}
        assert app.call("PUT", path, less, If_Match="1").status == 400, name
    others = (
        {"correlationId": "other"},
        {"timestamp": ago(days=1)},
        {"entityId": "0" * 32},
        {"severity": "x"},
    )
    for other in others:
        assert app.call("PUT", path, {**change, **other}, If_Match="1").status == 400, other
    got = app.call("PUT", path, change, If_Match="1")
    assert (got.status, got.json["etag"], got.json["code"]) == (200, 2, "E-2")
    assert app.call("PUT", path, {**made, "code": "E-3"}, If_Match="2").json["code"] == "E-3"


def test_events_of_an_exchange_are_read_back_on_the_agents_asset(hub, app):
    """Promise: a standard event with the fields of `details`, found by its correlation (4.5)."""
    device = onboarded(hub)
    details = {"source": "pump block", "code": "E-113", "acknowledged": False, "odd": [1]}
    sent = {"id": "e-1", "timestamp": ago(minutes=1), "description": "pressure", "severity": 20}
    device.send(event(**sent, details=details, correlationId="batch-4711"))
    device.send(event(**sent, details=details, correlationId="batch-4711"))
    hub.settle()
    got = query(app, {"entityId": device.id, "correlationId": "batch-4711"})
    (shown,) = got.json["_embedded"]["events"]
    assert shown["typeId"] == STANDARD
    assert (shown["source"], shown["code"], shown["acknowledged"]) == (
        "pump block",
        "E-113",
        False,
    )
    assert (shown["timestamp"], shown["description"], shown["severity"]) == (
        sent["timestamp"],
        "pressure",
        20,
    )
    assert "odd" not in shown
    assert hub.events()[0]["event"]["details"] == details


def test_an_agent_posts_and_reads_its_own_events(hub, app, asset):
    """Promise: the Node client's way: the agent's token, its id as `entityId` (4.5)."""
    device = onboarded(hub)
    sent = {"sourceType": "Agent", "sourceId": "press-07", "source": "pump block"}
    assert post(device, device.id, code="own", **sent).status == 201
    assert post(device, asset).status == 403
    post(app, asset, code="foreign")
    assert found(query(device)) == ["own"]
    hub.change_settings(agents_keep_to_themselves=False)
    assert post(device, asset, code="now").status == 201
    assert set(found(query(device))) == {"own", "foreign", "now"}


def test_another_tenants_events_are_refused_and_shared_ones_can_be_read(hub, app, asset):
    made = post(app, asset, code="mine").json
    path = f"{EM}/events/{made['id']}"
    neighbour = Application(hub, tenant="otherdev")
    assert neighbour.call("GET", path).status == 403
    assert post(neighbour, asset).status == 403
    assert neighbour.call("PUT", path, made, If_Match="1").status == 403
    assert found(query(neighbour, more="&includeShared=true")) == []
    call(hub.url, "POST", f"/_emulator/assets/{asset}/share", {"tenant": "otherdev"})
    assert neighbour.call("GET", path).status == 200
    assert found(query(neighbour, more="&includeShared=true")) == ["mine"]
    assert found(query(neighbour)) == []
    assert post(neighbour, asset).status == 403
    assert neighbour.call("PUT", path, made, If_Match="1").status == 403
    wanted = {"filter": {"typeId": STANDARD}}
    assert neighbour.call("POST", f"{EM}/deleteEventsJobs", wanted).status == 201
    assert found(query(app)) == ["mine"]


def test_many_events_are_created_each_with_a_result(hub, app, asset):
    given = [body(asset, code="good"), body(asset, severity="x"), 7]
    got = app.call("POST", f"{EM}/createEventsJobs", {"events": given})
    assert (got.status, got.json["state"]) == (201, "ACCEPTED")
    job = app.call("GET", f"{EM}/createEventsJobs/{got.json['id']}").json
    assert job["state"] == "FINISHED_WITH_ERROR"
    assert [one["resultCode"] for one in job["details"]["resultDescription"]] == [
        "201",
        "400",
        "400",
    ]
    assert found(query(app)) == ["good"]
    assert app.call("GET", f"{EM}/deleteEventsJobs/{got.json['id']}").status == 404
    neighbour = Application(hub, tenant="otherdev")
    assert neighbour.call("GET", f"{EM}/createEventsJobs/{got.json['id']}").status == 404


@pytest.mark.parametrize(("number", "status"), [(1, 201), (50, 201), (51, 400), (0, 400)])
def test_a_job_creates_at_most_fifty(app, asset, number, status):
    given = {"events": [body(asset)] * number}
    assert app.call("POST", f"{EM}/createEventsJobs", given).status == status


def test_events_are_deleted_by_filter_with_an_obligatory_type(hub, app, asset):
    post(app, asset, code="A")
    post(app, asset, code="B")
    for bad in ({}, {"filter": {}}, {"filter": {"code": "A"}}, {"filter": "x"}):
        assert app.call("POST", f"{EM}/deleteEventsJobs", bad).status == 400
    wanted = {"filter": {"typeId": STANDARD, "code": "A"}}
    job = app.call("POST", f"{EM}/deleteEventsJobs", wanted).json["id"]
    assert found(query(app)) == ["B"]
    path = f"{EM}/deleteEventsJobs/{job}"
    assert app.call("GET", path).json["state"] == "FINISHED"
    hub.change_settings(token_life_s=10_000)
    app = Application(hub)
    for offset_s, status in ((7190, 200), (7210, 404)):
        hub.set_clock(offset_s)
        assert app.call("GET", path).status == status


def test_an_event_named_by_its_id_is_deleted_however_old_it_is(app, asset):
    """As Siemens' own command line does: `{"id", "typeId"}` and no time."""
    made = post(app, asset, code="A", timestamp=ago(days=300)).json
    post(app, asset, code="B", timestamp=ago(days=300))
    job = {"filter": {"id": made["id"], "typeId": STANDARD}}
    assert app.call("POST", f"{EM}/deleteEventsJobs", job).status == 201
    assert app.call("GET", f"{EM}/events/{made['id']}").status == 404
    assert found(query(app, {"timestamp": {"after": ago(days=301)}})) == ["B"]


def test_events_go_with_their_asset(app, asset):
    made = post(app, asset).json
    assert app.call("DELETE", f"{ASSETS}/assets/{asset}", If_Match="0").status == 204
    assert app.call("GET", f"{EM}/events/{made['id']}").status == 404


def test_the_billboard_is_there_with_and_without_a_slash(app):
    for path in (EM, EM + "/"):
        links = app.call("GET", path).json["_links"]
        assert {"self", "events", "eventTypes", "deleteEventsJobs", "createEventsJobs"} == set(
            links
        )


def test_ten_thousand_events_are_still_found_quickly(hub, app, asset, figure):
    """Promise: a page of a day's worth of events takes less than a second."""
    from mcagent.emulator import events

    running = hub._running
    arrival = events.Arrival(running.clock.now_ms(), running.settings, running.breaches)
    with running.store.transaction() as db:
        for number in range(10_000):
            checked = events.check_event(db, body(asset, code=str(number)), "localdev")
            events.post_event(db, asset, "", checked, body={}, arrival=arrival)
    started = time.process_time()  # what else this machine does is not counted
    assert len(found(query(app, {"severity": 20}))) == 20
    taken = time.process_time() - started
    figure("emulator: a page of 10 000 events", f"{taken * 1000:.0f} ms")
    assert taken < 1.0
