"""A refused record that stands alone proves nothing; what is recorded behind it is the proof."""

import pytest

from tests.upload.fakes import add_events, add_model, add_samples, configuration
from tests.upload.test_poison import Bench

MINUTE_MS = 60_000
REST_MS = 900_000


@pytest.fixture
def bench(tmp_path):
    bench = Bench(tmp_path)
    yield bench
    bench.buffer.close()


def work(bench, for_ms):
    """As a service does: a step every second."""
    until_ms = bench.clock.ms + for_ms
    while bench.clock.ms < until_ms:
        bench.uploader.step()
        bench.clock.sleep_ms(1000)


def test_the_next_event_after_a_lone_bad_one_goes_within_a_minute(bench):
    """Not after the quarter of an hour for which the lane is held."""
    bench.bad = {1}
    add_events(bench.buffer, [1])
    work(bench, 5000)
    assert "events" in bench.uploader.status()["held"]
    held = bench.exchanges
    work(bench, 5 * MINUTE_MS)
    assert bench.exchanges == held, "nothing new: nothing is sent again"
    add_events(bench.buffer, [2])
    work(bench, MINUTE_MS + 10_000)
    assert [event["e"] for event in bench.platform.received("businessEvent")] == [2]
    assert bench.rejected == 1
    assert bench.uploader.status()["held"] == {}


def test_an_event_right_behind_it_waits_a_minute_at_most(bench):
    bench.bad = {1}
    add_events(bench.buffer, [1])
    work(bench, 3000)
    add_events(bench.buffer, [2])
    work(bench, MINUTE_MS + 10_000)
    assert [event["e"] for event in bench.platform.received("businessEvent")] == [2]


def test_a_gateway_that_refuses_everything_is_not_asked_for_each_event(bench):
    """One event a second for six hours: each look comes later than the one before."""
    bench.platform.refuses = lambda _item: True
    for number in range(6 * 3600 // 10):
        add_events(bench.buffer, [number])
        work(bench, 10_000)
    assert bench.rejected == 0
    per_hold = 14  # requests of a search among eleven that proves nothing
    assert bench.exchanges <= per_hold * (5 + 6 * 3600 // 900 * 4 // 3)
    bench.platform.refuses = bench.refuses
    work(bench, 2 * REST_MS)
    assert len(bench.platform.received("businessEvent")) == 6 * 3600 // 10


def test_samples_that_none_was_accepted_before_likewise(bench):
    bench.bad = {1}
    add_samples(bench.buffer, [1])
    work(bench, 3000)
    assert "timeseries" in bench.uploader.status()["held"]
    add_samples(bench.buffer, [2])
    work(bench, MINUTE_MS + 10_000)
    assert bench.platform.samples == [2]
    assert bench.rejected == 1


def test_a_corrected_model_goes_within_a_minute(bench):
    """The first one was refused; whoever mends it is at the machine."""
    wrong, right = configuration("m2", "a"), configuration("m3", "a")
    bench.platform.refuses = lambda item: (
        item["type"] == "dataSourceConfiguration" and item["records"][0]["configurationId"] == "m2"
    )
    add_model(bench.buffer, wrong)
    work(bench, 3000)
    assert "models" in bench.uploader.status()["held"]
    add_model(bench.buffer, right)
    work(bench, MINUTE_MS + 5000)
    assert bench.platform.configuration["configurationId"] == "m3"
