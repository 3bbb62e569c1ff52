"""Load a described plant: types, assets, agents with their data points, mappings.

The members are the platform's own (services API 5, agent API 5 and 8), with three shortcuts: a
type's id without a tenant gets the hub's, `children` stand inside their parent, and what an agent
maps to is named by the asset's name, or by its id where the plant does not describe it. What an
entry hangs on may stand behind it. Loading twice changes nothing that is as described.
"""

import json
import sqlite3
from collections import Counter
from collections.abc import Callable
from typing import Any

from . import (
    agents,
    assets_check,
    assets_tree,
    assets_types,
    events_mappings,
    events_types,
    mappings,
)
from .answers import Refusal
from .assets import root_of
from .assets_builtin import AGENT_TYPE
from .assets_types import ASPECT, ASSET
from .breaches import Breaches
from .datasource import check_configuration, points_of, replace_configuration
from .events_types import BUILTIN_NAMES
from .settings import Settings

_MEMBERS = ("name", "aspectTypes", "assetTypes", "eventTypes", "assets", "agents")
_AGENT = (
    *("name", "parent", "securityProfile", "configuration", "mappings", "mapAllTo"),
    "eventMappings",
)
_MAPPING = ("dataPointId", "asset", "propertySetName", "propertyName", "keepMapping")
_EVENT_MAPPING = (*events_mappings.FIELDS, "asset")
_DEPTH_MAX = 20


class Seeding:
    """One plant on its way into the store; `made` counts what is new, `agents` names all."""

    def __init__(
        self, db: sqlite3.Connection, tenant: str, settings: Settings, breaches: Breaches
    ) -> None:
        self._db = db
        self._tenant = tenant
        self._settings = settings
        self._breaches = breaches
        self._assets: dict[str, str] = {}
        self.made: Counter[str] = Counter()
        self.agents: dict[str, str] = {}

    def load(self, plant: Any) -> None:
        """Load a plant; nothing of it stays if the caller's transaction is rolled back.

        Raises:
            Refusal: 400, it is not of this form; the message names the entry.
        """
        if not isinstance(plant, dict):
            raise Refusal(400, "A plant must be an object.")
        _check_members(plant, _MEMBERS, "A plant")
        for table, member in ((ASPECT, "aspectTypes"), (ASSET, "assetTypes")):
            for entry in self._sorted(plant, member, "name", "parentTypeId"):
                _named(member, entry, lambda entry=entry, table=table: self._type(table, entry))
        for entry in self._sorted(plant, "eventTypes", "id", "parentId"):
            _named("eventTypes", entry, lambda entry=entry: self._event_type(entry))
        root = root_of(self._db, self._tenant)
        for entry in _parents_first(_entries(plant, "assets"), _names_of, _parent_of):
            _named("assets", entry, lambda entry=entry: self._asset(entry, root, 0))
        for entry in _entries(plant, "agents"):
            _named("agents", entry, lambda entry=entry: self._agent(entry, root))

    def _sorted(
        self, plant: dict[str, Any], member: str, own: str, parent: str
    ) -> list[dict[str, Any]]:
        """Give the types of a plant, each behind the one that it inherits from."""

        def names(entry: dict[str, Any]) -> set[str]:
            return {self._type_id(entry.get(own, entry.get("name"))).lower()}

        def above(entry: dict[str, Any]) -> str:
            return self._type_id(entry.get(parent)).lower()

        return _parents_first(_entries(plant, member), names, above)

    def _type_id(self, given: Any) -> str:
        text = str(given)
        return text if "." in text else f"{self._tenant}.{text}"

    def _type(self, table: str, entry: dict[str, Any]) -> None:
        body = dict(entry) if table == ASSET else {"category": "dynamic", **entry}
        if table == ASSET:
            body["parentTypeId"] = self._type_id(body.get("parentTypeId", "core.basicasset"))
            body["aspects"] = [
                {**one, "aspectTypeId": self._type_id(one.get("aspectTypeId"))}
                for one in _entries(body, "aspects")
            ]
        type_id = self._type_id(entry.get("name"))
        current = assets_types.find_type(self._db, table, type_id)
        if current is None:
            assets_types.create_type(self._db, table, type_id, body, self._tenant)
            self.made["types"] += 1
            return
        merged = {**current, **body}
        for what in ("variables", "aspects"):  # those that others added stay
            names = [one.get("name") for one in _entries(body, what)]
            added = [one for one in current.get(what, ()) if one["name"] not in names]
            merged[what] = [*_entries(merged, what), *added] if what in body else current.get(what)
        check = assets_check.aspect_type if table == ASPECT else assets_check.asset_type
        checked = check(merged, current["name"])
        if any(checked[member] != current[member] for member in checked):
            assets_types.change_type(self._db, table, current, merged, self._tenant)

    def _event_type(self, entry: dict[str, Any]) -> None:
        body = {**entry, "id": self._type_id(entry.get("id", entry.get("name")))}
        if "parentId" in entry:
            body["parentId"] = self._type_id(entry["parentId"])
        # What is there stays: a type that has events cannot be changed at will.
        if events_types.find_type(self._db, body["id"]) is None:
            events_types.create_type(self._db, body, self._tenant)
            self.made["event types"] += 1

    def _asset(self, entry: dict[str, Any], parent: str, depth: int) -> None:
        if depth > _DEPTH_MAX:
            raise Refusal(400, f"Assets are nested deeper than {_DEPTH_MAX}.")
        if "parent" in entry:
            if depth:
                raise Refusal(400, "It has a parent by standing inside of it.")
            parent = self._found(entry["parent"])
        body = {name: entry[name] for name in entry if name not in ("children", "parent")}
        body["typeId"] = self._type_id(body.get("typeId", "core.basicdevice"))
        name = str(body.get("name"))
        if name in self._assets:
            raise Refusal(400, "Another asset of the plant has this name.")
        found = self._db.execute(
            "SELECT * FROM assets WHERE tenant = ? AND parent = ? AND name = ?",
            (self._tenant, parent, name),
        ).fetchone()
        if found is None:
            found = assets_tree.create(self._db, {**body, "parentId": parent}, self._tenant)
            self.made["assets"] += 1
        self._assets[name] = found["id"]
        for child in _entries(entry, "children"):
            _named(f"children of {name}", child, self._child(child, found["id"], depth + 1))

    def _child(self, child: dict[str, Any], parent: str, depth: int) -> Any:
        return lambda: self._asset(child, parent, depth)

    def _agent(self, entry: dict[str, Any], root: str) -> None:
        _check_members(entry, _AGENT, "An agent")
        name = str(entry.get("name"))
        row = self._db.execute(
            "SELECT * FROM agents WHERE tenant = ? AND name = ?", (self._tenant, name)
        ).fetchone()
        if row is None:
            parent = self._found(entry["parent"]) if "parent" in entry else root
            body = {"name": name, "typeId": AGENT_TYPE, "parentId": parent}
            asset = assets_tree.create(self._db, body, self._tenant)
            profile = entry.get("securityProfile", "SHARED_SECRET")
            agents.create_agent(
                self._db, name=name, profile=profile, entity=asset["id"], tenant=self._tenant
            )
            row = agents.find_agent(self._db, asset["id"])
            self.made["agents"] += 1
        self.agents[name] = row["id"]
        if "configuration" in entry:
            try:
                given = self._configuration(entry["configuration"])
                configuration = check_configuration(given, self._breaches)
            except ValueError as exc:
                raise Refusal(400, f"configuration: {exc}.") from exc
            if row["dsc"] is None:  # a device's own is not overwritten
                replace_configuration(self._db, row, configuration)
                row = agents.find_agent(self._db, row["id"])
        for mapping in _entries(entry, "mappings"):
            self._mapping(mapping, row)
        if "mapAllTo" in entry:
            self._map_all(str(entry["mapAllTo"]), row)
        for mapping in _entries(entry, "eventMappings"):
            self._event_mapping(mapping, row)

    def _configuration(self, given: Any) -> Any:
        """Give *given*, or what its short form `fromAssetType` stands for: a point a variable."""
        if not isinstance(given, dict) or "fromAssetType" not in given:
            return given
        kind = self._type_id(given["fromAssetType"])
        found = assets_types.visible_type(self._db, ASSET, kind, self._tenant)
        pairs = assets_types.dynamic_variables(self._db, found["id"])
        names = Counter(variable["name"] for _, variable in pairs)
        sources: dict[str, list[dict[str, Any]]] = {}
        for aspect, one in pairs:
            name = one["name"]
            point = {"id": name if names[name] == 1 else f"{aspect}.{name}", "name": name}
            point.update(type=one["dataType"], unit=one.get("unit") or "")
            sources.setdefault(aspect, []).append(point)
        listed = [{"name": name, "dataPoints": points} for name, points in sources.items()]
        return {"configurationId": given.get("configurationId"), "dataSources": listed}

    def _map_all(self, asset: str, row: sqlite3.Row) -> None:
        """Map each point to the variable of its name, in the aspect of its source's name."""
        if row["dsc"] is None:
            raise Refusal(400, "mapAllTo needs a configuration.")
        for source in json.loads(row["dsc"] or "{}").get("dataSources", ()):
            for point in source["dataPoints"]:
                target = {"propertySetName": source["name"], "propertyName": point["name"]}
                self._mapping({"dataPointId": point["id"], "asset": asset, **target}, row)

    def _mapping(self, mapping: dict[str, Any], row: sqlite3.Row) -> None:
        _check_members(mapping, _MAPPING, "A mapping")
        body = {
            "agentId": row["id"],
            "dataPointId": mapping.get("dataPointId"),
            "entityId": self._found(mapping.get("asset")),
            "propertySetName": mapping.get("propertySetName"),
            "propertyName": mapping.get("propertyName"),
            "keepMapping": mapping.get("keepMapping", True),
        }
        try:
            mappings.create_mapping(
                self._db,
                body,
                points_of(row),
                settings=self._settings,
                breaches=self._breaches,
                check_point=True,
            )
            self.made["mappings"] += 1
        except Refusal as exc:
            if exc.status != 409:  # it is there already
                point = str(mapping.get("dataPointId"))[:40]
                raise Refusal(400, f"mapping of {point}: {exc.message}") from exc

    def _event_mapping(self, mapping: dict[str, Any], row: sqlite3.Row) -> None:
        _check_members(mapping, _EVENT_MAPPING, "An event mapping")
        places = {"agentId": row["id"], "assetId": self._found(mapping.get("asset"))}
        kind = mapping.get("eventTypeId")
        if isinstance(kind, str):
            if kind not in BUILTIN_NAMES:
                places["eventTypeId"] = kind = self._type_id(kind)
            if "eventTypeName" not in mapping:
                known = events_types.find_type(self._db, kind)
                places["eventTypeName"] = known["name"] if known else kind.rpartition(".")[2]
        try:
            events_mappings.create_mapping(
                self._db,
                events_mappings.read_mapping({**mapping, **places}),
                settings=self._settings,
                breaches=self._breaches,
            )
            self.made["event mappings"] += 1
        except Refusal as exc:
            if exc.status != 409:  # it is there already
                value = str(mapping.get("eventTypeFieldValue"))[:40]
                raise Refusal(400, f"event mapping of {value!r}: {exc.message}") from exc

    def _found(self, name: Any) -> str:
        if isinstance(name, str) and name in self._assets:
            return self._assets[name]
        # Another one that is there already can be meant by its id alone.
        query = "SELECT id FROM assets WHERE tenant = ? AND id = ?"
        row = self._db.execute(query, (self._tenant, str(name))).fetchone()
        if row is None:
            raise Refusal(400, f"{str(name)[:80]!r} is no asset of the plant.")
        return str(row["id"])


def _check_members(entry: dict[str, Any], known: tuple[str, ...], what: str) -> None:
    """Refuse a member that nobody reads: it was meant to do something."""
    unknown = sorted(set(map(str, entry)) - set(known))
    if unknown:
        raise Refusal(400, f"{what} has {', '.join(known)}; not {unknown[0][:40]!r}.")


def _parents_first(
    entries: list[dict[str, Any]],
    names: Callable[[dict[str, Any]], set[str]],
    parent: Callable[[dict[str, Any]], str],
) -> list[dict[str, Any]]:
    """Sort *entries* so that none comes before its parent; those in a circle come last."""
    done: list[dict[str, Any]] = []
    waiting = entries
    while waiting:
        missing = [names(entry) for entry in waiting]
        ready = [one for one in waiting if not any(parent(one) in some for some in missing)]
        done += ready or waiting
        waiting = [one for one in waiting if one not in ready] if ready else []
    return done


def _parent_of(asset: dict[str, Any]) -> str:
    return str(asset.get("parent") or "")


def _names_of(asset: dict[str, Any]) -> set[str]:
    """Give the names of an asset and of all below it."""
    found: set[str] = set()
    level = [asset]
    for _ in range(_DEPTH_MAX + 1):
        found.update(str(one.get("name")) for one in level)
        level = [
            one for above in level for one in above.get("children") or () if isinstance(one, dict)
        ]
    return found


def _entries(holder: dict[str, Any], member: str) -> list[dict[str, Any]]:
    entries = holder.get(member)
    entries = [] if entries is None else entries
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise Refusal(400, f"{member} must be a list of objects.")
    return entries


def _named(member: str, entry: dict[str, Any], load: Any) -> None:
    """Load one entry; a refusal says which it was."""
    try:
        load()
    except Refusal as exc:
        raise Refusal(400, f"{member}, {str(entry.get('name'))[:64]!r}: {exc.message}") from exc
