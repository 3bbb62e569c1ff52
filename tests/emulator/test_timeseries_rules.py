"""Restrictions of the time series service: rate, deletion, asynchronous writes (1.4, 1.7, 1.9)."""

import json

import pytest

from mcagent.emulator import Emulator
from mcagent.emulator.times import format_time
from mcagent.emulator.timeseries_rules import Throttle
from tests.patience import with_more_time

from .application import Application
from .plant import BASE, DAY_S, Plant, at

HOUR_MS = 3_600_000
T0 = 1767600000000  # 2026-01-05T08:00:00Z, a full hour


@pytest.fixture
def plant(hub):
    return Plant(hub)


def hours(number, millis=0):
    return format_time(T0 + number * HOUR_MS + millis)


# -- rate ---------------------------------------------------------------------------------------


def test_one_seconds_worth_passes_and_one_byte_more_does_not():
    throttle = Throttle()
    assert throttle.take(("a", "b"), 60, 100, 0)
    assert throttle.take(("a", "b"), 40, 100, 0)
    assert not throttle.take(("a", "b"), 1, 100, 0)
    assert throttle.take(("a", "c"), 100, 100, 0)  # each aspect has its own
    assert not throttle.take(("a", "b"), 51, 100, 500)
    assert throttle.take(("a", "b"), 50, 100, 500)


def test_a_body_larger_than_a_seconds_worth_passes_once_nothing_is_left():
    """1 MB is allowed in one body, 100 kB in a second: its successor waits ten seconds."""
    throttle = Throttle()
    assert throttle.take(("a", "b"), 1000, 100, 0)
    assert not throttle.take(("a", "b"), 1, 100, 8999)
    assert not throttle.take(("a", "b"), 100, 100, 9990)
    assert throttle.take(("a", "b"), 99, 100, 9990)
    assert not throttle.take(("a", "b"), 1000, 100, 10_980)
    assert throttle.take(("a", "b"), 1000, 100, 10_990)


def test_a_clock_that_goes_back_frees_nothing():
    throttle = Throttle()
    assert throttle.take(("a", "b"), 100, 100, 5000)
    assert not throttle.take(("a", "b"), 1, 100, 0)
    assert throttle.take(("a", "b"), 1, 100, 1000)


@pytest.mark.parametrize("shape", ["service", "gateway"])
@pytest.mark.parametrize("after_s", [0, 3])
def test_too_much_a_second_is_a_429_in_either_shape(hub, plant, shape, after_s):
    hub.change_settings(put_bytes_per_s=1000, throttle_shape=shape, retry_after_s=after_s)
    record = [{"_time": at(1), "rpm": 1}]
    assert plant.call("PUT", plant.path(), json.dumps(record) + " " * 20_000).status == 204
    got = plant.call("PUT", plant.path(), record)
    assert got.status == 429
    if shape == "gateway":
        assert got.json == {"message": "API rate limit exceeded"}
    else:
        assert (got.json["status"], got.json["error"]) == (429, "Too Many Requests")
    assert got.headers.get("retry-after") == (str(after_s) if after_s else None)
    assert plant.put(*record, aspect="ambient").status == 204
    several = [{"entityId": plant.asset, "propertySetName": "motor", "data": record}]
    errors = plant.call("PUT", BASE, {"timeseries": several}).json["errors"]
    assert [error["status"] for error in errors] == [429]
    hub.set_clock(30)
    assert plant.put(*record).status == 204


def test_without_the_switch_too_much_is_noted(plant):
    body = json.dumps([{"_time": at(1), "rpm": 1}])
    for _ in range(2):
        assert plant.call("PUT", plant.path(), body + " " * 900_000).status == 204
    assert plant.hub.state()["breaches"] == {"put_bytes_per_s": 1}


# -- deletion -----------------------------------------------------------------------------------


def test_a_range_of_all_variables_is_deleted(plant):
    """Its start stays, its end goes; other aspects stay."""
    plant.write(*({"_time": at(n), "rpm": n, "load": n} for n in range(1, 6)))
    plant.write({"_time": at(3), "rpm": 3}, aspect="ambient")
    got = plant.delete(start=at(2), to=at(4))
    assert (got.status, got.body) == (204, b"")
    assert [record["rpm"] for record in plant.read(start=at(0))] == [1, 2, 5]
    assert plant.read("ambient") != []


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"start": at(1)},
        {"to": at(1)},
        {"start": at(1), "to": at(1)},
        {"start": at(2), "to": at(1)},
        {"start": "x", "to": at(1)},
        {"start": at(1), "to": at(2), "select": "rpm"},
    ],
)
def test_other_deletions_are_refused(plant, query):
    plant.write({"_time": at(2), "rpm": 1})
    assert plant.delete(**query).status == 400
    assert plant.read() != []


def test_a_deletion_asks_for_its_scope_and_its_aspect(hub, plant):
    writer = Application(hub, scopes=["iot.tim.r", "iot.tim.w"])
    path = f"{plant.path()}?from={at(0)}&to={at(9)}"
    assert writer.call("DELETE", path).status == 403
    assert plant.delete("motr", start=at(0), to=at(9)).status == 404


@pytest.fixture
def strict(hub):
    """A plant whose value came eight days ago, under the rules for deletions."""
    hub.change_settings(delete_rules=True)
    plant = Plant(hub)
    plant.write({"_time": at(1), "rpm": 1})
    hub.set_clock(8 * DAY_S)
    return plant.renew()


@pytest.mark.parametrize(
    ("start", "to", "status"),
    [
        (hours(0), hours(1), 204),
        (hours(0, 1), hours(1), 400),
        (hours(0), hours(0, 1), 400),
        (hours(0), hours(7 * 24), 204),
        (hours(0), hours(7 * 24 + 1), 400),
    ],
)
def test_ranges_are_full_hours_of_seven_days_at_most(strict, start, to, status):
    got = strict.delete(start=start, to=to)
    assert got.status == status, got.body
    assert (strict.read(start=hours(-1)) == []) == (status == 204)


@pytest.mark.parametrize(("age_s", "status"), [(7 * DAY_S - 5, 400), (7 * DAY_S + 5, 204)])
def test_data_may_be_deleted_seven_days_after_they_came(strict, age_s, status):
    strict.hub.set_clock(age_s)
    strict.renew()
    assert strict.delete(start=hours(0), to=hours(1)).status == status
    assert strict.delete(start=hours(2), to=hours(3)).status == (204 if status == 400 else 429)


def test_one_deletion_a_tenant_and_day(strict):
    refused = strict.delete(start=hours(0, 1), to=hours(1))
    assert refused.status == 400  # and does not count
    assert strict.delete(start=hours(0), to=hours(1)).status == 204
    got = strict.delete("ambient", start=hours(0), to=hours(1))
    assert got.status == 429
    assert DAY_S - 60 < int(got.headers["retry-after"]) <= DAY_S
    for extra_s, status in ((-60, 429), (60, 204)):
        strict.hub.set_clock(9 * DAY_S + extra_s)
        strict.renew()
        assert strict.delete(start=hours(0), to=hours(1)).status == status


def test_without_the_rules_what_breaks_them_is_noted(plant):
    plant.write({"_time": at(1), "rpm": 1})
    for _ in range(2):
        assert plant.delete(start=at(0), to=hours(24 * 8)).status == 204
    said = [line["what"] for line in plant.hub.breaches()]
    assert said == [
        "Range between from and to can't exceed 7 days.",
        "Range holds data that were submitted less than 7 days ago.",
        "Range between from and to can't exceed 7 days.",
        "Only one delete request per tenant and day is allowed.",
    ]


# -- asynchronous writes ------------------------------------------------------------------------


@pytest.mark.slow
def test_a_write_may_show_later_and_in_order(hub, plant):
    def late(delay_s):
        hub.settle(60)
        hub.change_settings(visibility_delay_s=0.0, visibility_delay_max_s=0.0)
        plant.delete(start=at(0), to=at(9))  # what an earlier try left
        hub.settle()
        hub.change_settings(visibility_delay_s=delay_s)
        plant.write({"_time": at(1), "rpm": 1})
        hub.change_settings(visibility_delay_s=0.0)
        plant.write({"_time": at(1), "load": 2})  # does not overtake the first one
        assert plant.read() == []
        assert hub.state()["pending"] == 2
        hub.settle(60)
        assert plant.read() == [{"_time": at(1), "load": 2.0}]
        hub.change_settings(visibility_delay_s=delay_s, visibility_delay_max_s=1.5 * delay_s)
        plant.delete(start=at(0), to=at(9))
        assert plant.read() != []
        hub.settle(60)
        assert plant.read() == []

    with_more_time(late, 1, 4, 16)


def test_every_type_survives_the_wait(hub, plant):
    record = {"_time": at(1), "rpm": 1, "rpm_qc": -5, "load": 0.1, "on": True, "state": "ä\x00"}
    hub.change_settings(visibility_delay_s=0.01)
    plant.write(record)
    hub.settle()
    assert plant.read() == [record]


def test_what_waits_for_an_asset_that_was_deleted_reaches_no_other(hub):
    """The next asset's series take the keys of the deleted one's."""
    shape = {"m": {"v": {"type": "INT"}}}
    app = Application(hub)

    def send(asset, method, query="", body=None):
        path = f"/api/iottimeseries/v3/timeseries/{asset}/m{query}"
        assert app.call(method, path, body).status == 204

    old = hub.create_asset("old", shape)
    hub.change_settings(visibility_delay_s=0.5)
    send(old, "PUT", body=[{"_time": "2026-01-05T08:00:00Z", "v": 1}])
    send(old, "DELETE", "?from=2026-01-05T08:00:00Z&to=2026-01-05T09:00:00Z")
    path = f"/api/assetmanagement/v3/assets/{old}"
    assert app.call("DELETE", path, If_Match="0").status == 204
    hub.change_settings(visibility_delay_s=0.0)
    new = hub.create_asset("new", shape)
    send(new, "PUT", body=[{"_time": "2026-01-05T08:30:00Z", "v": 2}])
    hub.settle()
    assert [(one["asset"], one["values"]) for one in hub.stored()] == [(new, {"v": 2})]
    assert (hub.state()["records"], hub.state()["values"]) == (1, 1)


def test_what_waits_is_carried_out_after_a_restart(tmp_path):
    with Emulator(tls=False, data=tmp_path, settings={"visibility_delay_s": 60.0}) as hub:
        plant = Plant(hub)
        plant.write({"_time": at(1), "rpm": 1})
        plant.write({"_time": at(1), "rpm": 2})
        assert plant.read() == []
    with Emulator(tls=False, data=tmp_path) as hub:
        hub.settle()
        plant.hub = plant.application.hub = hub
        assert plant.read() == [{"_time": at(1), "rpm": 2}]


def test_a_cleared_hub_forgets_what_waits(hub, plant):
    hub.change_settings(visibility_delay_s=0.05)
    plant.write({"_time": at(1), "rpm": 1})
    hub.clear()
    hub.settle()
    assert hub.state()["values"] == 0


def test_an_age_window_begins_with_the_request(hub, plant):
    """A write that waits is as old as its request, not as its turn."""
    hub.change_settings(visibility_delay_s=0.05)
    plant.write({"_time": at(1), "rpm": 1})
    hub.settle()
    hub.set_clock(100)
    hub.change_settings(latest_min_age_s=100)
    assert plant.read(latestValue="true") != []
