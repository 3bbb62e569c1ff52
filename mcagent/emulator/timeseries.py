"""Stored values: one record per asset, aspect and time, whoever wrote it.

What agents exchange and what applications put ends here. A record that comes for an existing time
replaces it as a whole, or is merged into it (for ingest a switch, agent API 0.2).
"""

import sqlite3
from collections.abc import Iterator
from typing import Any, NamedTuple

from .store import Store
from .times import format_time
from .timeseries_counts import change_counts, held_at
from .values import present

# (asset, aspect), time in ms -> {series: (value, quality code)}
Values = dict[int, tuple[Any, "str | None"]]
Records = dict[tuple[tuple[str, str], int], Values]

_RECORDS_AT_ONCE = 1000
_FIRST_MS = -(2**62)
_LAST_MS = 2**62


class Variable(NamedTuple):
    """A variable of an aspect: `series` is the key of its values; `length` 0 is its type's own."""

    name: str
    series: int
    kind: str
    length: int
    has_quality: bool


class Span(NamedTuple):
    """A range of times: its start is not part of it, its end is."""

    after_ms: int = _FIRST_MS
    to_ms: int = _LAST_MS


class Page(NamedTuple):
    """Records in the order asked for, and whether there are more behind them."""

    records: list[tuple[int, dict[str, tuple[Any, "str | None"]]]]
    more: bool


def variables_of(db: sqlite3.Connection, asset: str, aspect: str) -> list[Variable]:
    """Give the variables of an aspect in order of creation; none if there is no such aspect."""
    return [
        Variable(
            row["variable"], row["id"], row["type"], row["length"] or 0, bool(row["has_quality"])
        )
        for row in db.execute(
            "SELECT * FROM series WHERE asset = ? AND aspect = ? ORDER BY id", (asset, aspect)
        )
    ]


def write_records(
    db: sqlite3.Connection, records: Records, *, now_ms: int, replace: bool, visible_ms: int = 0
) -> None:
    """Write records.

    Args:
        db: Inside a transaction.
        records: What to write; a record may be empty.
        now_ms: The platform's time.
        replace: Nothing of an older record of the same time stays.
        visible_ms: When the platform's readers may see them.
    """
    by_place: dict[tuple[str, str], dict[int, Values]] = {}
    for (place, time_ms), values in records.items():
        by_place.setdefault(place, {})[time_ms] = values
    for place, by_time in by_place.items():
        held = held_at(db, [variable.series for variable in variables_of(db, *place)], by_time)
        _count_writes(db, place, by_time, held, replace=replace)
        if replace:
            db.executemany(
                "DELETE FROM stored WHERE series = ? AND time_ms = ?",
                (
                    (series, time_ms)
                    for time_ms, there in held.items()
                    for series in there
                    if series not in by_time[time_ms]
                ),
            )
    db.executemany(
        "INSERT OR REPLACE INTO stored VALUES (?, ?, ?, ?, ?, ?)",
        (
            (series, time_ms, value, quality, now_ms, visible_ms)
            for (_, time_ms), values in records.items()
            for series, (value, quality) in values.items()
        ),
    )


def _count_writes(
    db: sqlite3.Connection,
    place: tuple[str, str],
    by_time: dict[int, Values],
    held: dict[int, set[int]],
    *,
    replace: bool,
) -> None:
    more_records = more_values = 0
    for time_ms, values in by_time.items():
        before = held.get(time_ms, set())
        after = len(values) if replace else len(before.union(values))
        more_records += bool(after) - bool(before)
        more_values += after - len(before)
    change_counts(db, place, records=more_records, values=more_values)


def delete_range(
    db: sqlite3.Connection, place: tuple[str, str], variables: list[Variable], span: Span
) -> None:
    """Delete all values of *variables*, which are of *place*, in a range."""
    before = _count_range(db, place, span)
    db.executemany(
        "DELETE FROM stored WHERE series = ? AND time_ms > ? AND time_ms <= ?",
        ((variable.series, *span) for variable in variables),
    )
    records, values = (n - m for n, m in zip(_count_range(db, place, span), before))
    change_counts(db, place, records=records, values=values)


def _count_range(db: sqlite3.Connection, place: tuple[str, str], span: Span) -> tuple[int, int]:
    row = db.execute(
        "SELECT count(DISTINCT time_ms), count(*) FROM stored WHERE time_ms > ? AND time_ms <= ?"
        " AND series IN (SELECT id FROM series WHERE asset = ? AND aspect = ?)",
        (*span, *place),
    ).fetchone()
    return row[0], row[1]


def read_page(
    db: sqlite3.Connection,
    variables: list[Variable],
    span: Span,
    *,
    limit: int,
    now_ms: int,
    descending: bool = False,
) -> Page:
    """Read the first *limit* records of a range that hold a value of one of *variables*."""
    order = "DESC" if descending else "ASC"
    found: dict[int, dict[str, tuple[Any, str | None]]] = {}
    for variable in variables:
        # The first `limit` records need no more than the first `limit` values of each variable.
        for row in db.execute(
            "SELECT time_ms, value, quality FROM stored WHERE series = ? AND time_ms > ?"  # noqa: S608
            f" AND time_ms <= ? AND visible_ms <= ? ORDER BY time_ms {order} LIMIT ?",
            (variable.series, *span, now_ms, limit + 1),
        ):
            value = present(variable.kind, row["value"])
            found.setdefault(row["time_ms"], {})[variable.name] = (value, row["quality"])
    times = sorted(found, reverse=descending)
    return Page([(time_ms, found[time_ms]) for time_ms in times[:limit]], len(times) > limit)


def newest_values(
    db: sqlite3.Connection, variables: list[Variable], ingested: Span, *, now_ms: int
) -> Page:
    """Read the newest value of each variable that came in the range *ingested*, newest first."""
    found: dict[int, dict[str, tuple[Any, str | None]]] = {}
    for variable in variables:
        row = db.execute(
            "SELECT time_ms, value, quality FROM stored WHERE series = ? AND ingested_ms > ?"
            " AND ingested_ms <= ? AND visible_ms <= ? ORDER BY time_ms DESC LIMIT 1",
            (variable.series, *ingested, now_ms),
        ).fetchone()
        if row is not None:
            value = present(variable.kind, row["value"])
            found.setdefault(row["time_ms"], {})[variable.name] = (value, row["quality"])
    return Page([(time_ms, found[time_ms]) for time_ms in sorted(found, reverse=True)], False)


def stored_records(
    store: Store, *, asset: "str | None" = None, aspect: "str | None" = None
) -> Iterator[dict[str, Any]]:
    """Give stored records in order of asset, aspect and time, hidden ones too.

    Each has `asset`, `aspect`, `_time`, `values` ({variable: value}) and `quality`. The store is
    free for others between one block of records and the next.
    """
    with store.reading() as db:
        places = [
            (row["asset"], row["aspect"])
            for row in db.execute(
                "SELECT DISTINCT asset, aspect FROM series WHERE (? IS NULL OR asset = ?)"
                " AND (? IS NULL OR aspect = ?) ORDER BY asset, aspect",
                (asset, asset, aspect, aspect),
            )
        ]
    for place in places:
        span = Span()
        more = True
        while more:
            with store.reading() as db:
                variables = sorted(variables_of(db, *place))
                page = read_page(db, variables, span, limit=_RECORDS_AT_ONCE, now_ms=_LAST_MS)
            for time_ms, values in page.records:
                yield {
                    "asset": place[0],
                    "aspect": place[1],
                    "_time": format_time(time_ms),
                    "values": {name: value for name, (value, _) in values.items()},
                    "quality": {
                        name: code for name, (_, code) in values.items() if code is not None
                    },
                }
                span = Span(time_ms)
            more = page.more
