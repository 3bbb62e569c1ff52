"""Aspect types and asset types: what exists, what is inherited, what may change (services API 5).

A type only grows: variables and aspects are added, units change. What an asset type gives to its
assets becomes their series, which mappings and time series go by.
"""

import json
import sqlite3
from typing import Any

from . import assets_check
from .answers import Refusal
from .assets import put_variable
from .assets_builtin import ASPECT_TYPES, ASSET_TYPES, CORE

Type = dict[str, Any]

ASPECT, ASSET = "aspect_types", "asset_types"
_WORDS = {ASPECT: "Aspect type", ASSET: "Asset type"}
_BUILTIN = {ASPECT: ASPECT_TYPES, ASSET: ASSET_TYPES}
_PARENTS_MAX = 20


def list_types(db: sqlite3.Connection, table: str, tenant: str) -> list[Type]:
    """Give the types that a tenant sees: its own, and those that every tenant has."""
    rows = db.execute(f"SELECT * FROM {table} WHERE tenant = ? ORDER BY rowid", (tenant,))  # noqa: S608
    return [*map(_of_row, rows), *(_builtin(table, type_id) for type_id in _BUILTIN[table])]


def find_type(db: sqlite3.Connection, table: str, type_id: str) -> "Type | None":
    """Give a type by its id in either case: `id`, `tenantId`, `etag` and what it was made of."""
    if type_id.lower() in _BUILTIN[table]:
        return _builtin(table, type_id.lower())
    row = db.execute(f"SELECT * FROM {table} WHERE id = ?", (type_id,)).fetchone()  # noqa: S608
    return None if row is None else _of_row(row)


def _of_row(row: sqlite3.Row) -> Type:
    return {
        "id": row["id"],
        "tenantId": row["tenant"],
        "etag": row["etag"],
        **json.loads(row["body"]),
    }


def _builtin(table: str, type_id: str) -> Type:
    body = json.loads(json.dumps(_BUILTIN[table][type_id]))  # nobody changes the constant
    return {"id": type_id, "tenantId": CORE, "etag": 1, **body}


def visible_type(db: sqlite3.Connection, table: str, type_id: str, tenant: str) -> Type:
    """Give a type that *tenant* may use.

    Raises:
        Refusal: 404, there is none, or it is another tenant's.
    """
    found = find_type(db, table, type_id)
    if found is None or found["tenantId"] not in (tenant, CORE):
        raise Refusal(404, f"{_WORDS[table]} {type_id[:140]} not found.")
    return found


def lineage(db: sqlite3.Connection, asset_type: Type) -> list[Type]:
    """Give an asset type's ancestors, the oldest first, and itself as the last."""
    found = [asset_type]
    while found[0]["parentTypeId"] is not None and len(found) <= _PARENTS_MAX:
        parent = find_type(db, ASSET, found[0]["parentTypeId"])
        if parent is None:
            break
        found.insert(0, parent)
    return found


def exploded(db: sqlite3.Connection, asset_type: Type) -> Type:
    """Give an asset type with the aspects and variables that it inherits."""
    family = lineage(db, asset_type)
    return {
        **asset_type,
        "aspects": [aspect for one in family for aspect in one["aspects"]],
        "variables": [variable for one in family for variable in one["variables"]],
    }


def create_type(db: sqlite3.Connection, table: str, type_id: str, body: Type, tenant: str) -> Type:
    """Create a type; *body* is checked here.

    Raises:
        Refusal: 400 for a bad body, 403 for an id of another tenant.
    """
    checked = _check(db, table, type_id, body, tenant)
    db.execute(
        f"INSERT INTO {table} VALUES (?, ?, 1, ?)",  # noqa: S608 - one of two constants
        (type_id, tenant, json.dumps(checked)),
    )
    return visible_type(db, table, type_id, tenant)


def change_type(
    db: sqlite3.Connection, table: str, current: Type, body: Type, tenant: str
) -> Type:
    """Replace a type by a checked *body* that only adds to it; etag + 1.

    Raises:
        Refusal: 400, it takes something away; 403, it is not the tenant's own.
    """
    checked = _check(db, table, current["id"], body, tenant)
    if table == ASPECT and checked["category"] != current["category"]:
        raise Refusal(400, "category of an aspect type cannot change.")
    if table == ASSET:
        if checked["parentTypeId"].lower() != current["parentTypeId"].lower():
            raise Refusal(400, "parentTypeId of an asset type cannot change.")
        _check_growth({a["name"]: a["aspectTypeId"].lower() for a in current["aspects"]}, checked)
    _check_variables(current, checked)
    return _store(db, table, current["id"], checked, tenant)


def _store(db: sqlite3.Connection, table: str, type_id: str, body: Type, tenant: str) -> Type:
    db.execute(
        f"UPDATE {table} SET body = ?, etag = etag + 1 WHERE id = ?",  # noqa: S608
        (json.dumps(body), type_id),
    )
    sync_assets(db, tenant)
    return visible_type(db, table, type_id, tenant)


def change_variables(
    db: sqlite3.Connection, table: str, current: Type, changes: Any, tenant: str
) -> Type:
    """Merge *changes* into the variables of a type: {name: definition}; null removes one.

    Raises:
        Refusal: 400 or 403.
    """
    if not isinstance(changes, dict):
        raise Refusal(400, "Body must map names of variables to definitions.")
    held = {variable["name"]: variable for variable in current["variables"]}
    for name, change in changes.items():
        if change is None:
            held.pop(name, None)
        elif isinstance(change, dict):
            held[name] = {**held.get(name, {}), **change, "name": name}
        else:
            raise Refusal(400, f"Definition of {name[:64]} must be an object or null.")
    kept = {
        **current,
        "variables": [variable for variable in current["variables"] if variable["name"] in held],
    }
    body = {**current, "variables": list(held.values())}
    checked = _check(db, table, current["id"], body, tenant)
    _check_variables(kept, checked)
    return _store(db, table, current["id"], checked, tenant)


def delete_type(db: sqlite3.Connection, table: str, current: Type, tenant: str) -> None:
    """Delete a type that nothing uses.

    Raises:
        Refusal: 400, an asset type or an asset uses it; 403, it is not the tenant's own.
    """
    _check_owner(current["id"], tenant)
    type_id = current["id"].lower()
    types = list_types(db, ASSET, tenant)
    if table == ASPECT:
        users = [
            one["id"]
            for one in types
            if any(aspect["aspectTypeId"].lower() == type_id for aspect in one["aspects"])
        ]
    else:
        users = [one["id"] for one in types if (one["parentTypeId"] or "").lower() == type_id]
        rows = db.execute("SELECT id FROM assets WHERE type = ? LIMIT 1", (type_id,))
        users += [f"asset {row['id']}" for row in rows]
    if users:
        raise Refusal(400, f"{_WORDS[table]} {current['id']} is used by {users[0]}.")
    db.execute(f"DELETE FROM {table} WHERE id = ?", (current["id"],))  # noqa: S608


def sync_assets(db: sqlite3.Connection, tenant: str, asset: "str | None" = None) -> None:
    """Give all assets of a tenant (or one) the series that their types describe."""
    shapes: dict[str, list[tuple[str, dict[str, Any]]]] = {}
    rows = db.execute(
        "SELECT id, type FROM assets WHERE tenant = ? AND (? IS NULL OR id = ?)",
        (tenant, asset, asset),
    ).fetchall()
    for row in rows:
        kind = row["type"].lower()
        if kind not in shapes:
            shapes[kind] = dynamic_variables(db, kind)
        for aspect, variable in shapes[kind]:
            put_variable(
                db, row["id"], aspect, variable["name"], {**variable, "type": variable["dataType"]}
            )


def dynamic_variables(db: sqlite3.Connection, type_id: str) -> list[tuple[str, dict[str, Any]]]:
    """Give (aspect name, variable) for all that an asset of this type records."""
    asset_type = find_type(db, ASSET, type_id)
    if asset_type is None:
        return []
    found = []
    for aspect in exploded(db, asset_type)["aspects"]:
        aspect_type = find_type(db, ASPECT, aspect["aspectTypeId"])
        if aspect_type is not None and aspect_type["category"] == "dynamic":
            found += [(aspect["name"], variable) for variable in aspect_type["variables"]]
    return found


def _check(db: sqlite3.Connection, table: str, type_id: str, body: Type, tenant: str) -> Type:
    name = _check_owner(type_id, tenant)
    if table == ASPECT:
        return assets_check.aspect_type(body, name)
    checked = assets_check.asset_type(body, name)
    try:
        parent = visible_type(db, ASSET, checked["parentTypeId"], tenant)
        for aspect in checked["aspects"]:
            aspect["aspectTypeId"] = visible_type(db, ASPECT, aspect["aspectTypeId"], tenant)["id"]
    except Refusal as exc:
        raise Refusal(400, exc.message) from exc
    if any(one["id"].lower() == type_id.lower() for one in lineage(db, parent)):
        raise Refusal(400, "parentTypeId would make the type its own ancestor.")
    inherited = exploded(db, parent)
    for what in ("aspects", "variables"):
        names = [one["name"] for one in (*inherited[what], *checked[what])]
        for taken in sorted({one for one in names if names.count(one) > 1}):
            raise Refusal(
                400, f"Name {taken} occurs twice in the {what} of the type and its parents."
            )
    return checked


def _check_owner(type_id: str, tenant: str) -> str:
    owner, name = assets_check.split_type_id(type_id)
    if owner != tenant:
        raise Refusal(403, f"Types of {owner} are not for tenant {tenant} to change.")
    return name


def _check_growth(aspects: dict[str, str], checked: Type) -> None:
    after = {one["name"]: one["aspectTypeId"].lower() for one in checked["aspects"]}
    for name, kind in aspects.items():
        if after.get(name) != kind:
            raise Refusal(400, f"Aspect {name} of an asset type can neither go nor change.")


def _check_variables(current: Type, checked: Type) -> None:
    """Let variables be added and units change; static texts may also grow (5.2)."""
    after = {one["name"]: one for one in checked["variables"]}
    static = current.get("category", "static") == "static"
    for before in current["variables"]:
        name = before["name"]
        now = after.get(name)
        if now is None:
            raise Refusal(400, f"Variable {name} cannot be taken away.")
        for member in ("dataType", "qualityCode"):
            if now[member] != before[member]:
                raise Refusal(400, f"{member} of variable {name} cannot change.")
        grows = static and (now["length"] or 0) > (before["length"] or 0)
        if now["length"] != before["length"] and not grows:
            raise Refusal(400, f"length of variable {name} cannot change.")
