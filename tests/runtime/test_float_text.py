"""mcagent/runtime/micropython.py: its float_text, run here, against CPython's repr."""

import struct

from hypothesis import given, settings
from hypothesis import strategies as st

from mcagent.runtime import micropython

DOUBLES = st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False) | st.decimals(
    min_value=-10_000, max_value=10_000, places=3
).map(float)
SINGLES = st.floats(width=32, allow_nan=False, allow_infinity=False, allow_subnormal=False)


@settings(max_examples=2000)
@given(DOUBLES)
def test_doubles_are_written_as_repr_writes_them(value):
    """The shortest digits, the nearest of those, the same layout."""
    assert micropython.float_text(value) == repr(value)


@settings(max_examples=2000)
@given(SINGLES)
def test_single_precision_is_shortest_too(value):
    """Boards with 32-bit floats: reads back as the same float, and no shorter text does."""
    before = micropython._FLOAT
    micropython._FLOAT = (">f", 23, 150, 6, 9)
    try:
        text = micropython.float_text(value)
    finally:
        micropython._FLOAT = before
    digits = text.lstrip("-").split("e")[0].replace(".", "").strip("0")
    assert _single(float(text)) == value
    assert len(digits) <= 9
    if len(digits) > 6:
        assert _single(float("%.*e" % (len(digits) - 2, value))) != value


def _single(value):
    return struct.unpack("f", struct.pack("f", value))[0]
