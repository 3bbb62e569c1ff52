"""The IoT TS Aggregates service: summaries of numeric variables by interval."""

from typing import NamedTuple

from ..errors import InvalidMessage, RemoteError
from .aspects import Aspects, check_asset_id
from .reading import about_now_ms
from .records import parse_instant, show, time_range

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterable, Iterator

    from .session import Session

_AGGREGATES = "/api/iottsaggregates/v4/aggregates"
_MINUTE_MS = 60_000
_HOUR_MS = 60 * _MINUTE_MS
_DAY_MS = 24 * _HOUR_MS
_MONDAY_MS = 4 * _DAY_MS  # 1970-01-05
_NUMERIC = ("INT", "LONG", "DOUBLE")


class Unit(NamedTuple):
    """A unit of intervals: how many of it make one, and the longest range to ask for at once."""

    values: range
    length_ms: int
    offset_ms: int
    most_ms: int


# Source: services API 1.12. A range of a unit that is longer is asked for in pieces.
UNITS = {
    "minute": Unit(range(2, 61, 2), _MINUTE_MS, 0, _DAY_MS),
    "hour": Unit(range(1, 25), _HOUR_MS, 0, 7 * _DAY_MS),
    "day": Unit(range(1, 91), _DAY_MS, 0, 90 * _DAY_MS),
    "week": Unit(range(1, 13), 7 * _DAY_MS, _MONDAY_MS, 90 * _DAY_MS),
    "month": Unit(range(1, 4), 30 * _DAY_MS, 0, 90 * _DAY_MS),
}


class Summary(NamedTuple):
    """What the values of one variable were in one interval; None where there was no good one."""

    count_good: int = 0
    count_uncertain: int = 0
    count_bad: int = 0
    sum: "float | None" = None
    average: "float | None" = None
    minimum: "float | None" = None
    minimum_ms: "int | None" = None
    maximum: "float | None" = None
    maximum_ms: "int | None" = None
    first: "float | None" = None
    first_ms: "int | None" = None
    last: "float | None" = None
    last_ms: "int | None" = None
    deviation: "float | None" = None


class Aggregate(NamedTuple):
    """One interval: its start is not part of it, its end is."""

    start_ms: int
    end_ms: int
    variables: "dict[str, Summary]"


# Member of the answer -> field of `Summary`.
_FIELDS = {
    "countgood": "count_good",
    "countuncertain": "count_uncertain",
    "countbad": "count_bad",
    "sum": "sum",
    "average": "average",
    "minvalue": "minimum",
    "mintime": "minimum_ms",
    "maxvalue": "maximum",
    "maxtime": "maximum_ms",
    "firstvalue": "first",
    "firsttime": "first_ms",
    "lastvalue": "last",
    "lasttime": "last_ms",
    "sd": "deviation",
}


class Aggregates:
    """Reads aggregates.

    Example:
        >>> for hour in Aggregates(session).read(asset_id, "motor", monday, now, unit="hour"):
        ...     print(hour.start_ms, hour.variables["rpm"].average)

    Args:
        session: The way to the platform.
    """

    def __init__(self, session: "Session") -> None:
        self._session = session
        self._aspects = Aspects(session)

    def read(
        self,
        asset: str,
        aspect: str,
        after: "Any",
        until: "Any" = None,
        *,
        unit: str = "hour",
        value: "int | None" = None,
        select: "Iterable[str] | None" = None,
    ) -> "Iterator[Aggregate]":
        """Read the aggregates of every interval that touches a range, in order of time.

        Intervals begin on the clock's own boundaries in UTC, so the first may begin before
        *after* and the last may end behind *until*. Intervals without values are left out.

        Args:
            asset: Its id.
            aspect: Name of the aspect.
            after: Start of the range, not part of it.
            until: End of the range; None is now.
            unit: ``"minute"``, ``"hour"``, ``"day"``, ``"week"`` or ``"month"``.
            value: How many units make an interval: 2, 4 … 60 minutes, 1 to 24 hours, 1 to 90
                days, 1 to 12 weeks, 1 to 3 months; None for the least.
            select: Names of numeric variables; None for all.

        Raises:
            InvalidMessage: One of these is wrong.
            RemoteError: The platform refuses.
        """
        end = about_now_ms(self._session) if until is None else until
        after_ms, until_ms = time_range(after, end)
        check_asset_id(asset)
        known = UNITS.get(unit)
        if known is None:
            raise InvalidMessage(
                f"{unit!r} is no unit of intervals", hint=f"there are {', '.join(UNITS)}"
            )
        value = known.values[0] if value is None else value
        if isinstance(value, bool) or value not in known.values:
            step = f" in steps of {known.values.step}" if known.values.step > 1 else ""
            raise InvalidMessage(
                f"an interval of {value!r} {unit}s is not offered",
                hint=f"{known.values[0]} to {known.values[-1]}{step}",
            )
        variables, names = self._aspects.selected(asset, aspect, select)
        for name in names or ():
            if variables is not None and variables[name].type not in _NUMERIC:
                raise InvalidMessage(
                    f"{name!r} is a {variables[name].type}: only numbers have aggregates",
                    hint="select INT, LONG and DOUBLE variables",
                )
        query = {
            "assetId": asset,
            "aspectName": aspect,
            "intervalUnit": unit,
            "intervalValue": value,
            "select": None if names is None else ",".join(names),
        }
        return self._intervals(query, aggregate_pieces(after_ms, until_ms, unit, value))

    def _intervals(
        self, query: "dict[str, Any]", pieces: "Iterator[tuple[int, int]]"
    ) -> "Iterator[Aggregate]":
        doing = f"reading aggregates of aspect {query['aspectName']!r} of asset {query['assetId']}"
        last_ms = -1
        for after_ms, until_ms in pieces:
            answer = self._session.get_json(
                _AGGREGATES,
                {**query, "from": show(after_ms), "to": show(until_ms)},
                scope="iot.tsa.r",
                doing=doing,
            )
            for aggregate in _read(answer, doing):
                # An interval that two pieces touch comes once.
                if aggregate.start_ms > last_ms:
                    last_ms = aggregate.start_ms
                    yield aggregate


def aggregate_pieces(
    after_ms: int, until_ms: int, unit: str, value: int
) -> "Iterator[tuple[int, int]]":
    """The requests for a range: whole intervals each, no longer than the service takes."""
    if unit == "month":
        # Months have no one length: an interval a request, which its first day is enough to name.
        begin = _month_of(after_ms)
        while _month_start(begin) < until_ms:
            start_ms = _month_start(begin)
            yield start_ms, min(_month_start(begin + value), start_ms + UNITS[unit].most_ms)
            begin += value
        return
    known = UNITS[unit]
    step_ms = known.length_ms * value
    most_ms = known.most_ms // step_ms * step_ms
    grid_ms = 2 * _MINUTE_MS if unit == "minute" else known.length_ms
    begin_ms = after_ms - (after_ms - known.offset_ms) % grid_ms
    begin_ms = max(0, begin_ms)
    while begin_ms < until_ms:
        intervals = -(-(until_ms - begin_ms) // step_ms)
        end_ms = begin_ms + min(most_ms, intervals * step_ms)
        yield begin_ms, end_ms
        begin_ms = end_ms


def _month_of(timestamp_ms: int) -> int:
    text = show(timestamp_ms)
    return int(text[:4]) * 12 + int(text[5:7]) - 1


def _month_start(month: int) -> int:
    year, index = divmod(month, 12)
    return parse_instant("%04d-%02d-01T00:00:00Z" % (year, index + 1), {})


def _read(answer: "Any", doing: str) -> "list[Aggregate]":
    entries: "Any" = answer.get("aggregates") if isinstance(answer, dict) else answer
    found = []
    try:
        for entry in entries:
            start_ms = parse_instant(entry.pop("starttime"), {})
            end_ms = parse_instant(entry.pop("endtime"), {})
            variables = {
                name: _summary(members)
                for name, members in entry.items()
                if isinstance(members, dict)
            }
            found.append(Aggregate(start_ms, end_ms, variables))
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise RemoteError(
            f"{doing}: the answer holds no aggregates: {error}", status=200
        ) from error
    return sorted(found, key=lambda aggregate: aggregate.start_ms)


def _summary(members: "dict[str, Any]") -> Summary:
    fields: "dict[str, Any]" = {}
    for member, field in _FIELDS.items():
        value = members.get(member)
        if value is not None:
            fields[field] = parse_instant(value, {}) if field.endswith("_ms") else value
    return Summary(**fields)
