"""What a person typed, or a cell of a CSV file, as the value that it means."""

import re

from ..errors import InvalidMessage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_INTEGER = re.compile(r"[+-]?[0-9]+")
_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?(Z|[+-]\d\d:?\d\d)?",
    re.IGNORECASE | re.ASCII,
)
_WORDS = {"true": True, "false": False}
# More than any integer type of the platform has; beyond 4 300 digits int() refuses to read them.
_MAX_INTEGER_DIGITS = 40
# Plain integers below are the number of seconds of this century, not of milliseconds: as
# milliseconds they would lie before 1973-03-03.
_LEAST_PLAIN_MS = 100_000_000_000


def parse_value(text: str, data_type: "str | None") -> "bool | int | float | str":
    """*text* as a value of *data_type*; None guesses, for a device without a data model.

    What does not fit is handed on as text: the encoder refuses it and names point and limit.
    """
    return _PARSERS[data_type](text) if data_type in _PARSERS else text


def parse_time(text: str) -> int:
    """Milliseconds since 1970 UTC of ``2026-01-05T08:00:00.000Z``, any offset, or int ms.

    Raises:
        InvalidMessage: It is neither, or it does not say its offset from UTC.
    """
    text = text.strip()
    if _is_short_integer(text):
        return _milliseconds(int(text))
    match = _TIME.fullmatch(text)
    if match is None:
        raise InvalidMessage(
            f"{text[:40]!r} is not a time",
            hint="write 2026-01-05T08:00:00.000Z, an offset instead of Z, or ms since 1970 UTC",
        )
    *fields, second, fraction, offset = match.groups()
    if offset is None:
        raise InvalidMessage(
            f"{text!r} does not say its offset from UTC",
            hint="append Z for UTC, or an offset such as +02:00",
        )
    import datetime as dt

    year, month, day, hour, minute = (int(field) for field in fields)
    try:
        moment = dt.datetime(
            year, month, day, hour, minute, int(second or "0"), tzinfo=dt.timezone.utc
        )
    except ValueError as error:
        raise InvalidMessage(
            f"{text!r} is not a time: {error}",
            hint="write year-month-day and hours 00 to 23, like 2026-01-05T08:00:00.000Z",
        ) from error
    since_1970 = moment - dt.datetime(1970, 1, 1, tzinfo=dt.timezone.utc)
    # Finer digits than a millisecond are cut off, as everywhere.
    milliseconds = int((fraction or "0")[:3].ljust(3, "0"))
    seconds = since_1970.days * 86400 + since_1970.seconds - _offset_seconds(offset)
    return seconds * 1000 + milliseconds


def parse_json_object(text: str, option: str) -> "dict[str, Any]":
    """The JSON object in *text*, an argument of *option*."""
    import json

    try:
        value = json.loads(text)
    except ValueError as error:
        raise InvalidMessage(
            f"{option} is not JSON: {error}",
            hint="""write '{"name": "value"}', in single quotes for the shell""",
        ) from error
    if not isinstance(value, dict):
        raise InvalidMessage(
            f"{option} is not a JSON object", hint="""write '{"name": "value"}'"""
        )
    return value


def _milliseconds(number: int) -> int:
    if number < _LEAST_PLAIN_MS:
        raise InvalidMessage(
            f"{number} is too small for milliseconds since 1970 UTC",
            hint="is that seconds? give milliseconds, or a time like 2026-01-05T08:00:00.000Z",
        )
    return number


def _offset_seconds(text: str) -> int:
    if text in "Zz":
        return 0
    minutes = int(text[1:3]) * 60 + int(text[-2:])
    return -minutes * 60 if text[0] == "-" else minutes * 60


def _integer(text: str) -> "int | str":
    # More digits than any type has stay text, which the encoder refuses with the limits.
    plain = text.strip()
    return int(plain) if _is_short_integer(plain) else text


def _is_short_integer(text: str) -> bool:
    return len(text) <= _MAX_INTEGER_DIGITS and _INTEGER.fullmatch(text) is not None


def _double(text: str) -> "str | float":
    # Text keeps every digit of the 38 that the platform takes; the encoder checks it. NaN and
    # infinity go on as numbers, so that the refusal speaks of them and not of text.
    try:
        number = float(text)
    except ValueError:
        return text
    return text.strip() if number - number == 0 else number


def _boolean(text: str) -> "bool | str":
    return _WORDS.get(text.strip().lower(), text)


def _guess(text: str) -> "bool | int | float | str":
    word = text.strip().lower()
    if word in _WORDS:
        return _WORDS[word]
    if _is_short_integer(word):
        return int(word)
    if _INTEGER.fullmatch(word):
        raise InvalidMessage(
            f"a whole number of {len(word)} digits fits no number type of the platform",
            hint="if it is text, say so in a data model: mcagent model FILE",
        )
    try:
        return float(word) if "_" not in word else text  # Python alone reads 1_000 as a number
    except ValueError:
        return text


_PARSERS = {
    None: _guess,
    "INT": _integer,
    "LONG": _integer,
    "DOUBLE": _double,
    "BOOLEAN": _boolean,
    "TIMESTAMP": parse_time,
}
