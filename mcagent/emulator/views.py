"""What the page shows, read from the store: small answers, newest first, bounded."""

import json
import sqlite3
from typing import Any

from .datasource import points_of
from .hub import Hub
from .items import FILE
from .mappings import find_mappings, invalidity
from .plots import newest_of, with_newest

ROWS_MAX = 1000
_COUNTED = ("assets", "mappings", "events", "files", "recoverable")


def overview(hub: Hub) -> dict[str, Any]:
    """Give agents, counts, clock, faults: what is always on the screen."""
    now_ms = hub.clock.now_ms()
    with hub.store.reading() as db:
        counts = {
            name: db.execute(f"SELECT count(*) FROM {name}").fetchone()[0]  # noqa: S608
            for name in _COUNTED
        }
        newest = "SELECT exchange FROM received ORDER BY item DESC LIMIT 1"
        row = db.execute(newest).fetchone()
        counts["exchanges"] = row[0] if row else 0
        mappings = _mappings(db)
        lost: dict[str, dict[str, int]] = {}
        for drop in db.execute("SELECT * FROM drops ORDER BY number DESC"):
            lost.setdefault(drop["agent"], {})[drop["reason"]] = drop["number"]
        agents = [
            _agent(row, mappings.get(row["id"], []), lost.get(row["id"], {}), hub, now_ms)
            for row in db.execute("SELECT * FROM agents ORDER BY rowid").fetchall()
        ]
    return {
        "now_ms": now_ms,
        "clock_offset_s": hub.clock.offset_s,
        "agents": agents,
        "counts": {
            **counts,
            "requests": hub.traffic.count(),
            "breaches": sum(hub.breaches.counts().values()),
            "pending": hub.worker.pending(),
        },
        "faults": hub.faults.show(),
    }


def _agent(
    row: sqlite3.Row,
    mappings: list[sqlite3.Row],
    lost: dict[str, int],
    hub: Hub,
    now_ms: int,
) -> dict[str, Any]:
    points = points_of(row)
    good = {
        mapping["point"] for mapping in mappings if not invalidity(mapping, points, hub.settings)
    }
    seen = row["last_seen_ms"]
    return {
        "id": row["id"],
        "name": row["name"],
        "tenant": row["tenant"],
        "profile": row["profile"],
        "boarding": row["boarding"],
        "asset": row["entity"],
        "automap": row["automap"] is not None,
        "last_seen_ms": seen,
        "online": seen is not None and now_ms - seen <= hub.settings.online_window_s * 1000,
        "points": len(points),
        "mapped": len(good & set(points)),
        "dropped": lost,
    }


def _mappings(db: sqlite3.Connection) -> dict[str, list[sqlite3.Row]]:
    """Give mappings by agent, in one query: one for each of thousands keeps devices waiting."""
    found: dict[str, list[sqlite3.Row]] = {}
    for mapping in find_mappings(db):
        found.setdefault(mapping["agent"], []).append(mapping)
    return found


def sources(hub: Hub) -> dict[str, Any]:
    """Give what can be plotted: the variables of each asset, the data points of each agent."""
    with hub.store.reading() as db:
        names = dict(tuple(row) for row in db.execute("SELECT id, name FROM assets"))
        assets: dict[str, list[dict[str, Any]]] = {}
        for row in with_newest(db):
            assets.setdefault(row["asset"], []).append(
                {
                    "series": row["id"],
                    "aspect": row["aspect"],
                    "name": row["variable"],
                    "type": row["type"],
                    "unit": row["unit"],
                    "newest": newest_of(row),
                }
            )
        agents = [
            {
                "id": row["id"],
                "name": row["name"],
                "points": [
                    {"id": point["id"], "name": point["name"], "type": point["type"]}
                    | {"unit": point["unit"]}
                    for point in points_of(row).values()
                ],
            }
            for row in db.execute("SELECT * FROM agents ORDER BY rowid").fetchall()
        ]
    return {
        "assets": [
            {"id": asset, "name": names.get(asset, asset), "variables": variables}
            for asset, variables in assets.items()
        ],
        "agents": [agent for agent in agents if agent["points"]],
    }


def models(hub: Hub) -> list[dict[str, Any]]:
    """Give the data model of each agent, its points with what they are mapped to."""
    with hub.store.reading() as db:
        names = dict(tuple(row) for row in db.execute("SELECT id, name FROM assets"))
        mappings = _mappings(db)
        return [
            _model(row, mappings.get(row["id"], []), names, hub)
            for row in db.execute("SELECT * FROM agents ORDER BY rowid").fetchall()
        ]


def _model(
    row: sqlite3.Row, mappings: list[sqlite3.Row], names: dict[str, str], hub: Hub
) -> dict[str, Any]:
    points = points_of(row)  # parses the whole model: not once for each mapping
    return {
        "agent": row["id"],
        "name": row["name"],
        "etag": row["dsc_etag"],
        "model": json.loads(row["dsc"]) if row["dsc"] else None,
        "mappings": [
            {
                "point": mapping["point"],
                "asset": names.get(mapping["entity"], mapping["entity"]),
                "aspect": mapping["aspect"],
                "variable": mapping["variable"],
                "invalid": invalidity(mapping, points, hub.settings),
            }
            for mapping in mappings
        ],
    }


def events(hub: Hub, limit: int) -> list[dict[str, Any]]:
    with hub.store.reading() as db:
        rows = db.execute(
            "SELECT e.*, a.name AS asset_name, g.name AS agent_name FROM events e"
            " LEFT JOIN assets a ON a.id = e.asset LEFT JOIN agents g ON g.id = e.agent"
            " ORDER BY e.number DESC LIMIT ?",
            (limit,),
        ).fetchall()
    return [
        {
            "number": row["number"],
            "asset": row["asset_name"] or row["asset"],
            "agent": row["agent_name"] or row["agent"],
            "type": row["type"],
            "time_ms": row["time_ms"],
            "event": json.loads(row["body"]),
        }
        for row in rows
    ]


def files(hub: Hub, limit: int) -> list[dict[str, Any]]:
    with hub.store.reading() as db:
        rows = db.execute(
            "SELECT f.*, a.name AS asset_name, g.name AS agent_name FROM files f"
            " LEFT JOIN assets a ON a.id = f.asset LEFT JOIN agents g ON g.id = f.agent"
            " ORDER BY f.updated_ms DESC, f.number DESC LIMIT ?",
            (limit,),
        ).fetchall()
    return [
        {
            "number": row["number"],
            "etag": row["etag"],
            "asset": row["asset_name"] or row["asset"],
            "agent": row["agent_name"] or row["agent"],
            "name": row["path"] + row["name"],
            "type": row["type"],
            "created": row["created"],
            "updated_ms": row["updated_ms"],
            "size": row["size"],
            "sha256": row["sha256"],
        }
        for row in rows
    ]


def exchanges(hub: Hub, limit: int) -> list[dict[str, Any]]:
    """Give the latest exchanges with their items: sizes, verdicts, never the payloads."""
    with hub.store.reading() as db:
        rows = db.execute(
            "SELECT r.item, r.exchange, r.agent, g.name, r.kind, r.lines, r.received_ms,"
            " r.correlation_id, r.details, length(r.payload) AS size, r.pending, r.verdict,"
            " r.dropped FROM received r LEFT JOIN agents g ON g.id = r.agent"
            " ORDER BY r.item DESC LIMIT ?",
            (limit,),
        ).fetchall()
    found: dict[int, dict[str, Any]] = {}
    for row in rows:
        details = json.loads(row["details"])
        exchange = found.setdefault(
            row["exchange"],
            {
                "exchange": row["exchange"],
                "agent": row["name"] or row["agent"],
                "received_ms": row["received_ms"],
                "correlation_id": row["correlation_id"],
                "items": [],
            },
        )
        exchange["items"].insert(
            0,
            {
                "item": row["item"],
                "kind": row["kind"],
                "lines": row["lines"],
                "size": row["size"] if row["size"] is not None else details.get("size", 0),
                "pending": bool(row["pending"]),
                "verdict": row["verdict"],
                "dropped": row["dropped"],
                "details": details,
            },
        )
    return list(found.values())


def payload(hub: Hub, item: int) -> "bytes | None":
    """Give the payload of an item as it came; None if there is no such item."""
    with hub.store.reading() as db:
        row = db.execute("SELECT * FROM received WHERE item = ?", (item,)).fetchone()
        if row is None:
            return None
        if row["kind"] != FILE:
            return bytes(row["payload"])
        sha256 = json.loads(row["details"])["sha256"]
        blob = db.execute("SELECT content FROM blobs WHERE sha256 = ?", (sha256,)).fetchone()
        return None if blob is None else bytes(blob["content"])
