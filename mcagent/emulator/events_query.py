"""Queries for events: the filter's rules, the default window, history (services API 4.2)."""

import json
import sqlite3
from typing import Any, NamedTuple

from .answers import Refusal, parse_json
from .events import show_event
from .events_types import BASE, MEMBERS, STANDARD, fields_of, lineage, list_types, visible_type
from .filters import read_filter

_WINDOW_MS = 7 * 24 * 3600 * 1000
_ASSET_TYPES_MAX = 5
_FAR_MS = 2**62


class Query(NamedTuple):
    """What to look for: types by id, and what is left of the filter as JSON text."""

    types: frozenset[str]
    rest: str
    known: frozenset[str]
    since_ms: int


def read_query(
    db: sqlite3.Connection, given: "str | dict[str, Any]", tenant: str, *, now_ms: int
) -> Query:
    """Read the filter of a query: JSON text, or what was parsed of it.

    Without a condition on `timestamp` or `id` only the last 7 days are looked at; without one on
    `typeId`, standard events and those of types derived from them.

    Raises:
        Refusal: 400.
    """
    wanted: Any = given
    if isinstance(given, str):
        try:
            wanted = parse_json(given) if given.strip() else {}
        except ValueError as exc:
            raise Refusal(400, f"filter is not JSON: {exc}") from exc
    if not isinstance(wanted, dict):
        raise Refusal(400, "filter must be a JSON object.")
    wanted = dict(wanted)
    type_id = wanted.pop("typeId", STANDARD)
    if not isinstance(type_id, str) or type_id == BASE or _names(wanted, "typeId"):
        raise Refusal(400, "typeId of a filter must be one plain id, once, not of the base event.")
    asset_types = wanted.get("assetTypeId")
    if isinstance(asset_types, dict) and "in" in asset_types:
        several = asset_types["in"]
        several = several.get("value") if isinstance(several, dict) else several
        if isinstance(several, list) and len(several) > _ASSET_TYPES_MAX:
            raise Refusal(400, f"assetTypeId of a filter takes at most {_ASSET_TYPES_MAX} values.")
    try:
        kind = visible_type(db, type_id, tenant)
    except Refusal as exc:
        raise Refusal(400, f"typeId: {exc.message}") from exc
    types = {kind["id"]: kind}
    for one in list_types(db, tenant):
        if any(ancestor["id"] == kind["id"] for ancestor in lineage(db, one)):
            types[one["id"]] = one
    known = {*MEMBERS, "id", "assetTypeId", "parentAssetId"} - {"typeId"}
    for one in types.values():
        known |= {name for name, field in fields_of(db, one).items() if field["filterable"]}
    # One that is named by its id is meant however old it is: Siemens' commands delete so.
    windowed = not _names(wanted, "timestamp") and not _names(wanted, "id")
    return Query(
        frozenset(types),
        json.dumps(wanted),
        frozenset(known),
        now_ms - _WINDOW_MS if windowed else -_FAR_MS,
    )


def _names(wanted: Any, name: str) -> bool:
    """Tell whether a member *name* stands anywhere in a filter."""
    todo = [wanted]
    while todo:
        one = todo.pop()
        if isinstance(one, dict):
            if name in one:
                return True
            todo += one.values()
        elif isinstance(one, list):
            todo += one
    return False


def run_query(
    db: sqlite3.Connection,
    query: Query,
    *,
    tenant: str,
    shared: bool,
    history: bool,
    asset: "str | None" = None,
) -> list[dict[str, Any]]:
    """Give the events that a query finds, newest first.

    Args:
        db: The store.
        query: What to look for.
        tenant: Whose events.
        shared: Those of assets that were shared with it too.
        history: All; False gives of one matter (correlation, asset, type) only the newest.
        asset: Only those of this asset.
    """
    passes = read_filter(query.rest, query.known, ignore_unknown=False)
    rows = db.execute(
        "SELECT e.*, a.type AS asset_type, a.parent AS asset_parent FROM events e"
        " JOIN assets a ON a.id = e.asset WHERE e.time_ms > ? AND (? IS NULL OR e.asset = ?)"
        " AND (a.tenant = ? OR (? AND a.id IN (SELECT asset FROM shares WHERE tenant = ?)))"
        " ORDER BY e.time_ms DESC, e.number DESC",
        (query.since_ms, asset, asset, tenant, shared, tenant),
    )
    found = []
    matters: set[tuple[str, str, str]] = set()
    for row in rows:
        if row["type"] not in query.types:
            continue
        matter = (row["correlation"], row["asset"], row["type"])
        if not history and matter in matters:
            continue
        matters.add(matter)
        event = show_event(row)
        extra = {"assetTypeId": row["asset_type"], "parentAssetId": row["asset_parent"]}
        if passes({**event, **extra}):
            found.append(event)
    return found
