"""mcagent/services/callrate.py: documented rates are kept, and not undercut."""

from hypothesis import given, settings
from hypothesis import strategies as st

from mcagent.services.callrate import AGENT_LISTS, MAPPING_CALLS, CallRate
from tests.services.platform import SteadyClock


def test_1050_calls_an_hour_go_at_once_and_the_next_waits_for_the_first():
    """The whole of the hour's calls is there from the start; then one comes back at a time."""
    clock, told = SteadyClock(), []
    rate = CallRate(MAPPING_CALLS, clock, clock.sleep, on_wait=told.append)
    for _ in range(1050):
        rate.take()
    assert clock.slept == []
    clock.pass_ms(60_000)
    rate.take()
    assert clock.slept == [3540.0]
    assert told == [3540.0]
    rate.take()
    assert len(clock.slept) == 1


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 20_000), min_size=60, max_size=150))
def test_no_stretch_has_more_calls_than_it_may(pauses):
    """Both windows hold, however the calls come."""
    clock = SteadyClock()
    rate = CallRate(AGENT_LISTS, clock, clock.sleep)
    times = []
    for pause in pauses:
        clock.pass_ms(pause)
        rate.take()
        times.append(clock.monotonic_ms())
    for calls, seconds in AGENT_LISTS:
        for first, behind in zip(times, times[calls:]):
            assert behind - first >= seconds * 1000
