"""Assets with aspects and variables: where mapped values end up.

Full asset management is not offered on the device side; assets come from the control interface,
and every agent has one of its own (in real tenants an agent *is* an asset, agent API 2.4).
"""

import sqlite3
import uuid
from typing import Any

from .values import READERS


def new_id() -> str:
    """Make an id as the platform does: 32 lower-case hexadecimal digits."""
    return uuid.uuid4().hex


def create_asset(
    db: sqlite3.Connection, name: str, tenant: str, aspects: "dict[str, dict[str, Any]]"
) -> str:
    """Create an asset with *aspects*: {aspect: {variable: {"type", "unit"?, "length"?, ...}}}.

    A variable keeps quality codes unless its member `qualityCode` is false.

    Raises:
        ValueError: A variable has no known type.
    """
    asset = new_id()
    db.execute("INSERT INTO assets VALUES (?, ?, ?)", (asset, name, tenant))
    for aspect, variables in aspects.items():
        for variable, shape in variables.items():
            put_variable(db, asset, aspect, variable, shape)
    return asset


def put_variable(
    db: sqlite3.Connection, asset: str, aspect: str, variable: str, shape: dict[str, Any]
) -> None:
    """Create a variable, or change type and unit of the one that exists.

    Raises:
        ValueError: Unknown type.
    """
    if shape.get("type") not in READERS:
        raise ValueError(
            f"variable {variable!r} of aspect {aspect!r} has type {shape.get('type')!r}; "
            f"known are {', '.join(READERS)}"
        )
    db.execute(
        "INSERT INTO series (asset, aspect, variable, type, unit, length, has_quality)"
        " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (asset, aspect, variable)"
        " DO UPDATE SET type = excluded.type, unit = excluded.unit, length = excluded.length,"
        " has_quality = excluded.has_quality",
        (
            asset,
            aspect,
            variable,
            shape["type"],
            shape.get("unit") or "",
            shape.get("length"),
            shape.get("qualityCode", True) is not False,
        ),
    )


def list_assets(db: sqlite3.Connection) -> list[dict[str, Any]]:
    """Give every asset with its aspects, in order of creation."""
    found: dict[str, dict[str, Any]] = {
        row["id"]: {"id": row["id"], "name": row["name"], "aspects": {}}
        for row in db.execute("SELECT id, name FROM assets ORDER BY rowid")
    }
    for row in db.execute("SELECT * FROM series ORDER BY id"):
        variables = found[row["asset"]]["aspects"].setdefault(row["aspect"], {})
        variables[row["variable"]] = {"type": row["type"], "unit": row["unit"]}
    return list(found.values())
