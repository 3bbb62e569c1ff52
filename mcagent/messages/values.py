"""One value → its text on the wire, by data type: the checks of every time series value.

Each function returns the text between the quotes of ``"value":"…"``, or raises `InvalidMessage`
without naming the data point, which its caller knows. Every type also takes its own wire text
(``"21.40"``, ``"true"``): text is kept as it is, so exact decimals and CSV fields pass unchanged.

Source: agent API 6.4.1 (text forms), services API 1.8 (ranges).
"""

from ..errors import InvalidMessage
from ..limits import (
    BIG_STRING_MAX_CHARACTERS,
    DOUBLE_MAX_DIGITS,
    DOUBLE_MAX_EXPONENT,
    DOUBLE_MIN_EXPONENT,
    INT_MAX,
    INT_MIN,
    LONG_MAX,
    LONG_MIN,
    STRING_MAX_CHARACTERS,
)
from ..runtime import float_text, json_string
from .text import count_units, shorten
from .timestamp import format_ms, parse_text, to_ms

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

_SOURCE = "IoT Time Series, data types"
_DIGITS = "0123456789"
# 1E+126 is the first magnitude beyond the range; no double lies between it and 9.99…E+125.
_DOUBLE_END = float("1e%d" % (DOUBLE_MAX_EXPONENT + 1))
_DOUBLE_MIN = float("1e%d" % DOUBLE_MIN_EXPONENT)


def double_text(value: "Any") -> str:
    """DOUBLE: float, int, Decimal or numeric text; the last three are kept digit by digit."""
    if type(value) is not float:
        value = _plain(value)
        if type(value) is int:
            return _int_as_double(value)
        if type(value) is str:
            return _decimal_text(value)
        if _is_decimal(value):
            return _decimal_text(str(value))
        if type(value) is not float:
            raise _wrong_type(value, "DOUBLE", "a number")
    if _DOUBLE_MIN <= value < _DOUBLE_END or value == 0.0 or -_DOUBLE_END < value <= -_DOUBLE_MIN:
        return float_text(value)
    raise _not_in_double_range(value)  # NaN and infinity too: no comparison above holds


def int_text(value: "Any") -> str:
    """INT: signed 32 bit."""
    return _integer_text(value, "INT", INT_MIN, INT_MAX)


def long_text(value: "Any") -> str:
    """LONG: signed 64 bit."""
    if type(value) is int and LONG_MIN <= value <= LONG_MAX:
        return str(value)
    return _integer_text(value, "LONG", LONG_MIN, LONG_MAX)


def boolean_text(value: "Any") -> str:
    """BOOLEAN: True, False, or their wire text."""
    plain = _plain(value)
    if plain is True or plain is False:
        return "true" if plain else "false"
    if type(plain) is str and plain in ("true", "false"):
        return plain
    raise _wrong_type(value, "BOOLEAN", "True or False; bool(value) makes one of a number")


def timestamp_text(value: "Any") -> str:
    """TIMESTAMP: aware datetime, int milliseconds, or the 24 characters themselves."""
    if isinstance(value, str):
        parse_text(value)
        return value[:]
    return format_ms(to_ms(value))


def text_checker(data_type: str, length: "int | None" = None) -> "Callable[[Any], str]":
    """The function for STRING or BIG_STRING of at most *length* characters (None: the type's)."""
    most, source = max_units(data_type, length)

    def checked_text(value: "Any") -> str:
        if not isinstance(value, str):
            raise _wrong_type(value, data_type, "text; str(value) makes it of anything")
        units = count_units(value)
        if units > most:
            raise InvalidMessage(
                "%s has %d characters, a %s holds %d (%s)"
                % (shorten(value), units, data_type, most, source),
                hint="shorten it; a character above U+FFFF counts as two",
            )
        return json_string(value[:])[1:-1]

    return checked_text


def max_units(data_type: str, length: "int | None") -> "tuple[int, str]":
    """How many characters a STRING or BIG_STRING holds, and who says so."""
    most = BIG_STRING_MAX_CHARACTERS
    if data_type == "STRING":
        most = STRING_MAX_CHARACTERS
    if length is not None and length < most:
        return length, "the data point's own length"
    return most, _SOURCE


TEXT_TYPES = ("STRING", "BIG_STRING")
CHECKERS = {
    "INT": int_text,
    "LONG": long_text,
    "DOUBLE": double_text,
    "BOOLEAN": boolean_text,
    "TIMESTAMP": timestamp_text,
}
DATA_TYPES = ("INT", "LONG", "DOUBLE", "BOOLEAN", "STRING", "BIG_STRING", "TIMESTAMP")


def type_of(value: "Any") -> str:
    """The data type that fits *value* where no data model says it.

    Text counts as BIG_STRING: whether it must fit a STRING is for the data model to say.

    Raises:
        InvalidMessage: No data type holds such a value.
    """
    plain = _plain(value)
    if type(plain) in _TYPE_OF:
        return _TYPE_OF[type(plain)]
    if _is_decimal(plain):
        return "DOUBLE"
    if hasattr(plain, "utcoffset"):
        return "TIMESTAMP"
    raise _wrong_type(value, "any data type", "a number, text, a boolean or a time")


_TYPE_OF = {bool: "BOOLEAN", int: "LONG", float: "DOUBLE", str: "BIG_STRING"}


def _integer_text(value: "Any", data_type: str, least: int, most: int) -> str:
    plain = _plain(value)
    if type(plain) is str:
        if not is_integer_text(plain):
            raise _wrong_type(value, data_type, "an integer")
        # At most a sign and 19 digits can fit; CPython refuses to read thousands.
        number = int(plain) if len(plain) <= 20 else most + 1
    elif type(plain) is int:
        number = plain
    else:
        raise _wrong_type(value, data_type, "an integer: int(value) or round(value)")
    if not least <= number <= most:
        raise InvalidMessage(
            "%s is outside %s: %d to %d (%s)" % (shorten(value), data_type, least, most, _SOURCE),
            hint="choose LONG in the data model"
            if data_type == "INT"
            else "a DOUBLE data point holds up to 38 digits",
        )
    return str(plain)


def _int_as_double(value: int) -> str:
    if LONG_MIN <= value <= LONG_MAX:
        return str(value)  # 19 digits: nothing to check
    end = 10 ** (DOUBLE_MAX_EXPONENT + 1)
    if not -end < value < end:  # CPython refuses to print thousands of digits
        raise _not_in_double_range(value)
    return _decimal_text(str(value))


def _decimal_text(text: str) -> str:
    """Check numeric *text* by its digits alone: no float is made of it, so nothing is lost."""
    whole, fraction, exponent = _split_number(text)
    digits = (whole + fraction).lstrip("0")
    significant = digits.rstrip("0")
    if not significant:
        return text  # zero, however it is written
    if len(significant) > DOUBLE_MAX_DIGITS:
        raise InvalidMessage(
            "%s has %d significant digits, a DOUBLE holds %d (%s)"
            % (shorten(text), len(significant), DOUBLE_MAX_DIGITS, _SOURCE),
            hint="round it to %d digits" % DOUBLE_MAX_DIGITS,
        )
    # The exponent of the first significant digit.
    exponent += len(digits) - 1 - len(fraction)
    if not DOUBLE_MIN_EXPONENT <= exponent <= DOUBLE_MAX_EXPONENT:
        raise _not_in_double_range(text)
    return text


def _split_number(text: str) -> "tuple[str, str, int]":
    """(whole digits, fraction digits, exponent) of a JSON number (RFC 8259, section 6)."""
    mantissa, has_exponent, exponent = text.replace("E", "e").partition("e")
    whole, has_fraction, fraction = mantissa.partition(".")
    digits = exponent[1:] if exponent[:1] in ("+", "-") else exponent
    if (
        not is_integer_text(whole)
        or (has_fraction and not _all_digits(fraction))
        or (has_exponent and not _all_digits(digits))
    ):
        raise InvalidMessage(
            "%s is not a number" % shorten(text),
            hint="write it like -12.5 or 1.5e-3: no spaces, no leading zeros, a point",
        )
    # Nine digits are far out of range, and cheap to read.
    power = int(digits.lstrip("0")[:9] or "0")
    return whole.replace("-", ""), fraction, -power if exponent[:1] == "-" else power


def is_integer_text(text: str) -> bool:
    """True for ``-?(0|[1-9][0-9]*)``: a leading zero would be octal to some readers."""
    digits = text[1:] if text[:1] == "-" else text
    return _all_digits(digits) and (digits[0] != "0" or len(digits) == 1)


def _all_digits(text: str) -> bool:
    # strip() is one pass in C; isdigit() would take the digits of other scripts
    return bool(text) and not text.strip(_DIGITS)


def _is_decimal(value: "Any") -> bool:
    return hasattr(value, "as_tuple") and hasattr(value, "is_nan")  # decimal costs an import


def _plain(value: "Any") -> "Any":
    """The Python scalar in a numpy scalar, or in a subclass of int, float or str; else *value*."""
    if getattr(value, "shape", None) == ():
        value = value.item()
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    return value[:] if isinstance(value, str) else value


def _wrong_type(value: "Any", data_type: str, wanted: str) -> InvalidMessage:
    hint = "give %s" % wanted
    if value is None:
        hint = "leave the data point out of the sample when there is no value"
    return InvalidMessage(
        "%s (%s) does not fit %s" % (shorten(value), type(value).__name__, data_type), hint=hint
    )


def _not_in_double_range(value: "Any") -> InvalidMessage:
    return InvalidMessage(
        "%s is outside DOUBLE: 0, or a magnitude of 1E-130 to 9.99E+125 (%s)"
        % (shorten(value), _SOURCE),
        hint="leave the data point out of the sample when there is no number"
        if value != value  # noqa: PLR0124 - NaN
        else "scale the value, or leave it out of the sample",
    )
