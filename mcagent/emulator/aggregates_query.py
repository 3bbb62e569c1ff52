"""Which intervals a request for aggregates asks for (services API 1.12).

A request may leave out nearly everything; the rest is completed by the rules of the service's
description, which the Node client quotes. Where they are silent the reading is noted here as a
guess, and in docs/emulator.md.
"""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from .answers import Refusal
from .times import parse_time
from .timeseries import Variable

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
WEEK_MS = 7 * DAY_MS
_MONTH_MS = 30 * DAY_MS  # where a length is estimated only
_RANGE_MAX_MS = 90 * DAY_MS
_MONDAY_MS = 4 * DAY_MS  # 1970-01-05
_FIRST_MS = -62_135_596_800_000 + 400 * DAY_MS  # so that no boundary leaves the calendar
_LAST_MS = 253_402_300_799_999 - 400 * DAY_MS
_COUNT_MAX = 1_000_000
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - UTC by definition
_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:T(\d\d)(?::(\d\d)(?::(\d\d(?:\.\d{1,9})?))?)?)?(Z|[+-]\d\d:?\d\d)?",
    re.ASCII,
)
FIELDS = (
    "countgood",
    "countuncertain",
    "countbad",
    "sum",
    "average",
    "minvalue",
    "mintime",
    "maxvalue",
    "maxtime",
    "firstvalue",
    "firsttime",
    "lastvalue",
    "lasttime",
    "sd",
)
_NUMBERS = ("INT", "LONG", "DOUBLE")


class _Unit(NamedTuple):
    """A unit of intervals: its values, its length and grid, and the longest range to ask for."""

    values: range
    length_ms: int
    grid_ms: int
    offset_ms: int
    most_ms: int


_UNITS = {
    "minute": _Unit(range(2, 61, 2), MINUTE_MS, 2 * MINUTE_MS, 0, DAY_MS),
    "hour": _Unit(range(1, 25), HOUR_MS, HOUR_MS, 0, WEEK_MS),
    "day": _Unit(range(1, 91), DAY_MS, DAY_MS, 0, _RANGE_MAX_MS),
    "week": _Unit(range(1, 13), WEEK_MS, WEEK_MS, _MONDAY_MS, _RANGE_MAX_MS),
    "month": _Unit(range(1, 4), _MONTH_MS, 0, 0, _RANGE_MAX_MS),
}
# Lengths to choose from when the request names none.
_PRECALCULATED = (("day", 1), ("hour", 1), ("minute", 2))


class Step(NamedTuple):
    """The length of an interval."""

    unit: str
    value: int

    @property
    def length_ms(self) -> int:
        return _UNITS[self.unit].length_ms * self.value

    def begin(self, millis: int) -> int:
        """Give the boundary of the unit at or before a time."""
        if self.unit == "month":
            moment = _moment(millis)
            return _millis(datetime(moment.year, moment.month, 1))  # noqa: DTZ001 - UTC
        grid = _UNITS[self.unit]
        return millis - (millis - grid.offset_ms) % grid.grid_ms

    def after(self, millis: int, times: int = 1) -> int:
        """Give the time that is *times* intervals later."""
        if self.unit != "month":
            return millis + self.length_ms * times
        moment = _moment(millis)
        year, month = divmod(moment.year * 12 + moment.month - 1 + self.value * times, 12)
        if not 1 <= year <= 9999:
            raise Refusal(400, "The range leaves the calendar.")
        # The 28th for what no month has; boundaries are firsts anyway.
        return _millis(moment.replace(year=year, month=month + 1, day=min(moment.day, 28)))


class Request(NamedTuple):
    """Intervals (start not part of them, end is), and which members of which variables."""

    intervals: list[tuple[int, int]]
    fields: dict[str, tuple[str, ...]]


def read_request(query: Mapping[str, str], variables: list[Variable], *, now_ms: int) -> Request:
    """Read and complete the parameters.

    Raises:
        Refusal: 400, one of them breaks a rule.
    """
    after_ms, to_ms = (_instant(query, name) for name in ("from", "to"))
    count = _number(query, "count", range(1, _COUNT_MAX))
    step = _step(query)
    after_ms, to_ms, step = _complete(after_ms, to_ms, step, count, now_ms)
    if after_ms >= to_ms:
        raise Refusal(400, "from must be before to.")
    most_ms = _UNITS[step.unit].most_ms
    if to_ms - after_ms > most_ms:
        hours = most_ms // HOUR_MS
        raise Refusal(400, f"Range of {step.unit} aggregates can't exceed {hours} hours.")
    if after_ms < _FIRST_MS or to_ms > _LAST_MS:
        raise Refusal(400, "The range leaves the calendar.")
    # "Range boundaries are shifted such that the overall range contains the provided one."
    intervals = []
    start_ms = step.begin(after_ms)
    while start_ms < to_ms:
        end_ms = step.after(start_ms)
        intervals.append((start_ms, end_ms))
        start_ms = end_ms
    return Request(intervals[: count or len(intervals)], _select(query, variables))


def _complete(
    after_ms: "int | None", to_ms: "int | None", step: "Step | None", count: int, now_ms: int
) -> tuple[int, int, Step]:
    """Fill in what is missing."""
    if step is None and not count and after_ms is None and to_ms is None:
        return now_ms - WEEK_MS, now_ms, Step("day", 1)
    if step is not None and count:
        if after_ms is None:
            to_ms = now_ms if to_ms is None else to_ms  # without both: up to now, a guess
            after_ms = step.after(to_ms, -count)
        elif to_ms is None:
            to_ms = step.after(after_ms, count)
    # With a unit given, what it allows takes the place of the 90 days: a guess.
    most_ms = _UNITS[step.unit].most_ms if step is not None else _RANGE_MAX_MS
    if after_ms is None:
        longest_ms = most_ms if to_ms is not None else min(most_ms, WEEK_MS)
        to_ms = now_ms if to_ms is None else to_ms
        after_ms = to_ms - longest_ms
    elif to_ms is None:
        begin_ms = after_ms - after_ms % DAY_MS if step is None else after_ms
        to_ms = min(begin_ms + most_ms, now_ms)
    return after_ms, to_ms, step or _fitting(to_ms - after_ms, count)


def _fitting(range_ms: int, count: int) -> Step:
    """Choose the length of intervals for a range, and for how many of them if *count*."""
    if not count:
        fitting = [step for step in _PRECALCULATED if Step(*step).length_ms <= range_ms]
        return Step(*(fitting or _PRECALCULATED[-1:])[0])
    wanted_ms = -(-range_ms // count)
    for unit in ("minute", "hour", "day"):
        for value in _UNITS[unit].values:
            if Step(unit, value).length_ms >= wanted_ms:
                return Step(unit, value)
    return Step("day", 90)


def _step(query: Mapping[str, str]) -> "Step | None":
    unit = query.get("intervalUnit", "").lower()
    if not unit:
        if "intervalValue" in query:
            raise Refusal(400, "intervalUnit is missing.", error_id="missingParameter")
        return None
    if unit not in _UNITS:
        raise Refusal(400, f"intervalUnit must be one of {', '.join(_UNITS)}.")
    values = _UNITS[unit].values
    return Step(unit, _number(query, "intervalValue", values) or values[0])


def _number(query: Mapping[str, str], name: str, allowed: range) -> int:
    """Give a number, 0 if it is not given."""
    text = query.get(name)
    if text is None:
        return 0
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) in allowed):
        steps = f" in steps of {allowed.step}" if allowed.step > 1 else ""
        raise Refusal(400, f"{name} must be a number from {allowed[0]} to {allowed[-1]}{steps}.")
    return int(text)


def _instant(query: Mapping[str, str], name: str) -> "int | None":
    """Read a time; minutes, seconds and the whole time of day may be left out, and the zone."""
    text = query.get(name)
    if text is None:
        return None
    match = _TIME.fullmatch(text)
    if match is not None:
        day, *clock, zone = match.groups()
        hour, minute, second = (part or "00" for part in clock)
        text = f"{day}T{hour}:{minute}:{second}{zone or 'Z'}"
    try:
        return parse_time(text)
    except ValueError as exc:
        raise Refusal(400, f"{name} is no valid time: {exc}.") from exc


def _select(query: Mapping[str, str], variables: list[Variable]) -> dict[str, tuple[str, ...]]:
    """Give the members to show by variable; only numbers are aggregated."""
    numeric = [variable.name for variable in variables if variable.kind in _NUMBERS]
    chosen: dict[str, Any] = {}
    for entry in query.get("select", "").split(","):
        name, dot, field = entry.strip().partition(".")
        if not name:
            continue
        if name not in numeric or (dot and field not in FIELDS):
            raise Refusal(400, f"select knows no numeric variable or field {entry[:80]!r}.")
        fields = chosen.setdefault(name, ())
        chosen[name] = FIELDS if not dot or fields is FIELDS else (*fields, field)
    return chosen or dict.fromkeys(numeric, FIELDS)


def _moment(millis: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=millis)


def _millis(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(milliseconds=1)
