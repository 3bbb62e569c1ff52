"""Aggregates: every interval of a range once, whatever its length, and what is refused before."""

import datetime as dt
import itertools
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcagent.errors import InvalidMessage, RemoteError
from mcagent.services.aggregates import UNITS, Aggregates, aggregate_pieces
from mcagent.transport.fake import FakeTransport
from mcagent.transport.http import Response
from tests.helpers import raises
from tests.services.plant import DAY_MS, HOUR_MS, T0, make_series
from tests.services.platform import fake_session


def make(platform, **scopes):
    series, asset = make_series(platform, **scopes)
    aggregates = Aggregates(series.session)
    return series, aggregates, asset


def requests(series):
    return [call for call in series.session.transport.calls if "iottsaggregates" in call]


def test_an_interval_says_everything_of_its_values(platform):
    """Good ones summed up, bad ones counted; its start is not part of it, its end is."""
    series, aggregates, asset = make(platform)
    rows = [(T0, 100), (T0 + 1, 1), (T0 + 1000, 4), (T0 + HOUR_MS, 1), (T0 + HOUR_MS + 1, 50)]
    series.write(asset, "motor", [(t, {"rpm": rpm}) for t, rpm in rows])
    series.write(asset, "motor", [(T0 + 2000, {"rpm": 99}, {"rpm": 0x80340000})])
    (hour,) = aggregates.read(asset, "motor", T0, T0 + HOUR_MS, unit="hour", select=["rpm"])
    assert (hour.start_ms, hour.end_ms) == (T0, T0 + HOUR_MS)
    rpm = hour.variables["rpm"]
    assert (rpm.count_good, rpm.count_uncertain, rpm.count_bad) == (3, 0, 1)
    assert (rpm.sum, rpm.average, rpm.minimum, rpm.maximum) == (6, 2.0, 1, 4)
    assert (rpm.first, rpm.first_ms, rpm.last, rpm.last_ms) == (1, T0 + 1, 1, T0 + HOUR_MS)
    assert (rpm.minimum_ms, rpm.maximum_ms) == (T0 + 1, T0 + 1000)
    assert rpm.deviation == pytest.approx(2**0.5)


@pytest.mark.parametrize(
    ("unit", "value", "days", "pieces"),
    [
        ("minute", 2, 1, 1),
        ("minute", 2, 3, 3),
        ("minute", 50, 2, 3),
        ("hour", 1, 7, 1),
        ("hour", 1, 8, 2),
        ("hour", 5, 8, 2),
        ("day", 1, 90, 1),
        ("day", 1, 91, 2),
        ("day", 90, 200, 3),
        ("week", 1, 84, 1),
        ("week", 12, 200, 3),
        ("month", 1, 60, 2),
        ("month", 3, 200, 3),
    ],
)
def test_ranges_longer_than_a_request_may_ask_for_come_in_pieces(
    platform, unit, value, days, pieces
):
    """At the limit one request, above it more, and every value counted exactly once."""
    series, aggregates, asset = make(platform)
    # The first of a month, a Monday: every unit begins here.
    start = int(dt.datetime(2025, 9, 1, tzinfo=dt.timezone.utc).timestamp() * 1000)
    step = max(HOUR_MS * 6, days * DAY_MS // 300)
    times = range(start + 1, start + days * DAY_MS, step)
    series.write(asset, "motor", [(t, {"rpm": 1}) for t in times])
    got = list(
        aggregates.read(
            asset, "motor", start, start + days * DAY_MS, unit=unit, value=value, select=["rpm"]
        )
    )
    assert sum(a.variables["rpm"].count_good for a in got) == len(times)
    assert len(requests(series)) == pieces
    starts = [a.start_ms for a in got]
    assert starts == sorted(set(starts))
    assert all(one.end_ms <= other.start_ms for one, other in itertools.pairwise(got))


def test_an_interval_that_two_requests_touch_comes_once():
    """Should the service reckon its boundaries otherwise than we do."""
    day = {
        "starttime": "2026-01-05T00:00:00Z",
        "endtime": "2026-01-06T00:00:00Z",
        "rpm": {"countgood": 3, "average": 2.0},
    }
    nothing = Response(200, {}, b'{"_embedded": {"aspects": []}}')
    aspects = {"_embedded": {"aspects": [{"name": "motor", "variables": [{"name": "rpm"}]}]}}
    aspects["page"] = {"number": 0, "totalPages": 1}
    answers = [Response(200, {}, json.dumps({"aggregates": [day]}).encode())] * 2
    transport = FakeTransport([Response(200, {}, json.dumps(aspects).encode()), *answers, nothing])
    got = list(
        Aggregates(fake_session(transport)).read("0f", "motor", T0, T0 + 91 * DAY_MS, unit="day")
    )
    assert [aggregate.variables["rpm"].count_good for aggregate in got] == [3]
    assert transport.answers == [nothing]


@settings(deadline=None)
@given(
    st.integers(10**12, 2 * 10**12),
    st.integers(1, 400 * DAY_MS),
    st.sampled_from([(unit, value) for unit in UNITS for value in UNITS[unit].values]),
)
def test_pieces_cover_the_range_and_keep_the_limits(after, length, step):
    """No gap, no overlap, no piece longer than the service takes."""
    unit, value = step
    made = list(aggregate_pieces(after, after + length, unit, value))
    assert made[0][0] <= after
    assert made[-1][1] >= after + length or unit == "month"
    assert all(0 < end - begin <= UNITS[unit].most_ms for begin, end in made)
    if unit != "month":
        assert all(one[1] == other[0] for one, other in itertools.pairwise(made))


@pytest.mark.parametrize(
    ("unit", "value"),
    [
        ("minute", 1),
        ("minute", 3),
        ("minute", 62),
        ("hour", 0),
        ("hour", 25),
        ("day", 91),
        ("week", 13),
        ("month", 4),
        ("year", 1),
        ("hour", True),
    ],
)
def test_intervals_that_are_not_offered_are_refused_before_the_request(platform, unit, value):
    """The next ones that are stand in the hint."""
    series, aggregates, asset = make(platform)
    error = raises(
        InvalidMessage, aggregates.read, asset, "motor", T0, T0 + 1, unit=unit, value=value
    )
    assert error.hint
    assert requests(series) == []


@pytest.mark.parametrize(
    ("unit", "value"),
    [
        (u, v)
        for u, v in [
            ("minute", 2),
            ("minute", 60),
            ("hour", 1),
            ("hour", 24),
            ("day", 1),
            ("day", 90),
            ("week", 1),
            ("week", 12),
            ("month", 1),
            ("month", 3),
        ]
    ],
)
def test_the_least_and_the_greatest_interval_are_offered(platform, unit, value):
    """By the hub as well."""
    series, aggregates, asset = make(platform)
    series.write(asset, "motor", [(T0 + 1, {"rpm": 1})])
    got = list(aggregates.read(asset, "motor", T0, T0 + 60_000, unit=unit, value=value))
    assert [a.variables["rpm"].count_good for a in got] == [1]


def test_texts_have_no_aggregates(platform):
    """And unknown names are named."""
    _series, aggregates, asset = make(platform)
    error = raises(InvalidMessage, aggregates.read, asset, "motor", T0, T0 + 1, select=["label"])
    assert "only numbers" in error.message
    raises(InvalidMessage, aggregates.read, asset, "motor", T0, T0 + 1, select=["rmp"])
    raises(InvalidMessage, aggregates.read, asset, "motor", T0 + 1, T0)


def test_a_missing_scope_is_named(platform):
    """iot.tsa.r."""
    _series, aggregates, asset = make(platform, scopes=["mdsp:core:iot.timUser"])
    error = raises(RemoteError, list, aggregates.read(asset, "motor", T0, T0 + 1))
    assert "iot.tsa.r is missing" in error.message
