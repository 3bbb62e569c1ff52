"""Members of a TOML file, and values and times out of text."""

import pytest

from mcagent import ConfigurationError, InvalidMessage
from mcagent.collectorfile import Section, read_toml, time_ms, value_of

KNOWN = {"host": str, "port": 502, "timeout_s": 3.0, "secure": False}
KNOWN |= {"order": ("big", "little"), "scale": 1.0}


def test_a_section_has_what_was_given_and_the_defaults():
    """A whole number will do where a number is wanted."""
    section = Section("[modbus]", {"host": "plc", "timeout_s": 2}, KNOWN)
    assert (section.host, section.port, section.timeout_s) == ("plc", 502, 2.0)
    assert section.secure is False
    assert section.order == "big"
    assert Section("[modbus]", {"host": "plc", "order": "little"}, KNOWN).order == "little"


@pytest.mark.parametrize(
    ("given", "message", "hint"),
    [
        ({}, "'host' is missing", "text"),
        ({"hsot": "plc"}, "no setting 'hsot'", "did you mean 'host'?"),
        ({"host": "plc", "colour": 1}, "no setting 'colour'", "known: host, port"),
        ({"host": 7}, "host = 7 is not text", "quotes"),
        ({"host": "plc", "port": "502"}, "port = '502' is not a whole number", "quotes"),
        ({"host": "plc", "port": True}, "port = True is not a whole number", "quotes"),
        ({"host": "plc", "order": "BIG"}, "there is no order 'BIG'", "one of: 'big', 'little'"),
        ({"host": "plc", "order": 1}, "order = 1 is not text", "quotes"),
        ("plc", "is 'plc', not a table", "[section]"),
        ({"host": " "}, "host = ' ' says nothing", "text"),
        ({"host": "plc\0"}, r"host = 'plc\x00' says nothing", "text"),
        ({"host": "x" * 64}, "… (64 characters) says nothing", "text"),
        ({"host": "plc", "timeout_s": float("inf")}, "timeout_s = inf cannot be", "0 to 320"),
        ({"host": "plc", "timeout_s": float("nan")}, "timeout_s = nan cannot be", "0 to 320"),
        ({"host": "plc", "timeout_s": -1}, "timeout_s = -1.0 cannot be", "0 to 320"),
        ({"host": "plc", "timeout_s": 10**400}, "more than 40 digits is not a number", "quotes"),
        ({"host": "plc", "port": 70_000}, "port = 70000 cannot be", "1 to 65,535"),
        ({"host": "plc", "scale": float("inf")}, "scale = inf cannot be", "digits"),
    ],
)
def test_a_wrong_section_names_member_value_and_way_out(given, message, hint):
    with pytest.raises(ConfigurationError) as caught:
        Section("[modbus]", given, KNOWN)
    assert message in str(caught.value)
    assert str(caught.value).startswith("[modbus]")
    assert hint in caught.value.hint


def test_what_is_no_toml_is_told_with_its_line(tmp_path):
    path = tmp_path / "press.toml"
    path.write_text('[agent]\nstate = "s"\nport = = 3\n')
    with pytest.raises(ConfigurationError, match="line 3"):
        read_toml(str(path))
    path.write_bytes(b"name = '\xff'\n")
    with pytest.raises(ConfigurationError, match="is not TOML"):
        read_toml(str(path))
    with pytest.raises(ConfigurationError, match=r"cannot read.*none\.toml"):
        read_toml(str(tmp_path / "none.toml"))


@pytest.mark.parametrize(
    ("data_type", "raw", "value"),
    [
        ("DOUBLE", " 21.5\n", 21.5),
        ("DOUBLE", 3, 3.0),
        ("LONG", "9007199254740993", 9007199254740993),
        ("INT", 7, 7),
        ("BOOLEAN", "on", True),
        ("BOOLEAN", False, False),
        ("BOOLEAN", "0", False),
        ("STRING", "", ""),
        ("STRING", "21", "21"),
    ],
)
def test_values_come_out_of_text_and_of_json(data_type, raw, value):
    found = value_of(data_type, raw)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("data_type", "raw"),
    [
        ("DOUBLE", "n/a"),
        ("DOUBLE", ""),
        ("DOUBLE", None),
        ("DOUBLE", True),
        ("LONG", "21.4"),
        ("LONG", 21.4),
        ("INT", [1]),
        ("BOOLEAN", "2"),
        ("BOOLEAN", None),
        ("STRING", 5),
        ("DOUBLE", "1_000"),
        ("INT", "1_0"),
        ("DOUBLE", 10**400),
    ],
)
def test_what_is_no_such_value_is_refused_by_name(data_type, raw):
    """Nothing is rounded, guessed or turned into text on the way."""
    with pytest.raises(InvalidMessage, match=f"is no {data_type}"):
        value_of(data_type, raw)


def test_a_value_out_of_range_is_refused_alone():
    """In a sample it would take its neighbours along."""
    for data_type, raw in (("DOUBLE", "NaN"), ("DOUBLE", 1e300), ("INT", 2**31)):
        with pytest.raises(InvalidMessage, match=f"outside {data_type}"):
            value_of(data_type, raw)


def test_a_text_that_is_too_long_is_refused_alone():
    """Also by the length of its own point; half a character is none."""
    assert value_of("STRING", "x" * 255) == "x" * 255
    for raw, length, told in (
        ("x" * 256, 0, "a STRING holds 255"),
        ("x" * 9, 8, "the data point's own length"),
        ("\ud800", 0, "surrogate"),
    ):
        with pytest.raises(InvalidMessage, match=told):
            value_of("STRING", raw, length=length)


@pytest.mark.parametrize(
    ("raw", "time_format"),
    [
        ("2026-01-05T08:00:00.123Z", "iso"),
        ("2026-01-05T09:00:00.123+01:00", "iso"),
        ("1767600000.123", "s"),
        (1767600000.123, "s"),
        (1767600000123, "ms"),
        ("1767600000123.9", "ms"),
    ],
)
def test_times_are_exact_to_the_millisecond(raw, time_format):
    assert time_ms(raw, time_format) == 1_767_600_000_123


@pytest.mark.parametrize(
    ("raw", "time_format"),
    [
        ("2026-01-05T08:00:00", "iso"),  # of which zone?
        ("yesterday", "iso"),
        (None, "iso"),
        (True, "ms"),
        ("NaN", "s"),
        ("Infinity", "ms"),
        ({}, "ms"),
        ("1e999999", "s"),
        ("1e999999", "ms"),  # int() of it would be busy for half a minute
        ("1e99999999", "ms"),
        ("1_000", "ms"),
    ],
)
def test_what_is_no_time_is_refused(raw, time_format):
    with pytest.raises(InvalidMessage, match="is no time") as caught:
        time_ms(raw, time_format)
    assert "with a zone" in caught.value.hint


@pytest.mark.parametrize(
    ("raw", "time_format"),
    [
        ("1965-01-01T00:00:00Z", "iso"),
        ("0001-01-01T00:00:00+23:59", "iso"),
        ("9999-12-31T23:59:59-23:59", "iso"),
        (-1, "ms"),
        (1_767_600_000_123, "s"),
        ("1767600000123456789", "ms"),
    ],
)
def test_a_time_that_no_record_may_have_is_refused(raw, time_format):
    """The record would be refused, with all of its values."""
    with pytest.raises(InvalidMessage, match="outside the years 1970 to 9999"):
        time_ms(raw, time_format)
