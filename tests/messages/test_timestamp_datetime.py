"""mcagent/messages/timestamp.py against the real `datetime`."""

from datetime import date, datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcagent.errors import InvalidMessage
from mcagent.messages.timestamp import MAX_MS, format_ms, parse_text, to_ms

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


@given(
    st.datetimes(min_value=datetime(1970, 1, 3), max_value=datetime(9999, 12, 29)),
    st.integers(min_value=-86_399_999_999, max_value=86_399_999_999),
)
def test_any_aware_datetime_is_its_floor_in_milliseconds(naive, offset_us):
    """Any zone, any fraction: never later than the moment itself."""
    moment = naive.replace(tzinfo=timezone(timedelta(microseconds=offset_us)))
    assert to_ms(moment) == (moment - EPOCH) // timedelta(milliseconds=1)


@given(st.integers(min_value=0, max_value=MAX_MS))
def test_any_time_is_written_as_datetime_writes_it(ms):
    """The same 24 characters, and back."""
    text = (EPOCH + timedelta(milliseconds=ms)).isoformat(timespec="milliseconds")
    assert format_ms(ms) == text.replace("+00:00", "Z")
    assert parse_text(format_ms(ms)) == ms


def test_summer_time_is_the_zones_affair():
    """Two moments of the repeated hour differ."""
    zone = ZoneInfo("Europe/Berlin")
    first = datetime(2026, 10, 25, 2, 30, tzinfo=zone)
    assert to_ms(first.replace(fold=1)) - to_ms(first) == 3_600_000


@pytest.mark.parametrize("value", [datetime(2026, 1, 5), date(2026, 1, 5), time(8), timedelta(1)])
def test_what_names_no_moment_is_refused(value):
    """Naive datetimes, days, times of day, spans."""
    with pytest.raises(InvalidMessage) as caught:
        to_ms(value)
    assert caught.value.hint
