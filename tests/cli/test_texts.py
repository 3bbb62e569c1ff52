"""What a person types, as the value that it means."""

import datetime as dt
import math

import pytest

from mcagent import InvalidMessage
from mcagent.cli.texts import parse_json_object, parse_time, parse_value

GUESSES = [
    ("12", 12),
    ("-3", -3),
    ("21.4", 21.4),
    ("1e3", 1000.0),
    ("true", True),
    ("False", False),
    ("running", "running"),
    ("1_000", "1_000"),
    ("", ""),
]


@pytest.mark.parametrize(("text", "value"), GUESSES)
def test_without_a_model_the_look_decides(text, value):
    """Types as Python reads them, and text for the rest."""
    guessed = parse_value(text, None)
    assert guessed == value
    assert type(guessed) is type(value)


def test_nan_stays_a_number_so_that_it_is_refused():
    """`nan` must not slip through as text where no data model knows better."""
    assert math.isnan(parse_value("nan", None))
    assert math.isinf(parse_value("-inf", None))


def test_with_a_model_digits_are_kept():
    """A DOUBLE of 38 digits is not rounded on its way through the command line."""
    digits = "0." + "1" * 38
    assert parse_value(f" {digits} ", "DOUBLE") == digits
    assert parse_value("007", "STRING") == "007"
    assert parse_value(" 5 ", "STRING") == " 5 "
    assert parse_value("True", "BOOLEAN") is True
    assert parse_value("2026-01-05T08:00:00Z", "TIMESTAMP") == 1_767_600_000_000


TIMES = [
    ("2026-01-05T08:00:00.000Z", 1_767_600_000_000),
    ("2026-01-05T08:00:00Z", 1_767_600_000_000),
    ("2026-01-05 08:00Z", 1_767_600_000_000),
    ("2026-01-05T08:00:00.1239z", 1_767_600_000_123),
    ("2026-01-05T10:00:00+02:00", 1_767_600_000_000),
    ("2026-01-05T03:30:00,5-0430", 1_767_600_000_500),
    (" 1767600000000 ", 1_767_600_000_000),
]


@pytest.mark.parametrize(("text", "timestamp_ms"), TIMES)
def test_times(text, timestamp_ms):
    """ISO 8601 with an offset, or milliseconds."""
    assert parse_time(text) == timestamp_ms


def test_the_least_plain_milliseconds():
    """Below they would be seconds; an ISO time reaches every year."""
    assert parse_time("100000000000") == 100_000_000_000
    assert parse_time("1970-01-01T00:00:00Z") == 0


def test_times_agree_with_datetime():
    """Any day of four years, against the standard library."""
    start = dt.datetime(2024, 1, 1, 23, 59, 58, 999_000, tzinfo=dt.timezone.utc)
    for day in range(0, 4 * 365, 7):
        moment = start + dt.timedelta(days=day)
        assert parse_time(moment.isoformat()) == int(moment.timestamp() * 1000)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("2026-01-05T08:00:00", "offset"),
        ("2026-02-30T08:00:00Z", "day"),
        ("2026-01-05T25:00:00Z", "hour"),
        ("05.01.2026", "not a time"),
        ("", "not a time"),
        ("1767600006", "milliseconds"),
        ("99999999999", "milliseconds"),
        ("-1", "milliseconds"),
        ("9" * 5000, "not a time"),
        ("٢٠٢٦-01-05T08:00:00Z", "not a time"),
    ],
)
def test_bad_times_are_refused(text, word):
    """What is not a time, or does not say where on earth."""
    with pytest.raises(InvalidMessage, match=word):
        parse_time(text)


def test_json_objects():
    """Details are an object; all else is refused by the option's name."""
    assert parse_json_object('{"a": 1}', "--details") == {"a": 1}
    for text in ("[1]", "x", ""):
        with pytest.raises(InvalidMessage, match="--details"):
            parse_json_object(text, "--details")
