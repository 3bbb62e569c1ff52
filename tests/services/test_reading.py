"""mcagent/services/reading.py and `TimeSeries.read`: every record once, in order, to the end."""

import datetime as dt
import json
import tracemalloc
from bisect import bisect_left, bisect_right
from collections import deque
from decimal import Decimal
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcagent.errors import InvalidMessage, RemoteError
from mcagent.services.reading import Reader
from mcagent.services.records import Record, parse_instant, show
from mcagent.services.timeseries import TimeSeries
from mcagent.transport.http import MAX_ANSWER_BYTES, Response, Transport
from tests.helpers import raises
from tests.services.plant import DAY_MS, T0, calls, make_series, samples
from tests.services.platform import fake_session, token_answer

RANGE_MAX_MS = 90 * DAY_MS


class Service(Transport):
    """A time series service of a few lines, with the liberties that the texts leave to it."""

    def __init__(self, times, *, link="good", inclusive=False, size=2000, large=0):
        self.times = times
        self.link = link
        self.inclusive = inclusive
        self.size = size
        self.large = large
        self.queries = []

    def send(self, request):
        if "/oauth/" in request.url:
            return token_answer()
        query = {name: found[0] for name, found in parse_qs(urlsplit(request.url).query).items()}
        self.queries.append(query)
        assert len(self.queries) < 500, "it goes round in a circle"
        after, until = (parse_instant(query[name], {}) for name in ("from", "to"))
        assert 0 < until - after <= RANGE_MAX_MS
        first = bisect_left if self.inclusive else bisect_right
        inside = self.times[first(self.times, after) : bisect_right(self.times, until)]
        if query.get("sort") == "desc":
            inside = inside[::-1]
        most = min(int(query["limit"]), self.size)
        page = [{"_time": show(t), "x": t, "pad": "p" * self.large} for t in inside[:most]]
        headers = {}
        if self.link == "loop":
            headers["link"] = f'<{request.url}>; rel="next"'
        elif self.link == "good" and len(inside) > most:
            headers["link"] = '<https://evil.example/api?from=1>; rel="next"'
        body = json.dumps(page).encode()
        return Response(200, headers, body[:MAX_ANSWER_BYTES])


def read(service, after, until, **options):
    reader = Reader(fake_session(service), "0f", "motor")
    return [record.timestamp_ms for record in reader.range(after, until, **options)]


@settings(deadline=None, max_examples=60)
@given(
    times=st.sets(st.integers(T0, T0 + 200)),
    after=st.integers(T0 - 5, T0 + 100),
    length=st.integers(1, 150),
    page=st.integers(1, 40),
    size=st.integers(1, 40),
    link=st.sampled_from(["good", "none"]),
    inclusive=st.booleans(),
    descending=st.booleans(),
)
def test_every_record_comes_once_with_and_without_links(
    times, after, length, page, size, link, inclusive, descending
):
    """Whatever the page's size, the server's own limit that it tells nobody, and how it counts."""
    if inclusive:
        page, size = max(page, 2), max(size, 2)  # with one record a page it could not go on
    service = Service(sorted(times), link=link, inclusive=inclusive, size=size)
    got = read(service, after, after + length, page=page, descending=descending)
    wanted = sorted(t for t in times if after < t <= after + length)
    assert got == (wanted[::-1] if descending else wanted)


@pytest.mark.parametrize("descending", [False, True])
def test_a_server_that_counts_its_start_in_repeats_nothing(descending):
    """Neither the start itself nor the last record of each page."""
    service = Service([T0 + n for n in range(10)], inclusive=True)
    got = read(service, T0, T0 + 9, page=3, descending=descending)
    assert sorted(got) == [T0 + n for n in range(1, 10)]


def test_a_link_that_leads_round_in_a_circle_is_not_followed():
    """It says that there is more, for ever; where nothing new comes, that is an error."""
    service = Service([T0 + n for n in range(10)], link="loop", size=4)
    got = []
    reader = Reader(fake_session(service), "0f", "motor")
    error = raises(
        RemoteError, lambda: [got.append(r.timestamp_ms) for r in reader.range(T0 - 1, T0 + 50)]
    )
    assert got == [T0 + n for n in range(10)]
    assert "do not lead on" in error.message


def test_a_server_that_repeats_its_start_ends_with_an_error_not_with_a_loop():
    """An inclusive start and one record a page: nothing new can ever come."""
    raises(RemoteError, read, Service([T0, T0 + 1], inclusive=True), T0, T0 + 9, page=1)


def test_the_token_goes_to_no_other_host():
    """A link to elsewhere is a sign of more, not an address."""
    service = Service([T0 + n for n in range(10)], size=4)
    transport = fake_session(service)._transport
    hosts = []
    send = transport.send
    transport.send = lambda request: (hosts.append(urlsplit(request.url).netloc), send(request))[1]
    assert len(read(transport, T0 - 1, T0 + 50)) == 10
    assert {host for host in hosts if "evil" in host} == set()


def test_an_answer_too_large_to_be_kept_is_asked_for_in_smaller_pages():
    """2 000 records of 100 000 characters are 200 MB; the transport keeps 10 MB."""
    service = Service([T0 + n for n in range(120)], large=100_000)
    assert read(service, T0 - 1, T0 + 999, page=150) == [T0 + n for n in range(120)]
    assert [int(query["limit"]) for query in service.queries] == [150, 75, 75, 75]


def test_records_out_of_order_are_an_error():
    """What cannot be trusted is not handed on."""

    class Shuffled(Service):
        def send(self, request):
            answer = super().send(request)
            rows = answer.json() if b"_time" in answer.body else None
            return answer if rows is None else Response(200, {}, json.dumps(rows[::-1]).encode())

    raises(RemoteError, read, Shuffled([T0, T0 + 1]), T0 - 1, T0 + 9)


@settings(deadline=None, max_examples=60)
@given(
    days=st.sets(st.integers(0, 900), max_size=12),
    length=st.integers(1, 10 * RANGE_MAX_MS),
    size=st.integers(1, 3),
    descending=st.booleans(),
)
def test_years_with_few_records_lose_and_repeat_none(days, length, size, descending):
    """Never more than 90 days at a time; few more requests than that makes, and than records."""
    times = sorted(T0 + day * DAY_MS for day in days)
    service = Service(times, link="none", size=size)
    got = read(service, T0 - 1, T0 - 1 + length, descending=descending)
    wanted = [t for t in times if t <= T0 - 1 + length]
    assert got == (wanted[::-1] if descending else wanted)
    assert len(service.queries) <= -(-length // RANGE_MAX_MS) + len(wanted)


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize(
    ("cap", "requests"), [(2000, [2000, 2000, 1000, 0]), (700, [700] * 7 + [100, 0])]
)
def test_a_service_that_caps_its_pages_and_tells_nobody_loses_nothing(cap, requests, descending):
    """A page that is not full is no end; the empty page that is costs one request."""
    service = Service([T0 + n for n in range(5000)], link="none", size=cap)
    assert len(read(service, T0 - 1000, T0 + 6000, descending=descending)) == 5000
    assert len(service.queries) == len(requests)
    service.queries.clear()
    # Where the last record is the end of the range, nothing is asked behind it.
    assert len(read(service, T0 - 1, T0 + 4999, descending=descending)) == 5000
    assert len(service.queries) == len(requests) - 1


# -- over TLS, from the hub


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


def test_memory_does_not_grow_with_the_range():
    """Forty pages take what two take."""

    def peak(pages):
        service = Service(range(T0, T0 + pages * 100), size=100)
        service.queries = deque(maxlen=1)
        reader = Reader(fake_session(service), "0f", "motor")
        tracemalloc.start()
        count = sum(1 for _ in reader.range(T0 - 1, T0 + 10**7, page=100))
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert count == pages * 100
        return most

    peak(2)  # modules are loaded now
    few, many = peak(2), peak(40)
    # Held as a whole, 3 800 records more would take some 2 MB.
    assert many < few + 50_000, (few, many)


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
