"""Writes: within the limits, one record for one time, at the rate, and what became of each pair."""

import json
import threading
import time

import pytest

from mcagent.errors import CredentialError, InvalidMessage, TransportError
from mcagent.services.records import Record
from mcagent.services.timeseries import PartialWrite, TimeSeries
from mcagent.transport.http import Response, Transport
from tests.helpers import raises
from tests.patience import with_more_time
from tests.services.plant import HOUR_MS, T0, calls, make_series, samples
from tests.services.platform import SteadyClock

PUT = "PUT */api/iottimeseries/v3/timeseries*"


# -- bodies


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


# -- reading back


def test_wait_visible_waits_for_queued_writes(platform):
    """Not there at once, there in the end; for an overwritten record its new value counts."""

    def queued(delay_s):
        platform.hub.change_settings(visibility_delay_s=delay_s)
        series, asset = make_series(platform)
        series.session.sleep = time.sleep
        rows = samples(3)
        series.write(asset, "motor", rows)
        assert list(series.read(asset, "motor", T0 - 1)) == []
        assert not series.wait_visible(asset, "motor", rows, timeout_s=0.01)
        assert series.wait_visible(asset, "motor", rows, timeout_s=60)
        series.write(asset, "motor", [(T0, {"rpm": 77})])
        assert series.wait_visible(asset, "motor", [(T0, {"rpm": 77})], timeout_s=60)
        assert next(series.read(asset, "motor", T0 - 1)).values == {"rpm": 77}

    with_more_time(queued, 0.4, 2, 8)


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
