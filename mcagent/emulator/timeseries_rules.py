"""How fast a series may be written, and what of it may be deleted (services API 1.7, 1.9)."""

import sqlite3
import threading

from .answers import Refusal
from .breaches import Breaches
from .settings import STRICT, Settings
from .timeseries import Span, Variable
from .timeseries_reading import DAY_MS

_HOUR_MS = 3_600_000
_WEEK_MS = 7 * DAY_MS
_RULE = "delete_rules"


class Throttle:
    """Bytes a second for each asset and aspect.

    What was written drains at the rate of the limit. A body is taken if with it no more than one
    second's worth is left to drain, or if nothing is: a body of 1 MB is allowed, and its successor
    waits ten seconds.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # Thousandths of bytes that are left to drain, and when: no fraction is ever rounded.
        self._levels: dict[tuple[str, str], tuple[int, int]] = {}

    def take(self, place: tuple[str, str], size: int, rate: int, now_ms: int) -> bool:
        """Note *size* bytes for *place* if *rate* allows them; tell whether it does."""
        with self._lock:
            level, before_ms = self._levels.get(place, (0, now_ms))
            level = max(0, level - rate * max(0, now_ms - before_ms))
            taken = level == 0 or level + size * 1000 <= rate * 1000
            self._levels[place] = (level + size * 1000 * taken, now_ms)
            return taken

    def clear(self) -> None:
        with self._lock:
            self._levels.clear()


def check_rate(
    throttle: Throttle,
    place: tuple[str, str],
    size: int,
    *,
    settings: Settings,
    now_ms: int,
    breaches: Breaches,
) -> None:
    """Take *size* bytes for *place*.

    Raises:
        Refusal: 429, too many a second.
    """
    rate = settings.put_bytes_per_s or STRICT["put_bytes_per_s"]
    if throttle.take(place, size, rate, now_ms):
        return
    what = f"More than {rate} bytes/s for {place[0]}/{place[1]}."
    if breaches.forbids("put_bytes_per_s", what):
        raise too_many(what, settings.retry_after_s, settings)


def too_many(message: str, retry_after_s: int, settings: Settings) -> Refusal:
    """Make a 429 in the words of the service or of the gateway; maybe with `Retry-After`."""
    gateway = settings.throttle_shape == "gateway"
    headers = {"Retry-After": str(retry_after_s)} if settings.retry_after_s else None
    words = "API rate limit exceeded" if gateway else message
    return Refusal(429, words, headers=headers, gateway=gateway)


def check_deletion(
    db: sqlite3.Connection,
    tenant: str,
    variables: list[Variable],
    span: Span,
    *,
    settings: Settings,
    now_ms: int,
    breaches: Breaches,
) -> None:
    """Check a range that is to be deleted, and note the deletion.

    Raises:
        Refusal: 400 for the range, 429 for the second deletion of a day.
    """
    for broken in _broken(db, variables, span, now_ms):
        if breaches.forbids(_RULE, broken):
            raise Refusal(400, broken)
    row = db.execute("SELECT time_ms FROM deletions WHERE tenant = ?", (tenant,)).fetchone()
    # A day is taken as 24 hours: who keeps that keeps a calendar's day, too.
    wait_ms = row["time_ms"] + DAY_MS - now_ms if row is not None else 0
    words = "Only one delete request per tenant and day is allowed."
    if wait_ms > 0 and breaches.forbids(_RULE, words):
        raise too_many(words, -(-wait_ms // 1000), settings)
    db.execute("INSERT OR REPLACE INTO deletions VALUES (?, ?)", (tenant, now_ms))


def _broken(
    db: sqlite3.Connection, variables: list[Variable], span: Span, now_ms: int
) -> list[str]:
    broken = []
    if span.after_ms % _HOUR_MS or span.to_ms % _HOUR_MS:
        broken.append("from and to must be full hours in UTC.")
    if span.to_ms - span.after_ms > _WEEK_MS:
        broken.append("Range between from and to can't exceed 7 days.")
    # "Time Series data can only be deleted 7 days after it was submitted."
    for variable in variables:
        row = db.execute(
            "SELECT 1 FROM stored WHERE series = ? AND time_ms > ? AND time_ms <= ?"
            " AND ingested_ms > ? LIMIT 1",
            (variable.series, *span, now_ms - _WEEK_MS),
        ).fetchone()
        if row is not None:
            broken.append("Range holds data that were submitted less than 7 days ago.")
            break
    return broken
