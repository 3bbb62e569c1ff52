# portable
"""mcagent/messages/quality.py: OPC UA status codes as signed decimal text."""

from mcagent.errors import InvalidMessage
from mcagent.messages.quality import quality_text, quality_texts
from tests.helpers import raises


def test_codes_go_out_signed():
    """The documented examples (agent API 6.4.1, services API 1.8) and the ends of 32 bits."""
    for code, text in (
        (None, "0"),
        (0, "0"),
        ("0", "0"),
        (192, "192"),
        (-1, "-1"),
        (12_189_696, "12189696"),
        (1_083_310_080, "1083310080"),
        ("1083310080", "1083310080"),
        (0x80340000, "-2144075776"),
        ("2150891520", "-2144075776"),
        (-2_144_075_776, "-2144075776"),
        (2**31 - 1, "2147483647"),
        (2**31, "-2147483648"),
        (-(2**31), "-2147483648"),
        (2**32 - 1, "-1"),
    ):
        assert quality_text(code) == text


def test_other_codes_are_refused():
    """Beyond 32 bits, hexadecimal digits, other types."""
    for code in (2**32, -(2**31) - 1, "4294967296", "9" * 5000, True, 1.0, b"0", []):
        error = raises(InvalidMessage, quality_text, code)
        assert "quality code" in error.message
        assert error.hint
    for code in ("", "00000000", "00A60000", "0x0", "good", "+1", " 1", "true"):
        raises(InvalidMessage, quality_text, code)


def test_codes_by_data_point():
    """Who is not named is good; who is named must have a value."""
    assert quality_texts(192, ["a", "b"]) == ["192", "192"]
    assert quality_texts({"b": 192}, ["a", "b"]) == ["0", "192"]
    assert quality_texts({}, ["a"]) == ["0"]
    assert "'c'" in raises(InvalidMessage, quality_texts, {"c": 0}, ["a"]).message
    error = raises(InvalidMessage, quality_texts, {"a": "bad"}, ["a"])
    assert "'a'" in error.message
    assert "'bad'" in error.message
