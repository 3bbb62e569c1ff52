"""Limits of the time series service to the byte and the millisecond: the hub's clock stands still.

Each at the last value that passes and at the first that does not. The numbers are written out:
a limit that moves in the code fails here.
"""

import json

import pytest

from mcagent.emulator.settings import STRICT
from mcagent.emulator.times import format_time

from .plant import MOTOR, Plant, at

NOW = 1_790_006_400_000  # 2026-09-21T16:00:00Z, a full hour
HOUR_MS = 3_600_000
DAY_MS = 86_400_000


class Clock:
    """Stands where it is put."""

    def __init__(self):
        self.ms = NOW

    def now_ms(self):
        return self.ms


@pytest.fixture
def clock(hub, monkeypatch):
    clock = Clock()
    monkeypatch.setattr(hub._running.clock, "now_ms", clock.now_ms)
    return clock


@pytest.fixture
def plant(hub, clock):
    return Plant(hub)


def strict(hub, *names):
    """The harshest reading of these switches, and of no other."""
    hub.change_settings(**{name: STRICT[name] for name in names})


# -- how old


@pytest.mark.parametrize(
    ("age_ms", "seen"),
    [
        (2 * HOUR_MS - 1, False),
        (2 * HOUR_MS, True),
        (30 * DAY_MS, True),
        (30 * DAY_MS + 1, False),
    ],
)
def test_latest_value_sees_what_came_2_hours_to_1_month_ago(hub, clock, plant, age_ms, seen):
    """By arrival: the value's own time is long past."""
    strict(hub, "latest_min_age_s", "latest_max_age_s")
    plant.write({"_time": "1999-01-01T00:00:00Z", "rpm": 7})
    clock.ms += age_ms
    assert bool(plant.renew().read(latestValue="true")) is seen


@pytest.mark.parametrize(("age_ms", "seen"), [(90 * DAY_MS, True), (90 * DAY_MS + 1, False)])
def test_latest_value_sees_90_days_by_the_newer_text(clock, plant, age_ms, seen):
    """The default; it begins at once, for tests of scripts."""
    plant.write({"_time": at(1), "rpm": 7})
    assert plant.read(latestValue="true") != []
    clock.ms += age_ms
    assert bool(plant.renew().read(latestValue="true")) is seen


def test_without_times_nothing_older_than_12_months_is_seen(plant):
    """365 days: a record of that age is not older."""
    plant.write({"_time": format_time(NOW - 365 * DAY_MS - 1), "rpm": 1})
    assert plant.read() == plant.read(limit=9) == []
    plant.write({"_time": format_time(NOW - 365 * DAY_MS), "rpm": 2})
    assert [record["rpm"] for record in plant.read(limit=9)] == [2]


def test_what_came_in_bulk_is_hidden_for_7_days(hub, clock, plant):
    """From every read; its own time counts. One that is 7 days old on arrival is seen at once."""
    hub.change_settings(application_token_life_s=30 * 86_400)
    application = plant.renew().application
    first, second = NOW - 7 * DAY_MS, NOW - 7 * DAY_MS + 1
    rows = [{"_time": format_time(ms), "rpm": n} for n, ms in enumerate((first, second))]
    path = f"/api/iotfile/v3/files/{plant.asset}/bulk.json"
    assert application.call("PUT", path, json.dumps(rows)).status == 201
    file = {"filePath": "bulk.json", "from": format_time(first), "to": format_time(second)}
    data = {"entity": plant.asset, "propertySetName": "motor", "timeseriesFiles": [file]}
    got = application.call("POST", "/api/iottsbulk/v3/importJobs", {"data": [data]})
    assert got.status == 201, got.body

    def seen():
        newest, latest = plant.read(limit=9), plant.read(latestValue="true")
        found = [record["rpm"] for record in plant.read(start=format_time(first - 1))]
        assert sorted(record["rpm"] for record in newest) == found
        assert [record["rpm"] for record in latest] == found[-1:]
        return found

    assert seen() == [0]
    clock.ms += 1
    assert seen() == [0, 1]


# -- deletes


@pytest.mark.parametrize(("age_ms", "status"), [(7 * DAY_MS - 1, 400), (7 * DAY_MS, 204)])
def test_data_may_be_deleted_7_days_after_they_came(hub, clock, plant, age_ms, status):
    """Whatever their own time is."""
    strict(hub, "delete_rules")
    plant.write({"_time": at(1), "rpm": 1})
    clock.ms += age_ms
    got = plant.renew().delete(start="2026-01-05T08:00:00Z", to="2026-01-05T09:00:00Z")
    assert got.status == status, got.body


def test_a_tenant_may_delete_again_after_24_hours(hub, clock, plant):
    """Another aspect is no other tenant."""
    strict(hub, "delete_rules")
    hour = {"start": "2026-01-05T08:00:00Z", "to": "2026-01-05T09:00:00Z"}
    assert plant.delete(**hour).status == 204
    clock.ms += DAY_MS - 1
    got = plant.renew().delete("ambient", **hour)
    assert (got.status, got.headers["retry-after"]) == (429, "1")
    clock.ms += 1
    assert plant.delete("ambient", **hour).status == 204


# -- how much


def test_100_kb_a_second_for_an_asset_and_aspect(hub, clock, plant):
    """100 000 bytes in one moment pass, one more does not; each aspect has its own."""
    strict(hub, "put_bytes_per_s")

    def put(size, aspect="motor"):
        return plant.call("PUT", plant.path(aspect), "[" + " " * (size - 2) + "]").status

    assert [put(99_998), put(2), put(2)] == [204, 204, 429]
    assert [put(99_999, "ambient"), put(2, "ambient")] == [204, 429]
    clock.ms += 1000
    assert [put(100_000), put(2)] == [204, 429]


COUNTED = {
    "rpm": ("INT", 7, 4),
    "total": ("LONG", 7, 8),
    "load": ("DOUBLE", 0.5, 8),
    "since": ("TIMESTAMP", at(0), 8),
    "state": ("STRING", "abcd", 8),
    "log": ("BIG_STRING", "abcd", 8),
}


@pytest.mark.parametrize("name", COUNTED)
def test_a_record_has_200_000_counted_bytes_whatever_its_types(hub, name):
    """Filled up with text to the limit; with a Boolean it is one byte more."""
    shape = {**MOTOR, "filler": {"type": "BIG_STRING"}}
    plant = Plant(hub, {"motor": shape})
    kind, value, size = COUNTED[name]
    assert shape[name]["type"] == kind
    record = {"_time": at(1), name: value, "filler": "x" * ((200_000 - size) // 2), "rpm_qc": 3}
    plant.write(record)
    got = plant.put({**record, "on": True})
    assert got.status == 400
    assert "200001 bytes, more than 200000" in got.json["message"]


# -- numbers


@pytest.mark.parametrize("sign", ["", "-"])
@pytest.mark.parametrize(
    ("text", "taken"),
    [
        ("1E-130", True),
        ("9." + "9" * 37 + "E-131", False),
        ("9." + "9" * 37 + "E+125", True),
        ("1E+126", False),
        ("1." + "2" * 37, True),
        ("1." + "2" * 38, False),
        ("1." + "2" * 37 + "000", True),  # zeros at an end are no digits of precision
        ("0.000" + "1" * 38, True),
        ("0E+999", True),
    ],
)
def test_a_double_as_text_is_judged_by_its_digits(plant, sign, text, taken):
    """A float would round the first ones beyond into the range."""
    assert plant.put({"_time": at(1), "load": sign + text}).status == (204 if taken else 400)
