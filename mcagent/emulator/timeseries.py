"""Stored values: one record per asset, aspect and time, as the time series service shows them.

A record that comes for an existing time is merged into it, or replaces it as a whole if the switch
`replace_records` says so (agent API 0.2: the harsher reading).
"""

import sqlite3
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

from .times import format_time
from .values import present

# (asset, aspect), time in ms -> {series: (value, quality code)}
Records = dict[tuple[tuple[str, str], int], dict[int, tuple[Any, "str | None"]]]


def write_records(db: sqlite3.Connection, records: Records, *, replace: bool) -> None:
    """Write records; with *replace*, nothing of an older record of the same time stays."""
    if replace:
        db.executemany(
            "DELETE FROM stored WHERE time_ms = ? AND series IN"
            " (SELECT id FROM series WHERE asset = ? AND aspect = ?)",
            ((time_ms, asset, aspect) for (asset, aspect), time_ms in records),
        )
    db.executemany(
        "INSERT OR REPLACE INTO stored VALUES (?, ?, ?, ?)",
        (
            (series, time_ms, value, quality)
            for (_, time_ms), values in records.items()
            for series, (value, quality) in values.items()
        ),
    )


def read_records(
    db: sqlite3.Connection, *, asset: "str | None" = None, aspect: "str | None" = None
) -> Iterator[dict[str, Any]]:
    """Give stored records in order of asset, aspect and time.

    Each has `asset`, `aspect`, `_time`, `values` ({variable: value}) and `quality`.
    """
    rows: Iterable[sqlite3.Row] = db.execute(
        "SELECT s.asset, s.aspect, v.time_ms, s.variable, s.type, v.value, v.quality"
        " FROM series s JOIN stored v ON v.series = s.id"
        " WHERE (? IS NULL OR s.asset = ?) AND (? IS NULL OR s.aspect = ?)"
        " ORDER BY s.asset, s.aspect, v.time_ms, s.variable",
        (asset, asset, aspect, aspect),
    )
    for key, group in groupby(rows, key=_record_key):
        values, quality = {}, {}
        for row in group:
            values[row["variable"]] = present(row["type"], row["value"])
            if row["quality"] is not None:
                quality[row["variable"]] = row["quality"]
        yield {
            "asset": key[0],
            "aspect": key[1],
            "_time": format_time(key[2]),
            "values": values,
            "quality": quality,
        }


def _record_key(row: sqlite3.Row) -> tuple[str, str, int]:
    return row["asset"], row["aspect"], row["time_ms"]
