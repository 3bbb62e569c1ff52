"""From a value on the wire to a value of its variable's type (agent API 6.4.1).

Values come as JSON strings, numbers or booleans. Each type has one function: it gives what SQLite
stores, or raises ValueError. Booleans are stored as 0 and 1; `present` turns them back.
"""

import json
import math
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from .times import format_time, parse_time

_INTEGER = re.compile(r"[+-]?[0-9]{1,40}")
# What JavaScript's Number() reads and a double can hold: no hexadecimal, NaN or Infinity.
_DECIMAL = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,5})?")
# Quality codes are OPC UA status codes: decimal, or eight hexadecimal digits (base unknown).
_QUALITY = re.compile(r"-?[0-9]{1,20}|[0-9A-Fa-f]{1,8}")

# "Each data type is validated": bytes of a value; texts count two a character.
_COUNTED = {"INT": 4, "LONG": 8, "DOUBLE": 8, "BOOLEAN": 1, "TIMESTAMP": 8}
RECORD_MAX_BYTES = 200_000  # of all values of a record, whoever writes it

_DOUBLE_ENDS = (1e-130, 1e126)
_DOUBLE_DIGITS = 38
STRING_MAX = 255
BIG_STRING_MAX = 100_000
TEXTS = ("STRING", "BIG_STRING")


def _integer(low: int, high: int) -> Callable[[Any, int], int]:
    def read(value: Any, _length: int) -> int:
        text = str(value)
        if isinstance(value, bool) or not _INTEGER.fullmatch(text):
            raise ValueError("not an integer")
        number = int(text)
        if not low <= number <= high:
            raise ValueError("integer out of range")
        return number

    return read


def _double(value: Any, _length: int) -> float:
    if isinstance(value, bool):
        raise ValueError("not a number")  # noqa: TRY004 - a bad value, not a programming error
    if isinstance(value, str) and not _DECIMAL.fullmatch(value):
        raise ValueError("not a number")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    # The platform's range is 1E-130 to 9.99…E+125, with 38 digits, which a double rounds to 1E126.
    if number and not _DOUBLE_ENDS[0] <= abs(number) <= _DOUBLE_ENDS[1]:
        raise ValueError("number out of range")
    if isinstance(value, str):
        _check_digits(value, number)
    return number


def _check_digits(text: str, number: float) -> None:
    """Judge what is lost where text becomes a double: digits, and the neighbours of the ends."""
    digits = text.lower().partition("e")[0].replace(".", "").lstrip("+-").strip("0")
    if len(digits) > _DOUBLE_DIGITS:
        raise ValueError(f"number of more than {_DOUBLE_DIGITS} digits")
    if abs(number) in _DOUBLE_ENDS:
        least, end = (Decimal(one) for one in ("1E-130", "1E+126"))
        if not least <= Decimal(text).copy_abs() < end:
            raise ValueError("number out of range")


def _boolean(value: Any, _length: int) -> int:
    # The Node client compares without regard to case.
    text = str(value).lower()
    if text not in ("true", "false"):
        raise ValueError("not a boolean")
    return int(text == "true")


def _string(longest: int) -> Callable[[Any, int], str]:
    def read(value: Any, length: int) -> str:
        text = value if isinstance(value, str) else json.dumps(value)
        if not text:
            raise ValueError("empty string")  # the platform ignores it
        if len(text) > min(length or longest, longest):
            raise ValueError("string too long")
        return text

    return read


def _time(value: Any, _length: int) -> str:
    return format_time(parse_time(value))


READERS: dict[str, Callable[[Any, int], Any]] = {
    "INT": _integer(-(2**31), 2**31 - 1),
    "LONG": _integer(-(2**63), 2**63 - 1),
    "DOUBLE": _double,
    "BOOLEAN": _boolean,
    "STRING": _string(STRING_MAX),
    "BIG_STRING": _string(BIG_STRING_MAX),
    "TIMESTAMP": _time,
}


def read_value(kind: str, value: Any, length: int = 0) -> Any:
    """Read one value as a variable of type *kind*; *length* 0 means the type's own maximum.

    Raises:
        ValueError: The value is not of that type.
    """
    if not isinstance(value, (str, int, float)):
        raise ValueError("not a string, number or boolean")  # noqa: TRY004 - as above
    return READERS[kind](value, length)


def present(kind: str, stored: Any) -> Any:
    """Give a stored value as the time series service shows it."""
    return bool(stored) if kind == "BOOLEAN" else stored


def is_quality_code(value: Any) -> bool:
    """Tell whether a quality code is acceptable: any integer or hexadecimal text, or a number."""
    if isinstance(value, str):
        return _QUALITY.fullmatch(value) is not None
    return isinstance(value, int) and not isinstance(value, bool)


def counted_bytes(kind: str, value: Any) -> int:
    """Give the bytes of a stored value as the platform counts them (services API 1.8)."""
    return _COUNTED.get(kind) or 2 * len(str(value))


def most_bytes(kind: str, length: int = 0) -> int:
    """Give the most that a value of a variable can count."""
    longest = STRING_MAX if kind == "STRING" else BIG_STRING_MAX
    return _COUNTED.get(kind) or 2 * min(length or longest, longest)
