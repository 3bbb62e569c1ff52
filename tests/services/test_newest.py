"""`TimeSeries.newest` and `latest`: what a service finds without a range."""

import re

import pytest

from mcagent.errors import InvalidMessage
from mcagent.services.timeseries import LATEST_WINDOW, LatestValue
from tests.helpers import raises
from tests.services.plant import DAY_MS, T0, calls, make_series, samples


def test_newest_gives_the_newest_first(platform):
    """One, several, and not more than 2 000."""
    series, asset = make_series(platform)
    now = series.session.now_ms()
    series.write(asset, "motor", samples(2001, start_ms=now - 3_000_000, step_ms=1000))
    assert [r.values["rpm"] for r in series.newest(asset, "motor")] == [2000]
    assert [r.values["rpm"] for r in series.newest(asset, "motor", 3)] == [2000, 1999, 1998]
    assert len(series.newest(asset, "motor", 2000)) == 2000
    error = raises(InvalidMessage, series.newest, asset, "motor", 2001)
    assert "2000" in error.message
    assert "range" in error.hint
    for count in (0, -1, True, 1.5):
        raises(InvalidMessage, series.newest, asset, "motor", count)


def test_newest_does_not_look_past_12_months(platform):
    """A record of 364 days ago is found, one of 366 is not; a range finds it."""
    series, asset = make_series(platform)
    now = series.session.now_ms()
    series.write(asset, "motor", [(now - 366 * DAY_MS, {"rpm": 1})])
    assert series.newest(asset, "motor") == []
    series.write(asset, "motor", [(now - 364 * DAY_MS, {"rpm": 2})])
    assert [r.values["rpm"] for r in series.newest(asset, "motor")] == [2]
    assert len(list(series.read(asset, "motor", now - 400 * DAY_MS))) == 2
    assert "12 months" in type(series).newest.__doc__


def test_latest_gives_each_variable_at_its_own_time(platform):
    """Numbers and booleans; texts and times are left out of "all"."""
    series, asset = make_series(platform)
    series.write(
        asset,
        "motor",
        [
            (T0, {"rpm": 1, "on": True, "load": 0.5, "label": "x"}),
            (T0 + 1000, {"rpm": 2, "total": 2**53 + 1, "since": T0, "log": "y"}),
        ],
    )
    assert series.latest(asset, "motor") == [
        LatestValue("load", 0.5, T0),
        LatestValue("on", True, T0),
        LatestValue("rpm", 2, T0 + 1000),
        LatestValue("total", 2**53 + 1, T0 + 1000),
    ]


@pytest.mark.parametrize("name", ["label", "log", "since"])
def test_latest_refuses_texts_and_times_and_names_what_to_use(platform, name):
    """Before the request."""
    series, asset = make_series(platform)
    error = raises(InvalidMessage, series.latest, asset, "motor", select=["rpm", name])
    assert name in error.message
    assert "newest" in error.hint
    assert calls(series) == []


def test_latest_of_an_aspect_of_texts_alone_is_refused(platform):
    """There is nothing to ask for."""
    series, _asset = make_series(platform)
    asset = platform.hub.create_asset("notes", {"notes": {"text": {"type": "STRING"}}})
    raises(InvalidMessage, series.latest, asset, "notes")


@pytest.mark.parametrize(
    ("least_s", "most_s", "age_s", "seen"),
    [
        (7200, 30 * 86_400, 7100, False),
        (7200, 30 * 86_400, 7300, True),
        (7200, 30 * 86_400, 30 * 86_400 - 60, True),
        (7200, 30 * 86_400, 30 * 86_400 + 60, False),
        (300, 90 * 86_400, 240, False),
        (300, 90 * 86_400, 360, True),
        (300, 90 * 86_400, 90 * 86_400 + 60, False),
    ],
)
def test_latest_has_a_window_by_ingest(platform, least_s, most_s, age_s, seen):
    """Both of the platform's texts, both sides of each end; the words name both."""
    platform.hub.change_settings(latest_min_age_s=least_s, latest_max_age_s=most_s)
    series, asset = make_series(platform)
    series.write(asset, "motor", samples(1))
    platform.hub.set_clock(age_s)
    later = type(series)(platform.session())
    assert bool(later.latest(asset, "motor")) is seen
    assert re.findall(r"\d+ (?:hours|month|minutes|days)", LATEST_WINDOW) == [
        "2 hours",
        "1 month",
        "5 minutes",
        "90 days",
    ]
