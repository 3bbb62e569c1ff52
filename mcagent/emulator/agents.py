"""Agents and their boarding status (agent API 2)."""

import sqlite3
from typing import Any

from .answers import Refusal
from .assets import new_id
from .clock import PlatformClock
from .diagnostics import forget_agent
from .keys import SigningKey
from .settings import Settings
from .times import format_time

PROFILES = ("SHARED_SECRET", "RSA_3072")


def create_agent(
    db: sqlite3.Connection, *, name: str, profile: str, entity: str, tenant: str
) -> str:
    """Create the agent of asset *entity*; its id is the asset's (agent API 2.4).

    Raises:
        Refusal: 400 for a bad name or profile or an unknown asset, 409 if it exists.
    """
    if not 1 <= len(name) <= 128:
        raise Refusal(400, "name must have 1 to 128 characters.")
    if profile not in PROFILES:
        raise Refusal(400, f"securityProfile must be one of {', '.join(PROFILES)}.")
    if not db.execute("SELECT 1 FROM assets WHERE id = ?", (entity,)).fetchone():
        raise Refusal(400, f"entityId {entity} is not an asset.")
    try:
        db.execute(
            "INSERT INTO agents (id, name, tenant, profile, entity, dsc_id)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (entity, name, tenant, profile, entity, new_id()),
        )
    except sqlite3.IntegrityError as exc:
        raise Refusal(409, f"Agent {name!r} exists already, or its asset has an agent.") from exc
    return entity


def find_agent(db: sqlite3.Connection, agent: str) -> sqlite3.Row:
    """Give an agent's row.

    Raises:
        Refusal: 404, there is none.
    """
    row: sqlite3.Row | None = db.execute("SELECT * FROM agents WHERE id = ?", (agent,)).fetchone()
    if row is None:
        raise Refusal(404, f"Agent {agent} not found.")
    return row


def change_agent(db: sqlite3.Connection, agent: str, name: str, profile: str) -> None:
    """Rename an agent or change its profile; only this moves its eTag (agent API 2.6).

    Raises:
        Refusal: 400 or 409.
    """
    if not 1 <= len(name) <= 128 or profile not in PROFILES:
        raise Refusal(400, "name or securityProfile is not valid.")
    try:
        db.execute(
            "UPDATE agents SET name = ?, profile = ?, etag = etag + 1 WHERE id = ?",
            (name, profile, agent),
        )
    except sqlite3.IntegrityError as exc:
        raise Refusal(409, f"Agent {name!r} exists already.") from exc


def delete_agent(db: sqlite3.Connection, agent: str) -> None:
    db.execute("DELETE FROM agents WHERE id = ?", (agent,))
    db.execute("DELETE FROM credentials WHERE agent = ?", (agent,))
    for table in ("mappings", "event_mappings"):
        db.execute(f"DELETE FROM {table} WHERE agent = ?", (agent,))  # noqa: S608 - constants
    forget_agent(db, agent)


def show_agent(row: sqlite3.Row) -> dict[str, Any]:
    """Shape an agent as the service answers it; the eTag is text (agent API 2.4)."""
    return {
        "id": row["id"],
        "eTag": str(row["etag"]),
        "name": row["name"],
        "securityProfile": row["profile"],
        "entityId": row["entity"],
    }


def boarding_configuration(
    db: sqlite3.Connection,
    row: sqlite3.Row,
    *,
    keys: SigningKey,
    clock: PlatformClock,
    settings: Settings,
    base_url: str,
) -> dict[str, Any]:
    """Give the boarding configuration, making an initial access token if none is usable.

    The token stays the same until it is used or expires, so that reading twice does not spoil a
    file that is already on its way to the device. Reading moves NOT_ONBOARDED to ONBOARDING (2.3).
    """
    db.execute("UPDATE agents SET boarding_reads = boarding_reads + 1 WHERE id = ?", (row["id"],))
    if row["boarding_reads"] < settings.boarding_delay_reads:
        return {}  # generation is asynchronous (2.2)
    now_ms = clock.now_ms()
    iat, expires_ms = row["iat"], row["iat_expires_ms"]
    onboarded = row["boarding"] == "ONBOARDED"
    if iat is None or (not onboarded and (row["iat_used"] or expires_ms <= now_ms)):
        expires_ms = now_ms + settings.iat_life_s * 1000
        jti = new_id()
        iat = keys.issue(
            {
                "iss": "SCI",
                "sub": row["id"],
                "aud": "AIAM",
                "iat": now_ms // 1000,
                "exp": expires_ms // 1000,
                "ten": row["tenant"],
                "jti": jti,
            }
        )
        db.execute(
            "UPDATE agents SET iat = ?, iat_jti = ?, iat_expires_ms = ?, iat_used = 0"
            " WHERE id = ?",
            (iat, jti, expires_ms, row["id"]),
        )
    if not onboarded:
        db.execute("UPDATE agents SET boarding = 'ONBOARDING' WHERE id = ?", (row["id"],))
    return {
        "content": {
            "baseUrl": base_url,
            "iat": iat,
            "clientCredentialProfile": [row["profile"]],
            "clientId": row["id"],
            "tenant": row["tenant"],
        },
        "expiration": format_time(expires_ms),
    }


def offboard(db: sqlite3.Connection, row: sqlite3.Row) -> None:
    """Take an agent's credentials away; a fresh boarding file is needed (agent API 2.3).

    Raises:
        Refusal: 409, it is not onboarded.
    """
    if row["boarding"] != "ONBOARDED":
        raise Refusal(409, "Agent is not onboarded.")
    db.execute("DELETE FROM credentials WHERE agent = ?", (row["id"],))
    db.execute(
        "UPDATE agents SET boarding = 'NOT_ONBOARDED', iat = NULL WHERE id = ?", (row["id"],)
    )


def touch(db: sqlite3.Connection, agent: str, now_ms: int, settings: Settings) -> None:
    """Note that the agent was heard of; the online status derives from it (10.1)."""
    db.execute(
        "UPDATE agents SET last_seen_ms = ?, online_since_ms = CASE WHEN last_seen_ms >= ?"
        " THEN online_since_ms ELSE ? END WHERE id = ?",
        (now_ms, now_ms - settings.online_window_s * 1000, now_ms, agent),
    )


def show_status(row: sqlite3.Row, now_ms: int, settings: Settings) -> dict[str, str]:
    """Shape the online status: how long is silent enough to be OFFLINE is a guess (2.4)."""
    seen_ms, window_ms = row["last_seen_ms"], settings.online_window_s * 1000
    if seen_ms is not None and now_ms - seen_ms <= window_ms:
        return {"status": "ONLINE", "since": format_time(row["online_since_ms"])}
    since_ms = 0 if seen_ms is None else min(seen_ms + window_ms, now_ms)
    return {"status": "OFFLINE", "since": format_time(since_ms)}
