"""mcagent/messages/values.py: Decimal, datetime, enums, and scalars of other libraries."""

import enum
import math
from datetime import datetime, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

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

LEAST, END = Decimal("1E-130"), Decimal("1E+126")


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_decimals_are_kept_exactly_or_refused(value):
    """Never rounded: what passes reads back equal, what does not is beyond a limit."""
    digits = len(
        str(value.copy_abs().normalize(_context())).split("E")[0].replace(".", "").strip("0")
    )
    fits = value == 0 or (digits <= 38 and LEAST <= value.copy_abs() < END)
    if fits:
        assert Decimal(double_text(value)) == value
    else:
        with pytest.raises(InvalidMessage):
            double_text(value)


def _context():
    from decimal import Context

    return Context(prec=10_000)


@given(st.floats())
def test_floats_make_the_round_trip_or_are_refused(value):
    """The shortest text that reads back as the same float."""
    if value == 0 or (math.isfinite(value) and 1e-130 <= abs(value) < 1e126):
        assert double_text(value) == repr(value)
    else:
        with pytest.raises(InvalidMessage):
            double_text(value)


@given(st.integers(min_value=-(10**140), max_value=10**140))
def test_integers_in_a_double_are_exact_or_refused(value):
    """Up to 38 digits, trailing zeros not counted."""
    fits = value == 0 or (len(str(abs(value)).strip("0")) <= 38 and abs(value) < 10**126)
    if fits:
        assert int(double_text(value)) == value
    else:
        with pytest.raises(InvalidMessage):
            double_text(value)


@given(st.text(alphabet="0123456789+-.eE ", max_size=12))
def test_numeric_text_passes_exactly_when_json_reads_it(text):
    """The grammar is JSON's; what passes is what was given."""
    import json

    try:
        number = json.loads(text, parse_float=Decimal) if text == text.strip() else None
    except ValueError:
        number = None
    in_range = number is not None and (number == 0 or LEAST <= Decimal(number).copy_abs() < END)
    if in_range:
        assert double_text(text) == text
    else:
        with pytest.raises(InvalidMessage):
            double_text(text)


@pytest.mark.parametrize("value", [Decimal("NaN"), Decimal("sNaN"), Decimal("Infinity")])
def test_decimals_that_are_no_numbers_are_refused(value):
    """As for floats."""
    with pytest.raises(InvalidMessage):
        double_text(value)


def test_decimal_limits():
    """38 digits at the upper end of the range, and the least magnitude."""
    largest = Decimal("9." + "9" * 37 + "E+125")
    assert double_text(largest) == str(largest)
    assert double_text(Decimal("-1E-130")) == "-1E-130"
    for beyond in (Decimal("1E+126"), Decimal("9.99E-131"), Decimal("1." + "1" * 38)):
        with pytest.raises(InvalidMessage):
            double_text(beyond)


class Level(enum.IntEnum):
    LOW = 1


class Ratio(float):
    __slots__ = ()

    def __repr__(self):
        return "Ratio()"


class Color(str, enum.Enum):
    RED = "red"


class Scalar:
    """A numpy scalar: `shape` is empty, `item` gives the Python value."""

    shape = ()

    def __init__(self, value):
        self.value = value

    def item(self):
        return self.value


def test_subclasses_of_plain_types_count_as_plain():
    """What they print of themselves does not matter."""
    assert int_text(Level.LOW) == long_text(Level.LOW) == double_text(Level.LOW) == "1"
    assert double_text(Ratio(1.5)) == "1.5"
    assert text_checker("STRING")(Color.RED) == "red"
    assert type_of(Level.LOW) == "LONG"
    assert type_of(Color.RED) == "BIG_STRING"


def test_scalars_of_numpy_are_taken():
    """Readings often come as numpy scalars."""
    assert int_text(Scalar(7)) == "7"
    assert double_text(Scalar(7.5)) == "7.5"
    assert boolean_text(Scalar(True)) == "true"
    assert type_of(Scalar(7.5)) == "DOUBLE"
    with pytest.raises(InvalidMessage):
        int_text(Scalar(True))
    with pytest.raises(InvalidMessage):
        boolean_text(Scalar(1))


def test_datetime_in_a_timestamp():
    """Aware only."""
    moment = datetime(2026, 1, 5, 8, 0, 0, 1999, tzinfo=timezone.utc)
    assert timestamp_text(moment) == "2026-01-05T08:00:00.001Z"
    assert type_of(moment) == "TIMESTAMP"
    with pytest.raises(InvalidMessage):
        timestamp_text(datetime(2026, 1, 5))
