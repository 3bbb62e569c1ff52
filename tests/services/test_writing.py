"""Writes: within the limits, one record for one time, at the rate, and what became of each pair."""

import json
import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcagent.errors import CredentialError, InvalidMessage, RemoteError, TransportError
from mcagent.services.aspects import Variable
from mcagent.services.bucket import Bucket
from mcagent.services.packing import Merging, batches, bodies, joined
from mcagent.services.recordencoder import RecordEncoder
from mcagent.services.records import Record
from mcagent.services.timeseries import PartialWrite, TimeSeries
from mcagent.transport.http import Response, Transport
from tests.helpers import raises
from tests.services.plant import HOUR_MS, T0, calls, make_series, samples
from tests.services.platform import SteadyClock

PUT = "PUT */api/iottimeseries/v3/timeseries*"
TEXT = {"t": Variable("t", "BIG_STRING")}


def texts(sizes):
    return [Record(T0 + n, {"t": "x" * size}) for n, size in enumerate(sizes)]


# -- bodies


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(1, 500), max_size=60), st.integers(100, 2000))
def test_bodies_hold_everything_once_within_their_limit(sizes, most):
    """In order; larger than the limit only where one record alone is."""
    made = list(bodies(texts(sizes), RecordEncoder("a", TEXT), most))
    rows = [row for body in made for row in json.loads(body.data)]
    assert [len(row["t"]) for row in rows] == sizes
    for body in made:
        assert len(body.data) <= most or body.records == 1
        assert body.records == len(json.loads(body.data))


def test_a_body_of_exactly_1_mb_is_one_request_and_one_byte_more_is_two():
    """1 MB is 1 000 000 bytes, the safe reading."""
    one = len(RecordEncoder("a", TEXT).encode(texts([1])[0])) - 1
    size = (1_000_000 - 2 - 99) // 100 - one
    rest = 1_000_000 - 2 - 99 - 100 * (size + one)
    exact = texts([size] * 99 + [size + rest])
    (body,) = bodies(exact, RecordEncoder("a", TEXT))
    assert len(body.data) == 1_000_000
    over = texts([size] * 99 + [size + rest + 1])
    assert [body.records for body in bodies(over, RecordEncoder("a", TEXT))] == [99, 1]


@settings(deadline=None, max_examples=60)
@given(st.lists(st.lists(st.integers(1, 30_000), max_size=40).map(tuple), min_size=1, max_size=14))
def test_requests_to_several_keep_all_three_limits(pairs):
    """5 pairs, 100 records, 100 000 bytes; everything once, in order, no pair twice in one."""
    given_ = [
        (("asset", f"a{n}"), texts(sizes), RecordEncoder("a", TEXT))
        for n, sizes in enumerate(pairs)
    ]
    got = {}
    for batch in batches(given_):
        names = [part.aspect for part in batch]
        assert 1 <= len(names) == len(set(names)) <= 5
        assert sum(part.body.records for part in batch) <= 100
        if len(batch) > 1:
            assert len(joined(batch)) <= 100_000
        for part in batch:
            got.setdefault(part.aspect, []).extend(json.loads(part.body.data))
    wanted = {f"a{n}": sizes for n, sizes in enumerate(pairs) if sizes}
    assert {name: tuple(len(row["t"]) for row in rows) for name, rows in got.items()} == wanted


@pytest.mark.parametrize(
    ("pairs", "records", "requests"),
    [(5, 20, 1), (6, 16, 2), (1, 101, 2), (2, 50, 1), (2, 51, 2), (4, 25, 1)],
)
def test_5_pairs_and_100_records_are_one_request_and_one_more_is_two(
    platform, pairs, records, requests
):
    """Both sides of both limits, at a hub that keeps them."""
    platform.hub.change_settings(max_multi_put_bytes=100_000)
    series = TimeSeries(platform.session(), bytes_per_s=None)
    asset = platform.hub.create_asset(
        "many", {f"a{n}": {"x": {"type": "INT"}} for n in range(pairs)}
    )
    given_ = {(asset, f"a{n}"): [(T0 + i, {"x": i}) for i in range(records)] for n in range(pairs)}
    written = series.write_several(given_)
    assert (written.records, written.requests) == (pairs * records, requests)
    for n in range(pairs):
        assert len(list(series.read(asset, f"a{n}", T0 - 1))) == records


def test_a_record_too_large_for_several_goes_alone(platform):
    """100 000 characters pass a write of one aspect, and no write of several."""
    platform.hub.change_settings(max_multi_put_bytes=100_000, max_put_bytes=1_000_000)
    series, asset = make_series(platform)
    series.write_several(
        {
            (asset, "motor"): [(T0, {"rpm": 1}), (T0 + 1, {"log": "x" * 100_000})],
            (asset, "ambient"): [(T0, {"humidity": 1})],
        }
    )
    assert [len(r.values) for r in series.read(asset, "motor", T0 - 1)] == [1, 1]
    assert len(list(series.read(asset, "ambient", T0 - 1))) == 1


def test_a_hub_that_counts_strictly_takes_all_of_them(platform):
    """1 MB and 100 KB as 1 000-based limits, 413 above."""
    platform.hub.change_settings(
        max_put_bytes=1_000_000, max_multi_put_bytes=100_000, too_large_status=413
    )
    series, asset = make_series(platform)
    rows = [(T0 + n, {"log": "x" * 9_000}) for n in range(200)]
    assert series.write(asset, "motor", rows).requests == 2
    series.write_several(
        {(asset, "motor"): rows[:30], (asset, "ambient"): [(T0, {"humidity": 1})]}
    )


def test_the_strict_hub_takes_all_that_the_client_does(platform):
    """The harshest reading of every text: nothing of it is refused, or needs a second request."""
    from mcagent.emulator.settings import STRICT

    platform.hub.change_settings(**STRICT)
    series, asset = make_series(platform, bytes_per_s=100_000)
    rows = [(T0 + n, {"rpm": n, "load": n / 3, "label": 'a"b'}, {"rpm": 0}) for n in range(300)]
    series.write(asset, "motor", rows)
    series.write_several(
        {(asset, "motor"): samples(60, T0 + 10_000), (asset, "ambient"): [(T0, {"humidity": 1})]}
    )
    assert len(list(series.read(asset, "motor", T0 - 1))) == 360
    assert series.latest(asset, "motor") == []  # it came a moment ago
    platform.hub.set_clock(8 * 86_400)
    later = TimeSeries(platform.session())
    assert {one.variable for one in later.latest(asset, "motor")} == {"rpm", "load"}
    later.delete(asset, "motor", T0, T0 + HOUR_MS)
    assert [r.timestamp_ms for r in later.read(asset, "motor", T0 - 1)] == [T0]
    assert len(calls(series, "PUT")) == 2


# -- one record for one time


def test_values_of_one_time_become_one_record(platform):
    """A write replaces the whole record: two halves sent one after the other would lose one."""
    series, asset = make_series(platform)
    halves = [(T0, {"rpm": 1}), (T0 + 1, {"rpm": 9}), (T0, {"load": 2.5}, {"load": 0})]
    written = series.write(asset, "motor", halves)
    assert (written.records, written.replaced) == (2, 0)
    got = list(series.read(asset, "motor", T0 - 1))
    assert got[0] == Record(T0, {"rpm": 1, "load": 2.5}, {"load": 0})
    platform.hub.settle()
    # The platform does replace, and the emulator with it: the second write stands alone.
    series.write(asset, "motor", [(T0, {"on": True})])
    assert next(series.read(asset, "motor", T0 - 1)).values == {"on": True}


def test_a_value_given_twice_for_one_time_is_counted(platform):
    """Two clocks of microseconds meet in one millisecond: the later stands, and it is said."""
    series, asset = make_series(platform)
    written = series.write(asset, "motor", [(T0, {"rpm": 1}), (T0, {"rpm": 2}), (T0, {"rpm": 2})])
    assert (written.records, written.replaced) == (1, 1)


@given(st.lists(st.tuples(st.integers(0, 6), st.sampled_from("abc")), max_size=20))
def test_a_list_is_merged_whatever_its_order(given_):
    """Every time once, in order, with every value."""
    records = list(Merging().records([(T0 + t, {name: 1}) for t, name in given_]))
    assert [r.timestamp_ms - T0 for r in records] == sorted({t for t, _name in given_})
    for record in records:
        assert set(record.values) == {n for t, n in given_ if T0 + t == record.timestamp_ms}


def test_an_iterator_is_not_held_and_may_not_go_back():
    """What was sent for a time cannot be added to any more."""
    merging = Merging()
    assert (
        len(list(merging.records(iter([(T0, {"a": 1}), (T0, {"b": 1}), (T0 + 1, {"a": 1})])))) == 2
    )
    given_ = iter([(T0 + 1, {"a": 1}), (T0, {"a": 1})])
    error = raises(InvalidMessage, list, Merging().records(given_))
    assert "2026-01-05T08:00:00.000Z" in error.message
    assert "sort" in error.hint
    pulled = []

    def endless():
        for n in range(10**9):
            pulled.append(n)
            yield T0 + n, {"t": "x" * 1000}

    next(bodies(Merging().records(endless()), RecordEncoder("a", TEXT), 50_000))
    assert len(pulled) < 60


def test_two_threads_never_have_two_writes_for_one_aspect_in_flight(platform):
    """The second waits until the first was answered; another aspect does not wait."""
    series, asset = make_series(platform)
    series.aspects.of(asset)
    inner, lock = series.session.transport, threading.Lock()
    under_way, together, most = {}, set(), [0]

    class Watching(Transport):
        def send(self, request):
            name = request.url.rsplit("/", 1)[-1]
            with lock:
                under_way[name] = under_way.get(name, 0) + 1
                most[0] = max(most[0], under_way[name])
                together.add(frozenset(n for n, count in under_way.items() if count))
            time.sleep(0.05)
            try:
                return inner.send(request)
            finally:
                with lock:
                    under_way[name] -= 1

    series.session._transport = Watching()
    threads = [
        threading.Thread(target=series.write, args=(asset, aspect, [(T0, {name: n})]))
        for n in range(3)
        for aspect, name in (("motor", "rpm"), ("ambient", "humidity"))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most[0] == 1
    assert frozenset(("motor", "ambient")) in together


# -- what became of it


def test_a_202_is_read_pair_by_pair(platform):
    """One aspect is unknown: the other is written, and the error says which and how many."""
    series, asset = make_series(platform, scopes=["mdsp:core:iot.timAdmin"])
    given_ = {(asset, "motor"): samples(3), (asset, "nothing"): samples(2)}
    error = raises(PartialWrite, series.write_several, given_)
    (bad,) = error.errors
    assert (bad.asset, bad.aspect, bad.status, bad.records) == (asset, "nothing", 404, 2)
    assert (bad.first_ms, bad.last_ms) == (T0, T0 + 1000)
    assert error.written.records == 3
    assert "'nothing'" in error.message
    assert "6410" in error.message
    assert len(list(series.read(asset, "motor", T0 - 1))) == 3


@pytest.mark.parametrize(
    "body",
    [
        b'{"errors":[{"entityId":"other","propertySetName":"x","status":400,"message":"no"}]}',
        b'{"status":"PARTIAL"}',
        b'[{"message":"no"}]',
        b"something failed",
        b'{"errors":["no"]}',
    ],
)
def test_any_body_of_a_202_is_a_failure_of_something(platform, body):
    """Its form is not known: what cannot be attributed is told of every pair."""
    series, asset = make_series(platform)
    series.aspects.of(asset)
    _answers(series, [Response(202, {}, body)])
    given_ = {(asset, "motor"): samples(1), (asset, "ambient"): [(T0, {"humidity": 1})]}
    error = raises(PartialWrite, series.write_several, given_)
    assert {bad.aspect for bad in error.errors} == {"motor", "ambient"}
    assert error.written.records == 0


@pytest.mark.parametrize("body", [b"", b"{}", b"null", b'{"errors":[]}', b"[]", b"  "])
def test_a_202_without_errors_is_a_success(platform, body):
    """The Java SDK calls it null."""
    series, asset = make_series(platform)
    series.aspects.of(asset)
    _answers(series, [Response(202, {}, body)])
    given_ = {(asset, "motor"): samples(1), (asset, "ambient"): [(T0, {"humidity": 1})]}
    assert series.write_several(given_).records == 2


def test_a_pair_that_is_refused_for_the_moment_is_sent_again_alone(platform):
    """429 inside a 202: that pair, after a wait; the other is not sent twice."""
    series, asset = make_series(platform)
    series.aspects.of(asset)
    busy = {
        "errors": [
            {"entityId": asset, "propertySetName": "motor", "status": 429, "message": "slow"}
        ]
    }
    sent = _answers(series, [Response(202, {}, json.dumps(busy).encode()), Response(204)])
    given_ = {(asset, "motor"): samples(1), (asset, "ambient"): [(T0, {"humidity": 1})]}
    assert series.write_several(given_).records == 2
    assert [request.method for request in sent] == ["PUT", "PUT"]
    # Alone it is a write of several with one pair, or a write of one: either is good.
    assert b"humidity" not in b"".join(sent[1].body.chunks())


def test_a_pair_that_is_unknown_is_not_asked_about_again(platform):
    """Its further records are counted as not taken, without a request each."""
    series, asset = make_series(platform, scopes=["mdsp:core:iot.timAdmin"])
    given_ = {(asset, "nothing"): samples(250), (asset, "motor"): samples(5)}
    error = raises(PartialWrite, series.write_several, given_)
    assert sum(bad.records for bad in error.errors) == 250
    assert error.written.records == 5
    assert len(calls(series, "PUT")) == 2


def test_what_was_written_before_a_failure_is_said(platform):
    """Refusal, lost connection and bad record alike."""
    series, asset = make_series(platform)
    series.write(asset, "motor", samples(1))
    rows = [(T0 + n, {"log": "x" * 9_000}) for n in range(200)]
    answers = [Response(204), Response(400, {}, b'{"message":"no"}')]
    _answers(series, answers)
    error = raises(PartialWrite, series.write, asset, "motor", rows)
    assert error.written.records > 100
    assert f"{error.written.records} records were written, up to 2026-01-05T08:00:00." in str(
        error
    )
    assert (error.status, error.reason) == (400, "no")
    _answers(series, [Response(204), TransportError("gone", kind="aborted")])
    error = raises(TransportError, series.write, asset, "motor", rows)
    assert "records were written" in error.message
    assert error.kind == "aborted"
    _answers(series, [Response(204)])
    rows[150] = (T0 + 150, {"log": 7})
    error = raises(InvalidMessage, series.write, asset, "motor", rows)
    assert "records were written" in error.message
    assert "'log'" in error.message


def test_what_was_written_is_said_where_the_next_token_is_refused(platform):
    """Whoever manages the credentials took them away in the middle."""
    series, asset = make_series(platform)
    rows = [(T0 + n, {"log": "x" * 9_000}) for n in range(200)]
    unauthorized = Response(401)
    _answers(series, [Response(204), unauthorized])
    series.session._transport = NoTokens(series.session._transport)
    error = raises(CredentialError, series.write, asset, "motor", rows)
    assert "records were written, up to 2026-01-05T08:00:00." in error.message
    assert error.hint


class NoTokens(Transport):
    """Gives one token, and no other."""

    def __init__(self, inner):
        self.inner = inner
        self.given = False

    def send(self, request):
        if "/oauth/" not in request.url:
            return self.inner.send(request)
        if self.given:
            return Response(401, {}, b'{"error":"invalid_client"}')
        self.given = True
        return self.inner.send(request)


def test_pairs_that_were_refused_before_a_failure_are_said(platform):
    """The first request lost a pair; the second one nobody answered."""
    series, asset = make_series(platform)
    other = platform.hub.create_asset("other", {"motor": {"rpm": {"type": "INT"}}})
    rows = {
        (asset, "motor"): samples(60),
        (other, "motor"): [(T0 + n, {"rpm": n}) for n in range(90)],
    }
    refused = {"errors": [{"entityId": asset, "propertySetName": "motor", "status": 400}]}
    partial = Response(202, {}, json.dumps(refused).encode())
    _answers(series, [partial, TransportError("gone", kind="aborted")])
    error = raises(TransportError, series.write_several, rows)
    assert "before it 40 records were written" in error.message
    # The platform's own refusal has them as values, too.
    third = platform.hub.create_asset("third", {"motor": {"rpm": {"type": "INT"}}})
    rows[third, "motor"] = rows[other, "motor"]
    _answers(series, [partial, Response(400, {}, b'{"message":"no"}')])
    refusal = raises(PartialWrite, series.write_several, rows)
    assert refusal.errors[0][:3] == (asset, "motor", 400)
    assert f"60 were not taken: aspect 'motor' of asset {asset}: 400" in error.message


def test_a_write_that_got_lost_is_repeated_and_stands_once(platform):
    """The answer was lost, not the write: a PUT of the same records changes nothing."""
    series, asset = make_series(platform)
    platform.hub.set_faults([{"action": "drop_after", "match": PUT, "times": 1}])
    assert series.write(asset, "motor", samples(10)).records == 10
    assert len(list(series.read(asset, "motor", T0 - 1))) == 10


# -- the rate


def test_the_bucket_keeps_the_rate_and_never_a_millisecond_less():
    """100 KB/s, half a second's worth at once; asset and aspect each have their own."""
    clock = SteadyClock()
    bucket = Bucket(100_000, clock, clock.sleep)
    begin_ms = clock.monotonic_ms()
    for _ in range(40):
        bucket.take("a", 25_000)
    took_s = (clock.monotonic_ms() - begin_ms) / 1000
    assert 9.5 <= took_s <= 9.6
    before = len(clock.slept)
    bucket.take("b", 50_000)
    assert len(clock.slept) == before


def test_one_body_larger_than_a_second_waits_for_an_empty_bucket():
    """A record may be larger than that; its successor waits."""
    clock = SteadyClock()
    bucket = Bucket(100_000, clock, clock.sleep)
    bucket.take("a", 500_000)
    assert clock.slept == []
    bucket.take("a", 500_000)
    assert sum(clock.slept) == 5.0


@settings(deadline=None)
@given(
    st.lists(st.integers(1, 60_000) | st.sampled_from([1, 50_000, 200_000]), max_size=60),
    st.lists(st.integers(0, 1500), min_size=60, max_size=60),
)
def test_no_second_carries_more_than_its_limit(sizes, pauses):
    """Whatever is written, any second holds 100 KB at most, or one body that is more."""
    clock = SteadyClock()
    bucket = Bucket(100_000, clock, clock.sleep)
    sent = []
    for size, pause_ms in zip(sizes, pauses):
        clock.pass_ms(pause_ms)
        bucket.take("a", size)
        sent.append((clock.monotonic_ms(), size))
    for begin_ms, _size in sent:
        window = [size for at_ms, size in sent if begin_ms <= at_ms < begin_ms + 1000]
        assert sum(window) <= 100_000 or len(window) == 1


@pytest.mark.slow
def test_a_hub_that_keeps_100_kb_a_second_refuses_nothing(platform):
    """Real time: 300 KB take three seconds, and no 429 is met; without the bucket there is one."""
    platform.hub.change_settings(put_bytes_per_s=100_000)
    _series, asset = make_series(platform)
    session = platform.session(sleep=time.sleep)
    series = TimeSeries(session)
    rows = [(T0 + n, {"log": "x" * 960}) for n in range(300)]
    begin = time.monotonic()
    series.write(asset, "motor", rows)
    took_s = time.monotonic() - begin
    assert 2.3 <= took_s < 8
    sent = [request for request in session.transport.requests if request.method == "PUT"]
    assert len(sent) == 7  # a body each, none of them twice
    fast = TimeSeries(platform.session(attempts=1), bytes_per_s=None)
    error = raises(RemoteError, lambda: [fast.write(asset, "motor", rows) for _ in range(3)])
    assert error.status == 429


# -- reading back


def test_wait_visible_waits_for_queued_writes(platform):
    """Not there at once, there in the end; for an overwritten record its new value counts."""
    platform.hub.change_settings(visibility_delay_s=0.4)
    series, asset = make_series(platform)
    series.session.sleep = time.sleep
    rows = samples(3)
    series.write(asset, "motor", rows)
    assert list(series.read(asset, "motor", T0 - 1)) == []
    assert not series.wait_visible(asset, "motor", rows, timeout_s=0.01)
    assert series.wait_visible(asset, "motor", rows, timeout_s=10)
    series.write(asset, "motor", [(T0, {"rpm": 77})])
    assert series.wait_visible(asset, "motor", [(T0, {"rpm": 77})], timeout_s=10)
    assert next(series.read(asset, "motor", T0 - 1)).values == {"rpm": 77}


def test_wait_visible_gives_up_in_time(platform):
    """What was never written is never seen."""
    clock = SteadyClock()
    series, asset = make_series(platform)
    series.session.clock, series.session.sleep = clock, clock.sleep
    assert not series.wait_visible(asset, "motor", [(T0, {"rpm": 1})], timeout_s=9)
    assert 8.5 <= sum(clock.slept) <= 9


def _answers(series, answers):
    """Let the next writes have these answers; return the list of their requests."""
    inner = series.session._transport
    sent = []

    class Scripted(Transport):
        def send(self, request):
            if request.method == "PUT" and len(sent) < len(answers):
                sent.append(request)
                answer = answers[len(sent) - 1]
                if isinstance(answer, TransportError):
                    raise answer
                return answer
            return inner.send(request)

    series.session._transport = Scripted()
    return sent
