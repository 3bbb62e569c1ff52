"""Recoverable records: items that were dropped, in part or whole, kept to be run again (7)."""

import sqlite3
import uuid
from typing import Any

from .diagnostics import correlation_of
from .settings import Settings
from .times import format_time

_LONGEST_REASON = 1024


def keep_record(
    db: sqlite3.Connection,
    item: sqlite3.Row,
    reason: str,
    *,
    replayed: "str | None" = None,
    settings: Settings,
) -> None:
    """Note that something of *item* was dropped.

    Args:
        db: Inside a transaction.
        item: Row of the journal.
        reason: Why, for people.
        replayed: Id of the record that was run again: it stays, with the new reason.
        settings: The hub's switches.
    """
    if replayed is not None:
        db.execute(
            "UPDATE recoverable SET reason = ? WHERE id = ?", (reason[:_LONGEST_REASON], replayed)
        )
        return
    db.execute(
        "INSERT INTO recoverable VALUES (?, ?, ?, ?, ?, ?)",
        (
            str(uuid.uuid4()),
            item["item"],
            item["agent"],
            correlation_of(item, settings),
            item["received_ms"],
            reason[:_LONGEST_REASON],
        ),
    )


def find_records(
    db: sqlite3.Connection,
    *,
    agent: "str | None" = None,
    record: "str | None" = None,
    now_ms: int,
    settings: Settings,
) -> list[sqlite3.Row]:
    """Give records in order of creation: all, those of one agent, or the one with an id."""
    life_ms = settings.recoverable_life_s * 1000
    return db.execute(
        "SELECT * FROM recoverable WHERE (? IS NULL OR agent = ?) AND (? IS NULL OR id = ?)"
        " AND (? = 0 OR request_ms > ?) ORDER BY rowid",
        (agent, agent, record, record, life_ms, now_ms - life_ms),
    ).fetchall()


def show_record(row: sqlite3.Row) -> dict[str, Any]:
    """Shape a record as the service answers it."""
    return {
        "id": row["id"],
        "correlationId": row["correlation_id"],
        "agentId": row["agent"],
        "requestTime": format_time(row["request_ms"]),
        "dropReason": row["reason"],
    }


def delete_record(db: sqlite3.Connection, record: str) -> None:
    db.execute("DELETE FROM recoverable WHERE id = ?", (record,))


def payload_of(db: sqlite3.Connection, row: sqlite3.Row) -> "tuple[bytes, str]":
    """Give the payload of a record as the device sent it, and its media type."""
    item = db.execute("SELECT * FROM received WHERE item = ?", (row["item"],)).fetchone()
    if item["payload"] is not None:
        json_kinds = ("timeseries", "event", "model")
        is_json = item["kind"] in json_kinds
        return bytes(item["payload"]), "application/json" if is_json else _ANY
    blob = db.execute(
        "SELECT content FROM blobs WHERE sha256 = json_extract(?, '$.sha256')", (item["details"],)
    ).fetchone()
    return bytes(blob["content"]), _ANY


_ANY = "application/octet-stream"
