"""mcagent/services/bucket.py: 100 KB a second for each asset and aspect."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcagent.errors import RemoteError
from mcagent.services.bucket import Bucket
from mcagent.services.timeseries import TimeSeries
from tests.helpers import raises
from tests.patience import with_more_time
from tests.services.plant import T0, make_series
from tests.services.platform import SteadyClock


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
    rows = [(T0 + n, {"log": "x" * 960}) for n in range(300)]

    def write(_time_s):
        _series, asset = make_series(platform)
        session = platform.session(sleep=time.sleep)
        series = TimeSeries(session)
        begin = time.monotonic()
        series.write(asset, "motor", rows)
        assert 2.3 <= time.monotonic() - begin < 30
        sent = [request for request in session.transport.requests if request.method == "PUT"]
        assert len(sent) == 7  # a body each, none of them twice
        return asset

    # A process that stands still between taking its turn and sending comes too close to the next.
    asset = with_more_time(write, 3, 3, 3)
    fast = TimeSeries(platform.session(attempts=1), bytes_per_s=None)
    error = raises(RemoteError, lambda: [fast.write(asset, "motor", rows) for _ in range(3)])
    assert error.status == 429
