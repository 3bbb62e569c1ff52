"""The worker that processes items some time after the exchange was answered (agent API 12)."""

import logging
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from .breaches import Breaches
from .clock import PlatformClock
from .ingest import process_item
from .journal import Journal, content_of
from .settings import Settings
from .store import Store

_LOG = logging.getLogger(__name__)
_AGAIN_S = 0.5


class _Job(NamedTuple):
    due: float  # by time.monotonic()
    run: Callable[[sqlite3.Connection], None]
    epoch: int


class Worker:
    """A thread that processes items one by one, in order of arrival.

    Items wait in the database, not here: what is pending when the hub stops is processed when it
    starts again on the same data.
    """

    def __init__(
        self,
        store: Store,
        journal: Journal,
        clock: PlatformClock,
        settings: Settings,
        breaches: Breaches,
    ) -> None:
        self._store = store
        self._clock = clock
        self._settings = settings
        self._breaches = breaches
        self._jobs: deque[_Job] = deque()
        self._changed = threading.Condition()
        self._busy = False
        self._stopping = False
        self._failing = False  # the database takes nothing at present
        for row in journal.pending():
            self._jobs.append(
                _Job(0.0, partial(self._item, row["item"], content_of(row), None), store.epoch)
            )
        self._accepted, self._done = len(self._jobs), 0
        self._thread = threading.Thread(target=self._run, name="insights-hub-worker", daemon=True)
        self._thread.start()

    def submit(self, items: "list[tuple[int, Any]]", epoch: int) -> None:
        """Queue items (number, parsed payload) of one exchange."""
        due = time.monotonic() + self._settings.processing_delay_s
        with self._changed:
            self._jobs.extend(
                _Job(due, partial(self._item, item, content, None), epoch)
                for item, content in items
            )
            self._accepted += len(items)
            self._changed.notify_all()

    def replay(self, record: sqlite3.Row) -> None:
        """Queue the item of a recoverable record once more.

        Not kept over a restart: the record is, and can be replayed again.
        """
        self.later(
            partial(self._item, record["item"], None, record["id"]),
            self._settings.processing_delay_s,
        )

    def later(self, run: Callable[[sqlite3.Connection], None], delay_s: float) -> None:
        """Queue work that `run` does inside a transaction; it waits for what was queued before."""
        job = _Job(time.monotonic() + delay_s, run, self._store.epoch)
        with self._changed:
            self._jobs.append(job)
            self._accepted += 1
            self._changed.notify_all()

    def pending(self) -> int:
        """Tell how many items are not processed yet."""
        with self._changed:
            return len(self._jobs) + self._busy

    def settle(self, timeout_s: float) -> bool:
        """Wait for what was accepted so far; False if that took longer than *timeout_s*.

        Not for what comes meanwhile: a busy device keeps something pending for ever.
        """
        with self._changed:
            accepted = self._accepted
            return self._changed.wait_for(lambda: self._done >= accepted, timeout_s)

    def close(self) -> None:
        """Stop after the item that is being processed."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._thread.join()

    def _run(self) -> None:
        while True:
            job = self._next()
            if job is None:
                return
            done = self._process(job)
            with self._changed:
                if not done:  # it was answered already: it waits, and what came after it, too
                    self._jobs.appendleft(job._replace(due=time.monotonic() + _AGAIN_S))
                self._done += done
                self._busy = False
                self._changed.notify_all()

    def _next(self) -> "_Job | None":
        with self._changed:
            while not self._stopping:
                wait_s = self._jobs[0].due - time.monotonic() if self._jobs else None
                if wait_s is not None and wait_s <= 0:
                    self._busy = True
                    return self._jobs.popleft()
                self._changed.wait(wait_s)
            return None

    def _process(self, job: _Job) -> bool:
        """Do a job; False if the database could not be written, as on a disk that is full."""
        try:
            with self._store.transaction() as db:
                if job.epoch == self._store.epoch:  # or else the hub was cleared after it was sent
                    job.run(db)
        except sqlite3.OperationalError as error:
            if not self._failing:
                _LOG.warning("what was accepted waits: %s", error)
            self._failing = True
            return False
        except Exception:  # noqa: BLE001 - a mistake of ours: what came after it must not wait
            _LOG.exception("passed over, as it cannot be processed; tried again at the next start")
            return True
        if self._failing:
            _LOG.warning("what was accepted is processed again")
        self._failing = False
        return True

    def _item(
        self, item: int, content: Any, replayed: "str | None", db: sqlite3.Connection
    ) -> None:
        """Process an item; *replayed* is the recoverable record that it is run again for."""
        row = db.execute("SELECT * FROM received WHERE item = ?", (item,)).fetchone()
        process_item(
            db,
            row,
            content_of(row) if replayed else content,
            settings=self._settings,
            breaches=self._breaches,
            now_ms=self._clock.now_ms(),
            replayed=replayed,
        )
