"""A time series record, and the times of the service. No I/O here."""

from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import NamedTuple

from ..calendar import parse_utc
from ..errors import InvalidMessage, RemoteError
from ..messages.text import shorten
from ..messages.timestamp import check_ms, to_ms

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterable, Mapping, Sequence

    Value = bool | int | float | Decimal | str
    Values = dict[str, Value]
    # What writes take: a Record, or a bare (timestamp, values) or (timestamp, values, quality).
    Given = tuple[Any, ...]

TIME = "_time"
QUALITY = "_qc"
_DAY = len("2026-01-05T")
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MAX_DAYS = 64  # of a page: mostly one or two


class Record(NamedTuple):
    """The values of one aspect at one time; the key of a record is its asset, aspect and time.

    >>> Record(1_767_600_000_000, {"rpm": 1478}, {"rpm": 0})

    `timestamp_ms` counts from 1970 UTC; `quality` holds codes by variable, as signed 32-bit
    numbers, for those variables that have any.
    """

    timestamp_ms: int
    values: "Values"
    quality: "dict[str, int]" = {}

    @property
    def timestamp(self) -> datetime:
        """The time as an aware `datetime`."""
        return _EPOCH + timedelta(milliseconds=self.timestamp_ms)


def as_record(given: "Given") -> Record:
    """A record of what a caller gave.

    Raises:
        InvalidMessage: Its time is naive or none, or it has no values.
    """
    # A time that is out of range is found when it is encoded.
    if isinstance(given, Record) and type(given.timestamp_ms) is int:
        return given
    if (
        type(given) is tuple
        and len(given) == 2
        and type(given[0]) is int
        and type(given[1]) is dict
    ):
        return Record(check_ms(given[0]), given[1])
    if isinstance(given, tuple) and 2 <= len(given) <= 3 and hasattr(given[1], "items"):
        quality = given[2] if len(given) == 3 else None
        record = Record(to_ms(given[0]), dict(given[1]), dict(quality or {}))
    else:
        raise InvalidMessage(
            f"{shorten(given)} is not a record",
            hint="give Record(timestamp_ms, values), or (timestamp, values)",
        )
    return record


def parse_instant(text: "Any", days: "dict[str, int]") -> int:
    """Milliseconds of a time as the service writes it: 0 to 9 digits of a second, Z or an offset.

    Args:
        text: ``2026-01-05T08:00:00.25Z``.
        days: Days that were seen before; filled here, because records of a page share them.

    Raises:
        ValueError: It is no time.
    """
    if not isinstance(text, str):
        raise ValueError("not a time: %s" % shorten(text))  # noqa: TRY004 - bad input
    size = len(text)
    # What nearly every record has: whole seconds or milliseconds, in UTC.
    if size in (20, 24) and text[-1] == "Z":
        day = days.get(text[:_DAY])
        if day is not None and text[13] == text[16] == ":":
            clock = text[11:13] + text[14:16] + text[17:19] + (text[20:23] if size == 24 else "")
            if clock.isdecimal() and (size == 20 or text[19] == "."):
                number = int(clock) if size == 24 else int(clock) * 1000
                seconds, ms = divmod(number, 1000)
                return (
                    day
                    + (seconds // 10000 * 60 + seconds // 100 % 100) * 60_000
                    + seconds % 100 * 1000
                    + ms
                )
    parsed = parse_utc(text)
    if parsed is None:
        parsed = _with_offset(text)
    elif len(days) < _MAX_DAYS:
        days[text[:_DAY]] = parsed - parsed % 86_400_000
    return parsed


def read_records(rows: "Any", doing: str) -> "list[Record]":
    """The records of an answer, in its order.

    Raises:
        RemoteError: It is not a list of records.
    """
    days: "dict[str, int]" = {}
    records = []
    try:
        for row in rows:
            timestamp_ms = parse_instant(row.pop(TIME), days)
            quality = {}
            coded = [name for name in row if name.endswith(QUALITY)]
            for name in coded:
                if name[:-3] in row:
                    quality[name[:-3]] = row.pop(name)
            records.append(Record(timestamp_ms, row, quality))
    except (KeyError, ValueError, AttributeError, TypeError) as error:
        raise RemoteError(
            f"{doing}: the answer is not a list of records: {error}", status=200
        ) from error
    return records


def time_range(after: "Any", until: "Any") -> "tuple[int, int]":
    """Both ends in ms.

    Raises:
        InvalidMessage: One of them is naive or no time, or nothing lies between them.
    """
    after_ms, until_ms = _end("after", after), _end("until", until)
    if after_ms >= until_ms:
        raise InvalidMessage(
            "the range ends (%s) before it begins (%s)" % (show(until_ms), show(after_ms))
            if after_ms > until_ms
            else "the range from %s to the same time holds nothing" % show(after_ms),
            hint="its start is not part of a range, its end is; exchange them or widen it",
        )
    return after_ms, until_ms


def show(timestamp_ms: int) -> str:
    """A time for people and for queries: 24 characters in UTC."""
    from ..messages.timestamp import format_ms

    return format_ms(timestamp_ms)


def same_value(one: "Any", other: "Any") -> bool:
    """Whether a value that was written is the one that was read.

    Numbers compare by what they mean: the service keeps doubles.
    """
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other or str(one).lower() == str(other).lower()
    numbers = (int, float, Decimal)
    if isinstance(other, numbers):
        try:
            return one == other or float(one) == float(other)
        except (TypeError, ValueError, OverflowError):
            return False
    if isinstance(other, str) and one != other:
        try:
            written = to_ms(one) if not isinstance(one, str) else parse_instant(one, {})
            return written == parse_instant(other, {})
        except (InvalidMessage, ValueError):
            return False
    return bool(one == other)


def checked_select(
    select: "Iterable[str] | None", known: "Sequence[str] | None", aspect: str
) -> "tuple[str, ...] | None":
    """The names of *select*; each must be one of *known*, where that is known.

    Raises:
        InvalidMessage: One is not, or there are none.
    """
    if select is None:
        return None
    names = (select,) if isinstance(select, str) else tuple(dict.fromkeys(select))
    if not names:
        raise InvalidMessage("no variable is selected", hint="leave select out for all")
    for name in names:
        if not isinstance(name, str) or not name or "," in name:
            raise InvalidMessage(f"{shorten(name)} is no variable's name", hint="give names")
        if known is not None and name not in known:
            raise unknown_variable(name, known, aspect)
    return names


def unknown_variable(name: str, known: "Iterable[str]", aspect: str) -> InvalidMessage:
    """The error for a variable that the aspect does not have."""
    return InvalidMessage(
        f"aspect {aspect!r} has no variable {shorten(name)}",
        hint=f"it has: {', '.join(known)[:300] or 'none'}",
    )


def merged(first: Record, second: Record) -> "tuple[Record, int]":
    """Both as one record, and how many values of the first the second replaced."""
    values: "Mapping[str, Value]" = {**first.values, **second.values}
    replaced = sum(
        1
        for name, value in second.values.items()
        if name in first.values and first.values[name] != value
    )
    return Record(first.timestamp_ms, dict(values), {**first.quality, **second.quality}), replaced


def _end(name: str, value: "Any") -> int:
    try:
        return to_ms(value)
    except InvalidMessage as error:
        raise InvalidMessage(f"{name}: {error.message}", hint=error.hint) from error


def _with_offset(text: str) -> int:
    """A time with an offset, as no service was seen to write it and RFC 3339 allows."""
    head, sign, zone = text[:19], text[-6:-5], text[-5:]
    fraction = text[19:-6]
    if sign not in ("+", "-") or len(zone) != 5 or zone[2] != ":":
        raise ValueError("not a time: %s" % shorten(text))
    moment_ms = parse_utc(head + fraction + "Z")
    minutes = zone[:2] + zone[3:]
    if moment_ms is None or not (minutes.isascii() and minutes.isdecimal()):
        raise ValueError("not a time: %s" % shorten(text))
    offset_ms = (int(zone[:2]) * 60 + int(zone[3:])) * 60_000
    return moment_ms - offset_ms if sign == "+" else moment_ms + offset_ms
