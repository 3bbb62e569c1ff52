"""Series for a plot: few points that still show every peak, every gap and what came late.

A plot is about a thousand pixels wide. Of more values than that, each of some hundred ranges of
time gives its smallest, its greatest and its latest delay: an outlier of one sample in a million
stays visible. The work is done in blocks, so that devices are served in between.
"""

import asyncio
import math
import sqlite3
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from .datasource import points_of
from .items import TIMESERIES
from .journal import content_of
from .store import Store
from .times import parse_time
from .timeseries import Span
from .values import present, read_value

# Values that come later than this were kept somewhere on their way: store-and-forward shows.
LATE_MS = 5000
RAW_MAX = 2000  # so many values are given one by one
RANGES = 600
_RANGES_AT_ONCE = 40
_TEXTS_MAX = 200
# Of data points, whose values are looked for in what came: the latest of them.
_POINT_VALUES_MAX = 5000
_POINT_ITEMS_MAX = 400
_POINT_BYTES_MAX = 8 * 1024 * 1024
_GAP_FACTOR = 3.0
_DRAWN = ("INT", "LONG", "DOUBLE", "BOOLEAN")
# A variable that once had another type may hold texts.
_NUMBERS = " AND typeof(value) IN ('integer', 'real')"
_RANGE = (
    "SELECT min(value), max(value), min(time_ms), max(time_ms), max(ingested_ms - time_ms),"
    " count(*), sum(ingested_ms - time_ms > ?)"
    " FROM stored WHERE series = ? AND time_ms >= ? AND time_ms < ?"
)


class Dot(NamedTuple):
    """One point of a plot; `end_ms` is the end of the range that it stands for."""

    time_ms: int
    end_ms: int
    values: tuple[float, ...]
    delay_ms: int


async def plot_series(store: Store, series: int, span: Span) -> "dict[str, Any] | None":
    """Give the plot of a stored variable in a range of times; None if there is none."""
    with store.reading() as db:
        row = db.execute("SELECT * FROM series WHERE id = ?", (series,)).fetchone()
        if row is None:
            return None
        kind = row["type"]
        ends = _ends(db, series, span)
        # Not counted: a million rows are known to be too many after the first two thousand.
        rows = db.execute(
            "SELECT time_ms, value, ingested_ms FROM stored WHERE series = ? AND time_ms > ?"  # noqa: S608
            f" AND time_ms <= ?{_NUMBERS if kind in _DRAWN else ''} ORDER BY time_ms DESC LIMIT ?",
            (series, *span, RAW_MAX + 1),
        ).fetchall()
    if kind not in _DRAWN:
        values = [(r["time_ms"], r["value"], r["ingested_ms"] - r["time_ms"]) for r in rows]
        return _texts(kind, values[:_TEXTS_MAX])
    if len(rows) <= RAW_MAX:
        dots = [
            Dot(r["time_ms"], r["time_ms"], (r["value"],), r["ingested_ms"] - r["time_ms"])
            for r in reversed(rows)
        ]
        late = sum(dot.delay_ms > LATE_MS for dot in dots)
        return drawn(kind, dots, len(dots), late, reduced=False)
    return await _reduced(store, series, kind, ends)


def _ends(db: sqlite3.Connection, series: int, span: Span) -> tuple[int, int]:
    row = db.execute(
        "SELECT (SELECT min(time_ms) FROM stored WHERE series = ? AND time_ms > ?),"
        " (SELECT max(time_ms) FROM stored WHERE series = ? AND time_ms <= ?)",
        (series, span.after_ms, series, span.to_ms),
    ).fetchone()
    return (row[0] or 0, row[1] or 0)


async def _reduced(store: Store, series: int, kind: str, ends: tuple[int, int]) -> dict[str, Any]:
    first, last = ends
    width = max(1, math.ceil((last - first + 1) / RANGES))
    dots: list[Dot] = []
    count = late = 0
    for begin in range(0, RANGES, _RANGES_AT_ONCE):
        with store.reading() as db:
            for number in range(begin, min(begin + _RANGES_AT_ONCE, RANGES)):
                start = first + number * width
                # One range after the other: GROUP BY would sort all of them, which takes twice as
                # long, and would not let go in between.
                asked = (LATE_MS, series, start, min(start + width, last + 1))
                row = db.execute(_RANGE, asked).fetchone()
                if isinstance(row[1], str):  # a text is greater than every number
                    row = db.execute(_RANGE + _NUMBERS, asked).fetchone()
                if row[5]:
                    dots.append(Dot(row[2], row[3], (row[0], row[1]), row[4]))
                    count += row[5]
                    late += row[6]
        await asyncio.sleep(0)
    return drawn(kind, dots, count, late, reduced=True)


def drawn(
    kind: str, dots: Sequence[Dot], count: int, late: int, *, reduced: bool
) -> dict[str, Any]:
    """Shape a plot: columns of equal length; a value of None is a gap in the line."""
    columns: dict[str, list[Any]] = {"time_ms": [], "value": [], "delay_ms": []}
    gap_ms = _usual_step(dots) * _GAP_FACTOR
    gaps = 0
    before: Dot | None = None
    for dot in dots:
        if before is not None and dot.time_ms - before.end_ms > gap_ms:
            gaps += 1
            _add(columns, (before.end_ms + dot.time_ms) // 2, None, 0)
        low, high = min(dot.values), max(dot.values)
        if low == high:
            _add(columns, dot.time_ms, low, dot.delay_ms)
        else:
            _add(columns, dot.time_ms, low, dot.delay_ms)
            _add(columns, max(dot.end_ms, dot.time_ms), high, dot.delay_ms)
        before = dot
    return {
        "type": kind,
        **columns,
        "count": count,
        "late": late,
        "late_ms": LATE_MS,
        "longest_ms": max((dot.delay_ms for dot in dots), default=0),
        "gaps": gaps,
        "reduced": reduced,
    }


def _add(columns: dict[str, list[Any]], time_ms: int, value: Any, delay_ms: int) -> None:
    columns["time_ms"].append(time_ms)
    columns["value"].append(value)
    columns["delay_ms"].append(delay_ms)


def _usual_step(dots: Sequence[Dot]) -> float:
    """Give the time between two points that nine of ten keep to: outages are rare."""
    steps = sorted(after.time_ms - before.time_ms for before, after in pairwise(dots))
    return max(1.0, steps[int(len(steps) * 0.9)]) if len(steps) >= 3 else math.inf


def _texts(kind: str, values: Sequence[tuple[int, Any, int]]) -> dict[str, Any]:
    """Give the newest values of a type that has no line, newest first."""
    shown = [
        {"time_ms": time_ms, "value": str(value)[:1000], "delay_ms": delay_ms}
        for time_ms, value, delay_ms in values
    ]
    return {"type": kind, "texts": shown, "count": len(shown), "late_ms": LATE_MS}


def plot_point(store: Store, agent: str, point: str, span: Span) -> "dict[str, Any] | None":
    """Give the plot of a data point as the agent sent it, mapped or not: the latest values.

    None if there is no such agent. A value that came twice is there twice.
    """
    with store.reading() as db:
        row = db.execute("SELECT * FROM agents WHERE id = ?", (agent,)).fetchone()
        if row is None:
            return None
        kind = points_of(row).get(point, {}).get("type", "DOUBLE")
        values = sorted(_sent(db, agent, point, kind, span), key=lambda value: value[0])
    if kind not in _DRAWN:
        return _texts(kind, values[: -_TEXTS_MAX - 1 : -1])
    dots = [Dot(time_ms, time_ms, (value,), delay_ms) for time_ms, value, delay_ms in values]
    return drawn(kind, dots, len(dots), sum(d.delay_ms > LATE_MS for d in dots), reduced=False)


def _sent(
    db: sqlite3.Connection, agent: str, point: str, kind: str, span: Span
) -> list[tuple[int, Any, int]]:
    found: list[tuple[int, Any, int]] = []
    size = 0
    for row in db.execute(
        "SELECT * FROM received WHERE agent = ? AND kind = ? ORDER BY item DESC LIMIT ?",
        (agent, TIMESERIES, _POINT_ITEMS_MAX),
    ):
        size += len(row["payload"])
        if size > _POINT_BYTES_MAX or len(found) > _POINT_VALUES_MAX:
            break
        for time_ms, value in _values_of(content_of(row), point, kind):
            if span.after_ms < time_ms <= span.to_ms:
                found.append((time_ms, value, row["received_ms"] - time_ms))
    return found[:_POINT_VALUES_MAX]


def _values_of(content: Any, point: str, kind: str) -> Iterator[tuple[int, Any]]:
    """Give the good values of a point; what the platform would drop has no place in a plot."""
    for sample in content:
        entries = sample.get("values") if isinstance(sample, dict) else None
        if not isinstance(entries, list):
            continue
        for entry in entries:
            if isinstance(entry, dict) and entry.get("dataPointId") == point:
                try:
                    yield (
                        parse_time(sample.get("timestamp")),
                        read_value(kind, entry.get("value")),
                    )
                except ValueError:
                    pass


def with_newest(db: sqlite3.Connection) -> list[sqlite3.Row]:
    """Give all series with the newest value of each, in one query: there may be thousands."""
    return db.execute(
        "SELECT s.*, v.time_ms, v.value, v.ingested_ms FROM series s LEFT JOIN stored v"
        " ON v.series = s.id AND v.time_ms = (SELECT max(time_ms) FROM stored WHERE series = s.id)"
        " ORDER BY s.id"
    ).fetchall()


def newest_of(row: sqlite3.Row) -> "dict[str, Any] | None":
    """Shape the newest value of a row of `with_newest`; None if there is none."""
    if row["time_ms"] is None:
        return None
    value = present(row["type"], row["value"])
    return {
        "time_ms": row["time_ms"],
        "value": value if row["type"] in _DRAWN else str(value)[:200],
        "delay_ms": row["ingested_ms"] - row["time_ms"],
    }
