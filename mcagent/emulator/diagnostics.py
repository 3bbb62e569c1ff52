"""Diagnostics of agents: activations and messages (agent API 7).

An operator, or the agent itself, switches diagnostics on for an hour; while they are on, the
platform writes what it does with each item after its 200.
"""

import sqlite3
import uuid
from typing import Any, NamedTuple

from .answers import Refusal
from .settings import Settings
from .times import format_time

ACTIVE, INACTIVE = "ACTIVE", "INACTIVE"
INFO, WARN, ERROR = "INFO", "WARN", "ERROR"
ACCEPTED, PROCESSING, FINISHED, DROPPED = "ACCEPTED", "PROCESSING", "FINISHED", "DROPPED"
_LONGEST_MESSAGE = 4096
# Names of sources other than TIMESERIES are not enumerated (7.2, a guess).
_SOURCES = {
    "timeseries": "TIMESERIES",
    "event": "EVENT",
    "file": "FILE",
    "model": "DATASOURCE_CONFIGURATION",
    "custom": "CUSTOM",
}


class Note(NamedTuple):
    """What a message says, without whom it is about."""

    severity: str
    state: str
    text: str


# -- activations --------------------------------------------------------------------------------


def activate(
    db: sqlite3.Connection, agent: str, status: str, *, now_ms: int, settings: Settings
) -> sqlite3.Row:
    """Create the activation of an agent; give its row.

    Raises:
        Refusal: 409 if the agent has one, on or off; the switch's status for too many agents.
    """
    if find_activation(db, agent) is not None:
        raise Refusal(409, f"Diagnostics of agent {agent} are activated already.")
    if status == ACTIVE:
        _check_limit(db, agent, now_ms, settings)
    db.execute(
        "INSERT INTO activations (id, agent, status, until_ms) VALUES (?, ?, ?, ?)",
        (str(uuid.uuid4()), agent, status, now_ms + settings.diagnostic_active_s * 1000),
    )
    return db.execute("SELECT * FROM activations WHERE agent = ?", (agent,)).fetchone()  # type: ignore[no-any-return]


def switch(
    db: sqlite3.Connection, row: sqlite3.Row, status: str, *, now_ms: int, settings: Settings
) -> sqlite3.Row:
    """Switch an activation on, for the whole time again, or off; give its new row.

    Raises:
        Refusal: Too many agents are activated.
    """
    if status == ACTIVE and not is_active(row, now_ms):
        _check_limit(db, row["agent"], now_ms, settings)
    db.execute(
        "UPDATE activations SET status = ?, until_ms = ? WHERE id = ?",
        (status, now_ms + settings.diagnostic_active_s * 1000, row["id"]),
    )
    return db.execute("SELECT * FROM activations WHERE id = ?", (row["id"],)).fetchone()  # type: ignore[no-any-return]


def _check_limit(db: sqlite3.Connection, agent: str, now_ms: int, settings: Settings) -> None:
    active = db.execute(
        "SELECT count(*) FROM activations v JOIN agents a ON a.id = v.agent"
        " WHERE v.status = 'ACTIVE' AND v.until_ms > ?"
        " AND a.tenant = (SELECT tenant FROM agents WHERE id = ?)",
        (now_ms, agent),
    ).fetchone()[0]
    if active >= settings.diagnostic_agents_max:
        # Its text holds "agent limitation"; its status is not documented (7.3).
        raise Refusal(
            int(settings.diagnostic_limit_status),
            f"Diagnostic agent limitation reached: {active} agents of the tenant are activated.",
        )


def find_activation(db: sqlite3.Connection, name: str) -> "sqlite3.Row | None":
    """Give an activation by its own id or by its agent's: clients use both (7.2)."""
    return db.execute(  # type: ignore[no-any-return]
        "SELECT * FROM activations WHERE id = ? OR agent = ?", (name, name)
    ).fetchone()


def is_active(row: sqlite3.Row, now_ms: int) -> bool:
    """Tell whether an activation is on: it switches itself off after its time (7.3)."""
    return bool(row["status"] == ACTIVE and row["until_ms"] > now_ms)


def show_activation(row: sqlite3.Row, now_ms: int) -> dict[str, Any]:
    """Shape an activation as the service answers it."""
    status = ACTIVE if is_active(row, now_ms) else INACTIVE
    return {"id": row["id"], "agentId": row["agent"], "status": status}


def delete_activation(db: sqlite3.Connection, row: sqlite3.Row) -> None:
    db.execute("DELETE FROM activations WHERE id = ?", (row["id"],))


def forget_agent(db: sqlite3.Connection, agent: str) -> None:
    """Delete what is about an agent that is deleted."""
    for table in ("activations", "messages", "recoverable"):
        db.execute(f"DELETE FROM {table} WHERE agent = ?", (agent,))  # noqa: S608 - constants


# -- messages -----------------------------------------------------------------------------------


def write_messages(
    db: sqlite3.Connection,
    item: sqlite3.Row,
    notes: "list[Note]",
    *,
    now_ms: int,
    settings: Settings,
) -> None:
    """Write messages about an item of the journal, if its agent's diagnostics are on."""
    row = db.execute("SELECT * FROM activations WHERE agent = ?", (item["agent"],)).fetchone()
    if row is None or not is_active(row, now_ms):
        return
    db.execute(
        "DELETE FROM messages WHERE time_ms <= ?",
        (now_ms - settings.diagnostic_messages_life_s * 1000,),
    )
    db.executemany(
        "INSERT INTO messages (agent, correlation_id, severity, message, source, state, time_ms)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            (
                item["agent"],
                correlation_of(item, settings),
                note.severity,
                f"[{note.state.capitalize()}] {note.text}"[:_LONGEST_MESSAGE],
                _SOURCES[item["kind"]],
                note.state,
                now_ms,
            )
            for note in notes
        ),
    )


def write_accepted(
    db: sqlite3.Connection, agent: str, items: list[int], *, now_ms: int, settings: Settings
) -> None:
    """Write that the items of an exchange were taken over, if the agent's diagnostics are on."""
    row = db.execute("SELECT * FROM activations WHERE agent = ?", (agent,)).fetchone()
    if row is None or not is_active(row, now_ms):
        return
    for number in items:
        item = db.execute("SELECT * FROM received WHERE item = ?", (number,)).fetchone()
        note = Note(INFO, ACCEPTED, f"Number of samplings: {item['lines']}, requests: 1.")
        write_messages(db, item, [note], now_ms=now_ms, settings=settings)


def correlation_of(item: sqlite3.Row, settings: Settings) -> str:
    """Give the correlation id of messages and records: the request's, or one of our own.

    Which of them the platform shows is not said (7.2, a guess).
    """
    if settings.own_correlation_ids:
        return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{item['agent']}/{item['exchange']}"))
    return str(item["correlation_id"])


def find_messages(
    db: sqlite3.Connection, *, agent: "str | None", now_ms: int, settings: Settings
) -> list[dict[str, Any]]:
    """Give messages of an agent (None: of all), oldest first, as the deprecated list has them."""
    rows = db.execute(
        "SELECT * FROM messages WHERE (? IS NULL OR agent = ?) AND time_ms > ? ORDER BY number",
        (agent, agent, now_ms - settings.diagnostic_messages_life_s * 1000),
    )
    return [
        {
            "agentId": row["agent"],
            "correlationId": row["correlation_id"],
            "severity": row["severity"],
            "message": row["message"],
            "source": row["source"],
            "state": row["state"],
            "timestamp": format_time(row["time_ms"]),
        }
        for row in rows
    ]
