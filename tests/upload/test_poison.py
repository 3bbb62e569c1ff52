"""One refused record among many, and a gateway that refuses everything: the figures."""

import io
import math

import pytest

from mcagent.buffer import Buffer
from mcagent.transport.http import Response
from mcagent.upload.uploader import Uploader, UploadSettings
from tests.upload.fakes import (
    FakeClock,
    FakePlatform,
    FakeSession,
    add_events,
    add_samples,
    configuration,
    out_of_place,
)

RECORDS = 10_000
MOST = int(2 * math.log2(RECORDS) + 2)
BATCH = 100  # events: each is an item of its own


class Bench:
    """A buffer on disk, an uploader, and a platform that refuses what *bad* names."""

    def __init__(self, path, **settings):
        self.clock = FakeClock()
        self.platform = FakePlatform(configuration("m1", "a"), mapped=["a"])
        self.buffer = Buffer(str(path) + "/buffer", clock=self.clock)
        self.buffer.open()
        self.uploader = Uploader(
            self.buffer,
            FakeSession(self.platform, self.clock),
            clock=self.clock,
            random_unit=lambda: 0.5,
            settings=UploadSettings(**settings),
            sleep_ms=self.clock.sleep_ms,
        )
        for _ in range(3):  # a link that is known to be fast: all goes into one body
            self.uploader._dispatch.limit.accepted(1_000_000, 10)
        self.bad = set()
        self.platform.refuses = self.refuses

    def refuses(self, item):
        return any(
            record.get("n") in self.bad or record.get("e") in self.bad
            for record in item["records"]
            if isinstance(record, dict)
        )

    def upload(self, timeout_s=60):
        return self.uploader.upload(timeout_s)

    @property
    def exchanges(self):
        return self.platform.count("POST", "exchange")

    @property
    def rejected(self):
        return self.buffer.status()["rejected"]["records"]

    def file(self, number):
        meta = {"name": "%d.bin" % number, "type": "", "created_ms": 0}
        self.buffer.append_file(meta, io.BytesIO(b"content %d" % number))


def forbid(bench, status, page=False):
    """What *bench* refuses gets this answer, which is not the platform's word on a body."""
    bench.platform.refusal = status
    real_send = bench.platform.send

    def send(request):
        answer = real_send(request)
        if page and answer.status == status:
            return Response(status, {"content-type": "text/html"}, b"<html>not like this</html>")
        return answer

    bench.platform.send = send


@pytest.fixture
def bench(tmp_path):
    bench = Bench(tmp_path)
    yield bench
    bench.buffer.close()


@pytest.mark.parametrize(
    ("place", "bad"),
    [
        ("the first", 0),
        ("the second", 1),
        ("in the middle", 5_000),
        ("any place", 7_777),
        ("the last but one", 9_998),
        ("the last", 9_999),
    ],
)
@pytest.mark.parametrize("behind", [0, 3])
def test_one_poison_record_in_ten_thousand(bench, figure, place, bad, behind):
    """Found in at most 2·log2(n) + 2 requests; everything else is delivered, once and in order."""
    bench.bad = {bad}
    add_samples(bench.buffer, range(RECORDS))
    requests = _until_set_aside(bench, 1, behind)
    if not behind:
        figure("one poison record in 10 000, %s" % place, "%d of %d requests" % (requests, MOST))
    assert requests <= (17 if bad >= RECORDS - 2 else 16) <= MOST  # docs/upload.md says so
    assert bench.platform.samples == [n for n in range(RECORDS + behind) if n != bad]
    assert bench.rejected == 1


def _until_set_aside(bench, number, behind):
    """Drain; return the requests from the first refusal until the last verdict."""
    counted = [0, 0]
    real_send = bench.platform.send

    def send(request):
        if request.method == "POST" and bench.rejected < number:
            if counted[0] == 0 and behind:
                # Recorded while the first exchange is under way: not part of that batch.
                add_samples(bench.buffer, range(RECORDS, RECORDS + behind))
                bench.buffer.flush()
            counted[0] += 1
        return real_send(request)

    bench.platform.send = send
    report = bench.upload()
    assert (report.pending, report.set_aside) == (0, number)
    return counted[0]


@pytest.mark.parametrize("bad", [(0, 4_999, 9_999), (2_500, 2_501, 2_502), (17, 7_000, 7_001)])
def test_three_poison_records_at_once(bench, figure, bad):
    """Each by a search of its own, or side by side in one."""
    bench.bad = set(bad)
    add_samples(bench.buffer, range(RECORDS))
    requests = _until_set_aside(bench, 3, 0)
    figure("three poison records in 10 000, at %d, %d, %d" % bad, "%d requests" % requests)
    assert requests <= 3 * MOST
    assert bench.platform.samples == [n for n in range(RECORDS) if n not in bad]
    assert bench.rejected == 3


def test_poison_events_among_samples_cost_no_sample_its_place(bench, figure):
    """Two lanes in one exchange: they are told apart first."""
    bench.bad = {50_042}
    add_samples(bench.buffer, range(RECORDS))
    add_events(bench.buffer, range(50_000, 50_000 + BATCH))
    requests = _until_set_aside(bench, 1, 0)
    figure("one poison event in 100, beside 10 000 samples", "%d requests" % requests)
    assert requests <= int(2 * math.log2(BATCH) + 2) + 1
    assert bench.platform.samples == list(range(RECORDS))
    events = [event["e"] for event in bench.platform.received("businessEvent")]
    assert events == [n for n in range(50_000, 50_000 + BATCH) if n != 50_042]


# -- a platform that is wrong --------------------------------------------------------------


@pytest.mark.parametrize("status", [400, 413, 415, 422])
@pytest.mark.parametrize("behind", [0, 1])
@pytest.mark.parametrize("kind", ["sample", "event", "file"])
def test_one_mistaken_refusal_of_a_single_record_costs_nothing(bench, kind, behind, status):
    """It is sent once more, alone, before a verdict."""
    _add(bench, kind, 0)
    assert bench.upload().pending == 0
    bench.platform.answers = [Response(status)]
    for number in range(1, 2 + behind):
        _add(bench, kind, number)
    bench.uploader.step()
    if behind == 0:
        bench.upload()
        bench.clock.sleep_ms(1_000_000)  # without anything behind it, it may have to wait
    report = bench.upload()
    assert (report.pending, bench.rejected) == (0, 0)
    assert len(bench.platform.exchanges) >= 2


@pytest.mark.parametrize("kind", ["sample", "event", "file"])
def test_what_proved_a_refusal_to_be_a_mistake_arrives_behind_it_once_more(bench, kind):
    """Or an older file of the same name, or a sample of the same time, would be the last word."""
    _add(bench, kind, 0)
    bench.upload()
    _add(bench, kind, 1)
    real_send = bench.platform.send

    def mistaken(request):
        if request.method != "POST":
            return real_send(request)
        bench.platform.send = real_send
        for number in (2, 3):  # recorded meanwhile
            _add(bench, kind, number)
        bench.buffer.flush()
        return Response(400)

    bench.platform.send = mistaken
    bench.clock.sleep_ms(10_000)
    assert bench.upload().pending == 0
    arrived = {
        "sample": bench.platform.samples,
        "event": [event["e"] for event in bench.platform.received("businessEvent")],
        "file": [int(content.split()[1]) for content in bench.platform.received("file")],
    }
    assert arrived[kind] == ([0, 2, 1, 3] if kind == "event" else [0, 2, 1, 2, 3])


@pytest.mark.parametrize("scope", ["every request", "exchanges"])
@pytest.mark.parametrize(
    "kinds", [("sample",), ("event",), ("file",), ("sample", "event", "file")]
)
@pytest.mark.parametrize("before", [0, 20])
def test_a_gateway_that_refuses_everything_for_an_hour(bench, figure, kinds, before, scope):
    """Nothing is set aside, few requests are spent, and all is delivered when it is over."""
    for number in range(before):
        for kind in kinds:
            _add(bench, kind, number)
    bench.upload()
    asked = bench.exchanges
    real_send = bench.platform.send
    refused = []

    def send(request):
        if request.method == "GET" and scope == "exchanges":
            return real_send(request)
        refused.append(request)
        return Response(400, {}, b'{"message": "no"}')

    bench.platform.send = send
    number = before
    until_ms = bench.clock.ms + 3_600_000
    next_ms = bench.clock.ms
    while bench.clock.ms < until_ms:
        if bench.clock.ms >= next_ms:
            for kind in kinds:
                _add(bench, kind, number)
            number += 1
            next_ms += 60_000
        wait_ms = bench.uploader.step()
        bench.clock.sleep_ms(max(1, min(next_ms - bench.clock.ms, wait_ms or 60_000)))
    assert bench.rejected == 0
    assert bench.exchanges == asked
    bench.platform.send = real_send
    for _ in range(5):
        bench.clock.sleep_ms(1_000_000)
        report = bench.upload()
    assert (report.pending, report.set_aside, bench.rejected) == (0, 0, 0)
    arrived = {
        "sample": bench.platform.samples,
        "event": [event["e"] for event in bench.platform.received("businessEvent")],
        "file": [int(content.split()[1]) for content in bench.platform.received("file")],
    }
    for kind in kinds:
        assert sorted(arrived[kind]) == list(range(number)), "each once"
        # It may heal between a suspect and the proof behind it, which is then early.
        assert out_of_place(arrived[kind]) <= 1
    name = "a gateway that refuses %s for an hour, %s" % (scope, " and ".join(kinds))
    if before:
        figure(name, "%d requests, nothing set aside" % len(refused))
    assert len(refused) < 120


@pytest.mark.parametrize("status", [400, 500, 503])
@pytest.mark.parametrize("kind", ["event", "file"])
@pytest.mark.parametrize("waiting", [1, 5, 30])
def test_a_service_that_takes_no_event_or_no_file_for_an_hour(bench, kind, waiting, status):
    """Samples pass, and one of that kind was accepted just before: no proof against these."""
    item_type = {"event": "businessEvent", "file": "file"}[kind]
    for number in range(3):
        _add(bench, kind, number)
        _add(bench, "sample", number)
    assert bench.upload().pending == 0
    bench.platform.refusal = status
    bench.platform.refuses = lambda item: item["type"] == item_type
    for number in range(3, 3 + waiting):
        _add(bench, kind, number)
    for minute in range(60):
        _add(bench, "sample", 100 + minute)
        bench.upload(timeout_s=60)
        bench.clock.sleep_ms(60_000)
    assert bench.rejected == 0
    assert len(bench.platform.samples) >= 3 + 50, "samples are not held up for long"
    bench.platform.refuses = lambda _item: False
    for _ in range(3):
        bench.clock.sleep_ms(1_000_000)
        report = bench.upload()
    assert (report.pending, bench.rejected) == (0, 0)
    arrived = bench.platform.received(item_type)
    each = [one for place, one in enumerate(arrived) if one not in arrived[place + 1 :]]
    assert len(each) == 3 + waiting
    # A file that proved that it was over goes behind the others again.
    assert len(arrived) - len(each) <= (kind == "file")
    if kind == "file":
        assert each == [b"content %d" % number for number in range(3 + waiting)]


@pytest.mark.parametrize("status", [500, 502, 503, 504, 507])
def test_eight_5xx_for_one_batch_while_others_succeed_are_searched(bench, figure, status):
    """Not seven, and not without an acceptance of something else meanwhile."""
    bench.bad = {13}
    bench.platform.refusal = status
    add_samples(bench.buffer, range(20))
    refused = [0]
    for hour in range(40):
        add_events(bench.buffer, [1000 + hour])
        before = bench.platform.count("POST", "exchange")
        bench.uploader.step()
        refused[0] += bench.platform.count("POST", "exchange") - before
        bench.clock.sleep_ms(400_000)
        if refused[0] <= 7:
            assert bench.uploader.status()["searching"] == ""
        bench.upload(timeout_s=400)
        if bench.rejected:
            break
    assert bench.rejected == 1
    assert bench.platform.samples == [n for n in range(20) if n != 13]
    bench.upload(timeout_s=600)
    assert bench.rejected == 1
    figure(
        "a sample that breaks the platform (%d)" % status,
        "%d requests in all, events between" % bench.exchanges,
    )


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_5xx_for_everything_is_an_outage_that_is_seldom_searched(bench, status, figure):
    """Half an hour's requests come before a search, which might find what nothing else can show
    to a device that sends samples alone; it sets nothing aside, and costs no more than those."""
    bench.platform.answers = [Response(status)] * 2000
    add_samples(bench.buffer, range(20))
    began_ms = bench.clock.ms
    searches, before = 0, ""
    while bench.clock.ms < began_ms + 86_400_000:
        wait_ms = bench.uploader.step()
        searching = bench.uploader.status()["searching"]
        if searching and not before:
            assert len(bench.platform.answers) <= 1980 - 20 * searches
            searches += 1
        before = searching
        bench.clock.sleep_ms(max(1, wait_ms))
    sent = 2000 - len(bench.platform.answers)
    figure(f"a day of {status}", f"{sent} requests, {searches} searches")
    assert searches
    assert sent < 86_400 / 60
    assert bench.rejected == 0
    bench.platform.answers = []
    bench.clock.sleep_ms(600_000)
    assert bench.upload(600).pending == 0
    assert bench.platform.samples == list(range(20))


@pytest.mark.parametrize("page", [False, True], ids=["json", "html"])
@pytest.mark.parametrize("status", [403, 404, 451])
@pytest.mark.parametrize("events", [False, True], ids=["alone", "events between"])
def test_what_a_gateway_forbids_for_its_content_is_found(bench, status, page, events, figure):
    """An inspecting proxy that objects to one record: what looks like a missing right is none."""
    bench.bad = {13}
    forbid(bench, status, page)
    add_samples(bench.buffer, range(20))
    began_ms = bench.clock.ms
    number = 0
    while bench.uploader.status()["set_aside"] == 0:
        assert bench.clock.ms < began_ms + 3 * 3_600_000
        if events:
            add_events(bench.buffer, [1000 + number])
            number += 1
        bench.upload(timeout_s=60)
        bench.clock.sleep_ms(60_000)
    minutes = (bench.clock.ms - began_ms) // 60_000
    bench.upload(timeout_s=600)
    assert bench.platform.samples == [n for n in range(20) if n != 13]
    assert len(bench.platform.received("businessEvent")) == number
    assert (bench.rejected, bench.uploader.status()["set_aside"]) == (1, 1)
    figure(
        "a sample that a gateway forbids (%d, %s, %s)"
        % (status, "HTML" if page else "JSON", "events between" if events else "alone"),
        "%d requests in all, %d minutes" % (bench.exchanges, minutes),
    )


@pytest.mark.parametrize(("page", "hours"), [(False, 24), (True, 1)], ids=["json", "html"])
def test_a_right_that_is_missing_sets_nothing_aside(bench, page, hours, figure):
    """Nor is it asked for much more often than by the looks that a hold has anyway."""
    forbid(bench, 403, page)
    bench.platform.refuses = lambda _item: True
    add_samples(bench.buffer, range(1000))
    add_events(bench.buffer, range(30))
    until_ms = bench.clock.ms + hours * 3_600_000
    while bench.clock.ms < until_ms:
        bench.clock.sleep_ms(max(1, bench.uploader.step()))
    name = f"{hours} hours of 403 for everything{' as a page' if page else ''}"
    figure(name, f"{bench.exchanges} requests, nothing set aside")
    assert bench.exchanges < hours * (240 if page else 20)  # 120 and 4 without a search
    assert bench.rejected == 0
    bench.platform.refuses = lambda _item: False
    bench.clock.sleep_ms(1_200_000)
    assert bench.upload(600).pending == 0
    assert bench.platform.samples == list(range(1000))


def test_an_agent_that_may_send_no_events_keeps_them(bench):
    """Samples pass, events are forbidden: that is a right, and no record's fault."""
    forbid(bench, 403)
    bench.platform.refuses = lambda item: item["type"] == "businessEvent"
    for minute in range(12 * 60):
        add_samples(bench.buffer, [minute])
        if minute % 10 == 0:
            add_events(bench.buffer, [minute])
        bench.upload(timeout_s=60)
        bench.clock.sleep_ms(60_000)
    assert bench.rejected == 0
    assert len(bench.platform.samples) > 11 * 60
    bench.platform.refuses = lambda _item: False
    for _ in range(3):
        bench.clock.sleep_ms(1_200_000)
        bench.upload(timeout_s=600)
    events = bench.platform.received("businessEvent")
    assert [event["e"] for event in events] == list(range(0, 12 * 60, 10))


def test_a_gateway_that_turns_in_the_middle_of_a_search(bench):
    """It found a refused record, accepted some, and from then on refuses everything."""
    for healthy in range(1, 20):
        bench.bad = {10_000 * healthy + 40}
        add_samples(bench.buffer, range(10_000 * healthy, 10_000 * healthy + 64))
        left = [healthy]
        real_send = bench.platform.send

        def send(request, left=left, real_send=real_send):
            left[0] -= request.method == "POST"
            return real_send(request) if left[0] >= 0 else Response(400)

        bench.platform.send = send
        for _ in range(4):
            bench.upload()
            bench.clock.sleep_ms(1_000_000)
        bench.platform.send = real_send
        bench.clock.sleep_ms(3_600_000)
        bench.upload()
        assert bench.rejected == healthy, "the bad one and no other"
    delivered = bench.platform.samples
    expected = [10_000 * h + n for h in range(1, 20) for n in range(64) if n != 40]
    assert sorted(set(delivered)) == expected


def test_a_lone_refused_event_waits_for_proof_and_costs_nothing(bench):
    """A device that sends events alone: nothing can be sent twice to see whether anything passes."""
    add_events(bench.buffer, [0])
    assert bench.upload().pending == 0
    bench.bad = {1}
    add_events(bench.buffer, [1])
    report = bench.upload()
    assert (report.pending, bench.rejected) == (1, 0)
    assert "nothing like it is accepted" in report.reason
    add_events(bench.buffer, [2])
    bench.clock.sleep_ms(1_000_000)
    report = bench.upload()
    assert (report.pending, bench.rejected) == (0, 1)
    assert [event["e"] for event in bench.platform.received("businessEvent")] == [0, 2]


def test_what_is_kept_with_a_refused_record(bench):
    """Status, the platform's words, its time, and the correlation id."""
    import json

    bench.bad = {3}
    add_samples(bench.buffer, range(10))
    bench.upload()
    batch = bench.buffer.cut("rejected", max_bytes=1000, max_records=1)
    (record,) = batch.records()
    head, payload = record.payload.split(b"\n", 1)
    kept = json.loads(head)
    assert (kept["lane"], kept["sequence"]) == ("timeseries", 4)
    reason = kept["reason"]
    assert reason["status"] == 400
    assert "not like this" in reason["reason"]
    assert reason["time_ms"] == bench.clock.now_ms()
    assert reason["correlation_id"] == FakeSession.correlation_id
    assert json.loads(payload)["n"] == 3


def _add(bench, kind, number):
    if kind == "file":
        bench.file(number)
    elif kind == "event":
        add_events(bench.buffer, [number])
    else:
        add_samples(bench.buffer, [number])
