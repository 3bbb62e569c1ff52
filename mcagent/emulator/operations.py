"""What an operator does with a hub; the same for `/_emulator/` and the `Emulator` class."""

import json
import re
import sqlite3
from typing import Any

from . import agents, applications, assets, datasource, diagnostics, recoverable
from .answers import Refusal
from .clock import check_offset
from .events import forget_expired
from .hub import Hub
from .scopes import ALL_SCOPES
from .seed import Seeding

_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")


def create_asset(hub: Hub, name: str, aspects: Any) -> str:
    """Create an asset; *aspects* is {aspect: {variable: {"type", "unit"?, "length"?}}}.

    Raises:
        Refusal: 400, they are not of that form.
    """
    well_formed = isinstance(aspects, dict) and all(
        isinstance(variables, dict) and all(_is_variable(shape) for shape in variables.values())
        for variables in aspects.values()
    )
    if not well_formed:
        raise Refusal(400, "aspects must be {aspect: {variable: {type, unit?, length?}}}.")
    try:
        with hub.store.transaction() as db:
            return assets.create_asset(db, name, hub.settings.tenant, aspects)
    except ValueError as exc:
        raise Refusal(400, str(exc)) from exc


def _is_variable(shape: Any) -> bool:
    return (
        isinstance(shape, dict)
        and isinstance(shape.get("type"), str)
        and isinstance(shape.get("unit", ""), str)
        and (shape.get("length") is None or shape["length"] in range(1, 100_001))
    )


def create_agent(hub: Hub, name: str, profile: str) -> str:
    """Create an agent with an asset of its own; give its id.

    Raises:
        Refusal: 400 or 409.
    """
    with hub.store.transaction() as db:
        asset = assets.create_asset(db, name, hub.settings.tenant, {}, agent=True)
        return agents.create_agent(
            db, name=name, profile=profile, entity=asset, tenant=hub.settings.tenant
        )


def boarding(hub: Hub, agent: str, base_url: str) -> dict[str, Any]:
    """Give an agent's boarding configuration.

    Raises:
        Refusal: 404.
    """
    with hub.store.transaction() as db:
        return agents.boarding_configuration(
            db,
            agents.find_agent(db, agent),
            keys=hub.keys,
            clock=hub.clock,
            settings=hub.settings,
            base_url=base_url,
        )


def offboard(hub: Hub, agent: str) -> None:
    """Offboard an agent; nothing happens if it is not onboarded.

    Raises:
        Refusal: 404.
    """
    with hub.store.transaction() as db:
        row = agents.find_agent(db, agent)
        if row["boarding"] == "ONBOARDED":
            agents.offboard(db, row)


def automap(hub: Hub, agent: str, asset: Any) -> None:
    """Map each point of an agent to a variable of *asset*, now and at each new configuration.

    The aspect is named like the data source and the variable like the point. *asset* is an asset's
    id, True for the agent's own asset, or False to end it.

    Raises:
        Refusal: 404 unknown agent, 400 unknown asset.
    """
    with hub.store.transaction() as db:
        row = agents.find_agent(db, agent)
        target = row["entity"] if asset is True else asset or None
        if target is not None and not (
            isinstance(target, str)
            and db.execute("SELECT 1 FROM assets WHERE id = ?", (target,)).fetchone()
        ):
            raise Refusal(400, "automap must be true, false or the id of an asset.")
        db.execute("UPDATE agents SET automap = ? WHERE id = ?", (target, agent))
        datasource.map_current(db, agents.find_agent(db, agent))


def operator_token(
    hub: Hub, scopes: list[str], base_url: str, tenant: "str | None" = None
) -> dict[str, Any]:
    """Give an operator's access token, as the token endpoint would answer it.

    Raises:
        Refusal: 400, *tenant* is none of the two that there are.
    """
    return hub.tokens.issue(
        subject="operator",
        scopes=scopes,
        category="user-token:v1",
        base_url=base_url,
        tenant=known_tenant(hub, tenant),
    )


def create_application(
    hub: Hub,
    name: str,
    *,
    version: Any = "",
    tenant: "str | None" = None,
    scopes: tuple[str, ...] = ALL_SCOPES,
    users: tuple[str, ...] = (),
) -> dict[str, Any]:
    """Create service credentials, or with a *version* those of an application.

    Raises:
        Refusal: 400, a name or tenant is not valid.
    """
    if not _NAME.fullmatch(name) or not isinstance(version, str) or len(version) > 32:
        raise Refusal(400, "name must be 1 to 64 letters, digits, '.', '_' or '-'.")
    with hub.store.transaction() as db:
        return applications.create_credentials(
            db,
            tenant=known_tenant(hub, tenant),
            name=name,
            version=version,
            scopes=scopes,
            users=tuple(known_tenant(hub, user) for user in users),
        )


def share_asset(hub: Hub, asset: str, tenant: Any) -> None:
    """Let another tenant read an asset, its time series, events and files.

    Raises:
        Refusal: 400 unknown tenant or the asset's own, 404 unknown asset.
    """
    with hub.store.transaction() as db:
        row = db.execute("SELECT * FROM assets WHERE id = ?", (asset,)).fetchone()
        if row is None:
            raise Refusal(404, f"Asset {asset[:64]} not found.")
        if known_tenant(hub, tenant or "") == row["tenant"]:
            raise Refusal(400, "The asset belongs to that tenant already.")
        db.execute("INSERT OR IGNORE INTO shares VALUES (?, ?)", (asset, tenant))


def seed(hub: Hub, plant: Any, base_url: str) -> dict[str, Any]:
    """Load a plant (seed.py), all of it or nothing; give what was made and the boarding files.

    Raises:
        Refusal: 400, the message names the entry that is wrong.
    """
    with hub.store.transaction() as db:
        seeding = Seeding(db, hub.settings.tenant, hub.settings, hub.breaches)
        seeding.load(plant)
    return {
        "made": dict(seeding.made),
        "agents": [
            {"name": name, "id": agent, "boarding": boarding(hub, agent, base_url)}
            for name, agent in seeding.agents.items()
        ],
    }


def known_tenant(hub: Hub, tenant: Any) -> str:
    """Give *tenant*, None for the hub's own.

    Raises:
        Refusal: 400, there is no such tenant.
    """
    tenants = (hub.settings.tenant, hub.settings.other_tenant)
    if tenant is not None and tenant not in tenants:
        raise Refusal(400, f"tenant must be one of {', '.join(tenants)}.")
    return tenants[0] if tenant is None else str(tenant)


def set_clock(hub: Hub, offset_s: Any) -> None:
    """Shift the platform's clock against this machine's.

    Raises:
        Refusal: 400, not a number, or the clock would leave the years 1970 to 9891.
    """
    try:
        check_offset(offset_s)
    except ValueError as exc:
        raise Refusal(400, f"offset_s: {exc}.") from exc
    hub.clock.offset_s = offset_s


def events(hub: Hub, asset: "str | None" = None) -> list[dict[str, Any]]:
    """Give stored events (of one asset) in order of arrival: `asset`, `agent`, `event`."""
    with hub.store.transaction() as db:
        forget_expired(db, hub.clock.now_ms())
        rows = _of_asset(db, "SELECT * FROM events", asset)
    return [
        {"asset": row["asset"], "agent": row["agent"], "event": json.loads(row["body"])}
        for row in rows
    ]


def files(hub: Hub, asset: "str | None" = None) -> list[dict[str, Any]]:
    """Give stored files (of one asset) in order of arrival, without their content."""
    with hub.store.reading() as db:
        rows = _of_asset(db, "SELECT * FROM files", asset)
    names = ("asset", "agent", "name", "type", "created", "size", "sha256")
    return [
        {**{name: row[name] for name in names}, "name": row["path"] + row["name"]} for row in rows
    ]


def file_content(hub: Hub, sha256: str) -> bytes:
    """Give the bytes of a received file.

    Raises:
        Refusal: 404.
    """
    with hub.store.reading() as db:
        row = db.execute("SELECT content FROM blobs WHERE sha256 = ?", (sha256,)).fetchone()
    if row is None:
        raise Refusal(404, "No file has this hash.")
    return bytes(row["content"])


def messages(hub: Hub, agent: "str | None" = None) -> list[dict[str, Any]]:
    """Give diagnostic messages (of one agent), oldest first, as the deprecated list has them."""
    with hub.store.reading() as db:
        return diagnostics.find_messages(
            db, agent=agent, now_ms=hub.clock.now_ms(), settings=hub.settings
        )


def recoverable_records(hub: Hub, agent: "str | None" = None) -> list[dict[str, Any]]:
    """Give recoverable records (of one agent), oldest first."""
    with hub.store.reading() as db:
        rows = recoverable.find_records(
            db, agent=agent, now_ms=hub.clock.now_ms(), settings=hub.settings
        )
    return [recoverable.show_record(row) for row in rows]


def _of_asset(db: sqlite3.Connection, query: str, asset: "str | None") -> list[sqlite3.Row]:
    return db.execute(
        f"{query} WHERE ? IS NULL OR asset = ? ORDER BY number", (asset, asset)
    ).fetchall()
