"""Bulk import: jobs, all or nothing, region Europe 2, hidden for 7 days (services API 2, 1.11)."""

import json
from datetime import datetime, timedelta, timezone

import pytest

from .application import Application
from .model import machine

BULK = "/api/iottsbulk/v3"
FILES = "/api/iotfile/v3/files"
DAY_S = 86_400


def ago(**past):
    moment = datetime.now(timezone.utc) - timedelta(**past)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@pytest.fixture
def app(hub):
    hub.change_settings(token_life_s=30 * DAY_S)
    return Application(hub)


@pytest.fixture
def asset(app):
    return machine(app)


def upload(app, asset, records, path="bulk/motor.json"):
    content = records if isinstance(records, bytes) else json.dumps(records).encode()
    assert app.call("PUT", f"{FILES}/{asset}/{path}", content).status == 201


def job(
    app, asset, key="filePath", path="bulk/motor.json", since=None, files=None, aspect="motor"
):
    one = {key: path, "from": since or ago(days=60), "to": ago(seconds=-60)}
    entry = {"entity": asset, "propertySetName": aspect, "timeseriesFiles": files or [one]}
    return app.call("POST", f"{BULK}/importJobs", {"data": [entry]})


def state(app, got):
    assert got.status == 201, got.body
    assert got.headers["location"].endswith(f"{BULK}/importJobs/{got.json['id']}")
    assert got.json["status"] == "SUBMITTED"
    shown = app.call("GET", f"{BULK}/importJobs/{got.json['id']}").json
    assert shown["jobId"] == shown["id"]
    return shown["status"], shown["message"]


def normal(app, asset, days=80):
    path = (
        f"/api/iottimeseries/v3/timeseries/{asset}/motor?from={ago(days=days)}&to={ago(days=-9)}"
    )
    return [one["rpm"] for one in app.call("GET", path).json]


def in_bulk(app, asset, more=""):
    path = f"{BULK}/timeseries/{asset}/motor?from={ago(days=80)}&to={ago(days=-9)}{more}"
    return app.call("GET", path)


@pytest.mark.parametrize("key", ["filePath", "filepath"])
def test_what_was_imported_is_hidden_from_the_normal_read_for_seven_days(hub, app, asset, key):
    """Promise: a record shows when it is 7 days old, and the bulk read shows it at once."""
    times = [ago(days=8), ago(days=6), ago(hours=1)]
    upload(app, asset, [{"_time": time, "rpm": n} for n, time in enumerate(times)])
    assert state(app, job(app, asset, key)) == ("SUCCESS", "All files were imported.")
    assert [one["rpm"] for one in in_bulk(app, asset).json["records"]] == [0, 1, 2]
    for offset_s, seen in (
        (0, [0]),
        (DAY_S - 120, [0]),
        (DAY_S + 120, [0, 1]),
        (7 * DAY_S - 7200, [0, 1]),
        (7 * DAY_S, [0, 1, 2]),
    ):
        hub.set_clock(offset_s)
        assert normal(app, asset) == seen, offset_s


def test_simulation_assets_are_refused_in_europe_2_alone(hub, app):
    asset = machine(app, twinType="simulation")
    upload(app, asset, [{"_time": ago(hours=1), "rpm": 1}])
    assert state(app, job(app, asset))[0] == "SUCCESS"
    hub.change_settings(region="eu2")
    got = job(app, asset)
    assert got.status == 400
    assert "Europe 2" in got.json["message"]
    assert {"timestamp", "status", "error", "exception", "message", "path"} == set(got.json)
    other = machine(app, "Pump 2")
    upload(app, other, [{"_time": ago(hours=1), "rpm": 1}])
    assert state(app, job(app, other))[0] == "SUCCESS"


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b"{}",
        [{"rpm": 1}],
        [{"_time": ago(hours=1), "rpm": "x"}],
        [{"_time": ago(hours=1), "nobody": 1}],
        [{"_time": ago(hours=1), "rpm": 1}, {"_time": ago(hours=2), "rpm": 2}],
        [{"_time": ago(days=70), "rpm": 1}],
    ],
)
def test_one_bad_file_refuses_the_whole_job(app, asset, content):
    """Promise: the job ends with ERROR and a reason, and nothing of it is stored."""
    upload(app, asset, [{"_time": ago(days=9), "rpm": 1}], "good.json")
    upload(app, asset, content, "bad.json")
    files = [
        {"filePath": path, "from": ago(days=60), "to": ago(seconds=-60)}
        for path in ("good.json", "bad.json")
    ]
    status, message = state(app, job(app, asset, files=files))
    assert status == "ERROR"
    assert "bad.json" in message
    assert in_bulk(app, asset).json["records"] == []


def test_a_file_that_is_not_there_ends_the_job(app, asset):
    assert state(app, job(app, asset, path="nobody.json"))[0] == "ERROR"


@pytest.mark.parametrize(("number", "status"), [(1, 201), (100, 201), (101, 400), (0, 400)])
def test_a_job_takes_at_most_a_hundred_files(app, asset, number, status):
    one = {"filePath": "bulk/motor.json", "from": ago(days=60), "to": ago(days=1)}
    entry = {"entity": asset, "propertySetName": "motor", "timeseriesFiles": [one] * number}
    assert app.call("POST", f"{BULK}/importJobs", {"data": [entry]}).status == status


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"data": []},
        {"data": [{}, {}]},
        {"data": [7]},
        {"data": [{"entity": 7}]},
        {"data": [{"entity": "x", "propertySetName": "y", "timeseriesFiles": [7]}]},
        {"data": [{"entity": "x", "propertySetName": "y", "timeseriesFiles": [{}]}]},
        {
            "data": [
                {
                    "entity": "x",
                    "propertySetName": "y",
                    "timeseriesFiles": [{"filePath": "f", "from": ago(days=1), "to": ago(days=2)}],
                }
            ]
        },
    ],
)
def test_what_is_no_job_is_400(app, body):
    assert app.call("POST", f"{BULK}/importJobs", body).status == 400


def test_the_bulk_read_goes_on_where_next_record_says(app, asset):
    records = [{"_time": ago(days=9, minutes=-n), "rpm": n} for n in range(5)]
    upload(app, asset, records)
    job(app, asset)
    got = in_bulk(app, asset, "&limit=2&select=rpm").json
    seen = []
    while True:
        seen += [one["rpm"] for one in got["records"]]
        if "nextRecord" not in got:
            break
        url = got["nextRecord"]
        got = app.call("GET", url[url.index("/api") :]).json
    assert seen == [0, 1, 2, 3, 4]
    for bad in ("&limit=0", "&limit=100001", "&limit=x", "&select=nobody"):
        assert in_bulk(app, asset, bad).status == 400
    path = f"{BULK}/timeseries/{asset}/motor"
    assert app.call("GET", path).status == 400
    assert app.call("GET", f"{path}?from={ago(days=91)}&to={ago(days=0)}").status == 400


def test_another_tenants_assets_and_jobs_are_refused(hub, app, asset):
    upload(app, asset, [{"_time": ago(days=9), "rpm": 1}])
    made = job(app, asset).json["id"]
    neighbour = Application(hub, tenant="otherdev")
    assert job(neighbour, asset).status == 403
    assert in_bulk(neighbour, asset).status == 403
    assert neighbour.call("GET", f"{BULK}/importJobs/{made}").status == 404
    assert job(app, asset, aspect="nobody").status == 404
