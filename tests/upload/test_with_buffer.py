"""The uploader with the real buffer: what the fake of the unit tests cannot show."""

import contextlib
import glob
import io
import os
import shutil
import tempfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mcagent.buffer import Buffer, BufferSettings, LaneSettings
from mcagent.errors import TransportError
from mcagent.messages.event import Event
from mcagent.messages.kinds import CUSTOM
from mcagent.transport.http import Response
from mcagent.upload.uploader import Uploader, UploadSettings
from tests.upload.fakes import (
    FakeClock,
    FakePlatform,
    FakeSession,
    add_events,
    add_model,
    add_samples,
    configuration,
    out_of_place,
)


class Bench:
    """A state directory on disk; `restart` forgets everything that is not in it."""

    def __init__(self, path, *, mapped=("a",), **values):
        self.path = str(path)
        self.platform = FakePlatform(configuration("m1", "a"), mapped=mapped)
        self.clock = FakeClock()
        self.settings = UploadSettings(**values)
        self.buffer = None
        self._opened = []
        self.restart()

    def open(self, name, **options):
        self.buffer = Buffer(self.path + "/" + name, clock=self.clock, **options)
        self.buffer.open()
        self._opened.append(self.buffer)

    def close(self):
        """At the end of the test, which may have left several open."""
        for buffer in self._opened:
            buffer.close()

    def restart(self):
        """As after a power cut: the buffer is not closed."""
        if self.buffer is not None:
            self.buffer.flush()
        self.open("buffer")
        self.uploader = Uploader(
            self.buffer,
            FakeSession(self.platform, self.clock),
            clock=self.clock,
            random_unit=lambda: 0.5,
            settings=self.settings,
            sleep_ms=self.clock.sleep_ms,
        )

    def upload(self, timeout_s=60):
        return self.uploader.upload(timeout_s)


@pytest.fixture
def make(tmp_path):
    """`make(mapped=(), **settings)`: a bench."""
    with contextlib.ExitStack() as benches:
        yield lambda **values: benches.enter_context(contextlib.closing(Bench(tmp_path, **values)))


@pytest.fixture
def bench(make):
    return make()


def test_everything_goes_out_and_the_receipts_say_so(bench):
    add_samples(bench.buffer, range(1000), "m1", 50)
    add_events(bench.buffer, range(30))
    receipt = bench.buffer.receipt("timeseries", 1000)
    report = bench.upload()
    assert (report.delivered, report.pending) == (1030, 0)
    assert bench.platform.samples == list(range(1000))
    assert receipt.delivered


def test_samples_in_memory_only_are_held_like_all_others(make):
    """Not synced yet, so nothing can be peeked at: they must not slip past the check."""
    bench = make(mapped=())
    add_samples(bench.buffer, [1])
    assert bench.upload().pending == 1
    assert bench.platform.samples == []


def test_files_and_custom_data_are_items_of_their_own(bench):
    meta = {"name": "log.txt", "type": "text/plain", "created_ms": 1_795_262_400_000}
    bench.buffer.append_file(dict(meta), io.BytesIO(b"first line\r\n--\r\n"))
    bench.buffer.append_file(
        dict(meta, name="b.bin", type=""), io.BytesIO(bytes(range(256)) * 300)
    )
    metadata = b'{"type":"acme.scan","version":"2.1","details":{"n":1}}'
    head = len(metadata).to_bytes(4, "little") + metadata + b"\x08text/csv"
    bench.buffer.append("events", CUSTOM, head + b"1;2\r\n")
    event = Event("stop", id="7b1c3f0e-52a1-4c53-9b1f-0a5f6f1f9f10")
    bench.buffer.append("events", event.kind, event.fragment(1_795_262_400_000))
    assert bench.upload().pending == 0
    kinds = [item["type"] for items in bench.platform.exchanges for item in items]
    assert sorted(kinds) == ["acme.scan", "businessEvent", "file", "file"]
    files = bench.platform.received("file")
    assert files == [b"first line\r\n--\r\n", bytes(range(256)) * 300]
    assert bench.platform.received("acme.scan") == [b"1;2\r\n"]
    assert bench.platform.received("businessEvent")[0]["id"] == event.id
    details = [item["details"] for items in bench.platform.exchanges for item in items]
    assert {"fileName": "b.bin", "creationDate": "2026-11-21T12:00:00.000Z"} in details


def test_a_large_file_does_not_wait_for_ever_behind_small_records(make):
    bench = make(max_exchange_bytes=30_000, max_timeseries_bytes=20_000)
    meta = {"name": "big.bin", "type": "", "created_ms": 0}
    bench.buffer.append_file(meta, io.BytesIO(b"x" * 29_000))
    for round_ in range(4):
        add_samples(bench.buffer, range(round_ * 10, round_ * 10 + 10), "m1", 500)
        bench.uploader.step(1)
        bench.clock.sleep_ms(1000)
        bench.uploader.step(1)
    assert len(bench.platform.received("file")) == 1
    assert bench.platform.largest <= 30_000


def test_a_file_that_dies_by_time_does_not_keep_the_other_lanes_back(bench):
    meta = {"name": "big.bin", "type": "", "created_ms": 0}
    bench.buffer.append_file(meta, io.BytesIO(b"x" * 500_000))
    add_samples(bench.buffer, range(100), "m1", 50)
    real_send = bench.platform.send

    def slow(request):
        if request.body is not None and request.body.length > 100_000:
            raise TransportError("no answer in 60 s", kind="timeout")
        return real_send(request)

    bench.platform.send = slow
    report = bench.upload(timeout_s=300)
    assert report.pending == 1
    assert bench.platform.samples == list(range(100))


def test_a_spooled_file_that_changed_is_set_aside_and_the_next_one_sent(bench):
    import glob
    import os

    meta = {"name": "a.bin", "type": "", "created_ms": 0}
    bench.buffer.append_file(dict(meta), io.BytesIO(b"good-1"))
    bench.buffer.append_file(dict(meta), io.BytesIO(b"damaged"))
    bench.buffer.append_file(dict(meta), io.BytesIO(b"good-2"))
    damaged = sorted(glob.glob(bench.path + "/buffer/files/spool/*"))[1]
    with open(damaged, "r+b") as file:
        os.pwrite(file.fileno(), b"X", 3)
    real_send = bench.platform.send

    def send(request):
        try:
            return real_send(request)
        except OSError as error:
            raise TransportError("the body changed: %s" % error, kind="body")

    bench.platform.send = send
    for _ in range(10):
        bench.upload(timeout_s=600)
    assert bench.platform.received("file") == [b"good-1", b"good-2"]
    assert bench.uploader.status()["set_aside"] == 1


def test_refused_records_are_in_the_rejected_store(bench):
    bench.platform.refuses = lambda item: any(r.get("n") in (0, 57) for r in item["records"])
    add_samples(bench.buffer, range(100))
    assert bench.upload().set_aside == 2
    assert bench.platform.samples == [n for n in range(100) if n not in (0, 57)]
    assert bench.buffer.status()["rejected"]["records"] == 2
    assert bench.buffer.receipt("timeseries", 58).state == "set aside"
    assert bench.buffer.receipt("timeseries", 59).delivered


def test_a_lone_refused_record_is_proven_by_the_next_one(bench):
    """The very first record: nothing like it was ever accepted."""
    bench.platform.refuses = lambda item: any(r.get("n") == 0 for r in item["records"])
    add_samples(bench.buffer, [0])
    assert bench.upload().pending == 1
    add_samples(bench.buffer, range(1, 20))
    bench.buffer.flush()
    bench.clock.sleep_ms(1_000_000)
    report = bench.upload()
    assert (report.pending, report.set_aside) == (0, 1)
    assert bench.platform.samples == list(range(1, 20))


def test_a_drop_of_the_oldest_in_mid_flight_disturbs_nothing(make):
    """The quota takes records while an exchange is under way, and between two pieces."""
    bench = make(max_timeseries_bytes=10_000, max_exchange_bytes=20_000)
    small = BufferSettings(timeseries=LaneSettings(64 * 1024, durability=("group", 50, 1000)))
    bench.open("small", settings=small)
    bench.uploader._buffer = bench.uploader._dispatch._buffer = bench.buffer
    bench.uploader._dispatch.poison._buffer = bench.uploader._barrier._buffer = bench.buffer
    real_send = bench.platform.send
    number = [0]

    def send(request):
        add_samples(bench.buffer, range(number[0], number[0] + 20), "m1", 200)
        number[0] += 20
        return real_send(request)

    bench.platform.send = send
    add_samples(bench.buffer, range(10_000, 10_600), "m1", 200)
    for _ in range(60):
        bench.uploader.step()
        bench.clock.sleep_ms(1000)
    bench.platform.send = real_send
    assert bench.upload().pending == 0
    samples = bench.platform.samples
    late = [n for n in samples if n < 10_000]
    early = [n for n in samples if n >= 10_000]
    assert samples == early + late
    assert early == sorted(set(early))
    assert late == sorted(set(late))
    dropped = bench.buffer.status()["lanes"]["timeseries"]["dropped"]
    assert len(samples) + dropped["quota"]["records"] == 600 + number[0]


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("samples"), st.integers(1, 60), st.integers(0, 300)),
        st.tuples(st.just("events"), st.integers(1, 20), st.integers(0, 300)),
        st.tuples(st.just("model"), st.integers(1, 4), st.just(0)),
        st.tuples(st.just("step"), st.integers(1, 4), st.just(0)),
        st.tuples(st.just("restart"), st.just(0), st.just(0)),
    ),
    min_size=2,
    max_size=10,
)
TROUBLES = st.lists(
    st.sampled_from([0, 0, 200, 400, 401, 413, 429, 503, "closed", "timeout", "lost"]), max_size=8
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=STEPS, troubles=TROUBLES, most=st.sampled_from([1_500, 6_000]))
def test_nothing_is_lost_or_reordered_through_restarts(steps, troubles, most):
    """*lost*: the exchange took effect, and the answer did not arrive."""
    path = tempfile.mkdtemp()
    bench = Bench(path, max_exchange_bytes=most, max_timeseries_bytes=most // 2)
    try:
        _play(bench, steps, troubles, most)
    finally:
        bench.close()
        shutil.rmtree(path)


def in_order(numbers, troubles):
    """The numbers by their first arrival, which must be the order of recording.

    Only where a gateway lies about a record, the proof behind it arrives before that record, which
    is accepted after all.
    """
    first = list(dict.fromkeys(numbers))
    assert out_of_place(first) <= sum(what in (400, 413) for what in troubles)
    return first


def _play(bench, steps, troubles, most):
    bench.platform.configuration = configuration("m0", "a")
    bench.platform.model_delay = 1
    real_send = bench.platform.send
    left = list(troubles)

    def send(request):
        if request.method == "GET" or not left or left[0] == 0:
            if request.method != "GET" and left:
                left.pop(0)
            return real_send(request)
        what = left.pop(0)
        if what == "lost":
            real_send(request)
            raise TransportError("cut", kind="closed")
        if isinstance(what, str):
            raise TransportError("cut", kind=what)
        return Response(what, {"content-type": "text/html"} if what == 200 else {})

    bench.platform.send = send
    present, samples, events = "m0", [], 0
    for kind, number, size in steps:
        if kind == "samples":
            add_samples(bench.buffer, range(len(samples), len(samples) + number), present, size)
            samples += [present] * number
        elif kind == "events":
            add_events(bench.buffer, range(events, events + number), size)
            events += number
        elif kind == "model":
            present = "m%d" % number
            bench.buffer.flush("timeseries")  # as the agent does: the position must hold
            add_model(bench.buffer, configuration(present, "a"))
        elif kind == "step":
            for _ in range(number):
                bench.clock.sleep_ms(1000)
                bench.uploader.step()
        else:
            bench.restart()
    for _ in range(50):
        bench.clock.sleep_ms(1_200_000)
        if bench.upload(timeout_s=3600).pending == 0:
            break
    status = bench.buffer.status()
    assert sum(lane["records"] for lane in status["lanes"].values()) == 0
    seen = in_order(bench.platform.samples, troubles)
    heard = in_order([e["e"] for e in bench.platform.received("businessEvent")], troubles)
    aside = len(samples) - len(seen) + events - len(heard)
    assert aside <= status["rejected"]["records"]
    # A gateway that lies once has proven nothing, one that lies before and after the proof has.
    assert 2 * status["rejected"]["records"] <= sum(what in (400, 413) for what in troubles)
    if status["rejected"]["records"] == aside:  # no model was refused
        assert bench.platform.dropped == []
        for item in [item for items in bench.platform.exchanges for item in items]:
            if item["type"] == "standardTimeSeries":
                for sample in item["records"]:
                    assert samples[sample["n"]] == item["configuration_id"]
    assert bench.platform.largest <= most
    assert bench.platform.largest_timeseries <= most // 2


@pytest.mark.parametrize("status", [500, 502, 503, 504])
@pytest.mark.parametrize("count", [1, 2, 10])
def test_an_outage_is_no_records_fault(bench, status, count):
    """Nothing passes meanwhile, so when it is over everything is delivered."""
    add_samples(bench.buffer, range(count))
    bench.platform.refuses = lambda item: True
    bench.platform.refusal = status
    for _ in range(15):
        bench.upload(timeout_s=400)
    bench.platform.refuses = lambda item: False
    bench.upload(timeout_s=400)
    assert bench.platform.samples == list(range(count))
    assert bench.uploader.status()["set_aside"] == 0


def test_a_hold_that_is_over_leaves_an_idle_uploader(bench):
    """An empty lane waits for nothing."""
    add_samples(bench.buffer, [0])
    assert bench.upload().pending == 0
    bench.uploader._lanes["files"].hold("somebody has to act", bench.clock.monotonic_ms() + 10)
    bench.clock.sleep_ms(5000)
    assert bench.uploader.step() is None
    assert bench.uploader.status()["held"] == {}


def test_a_damaged_model_is_passed_and_counted(bench):
    """It must not stay pending for ever."""
    add_samples(bench.buffer, [0])
    assert bench.upload().pending == 0
    model = configuration("m2", "a")
    add_model(bench.buffer, model)
    (segment,) = glob.glob(bench.path + "/buffer/models/*.seg")
    with open(segment, "r+b") as file:
        content = file.read()
        os.pwrite(file.fileno(), b"X", content.index(b'"m2"') + 1)
    assert bench.upload().pending == 0
    assert bench.buffer.status()["lanes"]["models"]["dropped"]["damaged"]["records"] == 1


def test_damage_at_run_time_costs_one_record_and_stops_no_lane(bench):
    """The bytes go bad after they were read once; no restart is needed."""
    bench.platform.answers = [Response(503)] * 2
    add_samples(bench.buffer, range(50))
    add_events(bench.buffer, range(3))
    bench.buffer.flush()
    bench.upload(timeout_s=0)
    (segment,) = glob.glob(bench.path + "/buffer/events/*.seg")
    with open(segment, "r+b") as file:
        offset = file.read().rindex(b'"pad"')
        os.pwrite(file.fileno(), b"X", offset + 1)
    for _ in range(5):
        bench.upload(timeout_s=600)
    assert bench.platform.samples == list(range(50))
    assert len(bench.platform.received("businessEvent")) == 2
    lane = bench.buffer.status()["lanes"]["events"]
    assert (lane["records"], lane["dropped"]["damaged"]["records"]) == (0, 1)


@pytest.mark.parametrize(
    "answer",
    [
        {"configurationId": "m1", "dataSources": [1]},
        {"configurationId": "m1", "dataSources": 5},
        {"configurationId": "m1", "dataSources": [{"dataPoints": [{"id": ["a"]}]}]},
    ],
)
def test_foreign_words_about_the_configuration_are_waited_out(bench, answer):
    """Not the platform's answer: nothing is raised, nothing is lost, and it heals."""
    good = bench.platform.configuration
    bench.platform.configuration = answer
    add_samples(bench.buffer, [0])
    assert bench.upload(timeout_s=5).pending == 1
    bench.platform.configuration = good
    assert bench.upload(timeout_s=1000).pending == 0
    assert bench.platform.samples == [0]


def test_a_refused_record_that_the_quota_takes_first_is_no_error(bench, monkeypatch):
    """Between the proof and the verdict another thread may fill the lane."""
    add_events(bench.buffer, range(3))
    bench.platform.refuses = lambda item: any(event.get("e") == 0 for event in item["records"])

    def set_aside(lane, sequence, reason):
        monkeypatch.undo()
        bench.buffer.ack(bench.buffer.cut(lane, max_bytes=1, max_records=1))  # it is gone
        return bench.buffer.set_aside(lane, sequence, reason)

    monkeypatch.setattr(bench.buffer, "set_aside", set_aside)
    report = bench.upload()
    assert (report.pending, report.set_aside) == (0, 0)
    assert [event["e"] for event in bench.platform.received("businessEvent")].count(2) >= 1
