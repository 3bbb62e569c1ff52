"""The tree of assets: create, change, move, delete, and how one is shown (services API 5.4)."""

import json
import sqlite3
from typing import Any

from . import assets_check
from .answers import Refusal
from .assets import insert_asset, root_of
from .assets_types import ASPECT, ASSET, exploded, find_type, lineage, sync_assets, visible_type
from .files_service import delete_files_of

_DEPTH_MAX = 1000
FILTERABLE = frozenset(
    (
        *("assetId", "tenantId", "name", "externalId", "t2tenant", "subTenant", "timezone"),
        *("twinType", "deleted", "parentId", "typeId", "fileId", "hasType"),
    )
)


def find_asset(db: sqlite3.Connection, asset: str) -> "sqlite3.Row | None":
    """Give an asset's row; ids are taken in either case (services API 1.1)."""
    row: sqlite3.Row | None = db.execute(
        "SELECT * FROM assets WHERE id = ?", (asset[:64].lower(),)
    ).fetchone()
    return row


def is_shared(db: sqlite3.Connection, asset: str, tenant: str) -> bool:
    """Tell whether an asset was shared with *tenant*."""
    found = db.execute(
        "SELECT 1 FROM shares WHERE asset = ? AND tenant = ?", (asset, tenant)
    ).fetchone()
    return found is not None


def list_rows(db: sqlite3.Connection, tenant: str, *, shared: bool) -> list[dict[str, Any]]:
    """Give what assets are filtered and sorted by: one dict an asset, its row as `row`."""
    root_of(db, tenant)
    rows = db.execute(
        "SELECT * FROM assets WHERE tenant = ?"
        " OR (? AND id IN (SELECT asset FROM shares WHERE tenant = ?)) ORDER BY rowid",
        (tenant, shared, tenant),
    ).fetchall()
    families: dict[str, tuple[str, ...]] = {}
    found = []
    for row in rows:
        body = json.loads(row["body"])
        if row["type"] not in families:
            kind = find_type(db, ASSET, row["type"])
            families[row["type"]] = tuple(one["id"] for one in lineage(db, kind)) if kind else ()
        found.append(
            {
                "row": row,
                "assetId": row["id"],
                "tenantId": row["tenant"],
                "name": row["name"],
                "externalId": body["externalId"],
                "t2tenant": None,
                "subTenant": None,
                "timezone": body["timezone"],
                "twinType": body["twinType"],
                "deleted": None,
                "parentId": row["parent"],
                "typeId": row["type"],
                "fileId": None,
                "hasType": families[row["type"]],
                "etag": row["etag"],
            }
        )
    return found


def create(db: sqlite3.Connection, body: dict[str, Any], tenant: str) -> sqlite3.Row:
    """Create an asset below another one of its tenant.

    Raises:
        Refusal: 400, a member, the type or the parent is not valid.
    """
    checked = assets_check.asset(body)
    kind = _instantiable(db, checked["typeId"], tenant)
    _check_values(db, checked, kind)
    parent = _parent(db, checked["parentId"], tenant)
    rest = {name: checked[name] for name in checked if name not in ("name", "typeId", "parentId")}
    asset = insert_asset(
        db, name=checked["name"], tenant=tenant, kind=kind["id"], parent=parent, body=rest
    )
    sync_assets(db, tenant, asset)
    return _again(db, asset)


def change(db: sqlite3.Connection, row: sqlite3.Row, body: dict[str, Any]) -> sqlite3.Row:
    """Replace what may change of an asset; etag + 1.

    Raises:
        Refusal: 400, a member is not valid, or is one that cannot change.
    """
    held = json.loads(row["body"])
    fixed = {"typeId": row["type"], "parentId": row["parent"] or ""}
    for name, value in fixed.items():
        given = body.get(name)
        if given is not None and str(given).lower() != value.lower():
            way_out = "; use move" if name == "parentId" else ""
            raise Refusal(400, f"{name} of an asset cannot change here{way_out}.")
    for name in ("timezone", "twinType"):
        if body.get(name) not in (None, "", held[name]):
            raise Refusal(400, f"{name} of an asset cannot change.")
    checked = assets_check.asset({**body, **fixed, "twinType": held["twinType"]})
    checked["timezone"] = held["timezone"]
    kind = find_type(db, ASSET, row["type"])
    if kind is not None:
        _check_values(db, checked, kind)
    rest = {name: checked[name] for name in held}
    _update(db, row["id"], name=checked["name"], body=rest)
    return _again(db, row["id"])


def place(db: sqlite3.Connection, row: sqlite3.Row, location: Any) -> sqlite3.Row:
    """Set an asset's own location; None takes it away, and that of its parent shows.

    Raises:
        Refusal: 400 a bad location; 409 there is none of its own to take away.
    """
    held = json.loads(row["body"])
    if location is None and held["location"] is None:
        raise Refusal(409, "The location is inherited.")
    held["location"] = assets_check.location(location)
    _update(db, row["id"], name=row["name"], body=held)
    return _again(db, row["id"])


def move(db: sqlite3.Connection, row: sqlite3.Row, parent: Any) -> sqlite3.Row:
    """Hang an asset below another one.

    Raises:
        Refusal: 400, there is no such asset, or it is the asset itself or below it.
    """
    if row["parent"] is None:
        raise Refusal(400, "The root asset cannot move.")
    if not isinstance(parent, str):
        raise Refusal(400, "newParentId is missing or not text.")
    target = _parent(db, parent, row["tenant"])
    above = [target, *(one["assetId"] for one in hierarchy(db, _again(db, target)))]
    if row["id"] in above:
        raise Refusal(400, "An asset cannot move below itself.")
    db.execute("UPDATE assets SET parent = ?, etag = etag + 1 WHERE id = ?", (target, row["id"]))
    return _again(db, row["id"])


def delete(db: sqlite3.Connection, row: sqlite3.Row) -> None:
    """Delete an asset with its series, files and shares.

    Raises:
        Refusal: 400, it is the root, has children, or an agent locks it.
    """
    if row["parent"] is None:
        raise Refusal(400, "The root asset cannot be deleted.")
    if db.execute("SELECT 1 FROM assets WHERE parent = ?", (row["id"],)).fetchone():
        raise Refusal(400, "The asset has children.")
    if locks(db, row["id"]):
        raise Refusal(400, "The asset is locked by its agent; delete the agent first.")
    series = "SELECT id FROM series WHERE asset = ?"
    db.execute(f"DELETE FROM stored WHERE series IN ({series})", (row["id"],))  # noqa: S608
    delete_files_of(db, row["id"])
    for table in ("series", "counts", "shares", "events"):
        db.execute(f"DELETE FROM {table} WHERE asset = ?", (row["id"],))  # noqa: S608
    db.execute("DELETE FROM assets WHERE id = ?", (row["id"],))


def locks(db: sqlite3.Connection, asset: str) -> list[dict[str, str]]:
    """Give what keeps an asset from being deleted: agents."""
    rows = db.execute("SELECT id FROM agents WHERE entity = ?", (asset,))
    return [
        {"id": row["id"], "service": "AgentManagement", "reason": "agent", "reasonCode": "AGENT"}
        for row in rows
    ]


def hierarchy(db: sqlite3.Connection, row: sqlite3.Row) -> list[dict[str, str]]:
    """Give an asset's ancestors, the root first; empty for the root."""
    path: list[dict[str, str]] = []
    parent = row["parent"]
    while parent is not None and len(path) < _DEPTH_MAX:
        above = _again(db, parent)
        path.insert(0, {"assetId": above["id"], "name": above["name"]})
        parent = above["parent"]
    return path


def show(db: sqlite3.Connection, row: sqlite3.Row, url: str, tenant: str) -> dict[str, Any]:
    """Shape an asset for *tenant*; *url* is the address of the list of assets."""
    body = json.loads(row["body"])
    path = hierarchy(db, row)
    for ancestor in reversed(path):
        if body["location"] is not None:
            break
        body["location"] = json.loads(_again(db, ancestor["assetId"])["body"])["location"]
    shared = db.execute("SELECT 1 FROM shares WHERE asset = ?", (row["id"],)).fetchone()
    own = row["tenant"] == tenant
    here = f"{url}/{row['id']}"
    links = {name: {"href": f"{here}/{name}"} for name in ("variables", "aspects", "location")}
    links["self"] = {"href": here}
    links["children"] = {"href": f"{url}?filter=%7B%22parentId%22%3A%22{row['id']}%22%7D"}
    if row["parent"] is not None:
        links["parent"] = {"href": f"{url}/{row['parent']}"}
    return {
        "assetId": row["id"],
        "tenantId": row["tenant"],
        "name": row["name"],
        "etag": row["etag"],
        "typeId": row["type"],
        "parentId": row["parent"],
        **body,
        "subTenant": None,
        "t2Tenant": None,
        "deleted": None,
        "sharing": {"modes": ["SHARER" if own else "RECEIVER"] if shared else []},
        "locks": locks(db, row["id"]),
        "hierarchyPath": path,
        "_links": links,
    }


def aspects_of(db: sqlite3.Connection, row: sqlite3.Row, url: str) -> list[dict[str, Any]]:
    """Give the aspects of an asset: those of its type, and those that were added to it."""
    kind = find_type(db, ASSET, row["type"])
    found: dict[str, dict[str, Any]] = {}
    for aspect in exploded(db, kind)["aspects"] if kind else []:
        aspect_type = find_type(db, ASPECT, aspect["aspectTypeId"])
        if aspect_type is not None:
            found[aspect["name"]] = _aspect(row, aspect["name"], aspect_type, url)
    series = db.execute("SELECT * FROM series WHERE asset = ? ORDER BY id", (row["id"],))
    for one in series.fetchall():
        added = {"id": "", "category": "dynamic", "description": "", "variables": []}
        aspect = found.setdefault(one["aspect"], _aspect(row, one["aspect"], added, url))
        if all(variable["name"] != one["variable"] for variable in aspect["variables"]):
            aspect["variables"].append(
                {
                    "name": one["variable"],
                    "dataType": one["type"],
                    "unit": one["unit"],
                    "searchable": False,
                    "length": one["length"],
                    "defaultValue": None,
                    "qualityCode": bool(one["has_quality"]),
                }
            )
    return list(found.values())


def _aspect(row: sqlite3.Row, name: str, kind: dict[str, Any], url: str) -> dict[str, Any]:
    return {
        "aspectTypeId": kind["id"] or f"{row['tenant']}.{name}",
        "holderAssetId": row["id"],
        "name": name,
        "aspectId": kind["id"] or f"{row['tenant']}.{name}",
        "category": kind["category"],
        "description": kind["description"],
        "variables": list(kind["variables"]),
        "_links": {"asset": {"href": f"{url}/{row['id']}"}},
    }


def variables_of(db: sqlite3.Connection, row: sqlite3.Row) -> list[dict[str, Any]]:
    """Give the static variables of an asset with their values or defaults."""
    kind = find_type(db, ASSET, row["type"])
    values = {one["name"]: one["value"] for one in json.loads(row["body"])["variables"]}
    return [
        {**variable, "value": values.get(variable["name"], variable["defaultValue"])}
        for variable in (exploded(db, kind)["variables"] if kind else [])
    ]


def _instantiable(db: sqlite3.Connection, type_id: str, tenant: str) -> dict[str, Any]:
    try:
        kind = visible_type(db, ASSET, type_id, tenant)
    except Refusal as exc:
        raise Refusal(400, f"typeId: {exc.message}") from exc
    if not kind["instantiable"]:
        raise Refusal(400, f"Type {kind['id']} cannot have assets.")
    return kind


def _parent(db: sqlite3.Connection, parent: str, tenant: str) -> str:
    root_of(db, tenant)
    row = find_asset(db, parent)
    if row is None or row["tenant"] != tenant:
        raise Refusal(400, f"Parent asset {parent[:64]} not found.")
    return str(row["id"])


def _check_values(db: sqlite3.Connection, checked: dict[str, Any], kind: dict[str, Any]) -> None:
    whole = exploded(db, kind)
    _check_known(checked["variables"], whole["variables"], "the type")
    types = {aspect["name"]: aspect["aspectTypeId"] for aspect in whole["aspects"]}
    for aspect in checked["aspects"]:
        name = aspect["name"]
        known = find_type(db, ASPECT, types[name]) if name in types else None
        if known is None or known["category"] != "static":
            raise Refusal(400, f"Aspect {name[:64]} is none of the type's static aspects.")
        _check_known(aspect["variables"], known["variables"], f"aspect {name}")


def _check_known(given: list[dict[str, Any]], known: list[dict[str, Any]], where: str) -> None:
    lengths = {variable["name"]: variable["length"] for variable in known}
    for one in given:
        if one["name"] not in lengths:
            raise Refusal(400, f"Variable {one['name'][:64]} is not defined in {where}.")
        if len(str(one["value"] or "")) > (lengths[one["name"]] or 255):
            raise Refusal(400, f"Value of {one['name']} is longer than {lengths[one['name']]}.")


def _update(db: sqlite3.Connection, asset: str, *, name: str, body: dict[str, Any]) -> None:
    db.execute(
        "UPDATE assets SET name = ?, body = ?, etag = etag + 1 WHERE id = ?",
        (name, json.dumps(body), asset),
    )


def _again(db: sqlite3.Connection, asset: str) -> sqlite3.Row:
    row: sqlite3.Row = db.execute("SELECT * FROM assets WHERE id = ?", (asset,)).fetchone()
    return row
