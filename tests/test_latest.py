"""What a collector says of points that it cannot read."""

import pytest

from mcagent import InvalidMessage
from mcagent.latest import BAD_DEVICE, BAD_NO_COMMUNICATION, BAD_SENSOR, GOOD, Latest


def test_a_sample_has_what_was_said_since_the_last_one():
    latest = Latest()
    latest.good("oil", 71.5)
    latest.good("rpm", 1200)
    first = latest.sample()
    assert (first.values, first.quality_code) == (
        {"oil": 71.5, "rpm": 1200},
        {"oil": GOOD, "rpm": GOOD},
    )
    assert latest.sample() is None
    latest.good("oil", 72.0)
    latest.good("oil", 73.0)
    assert latest.sample().values == {"oil": 73.0}


def test_a_point_that_failed_has_its_last_value_with_the_reason():
    latest = Latest()
    latest.bad("oil", BAD_SENSOR)
    assert latest.sample() is None, "it never had a value"
    latest.good("oil", 71.5)
    latest.bad("oil", BAD_SENSOR)
    latest.bad("rpm", BAD_DEVICE)
    latest.good("load", 3)
    sample = latest.sample()
    assert sample.values == {"oil": 71.5, "load": 3}
    assert sample.quality_code == {"oil": BAD_SENSOR, "load": GOOD}


def test_a_machine_that_is_gone_has_all_its_last_values_as_bad_ones():
    """Also what was read before it went: nobody knows whether that still holds."""
    latest = Latest()
    latest.all_bad(BAD_NO_COMMUNICATION)
    assert latest.sample() is None
    latest.good("oil", 71.5)
    latest.good("rpm", 1200)
    latest.sample()
    latest.good("oil", 72.5)
    latest.all_bad(BAD_NO_COMMUNICATION)
    sample = latest.sample()
    assert sample.values == {"oil": 72.5, "rpm": 1200}
    assert set(sample.quality_code.values()) == {BAD_NO_COMMUNICATION}
    assert sample.timestamp_ms is None


def test_a_time_goes_with_the_sample():
    latest = Latest()
    latest.good("oil", 1.0)
    assert latest.sample(timestamp=1_790_000_000_123).timestamp_ms == 1_790_000_000_123


def test_what_no_point_takes_is_told_and_not_said_again():
    latest = Latest()
    latest.good("oil", object())
    with pytest.raises(InvalidMessage):
        latest.sample()
    assert latest.sample() is None
