"""Writes to time series that are accepted now and carried out later (services API 1.4, 1.7).

"The default behavior of the service is to queue the incoming request": who reads at once may miss
what was written. By default the hub is quicker than that; a switch makes it wait.
"""

import json
import random
import sqlite3
from functools import partial
from typing import Any

from .clock import PlatformClock
from .settings import Settings
from .store import Store
from .timeseries import Span, Values, Variable, delete_range, variables_of, write_records
from .worker import Worker


class Writes:
    """Carry out writes and deletions in the order in which they came.

    What waits is kept in the database, so that nothing accepted is lost when the hub stops.
    """

    def __init__(
        self, store: Store, worker: Worker, clock: PlatformClock, settings: Settings
    ) -> None:
        self._worker = worker
        self._clock = clock
        self._settings = settings
        with store.reading() as db:
            waiting = db.execute("SELECT number FROM writes ORDER BY number").fetchall()
        for row in waiting:
            worker.later(partial(_run_queued, row["number"]), 0.0)

    def put(
        self, db: sqlite3.Connection, place: tuple[str, str], records: dict[int, Values]
    ) -> None:
        """Replace records of an asset and aspect; in the caller's transaction, or later."""
        self._take(
            db,
            {
                "kind": "put",
                "asset": place[0],
                "aspect": place[1],
                "now_ms": self._clock.now_ms(),
                "records": [[time_ms, list(held.items())] for time_ms, held in records.items()],
            },
        )

    def delete(
        self,
        db: sqlite3.Connection,
        place: tuple[str, str],
        variables: list[Variable],
        span: Span,
    ) -> None:
        """Delete a range of all *variables* of an asset and aspect."""
        work = {"kind": "delete", "asset": place[0], "aspect": place[1]}
        self._take(db, {**work, "variables": variables, "span": span})

    def _take(self, db: sqlite3.Connection, work: dict[str, Any]) -> None:
        lowest, highest = self._settings.visibility_delay_s, self._settings.visibility_delay_max_s
        # An earlier one that still waits must not be overtaken.
        waiting = db.execute("SELECT 1 FROM writes LIMIT 1").fetchone()
        if not (lowest or highest or waiting):
            _run(db, work)
            return
        delay_s = random.uniform(lowest, max(lowest, highest))
        cursor = db.execute("INSERT INTO writes (work) VALUES (?)", (json.dumps(work),))
        self._worker.later(partial(_run_queued, int(cursor.lastrowid or 0)), delay_s)


def _run_queued(number: int, db: sqlite3.Connection) -> None:
    row = db.execute("SELECT work FROM writes WHERE number = ?", (number,)).fetchone()
    if row is not None:  # its transaction was not undone
        _run(db, json.loads(row["work"]))
        db.execute("DELETE FROM writes WHERE number = ?", (number,))


def _run(db: sqlite3.Connection, work: dict[str, Any]) -> None:
    place = (work["asset"], work["aspect"])
    # While it waited the asset may have been deleted, and the keys of its series are another's.
    there = {variable.series for variable in variables_of(db, *place)}
    if not there:
        return
    if work["kind"] == "delete":
        variables = [Variable(*each) for each in work["variables"]]
        held_by = [variable for variable in variables if variable.series in there]
        delete_range(db, place, held_by, Span(*work["span"]))
        return
    write_records(
        db,
        {
            (place, time_ms): {key: value for key, value in held if key in there}
            for time_ms, held in work["records"]
        },
        now_ms=work["now_ms"],
        replace=True,
    )
