"""The journal of what agents sent: as received, in order of arrival, duplicates included.

One row an item, with its payload as it came; single samples and events are made when someone
reads, so that taking an exchange costs one insert an item whatever it holds.
"""

import base64
import hashlib
import json
import sqlite3
from collections.abc import Iterator
from typing import Any, NamedTuple

from .items import CUSTOM, EVENT, FILE, KINDS, MODEL, TIMESERIES, Item
from .store import Store

_ROWS_AT_ONCE = 50


class Sender(NamedTuple):
    """Who sent an exchange, and when."""

    agent: str
    received_ms: int
    correlation_id: str


class Journal:
    """Append to and read the journal."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def append(self, db: sqlite3.Connection, sender: Sender, items: list[Item]) -> list[int]:
        """Note one exchange, all of its items or none; give their numbers."""
        last = db.execute(
            "SELECT exchange, first_line + lines FROM received ORDER BY item DESC LIMIT 1"
        ).fetchone()
        exchange, line = (last[0] + 1, last[1]) if last else (1, 1)
        numbers = []
        for item in items:
            cursor = db.execute(
                "INSERT INTO received (first_line, lines, exchange, agent, kind, received_ms,"
                " correlation_id, details, payload, pending)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 1)",
                (
                    line,
                    item.lines,
                    exchange,
                    sender.agent,
                    item.kind,
                    sender.received_ms,
                    sender.correlation_id,
                    json.dumps(_details(db, item)),
                    # A file's bytes are kept once, under their hash.
                    None if item.kind == FILE else item.payload,
                ),
            )
            line += item.lines
            numbers.append(int(cursor.lastrowid or 0))
        return numbers

    def pending(self) -> list[sqlite3.Row]:
        """Give the items that were taken over but not processed yet, oldest first."""
        with self._store.reading() as db:
            return db.execute("SELECT * FROM received WHERE pending ORDER BY item").fetchall()

    def lines(
        self, *, agent: "str | None" = None, kind: "str | None" = None, after: int = 0
    ) -> Iterator[dict[str, Any]]:
        """Give what was received, one dict a sample, event, file, model or custom item.

        Every line has `seq`, `agent`, `kind`, `received_ms`, `correlation_id` and `exchange`;
        besides, by kind:

        - timeseries: `configuration_id`, `timestamp`, `values` (as sent; one line a sample)
        - event: `version` of the item, `event` (the object)
        - file: `name`, `type`, `created`, `size`, `sha256`
        - model: `model` (the configuration)
        - custom: `type`, `version`, `details`, `content_type`, `size`, `sha256`, `payload_base64`

        Args:
            agent: Only of this agent.
            kind: Only of this kind.
            after: Only lines with a greater `seq`.

        Raises:
            ValueError: *kind* is none of the five.
        """
        if kind is not None and kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}")
        return self._lines(agent, kind, after)

    def _lines(
        self, agent: "str | None", kind: "str | None", after: int
    ) -> Iterator[dict[str, Any]]:
        item = 0
        while True:
            with self._store.reading() as db:
                rows = db.execute(
                    "SELECT * FROM received WHERE item > ? AND first_line + lines > ?"
                    " AND (? IS NULL OR agent = ?) AND (? IS NULL OR kind = ?)"
                    " ORDER BY item LIMIT ?",
                    (item, after + 1, agent, agent, kind, kind, _ROWS_AT_ONCE),
                ).fetchall()
            for row in rows:
                for number, content in enumerate(_contents(row), row["first_line"]):
                    if number > after:
                        yield {
                            "seq": number,
                            "agent": row["agent"],
                            "kind": row["kind"],
                            "received_ms": row["received_ms"],
                            "correlation_id": row["correlation_id"],
                            "exchange": row["exchange"],
                            **content,
                        }
            if not rows:
                return
            item = rows[-1]["item"]


def content_of(row: sqlite3.Row) -> Any:
    """Give the parsed payload of an item of a JSON kind, None for the others."""
    return None if row["kind"] in (FILE, CUSTOM) else json.loads(row["payload"])


def _details(db: sqlite3.Connection, item: Item) -> dict[str, Any]:
    """Give what of an item is kept beside its payload."""
    if item.kind == TIMESERIES:
        return {"configuration_id": item.details["configurationId"]}
    if item.kind == EVENT:
        return {"version": item.version}
    if item.kind == MODEL:
        return {}
    sha256 = hashlib.sha256(item.payload).hexdigest()
    if item.kind == FILE:
        db.execute("INSERT OR IGNORE INTO blobs VALUES (?, ?)", (sha256, item.payload))
        return {
            "name": item.details["fileName"],
            "type": str(item.details.get("fileType") or ""),
            "created": str(item.details.get("creationDate") or ""),
            "size": len(item.payload),
            "sha256": sha256,
        }
    return {
        "type": item.type,
        "version": item.version,
        "details": item.details,
        "content_type": item.content_type,
        "size": len(item.payload),
        "sha256": sha256,
    }


def _contents(row: sqlite3.Row) -> list[dict[str, Any]]:
    details = json.loads(row["details"])
    content = content_of(row)
    if row["kind"] == TIMESERIES:
        return [{**details, **_sample(sample)} for sample in content]
    if row["kind"] == EVENT:
        return [{**details, "event": event} for event in content]
    if row["kind"] == MODEL:
        return [{"model": content}]
    if row["kind"] == CUSTOM:
        return [{**details, "payload_base64": base64.b64encode(row["payload"]).decode()}]
    return [details]


def _sample(sample: Any) -> dict[str, Any]:
    """Show a sample; one that is not an object, which the platform drops later, as it came."""
    if not isinstance(sample, dict):
        return {"timestamp": None, "values": [], "malformed": sample}
    return {"timestamp": sample.get("timestamp"), "values": sample.get("values")}
