"""The device's clocks on CPython."""

import sys
import time

import pytest

from mcagent.runtime import clock


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such clock")
def test_the_steady_clock_counts_sleep(monkeypatch):
    """Linux's CLOCK_MONOTONIC does not: a suspended device would seem to jump at each resume."""
    asked = []

    def eight_hours_asleep(which):
        asked.append(which)
        return time.clock_gettime_ns(time.CLOCK_MONOTONIC) + (
            8 * 3600 * 10**9 if which == time.CLOCK_BOOTTIME else 0
        )

    awake_ms = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1_000_000
    monkeypatch.setattr(clock, "_steady_ns", eight_hours_asleep)
    assert clock.Clock().monotonic_ms() - awake_ms >= 8 * 3_600_000
    assert asked == [time.CLOCK_BOOTTIME]


def test_trust_begins_where_no_clock_that_was_set_can_stand(monkeypatch):
    """1970 and a firmware's build date are no time; today is."""
    device = clock.Clock()
    for now_ms, trusted in ((0, False), (1_700_000_000_000, False), (1_795_262_400_000, True)):
        monkeypatch.setattr(clock.Clock, "now_ms", lambda _self, now_ms=now_ms: now_ms)
        assert device.trusted() is trusted
