"""The hub's memory: one SQLite database, in RAM or in a file, shared by its threads.

One connection guarded by one lock. SQLite would serialise writers anyway, and a single connection
is the only way for several threads to share a database in RAM without its deprecated shared cache.
"""

import sqlite3
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from . import tables

_SCHEMA = """
-- One row per variable of an asset; `id` is the key of its stored values.
CREATE TABLE IF NOT EXISTS series (
    id INTEGER PRIMARY KEY, asset TEXT NOT NULL, aspect TEXT NOT NULL, variable TEXT NOT NULL,
    type TEXT NOT NULL, unit TEXT NOT NULL, length INTEGER, has_quality INTEGER NOT NULL DEFAULT 1,
    UNIQUE (asset, aspect, variable));
-- One row per value, and the key is the only index: a page of an aspect is one range of each of
-- its variables, merged by time; the newest value and a plot are one range of one variable. A
-- value that may not be read yet (imported in bulk) waits for `visible_ms`.
CREATE TABLE IF NOT EXISTS stored (
    series INTEGER NOT NULL, time_ms INTEGER NOT NULL, value, quality TEXT,
    ingested_ms INTEGER NOT NULL, visible_ms INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (series, time_ms)) WITHOUT ROWID;
-- How many records and values of an aspect are stored.
CREATE TABLE IF NOT EXISTS counts (
    asset TEXT NOT NULL, aspect TEXT NOT NULL, records INTEGER NOT NULL, held INTEGER NOT NULL,
    PRIMARY KEY (asset, aspect));
-- Writes and deletions that were accepted and are not carried out yet.
CREATE TABLE IF NOT EXISTS writes (number INTEGER PRIMARY KEY, work TEXT NOT NULL);
-- The last deletion of time series, by tenant.
CREATE TABLE IF NOT EXISTS deletions (tenant TEXT PRIMARY KEY, time_ms INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS agents (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, tenant TEXT NOT NULL, profile TEXT NOT NULL,
    entity TEXT NOT NULL, etag INTEGER NOT NULL DEFAULT 1,
    boarding TEXT NOT NULL DEFAULT 'NOT_ONBOARDED', boarding_reads INTEGER NOT NULL DEFAULT 0,
    iat TEXT, iat_jti TEXT, iat_expires_ms INTEGER, iat_used INTEGER NOT NULL DEFAULT 0,
    dsc TEXT, dsc_id TEXT NOT NULL, dsc_etag INTEGER NOT NULL DEFAULT 0,
    automap TEXT, last_seen_ms INTEGER, online_since_ms INTEGER, UNIQUE (tenant, name));
-- The two slots of agent API 3.5: 'current' is the answer issued last, 'previous' the one whose
-- registration access token was used to issue it.
CREATE TABLE IF NOT EXISTS credentials (
    agent TEXT NOT NULL, slot TEXT NOT NULL, rat_jti TEXT NOT NULL, secret TEXT, jwk TEXT,
    expires_s INTEGER NOT NULL, used INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (agent, slot));
CREATE TABLE IF NOT EXISTS assertions (
    agent TEXT NOT NULL, jti TEXT NOT NULL, expires_s INTEGER NOT NULL, PRIMARY KEY (agent, jti));
CREATE TABLE IF NOT EXISTS mappings (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, agent TEXT NOT NULL, point TEXT NOT NULL,
    entity TEXT NOT NULL, aspect TEXT NOT NULL, variable TEXT NOT NULL, keep INTEGER NOT NULL,
    UNIQUE (agent, point, entity, aspect, variable));
CREATE TABLE IF NOT EXISTS event_mappings (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, etag INTEGER NOT NULL,
    agent TEXT NOT NULL, asset TEXT NOT NULL, type TEXT NOT NULL, type_name TEXT NOT NULL,
    field TEXT NOT NULL, value TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS event_mappings_agent ON event_mappings (agent);
-- What agents sent, item by item, before anything was judged. A line of `received` is one sample
-- or event, so an item holds `lines` of them from `first_line` on. `verdict` says in words what
-- became of it, `dropped` how much of it was lost.
CREATE TABLE IF NOT EXISTS received (
    item INTEGER PRIMARY KEY, first_line INTEGER NOT NULL, lines INTEGER NOT NULL,
    exchange INTEGER NOT NULL, agent TEXT NOT NULL, kind TEXT NOT NULL,
    received_ms INTEGER NOT NULL, correlation_id TEXT NOT NULL, details TEXT NOT NULL,
    payload BLOB, pending INTEGER NOT NULL, verdict TEXT NOT NULL DEFAULT '',
    dropped INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS received_kind ON received (kind, lines);
CREATE INDEX IF NOT EXISTS received_pending ON received (pending) WHERE pending;
CREATE TABLE IF NOT EXISTS blobs (sha256 TEXT PRIMARY KEY, content BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS drops (
    agent TEXT NOT NULL, reason TEXT NOT NULL, number INTEGER NOT NULL,
    PRIMARY KEY (agent, reason));
CREATE TABLE IF NOT EXISTS recoverable (
    id TEXT PRIMARY KEY, item INTEGER NOT NULL, agent TEXT NOT NULL, correlation_id TEXT NOT NULL,
    request_ms INTEGER NOT NULL, reason TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS activations (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, agent TEXT NOT NULL UNIQUE,
    status TEXT NOT NULL, until_ms INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS messages (
    number INTEGER PRIMARY KEY, agent TEXT NOT NULL, correlation_id TEXT NOT NULL,
    severity TEXT NOT NULL, message TEXT NOT NULL, source TEXT NOT NULL, state TEXT NOT NULL,
    time_ms INTEGER NOT NULL);
"""
_SCHEMA += tables.SCHEMA

_CLEARED = (
    "series",
    "stored",
    "counts",
    "writes",
    "deletions",
    "agents",
    "credentials",
    "assertions",
    "mappings",
    "event_mappings",
    "received",
    "blobs",
    "drops",
    "recoverable",
    "activations",
    "messages",
    *tables.NAMES,
)


class Store:
    """The database; every access goes through `transaction` or `reading`."""

    def __init__(self, path: str = ":memory:") -> None:
        self._lock = threading.RLock()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        # WAL without a sync per commit: a killed process loses nothing, and a test hub need not
        # survive a power cut.
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._check_schema(path)
        self._db.executescript(_SCHEMA)
        # Counts `clear` calls, so that work begun before one is not written after it.
        self.epoch = 0

    def _check_schema(self, path: str) -> None:
        """Refuse a file with other tables; there are no migrations, it is data for trying things.

        Raises:
            sqlite3.DatabaseError: Another version of the emulator made the file.
        """
        mark = zlib.crc32(_SCHEMA.encode()) >> 1  # user_version is signed
        found = self._db.execute("PRAGMA user_version").fetchone()[0]
        empty = self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0
        if not empty and found != mark:
            self._db.close()
            raise sqlite3.DatabaseError(
                f"{path} was made by another version of the emulator; "
                "move it away, or name another directory"
            )
        self._db.execute(f"PRAGMA user_version = {mark}")

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Write: all of the block, or nothing if it raises. Does not nest."""
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:  # SQLite ends it itself where the disk is full
                    self._db.execute("ROLLBACK")
                raise

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Read, with no writer in between."""
        with self._lock:
            yield self._db

    def changes(self) -> int:
        """Give a number that rises with every row that is written; without waiting for anybody."""
        return self._db.total_changes

    def clear(self) -> None:
        """Forget all agents, assets and data."""
        with self.transaction() as db:
            self.epoch += 1
            for table in _CLEARED:
                db.execute(f"DELETE FROM {table}")  # noqa: S608 - a constant of this module

    def close(self) -> None:
        with self._lock:
            self._db.close()
