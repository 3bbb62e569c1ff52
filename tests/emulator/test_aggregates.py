"""Aggregates of time series: values, intervals, completion of parameters, limits (1.12)."""

import math
import time
from itertools import pairwise
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mcagent.emulator.aggregates_query import FIELDS, Step, read_request
from mcagent.emulator.answers import Refusal
from mcagent.emulator.times import format_time, parse_time
from mcagent.emulator.timeseries import Variable, variables_of, write_records

from .application import Application
from .plant import MOTOR, Plant, at

BASE = "/api/iottsaggregates/v4/aggregates"
NOW_MS = parse_time("2026-05-20T12:34:56.789Z")  # a Wednesday
RPM = [Variable("rpm", 1, "INT", 0, True), Variable("state", 2, "STRING", 0, True)]


@pytest.fixture
def plant(hub):
    return Plant(hub)


def ask(plant, **query):
    if "start" in query:
        query["from"] = query.pop("start")
    whole = {"assetId": plant.asset, "aspectName": "motor"} | query
    return plant.call("GET", f"{BASE}?{urlencode(whole)}")


def aggregates(plant, **query):
    got = ask(plant, **query)
    assert got.status == 200, got.body
    return got.json["aggregates"]


def test_an_interval_excludes_its_start_and_includes_its_end(plant):
    """The example of the service's documentation: four values in four minutes."""
    plant.write(*({"_time": at(60 * n), "rpm": 100 + n} for n in range(9)))
    found = aggregates(
        plant, start=at(0), to=at(480), select="rpm", intervalUnit="minute", intervalValue=4
    )
    assert [(one["starttime"], one["endtime"]) for one in found] == [
        (at(0), at(240)),
        (at(240), at(480)),
    ]
    assert found[0]["rpm"] == {
        "countgood": 4,
        "countuncertain": 0,
        "countbad": 0,
        "sum": 410,
        "average": 102.5,
        "minvalue": 101,
        "mintime": at(60),
        "maxvalue": 104,
        "maxtime": at(240),
        "firstvalue": 101,
        "firsttime": at(60),
        "lastvalue": 104,
        "lasttime": at(240),
        "sd": pytest.approx(math.sqrt(1.25)),
    }
    assert found[1]["rpm"]["sum"] == 105 + 106 + 107 + 108


def test_values_are_counted_by_the_severity_of_their_quality(plant):
    """192 is good in OPC DA, 0x40000000 uncertain and 0x80340000 bad in OPC UA."""
    codes = [0, 192, None, 0x40000000, -2144075776]
    for n, code in enumerate(codes):
        plant.write({"_time": at(n + 1), "rpm": 10 * (n + 1), "rpm_qc": code, "load": n})
    (found,) = aggregates(plant, start=at(0), to=at(120), select="rpm,load")
    assert [found["rpm"][name] for name in FIELDS[:4]] == [3, 1, 1, 60]
    assert found["rpm"]["lastvalue"] == 30
    assert found["load"]["countgood"] == 5
    assert found["load"]["sum"] == 10.0


def test_a_variable_without_quality_codes_has_good_values_alone(hub, plant):
    """A device sends a code whatever the variable is: it is stored, and does not count here."""
    with hub._running.store.transaction() as db:
        bare = next(v for v in variables_of(db, plant.asset, "motor") if v.name == "bare")
        record = {((plant.asset, "motor"), parse_time(at(1))): {bare.series: (5, "-1")}}
        write_records(db, record, now_ms=0, replace=True)
    (found,) = aggregates(plant, start=at(0), to=at(120))
    assert (found["bare"]["countgood"], found["bare"]["sum"]) == (1, 5)
    assert plant.read() == [{"_time": at(1), "bare": 5}]


def test_an_interval_of_bad_values_has_counts_alone(plant):
    plant.write({"_time": at(1), "rpm": 1, "rpm_qc": -1})
    (found,) = aggregates(plant, start=at(0), to=at(120))
    assert found["rpm"] == {"countgood": 0, "countuncertain": 0, "countbad": 1}


def test_only_numbers_are_aggregated_and_empty_intervals_are_left_out(plant):
    plant.write({"_time": at(1), "state": "RUN", "on": True, "since": at(0)})
    assert aggregates(plant, start=at(0), to=at(240)) == []
    plant.write({"_time": at(1), "state": "RUN", "load": 1.5})
    plant.write({"_time": at(361), "total": 2**63 - 1})
    found = aggregates(plant, start=at(0), to=at(480))
    assert [sorted(one) for one in found] == [
        ["endtime", "load", "starttime"],
        ["endtime", "starttime", "total"],
    ]
    assert found[1]["total"]["maxvalue"] == 2**63 - 1


def test_select_takes_variables_and_fields(plant):
    plant.write({"_time": at(1), "rpm": 1, "load": 2.0})
    query = {"start": at(0), "to": at(120)}
    assert aggregates(plant, select="rpm.sum,rpm.sd,load.average", **query)[0] == {
        "rpm": {"sum": 1, "sd": 0.0},
        "load": {"average": 2.0},
        "starttime": at(0),
        "endtime": at(120),
    }
    for select in ("rpm.total", "state", "nope", "rpm.sum.sd"):
        assert ask(plant, select=select, **query).status == 400


def test_errors_have_their_service_shape(hub, plant):
    got = plant.call("GET", BASE)
    assert got.status == 400
    (error,) = got.json["errors"]
    assert error["code"] == "mdsp.core.generic.missingParameter"
    assert "assetId" in error["message"]
    assert sorted(error) == ["code", "logref", "message"]
    got = ask(plant, intervalUnit="year")
    assert got.json["errors"][0]["code"] == "mdsp.core.generic.invalidParameter"
    got = ask(plant, aspectName="motr")
    assert (got.status, got.json["errors"][0]["code"]) == (404, "mdsp.core.generic.noMatch")
    plant.application = Application(hub, scopes=["iot.tim.r"])
    got = ask(plant)
    assert (got.status, got.json["errors"][0]["code"]) == (403, "mdsp.core.generic.forbidden")
    plant.application = Application(hub, tenant="otherdev")
    assert ask(plant).status == 403


def test_a_million_values_are_summed_in_a_moment(hub, plant, figure):
    with hub._running.store.transaction() as db:
        row = db.execute("SELECT id FROM series WHERE variable = 'load' AND aspect = 'motor'")
        db.execute(
            "WITH RECURSIVE n (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM n WHERE n + 1 < 1000000)"
            " INSERT INTO stored SELECT ?, ? + n * 600, n * 0.5, '0', 0, 0 FROM n",
            (row.fetchone()[0], parse_time(at(0))),
        )
    begun = time.process_time()
    found = aggregates(plant, start=at(0), to=format_time(parse_time(at(0)) + 7 * 86_400_000))
    took_ms = (time.process_time() - begun) * 1000
    assert sum(one["load"]["countgood"] for one in found) == 1_000_000
    figure("emulator aggregates: 1 000 000 values in 7 days", f"{took_ms:.0f} ms")
    assert took_ms < 5000


# -- which intervals ----------------------------------------------------------------------------


def intervals(**query):
    """Give (first start, last end, number) of the intervals that a query asks for."""
    if "start" in query:
        query["from"] = query.pop("start")
    texts = {name: str(value) for name, value in query.items()}
    found = read_request(texts, RPM, now_ms=NOW_MS).intervals
    assert all(end == start for (_, end), (start, _) in pairwise(found))
    return show(found[0][0]), show(found[-1][1]), len(found)


def show(millis):
    return format_time(millis).removesuffix(":00.000Z")


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ({}, ("2026-05-13T00:00", "2026-05-21T00:00", 8)),
        ({"start": "2026-05-01T10:00Z"}, ("2026-05-01T00:00", "2026-05-21T00:00", 20)),
        ({"start": "2025-05-01"}, ("2025-05-01T00:00", "2025-07-30T00:00", 90)),
        ({"to": "2026-05-01T00Z"}, ("2026-01-31T00:00", "2026-05-01T00:00", 90)),
        (
            {
                "start": "2026-05-01T00:03Z",
                "intervalUnit": "minute",
                "intervalValue": 4,
                "count": 3,
            },
            ("2026-05-01T00:02", "2026-05-01T00:14", 3),  # no more than was asked for
        ),
        (
            {"to": "2026-05-01T12:00Z", "intervalUnit": "hour", "intervalValue": 2, "count": 3},
            ("2026-05-01T06:00", "2026-05-01T12:00", 3),
        ),
        (
            {"intervalUnit": "day", "count": 2},
            ("2026-05-18T00:00", "2026-05-20T00:00", 2),
        ),
        ({"intervalUnit": "hour"}, ("2026-05-13T12:00", "2026-05-20T13:00", 169)),
        ({"intervalUnit": "minute"}, ("2026-05-19T12:34", "2026-05-20T12:36", 721)),
        (
            {"start": "2026-05-01T00:00Z", "to": "2026-05-01T03:00Z"},
            ("2026-05-01T00:00", "2026-05-01T03:00", 3),
        ),
        (
            {"start": "2026-05-01T00:00Z", "to": "2026-05-01T00:30Z"},
            ("2026-05-01T00:00", "2026-05-01T00:30", 15),
        ),
        (
            {"start": "2026-05-01T00:00Z", "to": "2026-05-03T00:00Z"},
            ("2026-05-01T00:00", "2026-05-03T00:00", 2),
        ),
        (
            {"start": "2026-05-01T00:00Z", "to": "2026-05-01T01:00Z", "count": 10},
            ("2026-05-01T00:00", "2026-05-01T01:00", 10),
        ),
        (
            {"start": "2026-05-01T00:00Z", "to": "2026-05-08T00:00Z", "count": 7},
            ("2026-05-01T00:00", "2026-05-08T00:00", 7),
        ),
        (
            {
                "start": "2026-05-20T01:00+02:00",
                "to": "2026-05-20T03:30+02:00",
                "intervalUnit": "hour",
            },
            ("2026-05-19T23:00", "2026-05-20T02:00", 3),
        ),
        (
            {"start": "2026-05-06", "to": "2026-05-20", "intervalUnit": "week"},
            ("2026-05-04T00:00", "2026-05-25T00:00", 3),
        ),
        (
            {"start": "2026-01-31", "to": "2026-03-02", "intervalUnit": "month"},
            ("2026-01-01T00:00", "2026-04-01T00:00", 3),
        ),
        (
            {"start": "2026-01-31", "intervalUnit": "month", "count": 1},
            ("2026-01-01T00:00", "2026-02-01T00:00", 1),
        ),
    ],
)
def test_parameters_are_completed_and_widened(query, wanted):
    assert intervals(**query) == wanted


@pytest.mark.parametrize(
    ("unit", "most_h"),
    [("minute", 24), ("hour", 7 * 24), ("day", 2160), ("week", 2160), ("month", 2160)],
)
def test_the_longest_range_of_each_unit_and_one_more(unit, most_h):
    start_ms = parse_time("2026-01-01T00:00:00Z")
    end_ms = start_ms + most_h * 3_600_000
    query = {"start": "2026-01-01", "intervalUnit": unit}
    assert intervals(to=format_time(end_ms), **query)[0].startswith(("2026-01-01", "2025-12-29"))
    with pytest.raises(Refusal, match="can't exceed"):
        intervals(to=format_time(end_ms + 1), **query)


@pytest.mark.parametrize(
    ("unit", "good", "bad"),
    [
        ("minute", (2, 60), (0, 1, 3, 62)),
        ("hour", (1, 24), (0, 25)),
        ("day", (1, 90), (0, 91)),
        ("week", (1, 12), (0, 13)),
        ("month", (1, 3), (0, 4)),
    ],
)
def test_values_of_each_unit_at_their_ends_and_beyond(unit, good, bad):
    for value in good:
        assert intervals(intervalUnit=unit, intervalValue=value)[2] >= 1
    for value in bad:
        with pytest.raises(Refusal, match="intervalValue"):
            intervals(intervalUnit=unit, intervalValue=value)


@pytest.mark.parametrize(
    "query",
    [
        {"intervalValue": 2},
        {"count": 0},
        {"count": "many"},
        {"count": "9" * 5000},
        {"start": "yesterday"},
        {"start": "2026-05-01T24:00Z"},
        {"start": "2027-01-01"},  # later than now
        {"start": "2026-05-02", "to": "2026-05-01"},
        {"start": "0001-01-01", "to": "0001-01-02"},
        {"start": "9999-12-30", "to": "9999-12-31"},
        {"to": "0001-01-02"},
        {"to": "0001-01-02", "intervalUnit": "month", "count": 500000},
        {"start": "9999-12-30", "intervalUnit": "month", "count": 500000},
        {"start": "2026-05-01", "intervalUnit": "day", "intervalValue": 90, "count": 999_999},
    ],
)
def test_other_parameters_are_refused(query):
    with pytest.raises(Refusal) as caught:
        intervals(**query)
    assert caught.value.status == 400


@given(
    st.integers(0, 2 * 10**12),
    st.sampled_from(["minute", "hour", "day", "week", "month"]),
    st.integers(1, 24 * 3_600_000),
)
def test_intervals_cover_the_range_and_end_at_boundaries(start_ms, unit, length_ms):
    query = {"from": format_time(start_ms), "to": format_time(start_ms + length_ms)}
    query["intervalUnit"] = unit
    found = read_request(query, RPM, now_ms=NOW_MS).intervals
    assert found[0][0] <= start_ms < found[0][1]
    assert found[-1][0] < start_ms + length_ms <= found[-1][1]
    for start, _ in found:
        assert Step(unit, 1).begin(start) == start


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.dictionaries(
        st.integers(1, 7200), st.floats(-1e6, 1e6).map(lambda x: round(x, 3)), min_size=1
    ),
    st.sampled_from([2, 4, 30]),
)
def test_the_intervals_hold_every_value_once(hub, values, minutes):
    hub.clear()
    plant = Plant(hub, {"motor": MOTOR})
    plant.write(*({"_time": at(second), "load": value} for second, value in values.items()))
    found = aggregates(
        plant, start=at(0), to=at(7200), intervalUnit="minute", intervalValue=minutes
    )
    assert sum(one["load"]["countgood"] for one in found) == len(values)
    for one in found:
        start, end = (
            (parse_time(one[name]) - parse_time(at(0))) // 1000
            for name in ("starttime", "endtime")
        )
        held = [values[second] for second in sorted(values) if start < second <= end]
        load = one["load"]
        assert (load["minvalue"], load["maxvalue"]) == (min(held), max(held))
        assert (load["firstvalue"], load["lastvalue"]) == (held[0], held[-1])
        assert load["sum"] == pytest.approx(sum(held), abs=1e-6)
        assert load["average"] == pytest.approx(sum(held) / len(held), abs=1e-6)
