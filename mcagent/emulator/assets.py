"""Assets: where mapped values end up, and what files and events hang on.

Every tenant has one tree of them below its root asset, and every agent is one (agent API 2.4).
Variables that no type describes are those that automatic mapping and the control interface add.
"""

import hashlib
import json
import sqlite3
import uuid
from typing import Any

from .assets_builtin import AGENT_TYPE, DEVICE_TYPE, ROOT_TYPE
from .values import READERS

EMPTY_BODY: dict[str, Any] = {
    "externalId": "",
    "description": "",
    "timezone": "Europe/Berlin",
    "twinType": "performance",
    "location": None,
    "variables": [],
    "aspects": [],
    "fileAssignments": [],
}


def new_id() -> str:
    """Make an id as the platform does: 32 lower-case hexadecimal digits."""
    return uuid.uuid4().hex


def root_of(db: sqlite3.Connection, tenant: str) -> str:
    """Give the id of a tenant's root asset, which is made when it is first asked for."""
    root = hashlib.sha256(f"root of {tenant}".encode()).hexdigest()[:32]
    db.execute(
        "INSERT OR IGNORE INTO assets VALUES (?, ?, ?, ?, NULL, 0, ?)",
        (root, tenant, tenant, ROOT_TYPE, json.dumps(EMPTY_BODY)),
    )
    return root


def insert_asset(
    db: sqlite3.Connection,
    *,
    name: str,
    tenant: str,
    kind: str,
    parent: str,
    body: dict[str, Any],
) -> str:
    """Store an asset that was checked; give its id."""
    asset = new_id()
    # etag 0 at first: Siemens' own tests against the platform delete a fresh asset with it.
    db.execute(
        "INSERT INTO assets VALUES (?, ?, ?, ?, ?, 0, ?)",
        (asset, name, tenant, kind, parent, json.dumps(body)),
    )
    return asset


def create_asset(
    db: sqlite3.Connection,
    name: str,
    tenant: str,
    aspects: "dict[str, dict[str, Any]]",
    *,
    agent: bool = False,
) -> str:
    """Create an asset with *aspects*: {aspect: {variable: {"type", "unit"?, "length"?, ...}}}.

    A variable keeps quality codes unless its member `qualityCode` is false.

    Raises:
        ValueError: A variable has no known type.
    """
    asset = insert_asset(
        db,
        name=name,
        tenant=tenant,
        kind=AGENT_TYPE if agent else DEVICE_TYPE,
        parent=root_of(db, tenant),
        body=EMPTY_BODY,
    )
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
        for row in db.execute(
            "SELECT id, name FROM assets WHERE parent IS NOT NULL ORDER BY rowid"
        )
    }
    for row in db.execute("SELECT * FROM series ORDER BY id"):
        if row["asset"] not in found:
            continue  # the root's: somebody mapped to it
        variables = found[row["asset"]]["aspects"].setdefault(row["aspect"], {})
        variables[row["variable"]] = {"type": row["type"], "unit": row["unit"]}
    return list(found.values())
