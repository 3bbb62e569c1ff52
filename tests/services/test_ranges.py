"""`TimeSeries.read` and `read_asset` over TLS: ends, pages, names, rights."""

import datetime as dt
from decimal import Decimal

import pytest

from mcagent.errors import InvalidMessage, RemoteError
from mcagent.services.records import Record
from mcagent.services.timeseries import TimeSeries
from tests.helpers import raises
from tests.services.plant import DAY_MS, T0, calls, make_series, samples

RANGE_MAX_MS = 90 * DAY_MS


def test_the_start_is_exclusive_and_the_end_inclusive_to_the_millisecond(platform):
    """Four neighbours in time."""
    series, asset = make_series(platform)
    series.write(asset, "motor", samples(4, step_ms=1))
    got = list(series.read(asset, "motor", T0, T0 + 2))
    assert [record.timestamp_ms for record in got] == [T0 + 1, T0 + 2]
    assert [r.values["rpm"] for r in series.read(asset, "motor", T0 - 1, T0)] == [0]


@pytest.mark.parametrize("link_paging", [True, False])
@pytest.mark.parametrize("count", [1999, 2000, 2001, 4000])
def test_results_over_2000_come_whole_with_and_without_links(platform, link_paging, count):
    """Just below the limit, at it, above it, and at twice."""
    platform.hub.change_settings(link_paging=link_paging)
    series, asset = make_series(platform)
    series.write(asset, "motor", samples(count, step_ms=1))
    got = [r.values["rpm"] for r in series.read(asset, "motor", T0 - 1, T0 + DAY_MS)]
    assert got == list(range(count))
    assert len(calls(series)) == -(-count // 2000) + 1  # the last one is empty: the end
    newest_first = series.read(asset, "motor", T0 - 1, T0 + DAY_MS, descending=True)
    assert [r.values["rpm"] for r in newest_first] == got[::-1]


def test_a_range_of_90_days_is_one_request_and_one_of_a_millisecond_more_two(platform):
    """And nothing on the seam is lost or repeated."""
    series, asset = make_series(platform)
    seam = T0 + RANGE_MAX_MS
    series.write(asset, "motor", [(t, {"rpm": 1}) for t in (T0 + 1, seam - 1, seam, seam + 1)])
    got = list(series.read(asset, "motor", T0, seam))
    assert [r.timestamp_ms for r in got] == [T0 + 1, seam - 1, seam]
    assert len(calls(series)) == 1
    for descending in (False, True):
        got = list(series.read(asset, "motor", T0, seam + 1, descending=descending))
        assert [r.timestamp_ms for r in sorted(got)] == [T0 + 1, seam - 1, seam, seam + 1]
    assert len(calls(series)) == 5


def test_nothing_is_asked_for_that_the_limit_makes_needless(platform):
    """`limit` counts over pages and pieces."""
    series, asset = make_series(platform)
    series.write(asset, "motor", samples(30))
    got = list(series.read(asset, "motor", T0 - 1, T0 + DAY_MS, limit=25, page=10))
    assert len(got) == 25
    assert len(calls(series)) == 3


def test_select_brings_only_what_was_asked_for_and_its_codes(platform):
    """A name that is none is refused before the request, with the names there are."""
    series, asset = make_series(platform)
    series.write(asset, "motor", [(T0, {"rpm": 1, "load": 2.5}, {"rpm": 0x80340000})])
    got = list(series.read(asset, "motor", T0 - 1, T0, select=["rpm"]))
    assert got == [Record(T0, {"rpm": 1}, {"rpm": -2144075776})]
    before = len(calls(series))
    error = raises(InvalidMessage, series.read, asset, "motor", T0 - 1, T0, select=["rmp"])
    assert "'rmp'" in error.message
    assert "rpm" in error.hint
    assert len(calls(series)) == before


def test_a_whole_asset_is_read_aspect_by_aspect(platform):
    """Each record with its aspect."""
    series, asset = make_series(platform)
    series.write(asset, "motor", samples(2))
    series.write(asset, "ambient", [(T0, {"humidity": 40})])
    got = [(aspect, record.timestamp_ms) for aspect, record in series.read_asset(asset, T0 - 1)]
    assert got == [("ambient", T0), ("motor", T0), ("motor", T0 + 1000)]


@pytest.mark.parametrize(
    ("after", "until", "word"),
    [
        (T0, T0, "holds nothing"),
        (T0 + 1, T0, "before it begins"),
        (dt.datetime(2026, 1, 5), T0, "time zone"),
        (T0, dt.datetime(2026, 1, 6), "time zone"),
        ("yesterday", T0, "after"),
        (T0, 10**18, "until"),
    ],
)
def test_a_range_that_is_none_is_refused_before_any_request(platform, after, until, word):
    """Reversed, empty, naive: each is named."""
    series, asset = make_series(platform)
    error = raises(InvalidMessage, series.read, asset, "motor", after, until)
    assert word in error.message
    assert error.hint
    assert calls(series) == []


def test_aware_datetimes_of_any_zone_are_taken(platform):
    """10:00+02:00 is 08:00Z."""
    series, asset = make_series(platform)
    series.write(asset, "motor", samples(2))
    zone = dt.timezone(dt.timedelta(hours=2))
    got = series.read(asset, "motor", dt.datetime(2026, 1, 5, 10, 0, 0, tzinfo=zone))
    assert [record.timestamp_ms for record in got] == [T0 + 1000]
    # On the wire there is no offset, and so no + to be mistaken for a blank.
    assert not any("+" in call or "%2B" in call for call in calls(series))
    assert "from=2026-01-05T08:00:00.000Z" in calls(series)[0]


def test_an_unknown_aspect_and_a_wrong_asset_are_named(platform):
    """With the aspects there are; an id that cannot be one is found here."""
    series, asset = make_series(platform)
    error = raises(InvalidMessage, series.read, asset, "motr", T0)
    assert "motr" in error.message
    assert "ambient, motor" in error.hint
    assert "id of an asset" in raises(InvalidMessage, series.read, "no/id", "motor", T0).message
    error = raises(RemoteError, series.read, "0" * 32, "motor", T0)
    assert error.status == 404
    assert "0" * 32 in error.message


def test_without_the_right_to_read_aspects_the_platform_judges(platform):
    """Who may read time series alone can do so."""
    series, asset = make_series(platform, scopes=["mdsp:core:iot.timAdmin"])
    series.write(asset, "motor", samples(2))
    assert len(list(series.read(asset, "motor", T0 - 1))) == 2
    error = raises(RemoteError, list, series.read(asset, "motr", T0 - 1))
    assert (error.status, error.code) == (404, "6410")
    error = raises(RemoteError, list, series.read(asset, "motor", T0 - 1, select=["x"]))
    assert error.status == 400


def test_a_missing_scope_of_time_series_is_named(platform):
    """Which one, and the role that has it."""
    series, asset = make_series(platform, scopes=["mdsp:core:assetmanagement.standarduser"])
    error = raises(RemoteError, list, series.read(asset, "motor", T0 - 1))
    assert "iot.tim.r is missing" in error.message
    assert "iot.timUser" in error.hint
    error = raises(RemoteError, series.write, asset, "motor", samples(1))
    assert "iot.tim.w is missing" in error.message
    assert "iot.timAdmin" in error.hint


def test_digits_are_kept_where_they_are_asked_for(platform):
    """LONG beyond 2**53 always; fractions as Decimal on request."""
    series, asset = make_series(platform)
    series.write(asset, "motor", [(T0, {"total": 2**63 - 1, "load": 0.1})])
    (record,) = series.read(asset, "motor", T0 - 1)
    assert record.values == {"total": 2**63 - 1, "load": 0.1}
    (record,) = series.read(asset, "motor", T0 - 1, decimals=True)
    assert record.values["load"] == Decimal("0.1")


def test_static_aspects_have_no_time_series(platform):
    """An asset's nameplate is not asked for records; whoever names it is told what there is."""
    from mcagent.services.assets import Assets
    from mcagent.services.assets_values import AspectType, Asset, AssetType, Variable

    session = platform.session()
    assets = Assets(session)
    plate = Variable("serial", "STRING", length=20, quality_code=False)
    assets.put_aspect_type(AspectType("localdev.Plate", (plate,), category="static"))
    assets.put_aspect_type(AspectType("localdev.Run", (Variable("rpm", "INT"),)))
    kind = AssetType(
        "localdev.Mill",
        "core.basicdevice",
        (("plate", "localdev.Plate"), ("run", "localdev.Run")),
    )
    assets.put_asset_type(kind)
    made = assets.create(Asset("", "mill", kind.id, assets.root().id))
    series = TimeSeries(session, bytes_per_s=None)
    series.write(made.id, "run", [(T0, {"rpm": 1})])
    assert [aspect for aspect, _record in series.read_asset(made.id, T0 - 1)] == ["run"]
    error = raises(InvalidMessage, series.read, made.id, "plate", T0)
    assert error.hint == "it has: run"


def test_now_is_late_enough_for_what_was_written_now(platform):
    """The platform's clock is known to half a second; a record of this moment is not cut off."""
    series, asset = make_series(platform)
    platform.hub.set_clock(0)
    now = series.session.clock.now_ms()
    series.write(asset, "motor", [(now, {"rpm": 1})])
    assert [r.timestamp_ms for r in series.read(asset, "motor", now - 5000)] == [now]


def test_a_small_limit_asks_for_no_more(platform):
    """The page is no larger than what is wanted."""
    series, asset = make_series(platform)
    series.write(asset, "motor", samples(30))
    assert len(list(series.read(asset, "motor", T0 - 1, T0 + DAY_MS, limit=3))) == 3
    assert "limit=3" in calls(series)[-1]
