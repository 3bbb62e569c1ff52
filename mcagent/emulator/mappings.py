"""Data point mappings: which point of an agent feeds which variable of an asset (agent API 8)."""

import sqlite3
import uuid
from typing import Any, NamedTuple

from .answers import Refusal
from .breaches import Breaches
from .plans import VARIABLES, check_plan
from .settings import Settings

FIELDS = ("agentId", "dataPointId", "entityId", "propertySetName", "propertyName")
_LENGTHS = dict(zip(FIELDS, (36, 36, 36, 256, 256)))

# One row a mapping, with its variable where that exists.
_SELECT = (
    "SELECT m.*, s.id AS series, s.type, s.unit, s.length, s.has_quality FROM mappings m"
    " LEFT JOIN series s"
    " ON s.asset = m.entity AND s.aspect = m.aspect AND s.variable = m.variable"
)


class Target(NamedTuple):
    """Where the values of one data point go."""

    series: int
    record: tuple[str, str]  # asset and aspect: values of one time in it are one record
    kind: str
    length: int


def add_mapping(
    db: sqlite3.Connection,
    *,
    agent: str,
    point: str,
    entity: str,
    aspect: str,
    variable: str,
    keep: bool,
) -> "str | None":
    """Store a mapping; give its id, or None if it exists already."""
    mapping = str(uuid.uuid4())
    cursor = db.execute(
        "INSERT OR IGNORE INTO mappings (id, agent, point, entity, aspect, variable, keep)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (mapping, agent, point, entity, aspect, variable, keep),
    )
    return mapping if cursor.rowcount else None


def create_mapping(
    db: sqlite3.Connection,
    body: dict[str, Any],
    points: "dict[str, dict[str, Any]]",
    *,
    settings: Settings,
    breaches: Breaches,
    check_point: bool,
) -> str:
    """Check a mapping against the agent's *points* and the asset's variables, and store it.

    Raises:
        Refusal: 400 if it breaks a rule, 409 if it exists.
    """
    agent, point_id, entity, aspect, variable = (_field(body, name) for name in FIELDS)
    keep = body.get("keepMapping", False)
    if not isinstance(keep, bool):
        raise Refusal(400, "keepMapping must be true or false.")
    series = db.execute(
        "SELECT * FROM series WHERE asset = ? AND aspect = ? AND variable = ?",
        (entity, aspect, variable),
    ).fetchone()
    if series is None:
        # The real answer has an empty id here (8).
        raise Refusal(
            400,
            f"Property with name {variable} does not belong to property set with name {aspect}!",
            error_id="",
        )
    point = points.get(point_id)
    if point is None and check_point:
        raise Refusal(400, f"Data point {point_id} is not in the data source configuration.")
    if point is not None and point["type"] != series["type"]:
        raise Refusal(
            400, f"Type {point['type']} of data point {point_id} is not {series['type']}."
        )
    if point is not None and point["unit"] != series["unit"]:
        words = f"Unit {point['unit']!r} of data point {point_id} is not {series['unit']!r}."
        if settings.units == "refuse":
            raise Refusal(400, words)
        breaches.note("units", words)
    other = db.execute(
        "SELECT variable FROM mappings WHERE agent = ? AND point = ? AND entity = ?"
        " AND aspect = ? AND variable != ?",
        (agent, point_id, entity, aspect, variable),
    ).fetchone()
    if other is not None:
        raise Refusal(400, f"Data point {point_id} is mapped to {other[0]} of {aspect} already.")
    same = "SELECT entity, aspect, variable FROM mappings WHERE agent = ? AND point = ?"
    places = {tuple(row) for row in db.execute(same, (agent, point_id))}
    if (entity, aspect, variable) not in places:
        whose = f"data point {point_id} of agent {agent}"
        check_plan(VARIABLES, len(places) + 1, whose, settings=settings, breaches=breaches)
    mapping = add_mapping(
        db, agent=agent, point=point_id, entity=entity, aspect=aspect, variable=variable, keep=keep
    )
    if mapping is None:
        raise Refusal(409, f"Data point {point_id} is mapped to {variable} of {aspect} already.")
    return mapping


def _field(body: dict[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not 1 <= len(value) <= _LENGTHS[name]:
        raise Refusal(400, f"{name} must be text of 1 to {_LENGTHS[name]} characters.")
    return value


def find_mappings(
    db: sqlite3.Connection, *, agent: "str | None" = None, mapping: "str | None" = None
) -> list[sqlite3.Row]:
    """Give mappings in order of creation: all, those of one agent, or the one with an id."""
    where, values = "", ()  # type: tuple[str, tuple[str, ...]]
    if mapping is not None:
        where, values = " WHERE m.id = ?", (mapping,)
    elif agent is not None:
        where, values = " WHERE m.agent = ?", (agent,)
    return db.execute(f"{_SELECT}{where} ORDER BY m.number", values).fetchall()


def invalidity(
    row: sqlite3.Row, points: "dict[str, dict[str, Any]]", settings: Settings
) -> list[str]:
    """Give the reasons why a mapping is invalid now; empty if it is valid."""
    reasons = []
    point = points.get(row["point"])
    if point is None:
        reasons.append("MISSING_DATAPOINT")
    if row["series"] is None:
        reasons.append("MISSING_PROPERTY")
    if point is not None and row["series"] is not None:
        if point["type"] != row["type"]:
            reasons.append("INVALID_TYPE")
        if settings.units != "ignore" and point["unit"] != row["unit"]:
            reasons.append("INVALID_UNIT")
    return reasons


def show_mapping(
    row: sqlite3.Row, points: "dict[str, dict[str, Any]]", settings: Settings
) -> dict[str, Any]:
    """Shape a mapping as the service answers it."""
    point = points.get(row["point"], {})
    reasons = invalidity(row, points, settings)
    return {
        "id": row["id"],
        "agentId": row["agent"],
        "dataPointId": row["point"],
        "dataPointUnit": point.get("unit"),
        "dataPointType": point.get("type"),
        "entityId": row["entity"],
        "propertySetName": row["aspect"],
        "propertyName": row["variable"],
        "propertyUnit": row["unit"],
        "propertyType": row["type"],
        "qualityEnabled": bool(row["has_quality"]),
        "keepMapping": bool(row["keep"]),
        "validity": {"status": "INVALID" if reasons else "VALID", "reasons": reasons},
    }


def targets(
    db: sqlite3.Connection,
    agent: str,
    points: "dict[str, dict[str, Any]]",
    settings: Settings,
) -> "tuple[dict[str, list[Target]], dict[str, str]]":
    """Give the valid targets of each mapped data point of an agent.

    Returns:
        Point to its targets; and point to the reasons of those that have invalid mappings only.
    """
    found: dict[str, list[Target]] = {}
    invalid: dict[str, str] = {}
    for row in find_mappings(db, agent=agent):
        reasons = invalidity(row, points, settings)
        if reasons:
            invalid[row["point"]] = ", ".join(reasons)
            continue
        where = (row["entity"], row["aspect"])
        target = Target(row["series"], where, row["type"], row["length"] or 0)
        found.setdefault(row["point"], []).append(target)
    return found, {point: why for point, why in invalid.items() if point not in found}
