# portable
"""mcagent/messages/text.py: counting characters, refusing what has no UTF-8 form."""

from mcagent.errors import InvalidMessage
from mcagent.messages.text import count_units, require_text, shorten
from tests.helpers import raises


def test_characters_are_utf16_units():
    """ASCII, Latin, BMP and its edges count one, everything above counts two."""
    for text, units in (
        ("", 0),
        ("abc\x00\x7f", 5),
        ("\u00e4\u20ac", 2),
        ("\ud7ff\ue000\uffff", 3),
        ("\U00010000", 2),
        ("\U0010ffff", 2),
        ("\U0001f600" * 3 + "x", 7),
        ("\U00040000\U00080000\U000c0000", 6),
        ("\ued00\ue0ed", 2),
    ):
        assert count_units(text) == units, repr(text)


def test_lone_surrogates_are_refused():
    """Either half, anywhere: they have no UTF-8 form."""
    for code in (0xD800, 0xDBFF, 0xDC00, 0xDFFF):
        for text in (chr(code), "a" + chr(code), chr(code) + "\u20ac", "\ud7ff" + chr(code)):
            assert "surrogate" in raises(InvalidMessage, count_units, text).message


def test_require_text_holds_its_limit():
    """At the limit it passes; one beyond names field, value, limit and source."""
    assert require_text("unit", "x" * 32, 32, "the source") == "x" * 32
    assert require_text("unit", "", 32, "the source", empty=True) == ""
    assert require_text("unit", "\U0001f600" * 16, 32, "the source") == "\U0001f600" * 16
    error = raises(InvalidMessage, require_text, "unit", "x" * 33, 32, "the source")
    for part in ("unit", "'xxxx", "33", "32", "the source"):
        assert part in error.message
    assert "two" in error.hint
    raises(InvalidMessage, require_text, "unit", "\U0001f600" * 16 + "x", 32, "the source")


def test_require_text_takes_text_only():
    """Numbers, bytes and nothing are named and refused; empty text where some is needed."""
    for value in (None, 7, b"bar", ["x"]):
        assert "unit" in raises(InvalidMessage, require_text, "unit", value, 32, "s").message
    assert raises(InvalidMessage, require_text, "unit", "", 32, "s").message == "unit is empty"


def test_shown_values_are_short():
    """A message to people stays readable whatever the value is."""
    assert shorten("short") == "'short'"
    for value in (
        "x" * 100_000,
        b"x" * 100_000,
        ["x"] * 1000,
        10**5000,
        -(10**40),
        {"a": "x" * 99},
    ):
        assert len(shorten(value)) < 70
    assert "100000 characters" in shorten("x" * 100_000)
    assert "\n" not in shorten("a\nb" * 50)
    assert shorten(10**39) == "1" + "0" * 39
