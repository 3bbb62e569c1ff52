# portable
"""mcagent/messages/timestamp.py: times in and out."""

from mcagent.errors import InvalidMessage
from mcagent.messages.timestamp import MAX_MS, format_ms, parse_text, to_ms
from tests.helpers import raises

# date -u -d TEXT +%s
KNOWN = (
    (0, "1970-01-01T00:00:00.000Z"),
    (951_782_400_000, "2000-02-29T00:00:00.000Z"),
    (951_868_799_999, "2000-02-29T23:59:59.999Z"),
    (951_868_800_000, "2000-03-01T00:00:00.000Z"),
    (1_709_251_199_001, "2024-02-29T23:59:59.001Z"),
    (1_767_600_000_000, "2026-01-05T08:00:00.000Z"),
    (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
    (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
)


def test_known_times_both_ways():
    """Text and number name the same moment; leap days and the ends of the range among them."""
    for ms, text in KNOWN:
        assert format_ms(ms) == text
        assert parse_text(text) == ms


def test_every_day_of_four_centuries_makes_the_round_trip():
    """The calendar repeats after 400 years; one moment of each seventh day, and each 1 March."""
    for day in range(0, 146_097, 7):
        ms = day * 86_400_000 + 12_345_678
        assert parse_text(format_ms(ms)) == ms
    for year in range(1970, 2370):
        text = "%04d-03-01T00:00:00.000Z" % year
        assert format_ms(parse_text(text)) == text
        last = format_ms(parse_text(text) - 1)
        leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
        assert last == "%04d-02-%dT23:59:59.999Z" % (year, 29 if leap else 28)


def test_range_is_1970_to_9999():
    """One millisecond beyond either end is refused, with the value."""
    assert to_ms(0) == 0
    assert to_ms(MAX_MS) == MAX_MS
    for function in (to_ms, format_ms):
        assert "-1" in raises(InvalidMessage, function, -1).message
        error = raises(InvalidMessage, function, MAX_MS + 1)
        assert "253402300800000" in error.message
        assert "nanoseconds" in error.hint


def test_other_types_are_refused():
    """bool is no number here, seconds as float are a common mistake, text is for TIMESTAMP only."""
    for value in (True, False, 1.5, 1_767_600_000.0, "2026-01-05T08:00:00.000Z", None, b"0", []):
        error = raises(InvalidMessage, to_ms, value)
        assert "timestamp" in error.message
        assert error.hint


def test_only_the_24_characters_are_read():
    """No other ISO form, no day or time that does not exist, no digits of other scripts."""
    for text in (
        "",
        "2026-01-05T08:00:00Z",
        "2026-01-05T08:00:00.000",
        "2026-01-05T08:00:00.000+",
        "2026-01-05T08:00:00,000Z",
        "2026-01-05 08:00:00.000Z",
        "2026-01-05t08:00:00.000z",
        "2026-1-005T08:00:00.000Z",
        "2026-00-05T08:00:00.000Z",
        "2026-13-05T08:00:00.000Z",
        "2026-01-00T08:00:00.000Z",
        "2026-01-32T08:00:00.000Z",
        "2026-04-31T08:00:00.000Z",
        "2026-02-29T08:00:00.000Z",
        "2100-02-29T08:00:00.000Z",
        "2026-01-05T24:00:00.000Z",
        "2026-01-05T08:60:00.000Z",
        "2026-01-05T08:00:60.000Z",
        "1969-12-31T23:59:59.999Z",
        "2026-01-05T08:00:00.0 0Z",
        "2026-01-05T+8:00:00.000Z",
        "2026-01-05T0_:00:00.000Z",
        "\u0662026-01-05T08:00:00.000Z",
        "202\u0666-01-05T08:00:00.000Z",
        None,
        12,
    ):
        error = raises(InvalidMessage, parse_text, text)
        assert "YYYY-MM-DDThh:mm:ss.mmmZ" in error.message


class Moment:
    """What a `datetime` can do, for interpreters without one."""

    def __init__(self, offset, microsecond=0):
        self.hour, self.minute, self.second, self.microsecond = 8, 0, 0, microsecond
        self.offset = offset

    def toordinal(self):
        return 739_621  # 2026-01-05

    def utcoffset(self):
        return self.offset

    def isoformat(self):
        return "2026-01-05T08:00:00"


class Offset:
    """A `timedelta`."""

    def __init__(self, days=0, seconds=0, microseconds=0):
        self.days, self.seconds, self.microseconds = days, seconds, microseconds


def test_objects_like_datetime_are_read():
    """East is earlier, west is later, finer digits are cut off."""
    noon = 1_767_600_000_000
    assert to_ms(Moment(Offset())) == noon
    assert to_ms(Moment(Offset(seconds=3600))) == noon - 3_600_000
    assert to_ms(Moment(Offset(days=-1, seconds=86_400 - 1800))) == noon + 1_800_000
    assert to_ms(Moment(Offset(), 999)) == noon
    assert to_ms(Moment(Offset(), 999_999)) == noon + 999
    assert to_ms(Moment(Offset(microseconds=1))) == noon - 1


def test_objects_without_zone_are_refused():
    """A naive time is no moment: the message names it, the hint says how to give it a zone."""
    error = raises(InvalidMessage, to_ms, Moment(None))
    assert "2026-01-05T08:00:00" in error.message
    assert "timezone.utc" in error.hint
