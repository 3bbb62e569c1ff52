"""Read a commissioning file: YAML or JSON with the platform's own member names.

It is the form of the local hub's plants, so a plant that ships with it can be commissioned; agents
may have event mappings, and there may be event types. Three shortcuts are the same, too: a type's
id without a tenant gets the tenant's, `children` stand inside their parent, and an asset is called
by its name.

TOML is not read: assets inside of assets and lists of short objects are what it is worst at, and
Python 3.10 cannot read it by itself.
"""

import json
import os
from functools import partial
from typing import Any, Callable, TypeVar

from ..errors import ConfigurationError, InvalidMessage
from ..messages.datamodel import DataModel
from .agents_values import PROFILES
from .assets_values import Aspect, AspectType, Asset, AssetType, Location
from .commissioning_reading import (
    EVENT_TYPE_ID,
    Fault,
    Faults,
    choice,
    entries,
    entry_name,
    flag,
    named_values,
    number,
    obj,
    shown,
    text,
)
from .commissioning_types import (
    read_aspect_type,
    read_asset_type,
    read_event_type,
    with_tenant,
)
from .commissioning_values import (
    AgentWish,
    AssetWish,
    EventMappingWish,
    MappingWish,
    Plant,
)
from .commissioning_wiring import check_wiring, ordered, shape_of_type
from .commissioning_yaml import read_yaml
from .datasources_model import model_from_aspects
from .events_values import STANDARD_NAME, EventType

_BYTES_MAX = 10_000_000
_FAULTS_SHOWN = 10
_DEPTH_MAX = 20

_PLANT = ("name", "aspectTypes", "assetTypes", "eventTypes", "assets", "agents")
_ASSET = (
    *("name", "typeId", "externalId", "description", "timezone", "location"),
    *("variables", "aspects", "children", "parent"),
)
_LOCATION = (
    *("country", "region", "locality", "streetAddress", "postalCode", "latitude", "longitude"),
)
_AGENT = (
    *("name", "parent", "securityProfile", "configuration", "mappings", "mapAllTo"),
    "eventMappings",
)
_MAPPING = ("dataPointId", "asset", "propertySetName", "propertyName", "keepMapping")
_EVENT_MAPPING = (
    *("eventTypeId", "eventTypeName", "eventTypeFieldName", "eventTypeFieldValue", "asset"),
)
_Read = TypeVar("_Read")

# Member of the file -> member of `Asset`.
_GIVEN = {
    "externalId": "external_id",
    "description": "description",
    "timezone": "timezone",
    "location": "location",
    "variables": "variables",
    "aspects": "aspects",
}


def load_plant(path: "str | os.PathLike[str]", *, tenant: str) -> Plant:
    """Read a file; ``.json`` is JSON, everything else YAML (package `pyyaml`, extra ``tools``).

    Args:
        path: The file, at most 10 MB.
        tenant: Goes before ids of types that have none.

    Raises:
        ConfigurationError: The file cannot be read, or YAML is not installed.
        InvalidMessage: It does not describe a plant; the message names each entry at fault.
    """
    name = os.fspath(path)
    try:
        with open(name, "rb") as file:
            content = file.read(_BYTES_MAX + 1)
    except OSError as error:
        raise ConfigurationError(
            f"cannot read {name}: {error.strerror}", hint="name a commissioning file"
        ) from error
    if len(content) > _BYTES_MAX:
        raise InvalidMessage(
            f"{name} has more than {_BYTES_MAX} bytes", hint="split it into several files"
        )
    try:
        words = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidMessage(f"{name} is not UTF-8: {error}", hint="save it as UTF-8") from error
    value = (
        _json(name, words)
        if name.lower().endswith(".json")
        else read_yaml(name, words, _BYTES_MAX)
    )
    return read_plant(value, tenant=tenant, name=name)


def read_plant(value: "Any", *, tenant: str, name: str = "the description") -> Plant:
    """Read a description that is parsed already.

    Raises:
        InvalidMessage: It does not describe a plant; the message names each entry at fault.
    """
    faults = Faults()
    reader = _Reader(tenant, faults)
    plant = faults.reading("file", lambda: reader.plant(value))
    if plant is not None and not faults.found:
        faults.found += check_wiring(plant)
    if faults.found or plant is None:
        listed = "; ".join(faults.found[:_FAULTS_SHOWN])
        more = len(faults.found) - _FAULTS_SHOWN
        listed += f"; and {more} more" if more > 0 else ""
        raise InvalidMessage(
            f"{name} cannot be used: {listed}",
            hint="docs/guides/commissioning.md has a file with every member",
        )
    assert isinstance(plant, Plant)
    return plant


def _json(name: str, words: str) -> "Any":
    try:
        return json.loads(words, object_pairs_hook=_once_each)
    except (ValueError, RecursionError) as error:
        raise InvalidMessage(
            f"{name} is not JSON: {error}", hint="YAML files end in .yaml"
        ) from error


def _once_each(pairs: "list[tuple[str, Any]]") -> "dict[str, Any]":
    """An object; a member that occurs twice is an error, where parsers take the last."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"member {max(names, key=names.count)!r} occurs twice in one object")
    return found


class _Reader:
    def __init__(self, tenant: str, faults: Faults) -> None:
        self._tenant = tenant
        self._faults = faults
        self._aspect_types: list[AspectType] = []
        self._asset_types: list[AssetType] = []
        self._event_types: list[EventType] = []
        self._assets: list[AssetWish] = []

    def plant(self, value: "Any") -> Plant:
        plant = obj(value, "the file", _PLANT)
        self._each(plant, "aspectTypes", self._aspect_types, self._of_tenant(read_aspect_type))
        self._each(plant, "assetTypes", self._asset_types, self._of_tenant(read_asset_type))
        self._each(plant, "eventTypes", self._event_types, self._of_tenant(read_event_type))
        for at, entry in enumerate(entries(plant, "assets"), 1):
            self._asset(entry, None, f"assets, {entry_name(entry, at)}", 0)
        agents: list[AgentWish] = []
        self._each(plant, "agents", agents, self._agent)
        return Plant(
            name=text(plant, "name", 256, default=""),
            aspect_types=tuple(self._aspect_types),
            asset_types=ordered(self._asset_types, lambda one: one.parent_type_id),
            event_types=ordered(self._event_types, lambda one: one.parent_id),
            assets=tuple(self._assets),
            agents=tuple(agents),
        )

    def _of_tenant(self, read: "Callable[[Any, str], _Read]") -> "Callable[[Any], _Read]":
        return lambda entry: read(entry, self._tenant)

    def _each(
        self,
        plant: "dict[str, Any]",
        member: str,
        into: "list[_Read]",
        read: "Callable[[Any], _Read]",
    ) -> None:
        for at, entry in enumerate(entries(plant, member), 1):
            where = f"{member}, {entry_name(entry, at)}"
            found = self._faults.reading(where, partial(read, entry))
            if found is not None:
                into.append(found)

    def _asset(self, entry: "Any", parent: "str | None", where: str, depth: int) -> None:
        wish = self._faults.reading(where, lambda: self._asset_wish(entry, parent, depth))
        if wish is None:
            return
        self._assets.append(wish)
        children = self._faults.reading(where, lambda: entries(entry, "children")) or []
        for at, child in enumerate(children, 1):
            below = f"children of '{wish.asset.name}', {entry_name(child, at)}"
            self._asset(child, wish.asset.name, below, depth + 1)

    def _asset_wish(self, entry: "Any", parent: "str | None", depth: int) -> AssetWish:
        obj(entry, "an asset", _ASSET)
        if depth > _DEPTH_MAX:
            raise Fault(f"it is nested deeper than {_DEPTH_MAX}")
        name = text(entry, "name", 128)
        if set(name) & set("/\\"):
            raise Fault("name has a slash, which the platform refuses")
        if entry.get("parent") is not None:
            if parent is not None:
                raise Fault("it has a parent by standing inside of it; take `parent` away")
            parent = text(entry, "parent", 128)
        aspects = {}
        for given in entries(entry, "aspects"):
            one = obj(given, "an aspect", ("name", "variables"))
            aspect = text(one, "name", 64)
            if aspect in aspects:
                raise Fault(f"aspect {aspect} occurs twice")
            aspects[aspect] = named_values(one, f"aspect {aspect}")
        asset = Asset(
            "",
            name,
            with_tenant(text(entry, "typeId", 128, default="core.basicdevice"), self._tenant),
            None,
            external_id=text(entry, "externalId", 255, default=""),
            description=text(entry, "description", 255, default=""),
            timezone=text(entry, "timezone", 64, default=""),
            location=_location(entry.get("location")),
            variables=named_values(entry, "the asset"),
            aspects=aspects,
        )
        given_members = frozenset(to for member, to in _GIVEN.items() if entry.get(member))
        return AssetWish(asset, parent, given_members)

    def _agent(self, entry: "Any") -> AgentWish:
        obj(entry, "an agent", _AGENT)
        mappings = []
        for at, given in enumerate(entries(entry, "mappings"), 1):
            try:
                mappings.append(_mapping(given))
            except Fault as fault:
                raise Fault(f"mapping no. {at}: {fault}") from None
        events = []
        for at, given in enumerate(entries(entry, "eventMappings"), 1):
            try:
                events.append(self._event_mapping(given))
            except Fault as fault:
                raise Fault(f"event mapping no. {at}: {fault}") from None
        model = self._model(entry.get("configuration"))
        if entry.get("mapAllTo") is not None:
            mappings += self._map_all(model, text(entry, "mapAllTo", 128))
        parent = text(entry, "parent", 128, default="") or None
        return AgentWish(
            text(entry, "name", 128),
            parent=parent,
            security_profile=choice(entry, "securityProfile", PROFILES, default=PROFILES[0]),
            model=model,
            mappings=tuple(mappings),
            event_mappings=tuple(events),
        )

    def _event_mapping(self, given: "Any") -> EventMappingWish:
        one = obj(given, "it", _EVENT_MAPPING)
        kind = text(one, "eventTypeId", 64, pattern=EVENT_TYPE_ID)
        return EventMappingWish(
            # The standard type's id is too long for a mapping: its name stands there as it is.
            kind if kind == STANDARD_NAME else with_tenant(kind, self._tenant),
            text(one, "asset", 128),
            text(one, "eventTypeFieldName", 64),
            text(one, "eventTypeFieldValue", 255),
            event_type_name=text(one, "eventTypeName", 64, default=""),
        )

    def _model(self, given: "Any") -> "DataModel | None":
        if given is None:
            return None
        try:
            if isinstance(given, dict) and "fromAssetType" in given:
                one = obj(given, "configuration", ("configurationId", "fromAssetType"))
                aspects = self._aspects(text(one, "fromAssetType", 128), "configuration")
                return model_from_aspects(text(one, "configurationId", 36), aspects)
            if not isinstance(given, dict):
                raise Fault(f"configuration is {shown(given)}, not an object")
            return DataModel.parse(given)
        except InvalidMessage as error:
            raise Fault(f"configuration: {error}") from None

    def _map_all(self, model: "DataModel | None", asset: str) -> "list[MappingWish]":
        if model is None:
            raise Fault("mapAllTo needs a configuration")
        wish = next((one for one in self._assets if one.asset.name == asset), None)
        if wish is None:
            raise Fault(f"mapAllTo: {asset!r} is no asset of this file")
        aspects = self._aspects(wish.asset.type_id, "mapAllTo")
        shapes = {one.name: {v.name for v in one.variables} for one in aspects}
        found = []
        for source in model.sources:
            for point in source.data_points:
                if point.name not in shapes.get(source.name, ()):
                    raise Fault(
                        f"mapAllTo: {asset} has no variable {source.name}.{point.name} for "
                        f"data point {point.id}"
                    )
                found.append(MappingWish(point.id, asset, source.name, point.name))
        return found

    def _aspects(self, type_id: str, what: str) -> "list[Aspect]":
        shape = shape_of_type(
            with_tenant(type_id, self._tenant), self._asset_types, self._aspect_types
        )
        if shape is None or not shape.whole:
            raise Fault(f"{what}: this file does not describe the whole asset type {type_id}")
        return shape.aspects


def _mapping(given: "Any") -> MappingWish:
    one = obj(given, "it", _MAPPING)
    return MappingWish(
        text(one, "dataPointId", 36),
        text(one, "asset", 128),
        text(one, "propertySetName", 256),
        text(one, "propertyName", 256),
        keep=flag(one, "keepMapping", default=True),
    )


def _location(given: "Any") -> "Location | None":
    if given is None:
        return None
    one = obj(given, "location", _LOCATION)
    number(one, "latitude", -90, 90)
    number(one, "longitude", -180, 180)
    for member in _LOCATION[:5]:
        text(one, member, 255, default="")
    return Location.from_wire(one)
