"""Events: what agents exchanged and what applications posted, in one store (services API 4)."""

import json
import sqlite3
import uuid
from typing import Any, NamedTuple

from .answers import Refusal
from .breaches import Breaches
from .events_types import (
    MEMBERS,
    STANDARD,
    Type,
    check_value,
    fields_of,
    find_type,
    list_types,
    visible_type,
)
from .settings import Settings
from .times import format_time, parse_time

# What an answer holds and a client may send back.
_IGNORED = frozenset(("id", "etag", "_links"))
_CORRELATION_MAX = 128
_DAY_MS = 24 * 3600 * 1000
_NEVER_MS = 2**62


def exchanged_type(db: sqlite3.Connection, given: str, tenant: str) -> Type:
    """Give the type of an event of an exchange, which names it by id or by name (6.4.2).

    It is a standard event unless its type is one that *tenant* may use.
    """
    named = STANDARD
    for kind in list_types(db, tenant):
        if kind["id"] == given:
            return kind
        if kind["name"] == given:
            named = kind["id"]
    return visible_type(db, named, tenant)


class Arrival(NamedTuple):
    """When an event came, and what its life hangs on."""

    now_ms: int
    settings: Settings
    breaches: Breaches

    def expiry_of(self, kind: Type, time_ms: int) -> int:
        """Tell when an event vanishes: its type's `ttl` is a number of days (services API 4.4).

        From when they count is written nowhere: a device that was offline for long would lose
        its events if it were their own time.
        """
        life_ms = kind["ttl"] * _DAY_MS
        if self.settings.event_ttl == "off":
            return _NEVER_MS
        if self.settings.event_ttl == "timestamp":
            return int(time_ms + life_ms)
        if time_ms + life_ms <= self.now_ms:
            words = f"event of {format_time(time_ms)}: {kind['name']} lives {kind['ttl']} days"
            self.breaches.note("event_ttl", words)
        return int(self.now_ms + life_ms)


def record_exchanged(
    db: sqlite3.Connection,
    assets: list[str],
    agent: str,
    event: dict[str, Any],
    *,
    kind: Type,
    arrival: Arrival,
) -> None:
    """Store an event of an exchange on each of *assets*; one that comes again replaces itself.

    Fields of its type stand in `details` (agent API 6.4.2).
    """
    event_id = str(event.get("id") or uuid.uuid4())
    known = fields_of(db, kind)
    details = event.get("details")
    given = {**(details if isinstance(details, dict) else {}), **event}
    given = {name: value for name, value in given.items() if value is not None and name in known}
    fields = {name: value for name, value in given.items() if _fits(known[name], value)}
    time_ms = parse_time(event["timestamp"])
    expires_ms = arrival.expiry_of(kind, time_ms)
    for asset in assets:
        _insert(
            db,
            asset=asset,
            agent=agent,
            id=event_id,
            # The same event may lie on several assets; each of them has an id of its own.
            uid=str(uuid.uuid5(uuid.NAMESPACE_OID, f"{asset} {event_id}")),
            type=kind["id"],
            correlation=str(event.get("correlationId") or event_id)[:_CORRELATION_MAX],
            time_ms=time_ms,
            expires_ms=expires_ms,
            fields=fields,
            body=event,
        )


def _fits(field: dict[str, Any], value: Any) -> bool:
    try:
        check_value(field, value)
    except Refusal:
        return False
    return True


def check_event(db: sqlite3.Connection, body: dict[str, Any], tenant: str) -> dict[str, Any]:
    """Check an event to be posted; give what is stored of it.

    Raises:
        Refusal: 400, a member is missing, unknown or not of its type.
    """
    for name in ("entityId", "timestamp"):
        if not isinstance(body.get(name), str):
            raise Refusal(400, f"{name} is missing or not text.")
    try:
        time_ms = parse_time(body["timestamp"])
    except ValueError as exc:
        raise Refusal(400, f"timestamp: {exc}.") from exc
    type_id = body.get("typeId") or STANDARD
    correlation = body.get("correlationId") or str(uuid.uuid4())
    if not isinstance(type_id, str) or not isinstance(correlation, str):
        raise Refusal(400, "typeId and correlationId must be text.")
    if len(correlation) > _CORRELATION_MAX:
        raise Refusal(400, f"correlationId has more than {_CORRELATION_MAX} characters.")
    try:
        kind = visible_type(db, type_id, tenant)
    except Refusal as exc:
        raise Refusal(400, f"typeId: {exc.message}") from exc
    known = fields_of(db, kind)
    fields = {}
    for name, value in body.items():
        if name in _IGNORED or name in MEMBERS or value is None:
            continue
        if name not in known:
            raise Refusal(400, f"{name[:80]} is no field of {kind['id']}.")
        check_value(known[name], value)
        fields[name] = value
    for name, field in known.items():
        if field["required"] and name not in fields:
            raise Refusal(400, f"{name} is required by {kind['id']}.")
    return {"type": kind["id"], "correlation": correlation, "time_ms": time_ms, "fields": fields}


def post_event(
    db: sqlite3.Connection,
    asset: str,
    agent: str,
    checked: dict[str, Any],
    *,
    body: dict[str, Any],
    arrival: Arrival,
) -> sqlite3.Row:
    """Store a checked event on *asset*; give its row."""
    uid = str(uuid.uuid4())
    kind = find_type(db, checked["type"])
    assert kind is not None
    expires_ms = arrival.expiry_of(kind, checked["time_ms"])
    _insert(
        db, asset=asset, agent=agent, id=uid, uid=uid, body=body, expires_ms=expires_ms, **checked
    )
    row = find_event(db, uid)
    assert row is not None
    return row


def _insert(db: sqlite3.Connection, *, fields: Any, body: Any, **columns: Any) -> None:
    names = ("asset", "agent", "id", "uid", "type", "correlation", "time_ms", "expires_ms")
    db.execute(
        "INSERT OR REPLACE INTO events (asset, agent, id, uid, type, correlation, time_ms,"
        " expires_ms, etag, fields, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 1, ?, ?)",
        (*(columns[name] for name in names), json.dumps(fields), json.dumps(body)),
    )


def forget_expired(db: sqlite3.Connection, now_ms: int) -> None:
    """Delete events whose life is over; inside a transaction, before events are looked at."""
    db.execute("DELETE FROM events WHERE expires_ms <= ?", (now_ms,))


def find_event(db: sqlite3.Connection, uid: str) -> "sqlite3.Row | None":
    row: sqlite3.Row | None = db.execute(
        "SELECT * FROM events WHERE uid = ?", (uid[:64].lower(),)
    ).fetchone()
    return row


def correct_event(
    db: sqlite3.Connection, row: sqlite3.Row, body: dict[str, Any], tenant: str
) -> sqlite3.Row:
    """Correct an event; etag + 1.

    Raises:
        Refusal: 400, a member that must stay differs or is missing, or a field is not updatable.
    """
    needed = ["correlationId", "timestamp", "entityId"]
    if row["type"] != STANDARD:
        needed.append("typeId")
    for name in needed:
        if not isinstance(body.get(name), str):
            raise Refusal(400, f"{name} must be in the body of a correction.")
    checked = check_event(db, {**body, "typeId": body.get("typeId") or row["type"]}, tenant)
    now = (checked["type"], checked["correlation"], checked["time_ms"], body["entityId"].lower())
    if now != (row["type"], row["correlation"], row["time_ms"], row["asset"]):
        raise Refusal(400, "typeId, correlationId, timestamp and entityId cannot change.")
    held, kind = json.loads(row["fields"]), find_type(db, row["type"])
    for name, field in (fields_of(db, kind) if kind else {}).items():
        if not field["updatable"] and held.get(name) != checked["fields"].get(name):
            raise Refusal(400, f"{name} is not updatable.")
    db.execute(
        "UPDATE events SET fields = ?, etag = etag + 1 WHERE number = ?",
        (json.dumps(checked["fields"]), row["number"]),
    )
    again = find_event(db, row["uid"])
    assert again is not None
    return again


def show_event(row: sqlite3.Row) -> dict[str, Any]:
    """Shape an event without its links."""
    return {
        "id": row["uid"],
        "typeId": row["type"],
        "correlationId": row["correlation"],
        "timestamp": format_time(row["time_ms"]),
        "entityId": row["asset"],
        "etag": row["etag"],
        **json.loads(row["fields"]),
    }
