# portable
"""mcagent/messages/values.py: every data type at its limits and one beyond."""

from mcagent.errors import InvalidMessage
from mcagent.messages.values import (
    boolean_text,
    double_text,
    int_text,
    long_text,
    text_checker,
    timestamp_text,
    type_of,
)
from tests.helpers import raises

NAN, INFINITY = float("nan"), float("inf")
NOT_NUMBERS = (None, True, False, "", "x", b"1", [1], {}, (1,), object())


def passes(function, *cases):
    for value, text in cases:
        assert function(value) == text, (value, function(value))


def refuses(function, *values):
    for value in values:
        error = raises(InvalidMessage, function, value)
        assert error.hint, value
        assert len(error.message) < 200


def test_int_is_32_bits():
    """At both ends, and one beyond; the message names value, limits and their source."""
    passes(int_text, (0, "0"), (-7, "-7"), (2**31 - 1, "2147483647"), (-(2**31), "-2147483648"))
    refuses(int_text, 2**31, -(2**31) - 1, 2**64, 10**5000, 1.0, NAN)
    refuses(int_text, *NOT_NUMBERS)
    error = raises(InvalidMessage, int_text, 2**31)
    for part in ("2147483648", "2147483647", "INT", "IoT Time Series"):
        assert part in error.message
    assert "LONG" in error.hint


def test_long_is_64_bits():
    """At both ends, and one beyond."""
    passes(long_text, (2**63 - 1, "9223372036854775807"), (-(2**63), "-9223372036854775808"))
    refuses(long_text, 2**63, -(2**63) - 1, 10**5000, 1.0)
    refuses(long_text, *NOT_NUMBERS)


def test_integers_may_be_their_own_text():
    """Decimal digits and nothing else; the text's range counts like the number's."""
    passes(int_text, ("0", "0"), ("-1", "-1"), ("2147483647", "2147483647"))
    passes(long_text, ("9223372036854775807", "9223372036854775807"))
    refuses(int_text, "2147483648", "-2147483649", "1" * 5000)
    refuses(long_text, "9223372036854775808", "-9223372036854775809")
    for text in ("+1", " 1", "1 ", "01", "-", "--1", "1_0", "0x1", "1.0", "1e3", "\u0661"):
        refuses(long_text, text)


def test_double_range():
    """0, and magnitudes from 1E-130 to 9.99…E+125; NaN and infinity are refused."""
    passes(
        double_text,
        (0.0, "0.0"),
        (-0.0, "-0.0"),
        (21.4, "21.4"),
        (1e16, "1e+16"),
        (1e-130, "1e-130"),
        (-1e-130, "-1e-130"),
        (9.5e125, "9.5e+125"),
        (-9.5e125, "-9.5e+125"),
        (0, "0"),
        (2**63, "9223372036854775808"),
        (-(10**37), "-1" + "0" * 37),
        (10**125, "1" + "0" * 125),
    )
    refuses(double_text, NAN, INFINITY, -INFINITY, 9.9e-131, -9.9e-131, 1.1e126, -1.1e126)
    refuses(double_text, 10**126, -(10**126), 10**5000)
    refuses(double_text, None, True, False, b"1", [1], {}, object())
    assert "nan" in raises(InvalidMessage, double_text, NAN).message
    assert "leave" in raises(InvalidMessage, double_text, NAN).hint
    assert "leave" in raises(InvalidMessage, double_text, None).hint


def test_double_text_is_kept_digit_by_digit():
    """Ready-made numeric text passes unchanged, up to 38 significant digits."""
    nines = "9." + "9" * 37
    for text in (
        "0",
        "-0",
        "0.0",
        "0E-500",
        "21.40",
        "1e5",
        "1E+05",
        "1.5e-3",
        "0." + "1" * 38,
        "1" * 38,
        "1" * 38 + "000",
        "0.000" + "1" * 38 + "000",
        nines + "E+125",
        "-" + nines + "e125",
        "1E-130",
        "-1.0E-130",
        "0.1E-129",
        "10E-131",
        "1e0000000000125",
        "0." + "0" * 129 + "1",
    ):
        assert double_text(text) == text
    for text in ("1" * 39, "0." + "1" * 39, "1" + "0" * 37 + "1", "1." + "0" * 37 + "1"):
        error = raises(InvalidMessage, double_text, text)
        assert "39 significant digits" in error.message
        assert "38" in error.message
    refuses(double_text, "1E126", "-1E+126", "10E125", "0.9E-130", "9.99E-131", "1E-131")
    refuses(double_text, "0." + "0" * 130 + "1", "1e999999999999", "1e-999999999999")


def test_double_text_has_one_form():
    """A JSON number, which the platform's Number() reads."""
    words = (
        "x nan NaN Infinity -inf +1 01 -01 1. .5 1,5 1e 1e+ e5 1e1.5 1e5e5 1.2.3 - --1 1_0 0x10"
    )
    words += " 1e--5 1e+-5 1- 1.-5 1.5- \u0661"
    for text in words.split(" ") + ["", " ", " 1", "1 ", "1\n"]:
        refuses(double_text, text)


def test_boolean():
    """True, False and their wire text; numbers are refused with the way out."""
    passes(boolean_text, (True, "true"), (False, "false"), ("true", "true"), ("false", "false"))
    refuses(boolean_text, 0, 1, 1.0, None, "", "True", "yes", b"true", [])
    assert "bool(" in raises(InvalidMessage, boolean_text, 1).hint


def test_strings_hold_their_characters():
    """255 and 100 000 characters, and no more than the point's own length."""
    for data_type, length, most in (
        ("STRING", None, 255),
        ("STRING", 20, 20),
        ("STRING", 300, 255),
        ("BIG_STRING", None, 100_000),
        ("BIG_STRING", 1000, 1000),
    ):
        check = text_checker(data_type, length)
        assert check("x" * most) == "x" * most
        error = raises(InvalidMessage, check, "x" * (most + 1))
        assert str(most + 1) in error.message
        assert str(most) in error.message
        assert ("own length" if length and length == most else "IoT Time") in error.message
        assert "'xxxx" in error.message
        # one character of two units
        astral = "\U0001f600" * (most // 2) + "x" * (most % 2)
        assert check(astral) == astral
        raises(InvalidMessage, check, astral + "x")


def test_strings_are_text():
    """Everything else is refused, bytes and half surrogates too; escapes are JSON's."""
    check = text_checker("STRING")
    refuses(check, None, 7, 1.5, True, b"abc", ["a"], chr(0xD800))
    passes(check, ("", ""), ('a"b\\c\n\x00', 'a\\"b\\\\c\\n\\u0000'), ("\u20ac/", "\u20ac/"))


def test_timestamp():
    """Int ms and the exact text form; see test_timestamp.py."""
    passes(timestamp_text, (0, "1970-01-01T00:00:00.000Z"))
    passes(timestamp_text, ("2026-01-05T08:00:00.000Z", "2026-01-05T08:00:00.000Z"))
    refuses(timestamp_text, -1, True, 1.5, None, "", "2026-01-05T08:00:00Z")


def test_without_a_model_types_follow_the_values():
    """Text counts as the longest kind of text."""
    for value, data_type in (
        (True, "BOOLEAN"),
        (False, "BOOLEAN"),
        (7, "LONG"),
        (7.5, "DOUBLE"),
        ("7", "BIG_STRING"),
    ):
        assert type_of(value) == data_type
    refuses(type_of, None, b"7", [7], {}, object())
