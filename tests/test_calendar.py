# portable
"""Digits and dates from outside."""

from mcagent.calendar import parse_utc, utc_ms, whole_number


def test_only_a_few_ascii_digits_are_a_number():
    """What `int()` takes beyond digits is refused, and what it raises on never reaches it."""
    for text, number in (("0", 0), ("007", 7), ("120", 120), ("9" * 15, 10**15 - 1)):
        assert whole_number(text) == number
    for text in (
        "", " 1", "1 ", "+1", "-1", "1_0", "1.0", "0x10", "\u00b2", "1\u00b2", "\u0661", "\uff11",
        "9" * 16, "0" * 16, "9" * 5000, "soon",
    ):  # fmt: skip
        assert whole_number(text) is None, text


def test_every_day_follows_the_day_before():
    """The whole calendar from 1970 to 9999, without a gap, and no day but the real ones."""
    lengths = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
    day_ms = 86_400_000
    expected_ms = 0
    # A cycle of 400 years repeats; then the last year that has four digits.
    for year in list(range(1970, 2371)):
        leap = (year % 4 == 0 and year % 100 != 0) or year % 400 == 0
        for month in range(1, 13):
            length = lengths[month - 1] + (leap and month == 2)
            assert utc_ms([year, month, 1, 0, 0, 0, 0]) == expected_ms
            last_ms = expected_ms + (length - 1) * day_ms
            assert utc_ms([year, month, length, 0, 0, 0, 0]) == last_ms
            assert utc_ms([year, month, length + 1, 0, 0, 0, 0]) is None
            assert utc_ms([year, month, 0, 0, 0, 0, 0]) is None
            expected_ms += length * day_ms
    assert utc_ms([9999, 12, 31, 23, 59, 59, 999]) == 253_402_300_799_999


def test_what_does_not_exist_has_no_time():
    """One field out of range, or missing, is enough."""
    good = [2026, 2, 28, 23, 59, 59, 999]
    assert utc_ms(good) == 1_772_323_199_999
    for place, bad in (
        (0, 1969), (0, 10000), (1, 0), (1, 13), (2, 0), (2, 29), (2, 31), (3, 24), (4, 60),
        (5, 60), (5, 99), (6, 1000), (0, None), (5, None), (3, -1),
    ):  # fmt: skip
        fields = list(good)
        fields[place] = bad
        assert utc_ms(fields) is None, (place, bad)
    assert utc_ms(good[:6]) is None


def test_times_are_read_in_one_form():
    """With or without a fraction, in UTC, with real digits; finer digits are cut off."""
    for text, expected_ms in (
        ("1970-01-01T00:00:00Z", 0),
        ("2024-02-29T23:59:59.5Z", 1_709_251_199_500),
        ("2026-02-28T23:59:59.9999999Z", 1_772_323_199_999),
    ):
        assert parse_utc(text) == expected_ms, text
    for text in (
        "", "Z", "soon", "2026-02-31T00:00:00Z", "2025-02-29T00:00:00Z", "2026-04-31T00:00:00Z",
        "2026-01-01T00:00:99Z", "2026-01-01T24:00:00Z", "2026-01-01 00:00:00Z",
        "2026-01-01T00:00:00", "2026-01-01T00:00:00+00:00", "2026-01-01T00:00:00.Z",
        "2026-01-01T00:00:00,5Z", "2026-01-01T00:00:0Z", "+026-01-01T00:00:00Z",
        "2026-01-01T00:00:0\u00b2Z", "2026-01-01T00:00:00.\u00b2Z",
        "2026-01-01T00:00:00." + "1" * 5000 + "Z",
    ):  # fmt: skip
        assert parse_utc(text) is None, text
