"""Event mappings: which events of an agent belong to which assets (agent API 9).

An event whose type and field match is stored on the mapping's asset, on several if several match;
an event that nothing matches stays on the agent's own asset.
"""

import json
import sqlite3
import uuid
from typing import Any

from .answers import Refusal
from .breaches import Breaches
from .plans import EVENT_MAPPINGS, EVENT_MAPPINGS_OF_TYPE, check_plan
from .settings import Settings

# Member of the resource, its longest text, its column.
_MEMBERS = (
    ("agentId", 32, "agent"),
    ("assetId", 32, "asset"),
    ("eventTypeId", 64, "type"),
    ("eventTypeName", 64, "type_name"),
    ("eventTypeFieldName", 64, "field"),
    ("eventTypeFieldValue", 255, "value"),
)
FIELDS = tuple(name for name, _, _ in _MEMBERS)
_COLUMNS = tuple(column for _, _, column in _MEMBERS)
# What makes two mappings the same: the name follows from the type's id.
_KEY = ("agent", "asset", "type", "field", "value")


def read_mapping(body: dict[str, Any], *, changed: "sqlite3.Row | None" = None) -> dict[str, str]:
    """Read a mapping by column; members that a change leaves out stay as they are.

    Raises:
        Refusal: 400, a member is missing or no text of its length.
    """
    found: dict[str, str] = {}
    for name, longest, column in _MEMBERS:
        value = body.get(name)
        if value is None and changed is not None:
            value = changed[column]
        if not isinstance(value, str) or not 1 <= len(value) <= longest:
            raise Refusal(400, f"{name} must be text of 1 to {longest} characters.")
        found[column] = value
    if changed is not None and found["agent"] != changed["agent"]:
        raise Refusal(400, "agentId cannot change.")  # a guess: nobody says that it can
    return found


def create_mapping(
    db: sqlite3.Connection, mapping: dict[str, str], *, settings: Settings, breaches: Breaches
) -> sqlite3.Row:
    """Store a mapping; give its row.

    Raises:
        Refusal: 409 there is one like it; or the plan does not allow one more.
    """
    _check_single(db, mapping, "")
    _check_limits(db, mapping, "", settings=settings, breaches=breaches)
    mapping_id = str(uuid.uuid4())
    names = ", ".join(_COLUMNS)
    db.execute(
        f"INSERT INTO event_mappings (id, etag, {names}) VALUES (?, 1, ?, ?, ?, ?, ?, ?)",  # noqa: S608
        (mapping_id, *(mapping[column] for column in _COLUMNS)),
    )
    return find_mapping(db, mapping_id)


def change_mapping(
    db: sqlite3.Connection,
    row: sqlite3.Row,
    mapping: dict[str, str],
    *,
    settings: Settings,
    breaches: Breaches,
) -> sqlite3.Row:
    """Change a mapping; eTag + 1. Give its new row.

    Raises:
        Refusal: 409 there is one like it; or the plan does not allow one more of its new type.
    """
    _check_single(db, mapping, row["id"])
    if mapping["type"] != row["type"]:
        _check_limits(db, mapping, row["id"], settings=settings, breaches=breaches)
    names = ", ".join(f"{column} = ?" for column in _COLUMNS)
    db.execute(
        f"UPDATE event_mappings SET {names}, etag = etag + 1 WHERE id = ?",  # noqa: S608
        (*(mapping[column] for column in _COLUMNS), row["id"]),
    )
    return find_mapping(db, row["id"])


def _check_single(db: sqlite3.Connection, mapping: dict[str, str], but: str) -> None:
    where = " AND ".join(f"{column} = ?" for column in _KEY)
    if db.execute(
        f"SELECT 1 FROM event_mappings WHERE {where} AND id != ?",  # noqa: S608 - constants
        (*(mapping[column] for column in _KEY), but),
    ).fetchone():
        raise Refusal(409, "An event mapping like this exists already.")


def _check_limits(
    db: sqlite3.Connection,
    mapping: dict[str, str],
    but: str,
    *,
    settings: Settings,
    breaches: Breaches,
) -> None:
    others = db.execute(
        "SELECT type FROM event_mappings WHERE agent = ? AND id != ?", (mapping["agent"], but)
    ).fetchall()
    alike = sum(row["type"] == mapping["type"] for row in others)
    for resource, number in ((EVENT_MAPPINGS, len(others)), (EVENT_MAPPINGS_OF_TYPE, alike)):
        check_plan(
            resource,
            number + 1,
            f"agent {mapping['agent']}",
            settings=settings,
            breaches=breaches,
        )


def find_mapping(db: sqlite3.Connection, mapping: str) -> sqlite3.Row:
    """Give a mapping's row.

    Raises:
        Refusal: 404.
    """
    row: sqlite3.Row | None = db.execute(
        "SELECT * FROM event_mappings WHERE id = ?", (mapping,)
    ).fetchone()
    if row is None:
        raise Refusal(404, "Event mapping not found.")
    return row


def list_mappings(db: sqlite3.Connection) -> list[sqlite3.Row]:
    return db.execute("SELECT * FROM event_mappings ORDER BY number").fetchall()


def delete_mapping(db: sqlite3.Connection, row: sqlite3.Row) -> None:
    db.execute("DELETE FROM event_mappings WHERE id = ?", (row["id"],))


def show_mapping(row: sqlite3.Row) -> dict[str, Any]:
    """Shape a mapping as the service answers it; the eTag is text."""
    members = {name: row[column] for name, _, column in _MEMBERS}
    return {"id": row["id"], "eTag": str(row["etag"]), **members}


def assets_of_event(
    db: sqlite3.Connection,
    agent: sqlite3.Row,
    event: dict[str, Any],
    kind: dict[str, Any],
    settings: Settings,
) -> list[str]:
    """Give the assets that an event of an agent belongs to.

    Args:
        db: The database.
        agent: Row of the agent.
        event: As it came; its `type` is an id or a name.
        kind: The event type that the event was found to have.
        settings: The hub's switches.
    """
    found = []
    # A mapping whose asset was deleted leads nowhere.
    for row in db.execute(
        "SELECT m.* FROM event_mappings m JOIN assets a ON a.id = m.asset WHERE m.agent = ?"
        " ORDER BY m.number",
        (agent["id"],),
    ):
        # The standard type's id is longer than a mapping takes: it is mapped by its name.
        of_type = row["type"] in (event["type"], kind["id"], kind["name"])
        of_type = of_type or row["type_name"] == event["type"]
        if of_type and _matches(event, row, settings) and row["asset"] not in found:
            found.append(row["asset"])
    return found or [agent["entity"]]


def _matches(event: dict[str, Any], row: sqlite3.Row, settings: Settings) -> bool:
    """Compare a field: it stands in `details`, or beside them (a guess)."""
    details = event.get("details")
    value = details.get(row["field"]) if isinstance(details, dict) else None
    if value is None:
        value = event.get(row["field"])
    if isinstance(value, (bool, int, float)):
        value = json.dumps(value)
    if not isinstance(value, str):
        return False
    if settings.event_mapping_match == "equals":
        return value == str(row["value"])
    return str(row["value"]) in value
