"""Digits and dates that came from outside, read with care: nothing here raises.

`int()` alone takes "+1", " 1", "1_0" and the digits of other scripts, and CPython's refuses more
than 4300 digits with a ValueError. `datetime` costs start-up time and is absent on MicroPython.
"""

_MAX_DIGITS = 15  # exact in a double, and more than any time or duration that is meant
_DAYS_BEFORE_MONTH = (0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365)
_DAYS_BEFORE_1970 = 719_162
_FIELDS = ((0, 4), (5, 7), (8, 10), (11, 13), (14, 16), (17, 19))


def whole_number(text: str) -> "int | None":
    """The number that 1 to 15 ASCII digits make; None for any other text."""
    if 0 < len(text) <= _MAX_DIGITS and all("0" <= digit <= "9" for digit in text):
        return int(text)
    return None


def utc_ms(fields: "list[int | None]") -> "int | None":
    """Milliseconds since 1970 of year, month, day, hour, minute, second, millisecond, in UTC.

    None where a field is None, for a day or time that does not exist, and outside the years 1970
    to 9999. A leap second does not exist either: no count of milliseconds can say it.
    """
    numbers = [field for field in fields if field is not None and field >= 0]
    if len(numbers) != 7:
        return None
    year, month, day, hour, minute, second, ms = numbers
    if not 1970 <= year <= 9999 or not 1 <= month <= 12:
        return None
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    before = _DAYS_BEFORE_MONTH[month - 1]
    length = _DAYS_BEFORE_MONTH[month] - before + (leap and month == 2)
    if not 1 <= day <= length or hour > 23 or minute > 59 or second > 59 or ms > 999:
        return None
    years = year - 1
    days = years * 365 + years // 4 - years // 100 + years // 400 - _DAYS_BEFORE_1970
    days += before + (leap and month > 2) + day - 1
    return (((days * 24 + hour) * 60 + minute) * 60 + second) * 1000 + ms


def parse_utc(text: str) -> "int | None":
    """Milliseconds of ``2026-01-05T08:00:00[.123456]Z``; None for anything else.

    Digits finer than a millisecond are cut off.
    """
    separators = text[4:5] + text[7:8] + text[10:11] + text[13:14] + text[16:17] + text[-1:]
    fraction = text[19:-1]
    if separators != "--T::Z" or (fraction and whole_number(fraction[1:]) is None):
        return None
    if fraction[:1] not in ("", "."):
        return None
    fields = [whole_number(text[start:end]) for start, end in _FIELDS]
    fields.append(whole_number((fraction[1:] + "000")[:3]))
    return utc_ms(fields)
