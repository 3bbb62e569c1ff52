"""A lane whose records the disk does not give waits by itself; the others go on."""

import errno

import pytest

from tests.upload.fakes import MemoryBuffer, add_events, add_model, add_samples, configuration
from tests.upload.test_uploader import MODEL_1, Bench, poisoned

ALL_CALLS = ("cut", "first_record", "flush")


class IllBuffer(MemoryBuffer):
    """`ill[lane]` raises from the calls that it names; tries are counted."""

    def __init__(self):
        super().__init__()
        self.ill = {}
        self.error = errno.EIO
        self.tries = 0

    def _look(self, lane, call):
        if call in self.ill.get(lane, ()):
            self.tries += 1
            raise OSError(self.error, "the segment cannot be read")

    def cut(self, lane, **limits):
        self._look(lane, "cut")
        return super().cut(lane, **limits)

    def first_record(self, lane):
        self._look(lane, "first_record")
        return super().first_record(lane)

    def flush(self, lane=None):
        self._look(lane, "flush")
        super().flush(lane)


@pytest.fixture
def bench():
    made = Bench(buffer=IllBuffer())
    add_samples(made.buffer, range(20))
    add_events(made.buffer, range(3))
    return made


def events(bench):
    return [event["e"] for event in bench.platform.received("businessEvent")]


@pytest.mark.parametrize("calls", [ALL_CALLS, ("cut",), ("first_record",)], ids="+".join)
def test_unreadable_samples_do_not_keep_events_back(bench, calls):
    """Nor what is recorded afterwards; and they go when the disk gives them again."""
    bench.buffer.ill = {"timeseries": calls}
    report = bench.upload(timeout_s=1)
    assert (events(bench), bench.platform.samples, report.pending) == ([0, 1, 2], [], 20)
    status = bench.uploader.status()
    assert "cannot be read" in status["waiting"]["timeseries"]
    assert status["held"] == {}
    assert "cannot be read" in report.reason
    assert "cannot be read" in status["last_error"]
    add_events(bench.buffer, range(3, 6))
    bench.upload(timeout_s=1)
    assert events(bench) == [0, 1, 2, 3, 4, 5]
    bench.buffer.ill = {}
    bench.clock.sleep_ms(300_000)
    assert bench.upload().pending == 0
    assert bench.platform.samples == list(range(20))
    assert bench.uploader.status()["waiting"] == {}


def test_unreadable_events_do_not_keep_samples_back(bench):
    bench.buffer.ill = {"events": ALL_CALLS}
    assert bench.upload(timeout_s=1).pending == 3
    assert bench.platform.samples == list(range(20))


def test_the_wait_grows_and_few_tries_are_made(bench):
    """The buffer counts them, and gives a segment up after some: an hour must not use them up."""
    bench.buffer.ill = {"timeseries": ("cut",)}
    end_ms = bench.clock.ms + 3_600_000
    while bench.clock.ms < end_ms:
        wait_ms = bench.uploader.step()
        assert wait_ms is None or wait_ms >= 0
        bench.clock.sleep_ms(max(1, min(wait_ms if wait_ms is not None else 250, 250)))
    assert 5 < bench.buffer.tries <= 40
    assert bench.buffer.pinned == []


def test_samples_behind_an_unreadable_model_wait_with_it(bench):
    """Under a model that the platform does not have yet it would drop them."""
    add_model(bench.buffer, configuration("m2", "a", "b", "c"))
    add_samples(bench.buffer, range(20, 30), "m2")
    bench.buffer.ill = {"models": ("first_record",)}
    bench.upload(timeout_s=1)
    assert (events(bench), bench.platform.samples) == ([0, 1, 2], [])
    bench.buffer.ill = {}
    bench.clock.sleep_ms(300_000)
    assert bench.upload().pending == 0
    assert bench.platform.samples == list(range(30))
    assert bench.platform.dropped == []


def test_a_model_does_not_overtake_unreadable_samples(bench):
    add_model(bench.buffer, configuration("m2", "a", "b", "c"))
    bench.buffer.ill = {"timeseries": ALL_CALLS}
    bench.upload(timeout_s=1)
    assert bench.platform.configuration == MODEL_1
    bench.buffer.ill = {}
    bench.clock.sleep_ms(300_000)
    assert bench.upload().pending == 0
    assert bench.platform.dropped == []


def test_a_search_in_a_lane_that_becomes_unreadable_is_begun_anew(bench):
    """The record at fault is found all the same, and nobody waits for that."""
    bench.platform.refuses = poisoned(7)
    bench.uploader.step()
    assert bench.uploader.status()["searching"]
    bench.buffer.ill = {"timeseries": ALL_CALLS}
    bench.upload(timeout_s=1)
    assert events(bench) == [0, 1, 2]
    bench.buffer.ill = {}
    bench.clock.sleep_ms(300_000)
    assert bench.upload().pending == 0
    assert bench.platform.samples == [n for n in range(20) if n != 7]
    assert [sequence for _lane, sequence, _words in bench.buffer.rejected] == [8]


@pytest.mark.parametrize(
    ("lane", "call"),
    [
        ("models", "cut"),
        ("models", "first_record"),
        ("events", "cut"),
        ("timeseries", "cut"),
        ("timeseries", "first_record"),
    ],
)
def test_a_closed_buffer_ends_the_work(bench, lane, call):
    """What would be sent could not be acknowledged any more."""
    bench.buffer.ill = {lane: (call,)}
    bench.buffer.error = errno.EBADF
    with pytest.raises(OSError, match="Errno 9"):
        bench.upload()
    assert bench.buffer.pinned == []
    assert bench.platform.exchanges == []
