"""The state machine against a platform and a buffer in memory."""

import pytest

from mcagent.errors import ConfigurationError, NotOnboarded, TransportError
from mcagent.transport.http import Response
from mcagent.upload.uploader import Uploader, UploadSettings
from tests.upload.fakes import (
    FakeClock,
    FakePlatform,
    FakeSession,
    MemoryBuffer,
    add_events,
    add_model,
    add_samples,
    configuration,
    out_of_place,
)

MODEL_1 = configuration("m1", "a", "b")
MODEL_2 = configuration("m2", "a", "b", "c")


class Bench:
    """One uploader and everything around it."""

    def __init__(self, platform=None, buffer=None, random=0.5, **settings):
        self.platform = platform or FakePlatform(MODEL_1, mapped=["a", "b"])
        self.buffer = buffer if buffer is not None else MemoryBuffer()
        self.clock = FakeClock()
        self.session = FakeSession(self.platform, self.clock)
        self.local_model = None
        self.uploader = Uploader(
            self.buffer,
            self.session,
            clock=self.clock,
            random_unit=lambda: random,
            settings=UploadSettings(**settings),
            local_model=lambda: self.local_model,
            sleep_ms=self.clock.sleep_ms,
        )

    def upload(self, timeout_s=30):
        report = self.uploader.upload(timeout_s)
        assert self.buffer.pinned == [], "nothing stays pinned between calls"
        return report


@pytest.fixture
def bench():
    return Bench()


def no_answer(kind="connect"):
    return TransportError("no route to southgate.example", kind=kind, hint="look at the cable")


# -- the plain way -------------------------------------------------------------------------


def test_everything_goes_out_in_one_exchange_events_first(bench):
    add_samples(bench.buffer, range(5))
    add_events(bench.buffer, range(3))
    report = bench.upload()
    assert (report.delivered, report.pending, report.set_aside) == (8, 0, 0)
    assert (report.retry_in_s, report.reason) == (None, "")
    assert len(bench.platform.exchanges) == 1
    items = bench.platform.exchanges[0]
    assert [item["type"] for item in items] == ["businessEvent"] * 3 + ["standardTimeSeries"]
    assert [len(item["records"]) for item in items] == [1, 1, 1, 5], "one event an item"
    assert items[3]["configuration_id"] == "m1"
    assert bench.platform.samples == list(range(5))


def test_an_empty_buffer_sends_nothing(bench):
    assert bench.uploader.step() is None
    assert bench.upload().pending == 0
    assert bench.platform.requests == []


def test_a_backlog_goes_out_in_order_within_the_limits():
    bench = Bench(max_exchange_bytes=20_000, max_timeseries_bytes=5_000, max_items=7)
    add_samples(bench.buffer, range(300), size=100)
    add_events(bench.buffer, range(50), size=50)
    assert bench.upload().pending == 0
    assert bench.platform.samples == list(range(300))
    assert [event["e"] for event in bench.platform.received("businessEvent")] == list(range(50))
    for items in bench.platform.exchanges:
        assert sum(item["type"] == "businessEvent" for item in items) <= 7


def test_a_trickle_of_samples_does_not_become_a_request_each(bench):
    add_samples(bench.buffer, [1])
    assert bench.uploader.step() == 0
    while bench.uploader.step() == 0:
        pass
    sent = len(bench.platform.exchanges)
    add_samples(bench.buffer, [2])
    assert bench.uploader.step() == 1000
    bench.clock.sleep_ms(400)
    add_samples(bench.buffer, [3])
    assert bench.uploader.step() == 600
    assert len(bench.platform.exchanges) == sent
    bench.clock.sleep_ms(600)
    bench.uploader.step(1000)
    assert bench.platform.samples == [1, 2, 3]
    assert len(bench.platform.exchanges) == sent + 1


def test_a_backlog_is_not_slowed_down():
    bench = Bench(max_timeseries_bytes=1_000, max_exchange_bytes=2_000)
    add_samples(bench.buffer, range(100), size=50)
    began_ms = bench.clock.ms
    while len(bench.platform.samples) < 80:
        assert bench.uploader.step() == 0
    assert bench.clock.ms == began_ms


# -- answers -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [
        Response(500),
        Response(503, {"retry-after": "1"}),
        Response(429, {"retry-after": "2"}),
        Response(408),
        Response(202),
        Response(302, {"location": "https://login.example"}),
        Response(200, {"content-type": "text/html"}, b"<html>pay here</html>"),
        no_answer(),
        no_answer("timeout"),
        no_answer("closed"),
    ],
)
def test_what_passes_by_itself_is_sent_again(bench, answer):
    bench.platform.answers = [answer]
    add_samples(bench.buffer, range(10))
    report = bench.upload()
    assert (report.delivered, report.pending) == (10, 0)
    assert bench.platform.samples == list(range(10))
    assert bench.platform.count("POST", "exchange") == 2


def test_offline_is_a_result(bench):
    bench.platform.answers = [no_answer()] * 1000
    add_samples(bench.buffer, range(10))
    report = bench.upload(timeout_s=20)
    assert (report.delivered, report.pending) == (0, 10)
    assert report.retry_in_s > 0
    assert report.reason == "no route to southgate.example. look at the cable"
    assert bench.platform.count("POST", "exchange") < 10, "it backs off"


def test_an_upload_without_end_sits_the_outage_out(bench):
    bench.platform.answers = [no_answer()] * 30
    add_samples(bench.buffer, range(10))
    report = bench.upload(timeout_s=float("inf"))
    assert (report.delivered, report.pending) == (10, 0)


@pytest.mark.parametrize("timeout_s", [0, -1, -0.5, float("-inf")])
def test_a_deadline_that_has_passed_allows_one_piece_of_work(bench, timeout_s):
    bench.platform.answers = [no_answer()] * 30
    add_samples(bench.buffer, range(10))
    began_ms = bench.clock.ms
    assert bench.upload(timeout_s=timeout_s).pending == 10
    assert bench.clock.ms == began_ms
    assert bench.platform.count("POST", "exchange") <= 1


def test_a_timeout_that_is_no_number_is_refused(bench):
    add_samples(bench.buffer, range(10))
    with pytest.raises(ConfigurationError, match="nan"):
        bench.upload(timeout_s=float("nan"))
    assert bench.platform.requests == []


def test_retry_after_is_obeyed(bench):
    bench.platform.answers = [Response(429, {"retry-after": "120"})]
    add_samples(bench.buffer, [1])
    report = bench.upload(timeout_s=30)
    assert report.pending == 1
    assert 120 <= report.retry_in_s <= 121
    assert bench.upload(timeout_s=30).pending == 1, "asking again does not end it"
    assert bench.platform.count("POST", "exchange") == 1
    bench.clock.sleep_ms(121_000)
    assert bench.upload().pending == 0


def test_back_online_ends_a_wait_for_want_of_an_answer_and_no_other(bench):
    bench.platform.answers = [no_answer()] * 8
    add_samples(bench.buffer, [1])
    for _ in range(8):
        bench.uploader.step()
        bench.clock.sleep_ms(bench.uploader.step() or 0)
    bench.platform.answers = [no_answer(), None]
    bench.uploader.step()
    assert bench.uploader.step() > 1000
    bench.uploader.notify_online()
    assert bench.uploader.step() == 0
    assert bench.platform.samples == [1]


def test_a_success_and_nothing_else_makes_the_next_wait_short_again(bench):
    bench.platform.answers = [Response(503)] * 6
    add_samples(bench.buffer, [1])
    assert bench.upload(timeout_s=600).pending == 0
    bench.clock.sleep_ms(10_000)
    bench.platform.answers = [Response(503)]
    add_samples(bench.buffer, [2])
    assert bench.uploader.step() == 500


def test_forbidden_holds_tells_and_heals(bench):
    bench.platform.answers = [Response(403, {}, b'{"message": "no right"}')]
    add_samples(bench.buffer, [1])
    report = bench.upload()
    assert report.pending == 1
    assert "403" in report.reason
    assert "no right" in report.reason
    assert 600 < report.retry_in_s < 1200
    bench.clock.sleep_ms(1_200_000)
    assert bench.upload().pending == 0


def test_a_renewed_token_that_is_still_refused_holds(bench):
    """The session has renewed once before it hands a 401 on."""
    bench.platform.answers = [Response(401)]
    add_samples(bench.buffer, [1])
    report = bench.upload()
    assert report.pending == 1
    assert report.retry_in_s > 600


def test_want_of_credentials_is_raised_by_upload_and_told_by_status(bench):
    def refuse(_request):
        raise NotOnboarded("never onboarded", hint="call onboard()")

    bench.session.send = refuse
    add_samples(bench.buffer, [1])
    assert bench.uploader.step() > 0
    assert bench.uploader.status()["reason"] == "never onboarded. call onboard()"
    with pytest.raises(NotOnboarded):
        bench.upload()


def test_too_large_halves_and_remembers():
    bench = Bench()
    real_send = bench.platform.send

    def send(request):
        if request.body is not None and request.body.length > 3_000:
            return Response(413)
        return real_send(request)

    bench.platform.send = send
    add_samples(bench.buffer, range(200), size=100)
    assert bench.upload().pending == 0
    assert bench.platform.samples == list(range(200))
    assert bench.uploader.status()["body_limit"] <= 3_000


def test_a_body_that_dies_by_time_halves_and_grows_again():
    bench = Bench(max_exchange_bytes=100_000, max_timeseries_bytes=100_000)
    bench.platform.answers = [no_answer("timeout")] * 3
    add_samples(bench.buffer, range(500), size=100)
    assert bench.upload(timeout_s=60).pending == 0
    sizes = [sum(len(item["records"]) for item in items) for items in bench.platform.exchanges]
    assert sizes[0] < 120
    assert max(sizes) > 2 * sizes[0]
    assert bench.platform.samples == list(range(500))


# -- refused records -----------------------------------------------------------------------


def poisoned(*numbers):
    def refuses(item):
        return any(
            record.get("n") in numbers or record.get("e") in numbers
            for record in item["records"]
            if isinstance(record, dict)
        )

    return refuses


@pytest.mark.parametrize("bad", [(0,), (63,), (99,), (40, 41, 42), (0, 50, 99)])
def test_a_refused_record_is_set_aside_and_the_rest_delivered_in_order(bench, bad):
    bench.platform.refuses = poisoned(*bad)
    add_samples(bench.buffer, range(100))
    add_events(bench.buffer, range(1000, 1003))
    report = bench.upload()
    assert report.set_aside == len(bad)
    assert report.pending == 0
    assert bench.platform.samples == [n for n in range(100) if n not in bad]
    assert [lane for lane, _, _ in bench.buffer.rejected] == ["timeseries"] * len(bad)
    assert [sequence - 1 for _, sequence, _ in bench.buffer.rejected] == list(bad)
    words = bench.buffer.rejected[0][2]
    assert words["status"] == 400
    assert "not like this" in words["reason"]
    assert words["correlation_id"]


def test_a_refused_event_does_not_cost_the_samples(bench):
    bench.platform.refuses = poisoned(1001)
    add_samples(bench.buffer, range(10))
    add_events(bench.buffer, range(1000, 1003))
    assert bench.upload().set_aside == 1
    assert bench.platform.samples == list(range(10))
    assert [event["e"] for event in bench.platform.received("businessEvent")] == [1000, 1002]


def test_a_search_costs_few_requests():
    bench = Bench(max_timeseries_bytes=1_000_000)
    bench.platform.refuses = poisoned(7_777)
    add_samples(bench.buffer, range(10_000))
    assert bench.upload().set_aside == 1
    assert bench.platform.count("POST", "exchange") <= 2 * 14 + 2
    assert len(bench.platform.samples) == 9_999


def test_a_gateway_that_refuses_everything_empties_nothing():
    bench = Bench(hold_retry_s=300)
    add_samples(bench.buffer, range(20))
    assert bench.upload().pending == 0  # accepted lately: that alone is no proof
    bench.platform.refuses = lambda _item: True
    add_samples(bench.buffer, [20])
    for minute in range(60):
        bench.upload(timeout_s=1)
        bench.clock.sleep_ms(60_000)
        add_samples(bench.buffer, [100 + minute])
    assert bench.buffer.rejected == []
    assert bench.platform.count("POST", "exchange") < 200
    assert "timeseries" in bench.uploader.status()["held"]
    bench.platform.refuses = lambda _item: False
    bench.clock.sleep_ms(300_000)
    assert bench.upload().pending == 0
    assert bench.platform.samples[:20] == list(range(20))
    assert bench.platform.samples[-61:] == [20, *range(100, 160)]


def test_more_than_ten_refused_records_an_hour_hold_the_lane(bench):
    bench.platform.refuses = poisoned(*range(0, 100, 2))
    add_samples(bench.buffer, range(100))
    report = bench.upload()
    assert report.set_aside == 10
    assert report.pending > 0
    assert "10 records were refused within an hour" in report.reason
    assert bench.platform.samples == list(range(1, 20, 2))


def test_a_record_that_breaks_the_platform_is_found_after_eight_troubles(bench):
    bench.platform.refuses = poisoned(13)
    bench.platform.refusal = 500
    add_samples(bench.buffer, range(20))
    add_events(bench.buffer, [1000])
    for _ in range(20):
        bench.upload(timeout_s=600)
    assert [sequence - 1 for _, sequence, _ in bench.buffer.rejected] == [13]
    assert bench.platform.samples == [n for n in range(20) if n != 13]


@pytest.mark.parametrize("number", [0, 13, 19])
def test_a_record_that_breaks_the_platform_is_found_where_nothing_else_is_sent(number):
    """A device that sends samples alone: nothing passes that would tell it from an outage."""
    bench = Bench(refresh_s=10**6)
    bench.platform.refuses = poisoned(number)
    bench.platform.refusal = 500
    add_samples(bench.buffer, range(20))
    until_ms = bench.clock.ms + 2 * 3_600_000
    new = 20
    while bench.clock.ms < until_ms and not bench.buffer.rejected:
        bench.upload(timeout_s=600)
        add_samples(bench.buffer, [new])
        new += 1
    assert [sequence - 1 for _, sequence, _ in bench.buffer.rejected] == [number]
    bench.upload(timeout_s=3600)
    assert bench.platform.samples == [n for n in range(new) if n != number]


def test_an_outage_that_ends_at_any_moment_sets_nothing_aside():
    """Also in the middle of a search that it had begun."""
    searched = 0
    for minutes in range(20, 100, 2):
        bench = Bench()
        down_until_ms = bench.clock.ms + minutes * 60_000
        bench.platform.refuses = lambda _items, bench=bench, at=down_until_ms: bench.clock.ms < at
        bench.platform.refusal = 503
        add_samples(bench.buffer, range(20))
        while bench.clock.ms < down_until_ms:
            wait_ms = bench.uploader.step()
            bench.clock.sleep_ms(max(1, min(wait_ms, down_until_ms - bench.clock.ms)))
        searched += bench.uploader.status()["searching"] != ""
        assert bench.upload(timeout_s=3600).pending == 0
        assert bench.buffer.rejected == []
        samples = bench.platform.samples
        assert sorted(set(samples)) == list(range(20))
        # It may end between a suspect and the proof behind it, which is then early, and goes again.
        assert out_of_place(list(dict.fromkeys(samples))) <= 1
        assert len(samples) <= 21
    assert searched


def test_a_platform_in_trouble_for_a_week_loses_nothing():
    bench = Bench()
    bench.platform.answers = [Response(503)] * 100_000
    add_samples(bench.buffer, range(20))
    add_events(bench.buffer, range(1000, 1005))
    until_ms = bench.clock.ms + 7 * 86_400_000
    while bench.clock.ms < until_ms:
        wait_ms = bench.uploader.step()
        bench.clock.sleep_ms(max(1, wait_ms))
    sent = 100_000 - len(bench.platform.answers)
    assert sent < 7 * 86_400 / 60
    assert bench.buffer.rejected == []
    bench.platform.answers = []
    bench.clock.sleep_ms(3_600_000)
    assert bench.upload().pending == 0
    assert bench.platform.samples == list(range(20))


# -- models and mappings -------------------------------------------------------------------


def test_a_model_is_a_barrier_and_is_confirmed_before_later_samples():
    bench = Bench()
    bench.platform.model_delay = 3
    add_samples(bench.buffer, range(5), "m1")
    add_model(bench.buffer, MODEL_2)
    add_samples(bench.buffer, range(5, 10), "m2")
    assert bench.upload().pending == 0
    kinds = [item["type"] for items in bench.platform.exchanges for item in items]
    assert kinds == ["standardTimeSeries", "dataSourceConfiguration", "standardTimeSeries"]
    assert bench.platform.samples == list(range(10))
    assert bench.platform.dropped == []


def test_an_unchanged_model_is_not_sent_again(bench):
    """A PUT would delete mappings without keepMapping."""
    add_model(bench.buffer, MODEL_1)
    add_samples(bench.buffer, [1])
    report = bench.upload()
    assert report.pending == 0
    assert bench.platform.received("dataSourceConfiguration") == []
    assert bench.platform.samples == [1]


def test_a_model_that_was_accepted_is_not_sent_again_after_a_crash():
    bench = Bench()
    bench.platform.model_delay = 10**9
    add_model(bench.buffer, MODEL_2)
    add_samples(bench.buffer, [1], "m2")
    assert bench.upload(timeout_s=5).pending == 2
    bench.platform._coming[0][0] = 0
    again = Bench(platform=bench.platform, buffer=bench.buffer)
    assert again.upload().pending == 0
    assert len(bench.platform.received("dataSourceConfiguration")) == 1


def test_a_model_that_the_platform_never_shows_is_sent_again(bench):
    bench.platform.model_delay = 10**9
    add_model(bench.buffer, MODEL_2)
    bench.upload(timeout_s=1)
    assert "does not show" in bench.upload(timeout_s=1).reason
    bench.upload(timeout_s=1000)
    assert len(bench.platform.received("dataSourceConfiguration")) >= 2


def test_samples_are_held_while_the_platform_has_no_configuration():
    bench = Bench(platform=FakePlatform(mapped=["a", "b"]))
    add_samples(bench.buffer, range(3), "")
    add_events(bench.buffer, [1000])
    report = bench.upload()
    assert report.pending == 3
    assert "submit a DataModel" in report.reason
    assert len(bench.platform.received("businessEvent")) == 1, "events need no model"
    add_model(bench.buffer, MODEL_1)
    add_samples(bench.buffer, range(3, 6), "m1")
    bench.clock.sleep_ms(60_000)
    assert bench.upload().pending == 0
    assert bench.platform.samples == list(range(6))
    assert bench.platform.dropped == []


def test_samples_without_a_local_model_go_under_the_platform_s():
    bench = Bench()
    add_samples(bench.buffer, range(3), "")
    assert bench.upload().pending == 0
    assert bench.platform.dropped == []
    assert bench.platform.exchanges[0][0]["configuration_id"] == "m1"


def test_a_platform_that_lost_the_model_gets_it_again():
    bench = Bench(platform=FakePlatform(mapped=["a", "b"]))
    bench.local_model = __import__("json").dumps(MODEL_1).encode()
    add_samples(bench.buffer, range(3))
    assert bench.upload().pending == 0
    assert len(bench.platform.received("dataSourceConfiguration")) == 1
    assert bench.platform.dropped == []


def test_no_mapping_at_all_holds_until_there_is_one():
    bench = Bench(platform=FakePlatform(MODEL_1))
    add_samples(bench.buffer, range(3))
    report = bench.upload()
    assert report.pending == 3
    assert "2 of 2 data points have none (a, b)" in report.reason
    assert report.retry_in_s == 60
    status = bench.uploader.status()
    assert status["unmapped"] == ["a", "b"]
    assert "timeseries" in status["held"]
    bench.upload(timeout_s=10)
    assert bench.platform.count("GET", "dataPointMappings") == 1, "asked every 60 s at most"
    bench.platform.mapped = ["a"]
    bench.clock.sleep_ms(60_000)
    assert bench.upload().pending == 0
    assert bench.uploader.status()["unmapped"] == ["b"]


def test_hold_holds_for_any_unmapped_point_and_send_never_asks():
    strict = Bench(platform=FakePlatform(MODEL_1, mapped=["a"]), unmapped="hold")
    add_samples(strict.buffer, [1])
    assert strict.upload().pending == 1
    careless = Bench(platform=FakePlatform(MODEL_1), unmapped="send")
    add_samples(careless.buffer, [1])
    assert careless.upload().pending == 0
    assert careless.platform.count("GET", "") == 0


def test_where_mappings_may_not_be_read_samples_go_and_status_says_so():
    bench = Bench(platform=FakePlatform(MODEL_1))
    bench.platform.mappings_status = 403
    add_samples(bench.buffer, [1])
    assert bench.upload().pending == 0
    assert "mappings cannot be read (HTTP 403" in bench.uploader.status()["note"]


def test_where_the_configuration_may_not_be_read_a_200_is_believed():
    bench = Bench()
    bench.platform.configuration_status = 403
    add_model(bench.buffer, MODEL_2)
    add_samples(bench.buffer, [1], "m2")
    assert bench.upload().pending == 0
    assert len(bench.platform.received("dataSourceConfiguration")) == 1


def test_a_refused_model_holds_what_is_recorded_under_it_until_a_better_one_comes():
    bench = Bench()
    bench.platform.refuses = lambda item: item["records"][0] == MODEL_2
    add_model(bench.buffer, MODEL_2)
    add_samples(bench.buffer, [1], "m2")
    add_events(bench.buffer, [1000])
    report = bench.upload()
    assert report.pending == 2
    assert "models: a record is refused" in report.reason
    add_model(bench.buffer, configuration("m3", "a", "b"))
    add_samples(bench.buffer, [2], "m3")
    bench.clock.sleep_ms(1_000_000)
    report = bench.upload()
    assert report.set_aside == 1
    assert report.pending == 0
    assert bench.platform.samples == [1, 2]
    assert bench.platform.dropped == []


def test_samples_of_a_refused_model_wait_for_the_one_that_replaces_it(bench):
    """The newer model is accepted as the proof; until the platform shows it nothing goes."""
    bench.platform.refuses = lambda item: item["records"][0] == MODEL_2
    bench.platform.model_delay = 3
    add_model(bench.buffer, MODEL_2)
    add_samples(bench.buffer, [1], "m2")
    add_model(bench.buffer, configuration("m3", "a", "b"))
    assert bench.upload().pending == 0
    assert bench.platform.received("standardTimeSeries")[0]["n"] == 1
    sent = [item["configuration_id"] for items in bench.platform.exchanges for item in items]
    assert sent == ["", "m3"]


def test_a_search_within_a_shrunken_body_acknowledges_what_it_delivers():
    """Each request of the search may carry fewer records than it asked for."""
    bench = Bench(max_exchange_bytes=2_000, max_timeseries_bytes=1_000)
    bench.platform.answers = [no_answer("timeout"), Response(400)]
    add_samples(bench.buffer, range(3), size=100)
    add_events(bench.buffer, range(1000, 1004), size=126)
    assert bench.upload(timeout_s=600).pending == 0
    assert [event["e"] for event in bench.platform.received("businessEvent")] == [
        1000, 1001, 1002, 1003,
    ]  # fmt: skip
    assert bench.platform.samples == [0, 1, 2]
    assert bench.buffer.rejected == []


def test_a_sample_is_never_sent_again_under_another_model():
    """It would replace its record by one without the values that the new model lacks."""
    bench = Bench()
    add_samples(bench.buffer, [1], "m1")
    add_model(bench.buffer, MODEL_2)
    bench.upload()
    bench.platform.refuses = poisoned(2)
    add_samples(bench.buffer, [2], "m2")
    bench.upload()
    assert bench.platform.samples == [1]
