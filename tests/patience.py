"""For what can be shown in real time only, on machines of which nobody knows how slow they are."""

import time

import pytest


def with_more_time(check, *times_s):
    """What *check* returns for the first of *times_s* with which it passes.

    *check* makes everything that takes time in proportion to its argument. A machine that stands
    still for a moment spoils one try; what is wrong is wrong in each.
    """
    for time_s in times_s[:-1]:
        try:
            return check(time_s)
        except (AssertionError, OSError, pytest.fail.Exception):  # the last: nothing was raised
            pass
    return check(times_s[-1])


def wait_until(condition, patience_s=60):
    """Patience costs nothing where it comes soon."""
    until_s = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < until_s, "it did not happen"
        time.sleep(0.01)
