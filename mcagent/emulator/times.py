"""Times on the wire: ISO 8601 text to and from int milliseconds since 1970 UTC.

Source: agent API 6.4.1: the platform takes 0 to 9 fraction digits and `Z` or an offset.
"""

import re
from datetime import date, datetime, timedelta
from functools import lru_cache

_FORM = re.compile(
    r"(\d{4}-\d\d-\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:Z|([+-])(\d\d):?(\d\d))", re.ASCII
)
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_FIRST_MS = (date.min.toordinal() - _EPOCH_DAY) * 86_400_000
_LAST_MS = (date.max.toordinal() + 1 - _EPOCH_DAY) * 86_400_000 - 1


@lru_cache(maxsize=64)  # the samples of a batch share few days
def _day_ms(text: str) -> int:
    return (date.fromisoformat(text).toordinal() - _EPOCH_DAY) * 86_400_000


def parse_time(text: object) -> int:
    """Read an ISO 8601 time; digits beyond the millisecond are cut off.

    Raises:
        ValueError: Not a time of an accepted form.
    """
    match = _FORM.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError(f"not an ISO 8601 time: {str(text)[:40]!r}")
    day, hour, minute, second, fraction, sign, ahead_h, ahead_min = match.groups()
    if (
        hour > "23"
        or minute > "59"
        or second > "59"
        or (sign and (ahead_h > "23" or ahead_min > "59"))
    ):
        raise ValueError(f"no such time: {match[0]}")
    seconds = int(hour) * 3600 + int(minute) * 60 + int(second)
    if sign:
        ahead = int(ahead_h) * 3600 + int(ahead_min) * 60
        seconds += -ahead if sign == "+" else ahead
    millis = int(fraction[:3].ljust(3, "0")) if fraction else 0
    total = _day_ms(day) + seconds * 1000 + millis
    if not _FIRST_MS <= total <= _LAST_MS:  # an offset can lead out of the calendar
        raise ValueError(f"no such time: {match[0]}")
    return total


def format_time(millis: int) -> str:
    """Write a time with three fraction digits, the form of the service (24 characters)."""
    moment = datetime(1970, 1, 1) + timedelta(milliseconds=millis)  # noqa: DTZ001 - UTC by definition
    return moment.isoformat(timespec="milliseconds") + "Z"
