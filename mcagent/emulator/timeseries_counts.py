"""How many records and values are stored, kept up to date by every write and deletion.

To count a million of them takes a second, and who watches a hub asks each second.
"""

import sqlite3
from collections.abc import Collection

# Times of one series are fetched as a range if it holds not many more than are asked for.
_RANGE_SLACK = 4


def held_at(
    db: sqlite3.Connection, series: Collection[int], times: Collection[int]
) -> dict[int, set[int]]:
    """Give which of *series* hold a value at which of *times*; times that none holds are left out.

    What devices send is mostly newer than all that is stored, which one look tells.
    """
    held: dict[int, set[int]] = {}
    if not times:
        return held
    first, last, most = min(times), max(times), _RANGE_SLACK * len(times)
    for one in series:
        rows = db.execute(
            "SELECT time_ms FROM stored WHERE series = ? AND time_ms BETWEEN ? AND ? LIMIT ?",
            (one, first, last, most + 1),
        ).fetchall()
        found = {row[0] for row in rows}.intersection(times)
        if len(rows) > most:
            at = "SELECT 1 FROM stored WHERE series = ? AND time_ms = ?"
            found = {ms for ms in times if db.execute(at, (one, ms)).fetchone() is not None}
        for time_ms in found:
            held.setdefault(time_ms, set()).add(one)
    return held


def change_counts(
    db: sqlite3.Connection, place: tuple[str, str], *, records: int, values: int
) -> None:
    """Note that an asset's aspect holds so many more, or fewer."""
    db.execute(
        "INSERT INTO counts VALUES (?, ?, ?, ?) ON CONFLICT (asset, aspect) DO UPDATE"
        " SET records = records + excluded.records, held = held + excluded.held",
        (*place, records, values),
    )


def read_counts(db: sqlite3.Connection) -> tuple[int, int]:
    """Give the number of records and of values in the store."""
    row = db.execute("SELECT sum(records), sum(held) FROM counts").fetchone()
    return row[0] or 0, row[1] or 0
