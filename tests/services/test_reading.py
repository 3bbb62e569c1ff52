"""mcagent/services/reading.py and `TimeSeries.read`: every record once, in order, to the end."""

import json
import tracemalloc
from bisect import bisect_left, bisect_right
from collections import deque
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcagent.errors import RemoteError
from mcagent.services.reading import Reader
from mcagent.services.records import parse_instant, show
from mcagent.transport.http import MAX_ANSWER_BYTES, Response, Transport
from tests.helpers import raises
from tests.services.plant import DAY_MS, T0
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


class Configured(Service):
    """Refuses pages of more than its *most*, in the words that were observed."""

    def __init__(self, times, most, words="max configured limit of - %d"):
        super().__init__(times, link="none")
        self.most, self.words, self.refused = most, words, []

    def send(self, request):
        limit = int(parse_qs(urlsplit(request.url).query).get("limit", ["0"])[0])
        if limit <= self.most:
            return super().send(request)
        self.refused.append(limit)
        words = f"[6009] Input limit[{limit}] can't exceed {self.words}" % self.most
        return Response(400, {}, json.dumps({"status": 400, "message": words}).encode())


@pytest.mark.parametrize("descending", [False, True])
def test_a_service_that_is_configured_for_fewer_is_asked_for_fewer(descending):
    """Its refusal names the number; it is refused once for a range."""
    service = Configured([T0 + n for n in range(2500)], 1000)
    got = read(service, T0 - 1, T0 + 9999, descending=descending)
    assert sorted(got) == [T0 + n for n in range(2500)]
    assert service.refused == [2000]
    assert {query["limit"] for query in service.queries} == {"1000"}


@pytest.mark.parametrize("words", ["what it is: %d", "max configured limit of - 2%03d"])
def test_a_refusal_that_names_no_smaller_number_is_told(words):
    """And not repeated for ever."""
    service = Configured([T0], 0, words)
    error = raises(RemoteError, read, service, T0 - 1, T0 + 1)
    assert (error.status, error.code, service.refused) == (400, "6009", [2000])


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
