"""Times: aware `datetime` or int milliseconds in, 24-character UTC text out.

`datetime` itself is never imported (it costs start-up time and is absent on MicroPython); its
objects are recognised by what they can do.
"""

from ..calendar import parse_utc
from ..errors import InvalidMessage
from .text import shorten

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MIN_MS = 0
MAX_MS = 253_402_300_799_999  # 9999-12-31T23:59:59.999Z: the year has four digits
_DAY_MS = 86_400_000
_ORDINAL_OF_1970 = 719_163  # date(1970, 1, 1).toordinal()
_FORM = "YYYY-MM-DDThh:mm:ss.mmmZ"  # agent API, 6.4.1: always these 24 characters


def to_ms(value: "Any") -> int:
    """Milliseconds since 1970-01-01 UTC of an aware `datetime` or of an int of that meaning.

    Digits finer than a millisecond are cut off, because the platform keeps milliseconds.

    Raises:
        InvalidMessage: A naive `datetime`, another type, or a year outside 1970 to 9999.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return check_ms(int(value))
    if not hasattr(value, "toordinal") or not hasattr(value, "utcoffset"):
        raise InvalidMessage(
            "the timestamp %s is neither an aware datetime nor int milliseconds" % shorten(value),
            hint="give datetime.now(timezone.utc), or int(time.time() * 1000)",
        )
    offset = value.utcoffset()
    if offset is None:
        raise InvalidMessage(
            "the timestamp %s has no time zone" % value.isoformat(),
            hint="give it one: datetime.now(timezone.utc), or value.replace(tzinfo=timezone.utc)",
        )
    seconds = (
        (value.toordinal() - _ORDINAL_OF_1970 - offset.days) * 86_400
        + value.hour * 3600
        + value.minute * 60
        + value.second
        - offset.seconds
    )
    return check_ms((seconds * 1_000_000 + value.microsecond - offset.microseconds) // 1000)


def check_ms(timestamp_ms: int) -> int:
    """Return *timestamp_ms* when its year is 1970 to 9999.

    Raises:
        InvalidMessage: It is not.
    """
    if not MIN_MS <= timestamp_ms <= MAX_MS:
        raise InvalidMessage(
            "the timestamp %s ms is outside the years 1970 to 9999" % shorten(timestamp_ms),
            hint="timestamps count milliseconds since 1970-01-01 UTC, not micro- or nanoseconds",
        )
    return timestamp_ms


def format_ms(timestamp_ms: int) -> str:
    """24 characters, ``2026-01-05T08:00:00.000Z``.

    Raises:
        InvalidMessage: The year is outside 1970 to 9999.

    Source: agent API, 6.4.1.
    """
    days, ms = divmod(check_ms(timestamp_ms), _DAY_MS)
    # Howard Hinnant, "chrono-compatible low-level date algorithms", civil_from_days: years begin
    # on 1 March, so that the leap day is the last. Days are counted from 0000-03-01.
    era, day_of_era = divmod(days + 719_468, 146_097)
    year = (day_of_era - day_of_era // 1460 + day_of_era // 36_524 - day_of_era // 146_096) // 365
    day_of_year = day_of_era - (365 * year + year // 4 - year // 100)
    month = (5 * day_of_year + 2) // 153
    day = day_of_year - (153 * month + 2) // 5 + 1
    year += era * 400
    if month >= 10:
        year += 1
        month -= 9
    else:
        month += 3
    seconds, ms = divmod(ms, 1000)
    return "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ" % (
        (year, month, day, seconds // 3600, seconds // 60 % 60, seconds % 60, ms)
    )


def parse_text(text: str) -> int:
    """Milliseconds of ``YYYY-MM-DDThh:mm:ss.mmmZ``; no other form is read.

    Raises:
        InvalidMessage: Another form, or a day or time that does not exist.
    """
    parsed = parse_utc(text) if isinstance(text, str) and len(text) == len(_FORM) else None
    if parsed is not None:
        return parsed
    raise InvalidMessage(
        "%s is not a time of the form %s" % (shorten(text), _FORM),
        hint="give an aware datetime, int milliseconds, or exactly this form in UTC",
    )
