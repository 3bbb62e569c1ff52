"""From wire text to typed values: each type at its limits."""

import pytest

from mcagent.emulator.times import format_time, parse_time
from mcagent.emulator.values import is_quality_code, present, read_value

GOOD = [
    ("INT", "2147483647", 2147483647),
    ("INT", -2147483648, -2147483648),
    ("LONG", "9223372036854775807", 2**63 - 1),
    ("LONG", "+5", 5),
    ("DOUBLE", "182.5", 182.5),
    ("DOUBLE", 21.4, 21.4),
    ("DOUBLE", "1e3", 1000.0),
    ("DOUBLE", ".5", 0.5),
    ("DOUBLE", "-5.", -5.0),
    ("DOUBLE", "0", 0.0),
    ("DOUBLE", "-1E-130", -1e-130),
    ("DOUBLE", "9.9999999999999999999999999999999999999E+125", 1e126),
    ("STRING", True, "true"),
    ("STRING", 1.5, "1.5"),
    ("BOOLEAN", "true", 1),
    ("BOOLEAN", "False", 0),
    ("BOOLEAN", True, 1),
    ("STRING", "x" * 255, "x" * 255),
    ("BIG_STRING", "x" * 100_000, "x" * 100_000),
    ("TIMESTAMP", "2026-01-05T08:00:00.000Z", "2026-01-05T08:00:00.000Z"),
]
BAD = [
    ("INT", "2147483648"),
    ("INT", "1.0"),
    ("INT", True),
    ("INT", ""),
    ("INT", " 1"),
    ("LONG", "9223372036854775808"),
    ("LONG", "9" * 5000),
    ("LONG", "\u0661"),  # an Arabic digit
    ("DOUBLE", "NaN"),
    ("DOUBLE", "Infinity"),
    ("DOUBLE", "1e999"),
    ("DOUBLE", "9.9E-131"),
    ("DOUBLE", -1.0000000000000001e126),
    ("DOUBLE", "1.001E+126"),
    ("DOUBLE", "0x10"),
    ("DOUBLE", ""),
    ("DOUBLE", True),
    ("DOUBLE", 10**400),
    ("BOOLEAN", "1"),
    ("STRING", ""),
    ("STRING", "x" * 256),
    ("BIG_STRING", "x" * 100_001),
    ("TIMESTAMP", "yesterday"),
    ("DOUBLE", None),
    ("STRING", {}),
]


@pytest.mark.parametrize(("kind", "text", "value"), GOOD)
def test_good_values_are_read(kind, text, value):
    assert read_value(kind, text) == value


@pytest.mark.parametrize(("kind", "text"), BAD)
def test_bad_values_are_refused(kind, text):
    with pytest.raises(ValueError):
        read_value(kind, text)


def test_a_variable_may_be_shorter_than_its_type():
    assert read_value("STRING", "abc", 3) == "abc"
    with pytest.raises(ValueError, match="too long"):
        read_value("STRING", "abcd", 3)


def test_booleans_are_shown_as_booleans():
    assert present("BOOLEAN", 1) is True
    assert present("LONG", 1) == 1


@pytest.mark.parametrize("code", ["0", "123123135", "00A60000", "-1", "00000000", 0])
def test_quality_codes_of_known_clients_are_taken(code):
    assert is_quality_code(code)


@pytest.mark.parametrize("code", ["true", "", "1.5", "good", True, None, []])
def test_other_quality_codes_are_not(code):
    assert not is_quality_code(code)


@pytest.mark.parametrize(
    ("text", "millis"),
    [
        ("1970-01-01T00:00:00.000Z", 0),
        ("2026-01-05T08:00:00.000Z", 1767600000000),
        ("2026-01-05T08:00:00Z", 1767600000000),
        ("2026-01-05T08:00:00.123456Z", 1767600000123),
        ("2026-01-05T08:00:00.1Z", 1767600000100),
        ("2026-01-05T10:00:00.999999999+02:00", 1767600000999),
        ("2026-01-05T02:30:00-0530", 1767600000000),
        ("9999-12-31T23:59:59.999Z", 253402300799999),
    ],
)
def test_times_are_read(text, millis):
    assert parse_time(text) == millis


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-05",
        "2026-01-05T08:00:00",
        "2026-13-05T08:00:00Z",
        "2026-02-30T08:00:00Z",
        "2026-01-05T24:00:00Z",
        "2026-01-05T08:60:00Z",
        "2026-01-05T08:00:60Z",
        "2026-01-05T08:00:00.Z",
        "2026-01-05T08:00:00.0000000000Z",
        "2026-01-05T08:00:00+24:00",
        "0001-01-01T00:00:00+05:00",
        "9999-12-31T23:59:59-05:00",
        "2026-01-05T08:00:00\u0661Z",
        "",
        None,
        5,
    ],
)
def test_other_times_are_refused(text):
    with pytest.raises(ValueError):
        parse_time(text)


def test_times_are_written_with_24_characters():
    assert format_time(1767600000007) == "2026-01-05T08:00:00.007Z"
    assert format_time(parse_time("0001-01-01T00:00:00.000Z")) == "0001-01-01T00:00:00.000Z"
