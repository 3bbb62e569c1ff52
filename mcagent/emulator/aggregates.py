"""Aggregates of a variable's values in an interval, worked out from the values themselves.

The platform calculates them beforehand; here they are always those of the values that are there.
"""

import json
import math
import sqlite3
from typing import Any

from .aggregates_query import Request
from .timeseries import Variable
from .timeseries_reading import quality_number, show_instant

_RANGE = (
    " FROM stored WHERE series = ? AND time_ms > ? AND time_ms <= ? AND visible_ms <= ?"
    # A variable that once had another type may hold texts.
    " AND typeof(value) IN ('integer', 'real')"
)
_GOOD = " AND (quality IN (SELECT value FROM json_each(?)) OR (quality IS NULL AND ?))"
# The greatest whole number that JSON readers keep.
_EXACT = 2**53


def aggregate(
    db: sqlite3.Connection, request: Request, variables: list[Variable], *, now_ms: int
) -> list[dict[str, Any]]:
    """Give the aggregates of each interval that holds a value, in order of time."""
    chosen = [variable for variable in variables if variable.name in request.fields]
    found = []
    for start_ms, end_ms in request.intervals:
        members: dict[str, Any] = {}
        for variable in chosen:
            values = _of_interval(db, variable, (start_ms, end_ms, now_ms))
            if values:
                wanted = request.fields[variable.name]
                members[variable.name] = {n: values[n] for n in wanted if n in values}
        if members:
            members["starttime"] = show_instant(start_ms)
            members["endtime"] = show_instant(end_ms)
            found.append(members)
    return found


def _of_interval(
    db: sqlite3.Connection, variable: Variable, ends: tuple[int, int, int]
) -> dict[str, Any]:
    """Aggregate a variable in an interval; {} if it has no values there.

    Values of uncertain and bad quality are counted, and nothing else: a guess.
    """
    where = (variable.series, *ends)
    counts = {"countgood": 0, "countuncertain": 0, "countbad": 0}
    good: list[str | None] = []
    for code, number in db.execute(f"SELECT quality, count(*){_RANGE} GROUP BY quality", where):
        sort = _sort(code) if variable.has_quality else "countgood"
        counts[sort] += number
        if sort == "countgood":
            good.append(code)
    if not counts["countgood"]:
        return dict(counts) if any(counts.values()) else {}
    where_good = (*where, json.dumps(good), None in good)

    def one(what: str, *before: Any, after: str = "", more: tuple[Any, ...] = ()) -> sqlite3.Row:
        row: sqlite3.Row = db.execute(
            f"SELECT {what}{_RANGE}{_GOOD}{after}", (*before, *where_good, *more)
        ).fetchone()
        return row

    total, low, high, first_ms, last_ms = one(
        "total(value), min(value), max(value), min(time_ms), max(time_ms)"
    )
    average = total / counts["countgood"]
    square = one("total((value - ?) * (value - ?))", average, average)[0]
    deviation = math.sqrt(square / counts["countgood"]) if square is not None else math.inf
    if variable.kind != "DOUBLE" and abs(total) < _EXACT:
        total = int(total)
    at = " AND time_ms = ?"
    return {
        **counts,
        "sum": total,
        "average": average,
        "minvalue": low,
        "mintime": show_instant(one("min(time_ms)", after=" AND value = ?", more=(low,))[0]),
        "maxvalue": high,
        "maxtime": show_instant(one("min(time_ms)", after=" AND value = ?", more=(high,))[0]),
        "firstvalue": one("value", after=at, more=(first_ms,))[0],
        "firsttime": show_instant(first_ms),
        "lastvalue": one("value", after=at, more=(last_ms,))[0],
        "lasttime": show_instant(last_ms),
        "sd": deviation if math.isfinite(deviation) else None,
    }


def _sort(code: "str | None") -> str:
    """Sort a quality code by its severity: the two highest bits of an OPC UA status code.

    Other codes, such as 192 (good in OPC DA), have these bits clear.
    """
    severity = ((quality_number(code) or 0) >> 30) & 3
    return ("countgood", "countuncertain", "countbad", "countbad")[severity]
