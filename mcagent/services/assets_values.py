"""What asset management keeps: aspect types, asset types, assets (services API 5)."""

from dataclasses import dataclass, field
from typing import Any

DYNAMIC = "dynamic"
STATIC = "static"
AGENT_TYPE = "core.mclib"  # of an agent's own asset (agent API 2.6)


@dataclass(frozen=True)
class Variable:
    """One variable of an aspect type or an asset type.

    >>> Variable("speed", "DOUBLE", unit="1/min", quality_code=True)

    Attributes:
        length: Longest text, of STRING and BIG_STRING; None for the type's own limit.
        quality_code: Whether each value may have a quality code; fixed once it exists.
        default_value: Of static variables; None for none.
    """

    name: str
    data_type: str
    unit: str = ""
    length: "int | None" = None
    searchable: bool = False
    quality_code: bool = False
    default_value: "str | None" = None

    def to_wire(self) -> "dict[str, Any]":
        wire: dict[str, Any] = {
            "name": self.name,
            "dataType": self.data_type,
            "unit": self.unit,
            "searchable": self.searchable,
            "qualityCode": self.quality_code,
        }
        if self.length is not None:
            wire["length"] = self.length
        if self.default_value is not None:
            wire["defaultValue"] = self.default_value
        return wire

    @staticmethod
    def from_wire(wire: "dict[str, Any]") -> "Variable":
        return Variable(
            str(wire.get("name")),
            str(wire.get("dataType")),
            unit=str(wire.get("unit") or ""),
            length=wire.get("length"),
            searchable=bool(wire.get("searchable")),
            quality_code=bool(wire.get("qualityCode")),
            default_value=wire.get("defaultValue"),
        )


@dataclass(frozen=True)
class AspectType:
    """What is measured together, or described together.

    >>> AspectType("demo.Rotor", (Variable("speed", "DOUBLE", unit="1/min"),))

    Attributes:
        id: ``tenant.Name``.
        category: ``"dynamic"`` for time series, ``"static"`` for values of the asset itself.
        etag: None for one that was not read from the platform.
    """

    id: str
    variables: "tuple[Variable, ...]"
    category: str = DYNAMIC
    description: str = ""
    scope: str = "private"
    etag: "int | None" = field(default=None, compare=False)

    @property
    def name(self) -> str:
        return self.id.partition(".")[2]

    def to_wire(self) -> "dict[str, Any]":
        return {
            "name": self.name,
            "category": self.category,
            "scope": self.scope,
            "description": self.description,
            "variables": [variable.to_wire() for variable in self.variables],
        }

    @staticmethod
    def from_wire(wire: "dict[str, Any]") -> "AspectType":
        return AspectType(
            str(wire.get("id")),
            variables_of(wire),
            category=str(wire.get("category")),
            description=wire.get("description") or "",
            scope=wire.get("scope") or "private",
            etag=wire.get("etag"),
        )


@dataclass(frozen=True)
class AssetType:
    """What an asset is: its aspects and its static variables.

    >>> AssetType("demo.Turbine", "core.basicdevice", (("rotor", "demo.Rotor"),))

    Attributes:
        aspects: (name of the aspect, id of its type); inherited ones only where the platform was
            asked for them.
    """

    id: str
    parent_type_id: str = "core.basicasset"
    aspects: "tuple[tuple[str, str], ...]" = ()
    variables: "tuple[Variable, ...]" = ()
    description: str = ""
    instantiable: bool = True
    scope: str = "private"
    etag: "int | None" = field(default=None, compare=False)

    @property
    def name(self) -> str:
        return self.id.partition(".")[2]

    def to_wire(self) -> "dict[str, Any]":
        return {
            "name": self.name,
            "parentTypeId": self.parent_type_id,
            "description": self.description,
            "instantiable": self.instantiable,
            "scope": self.scope,
            "aspects": [{"name": name, "aspectTypeId": kind} for name, kind in self.aspects],
            "variables": [variable.to_wire() for variable in self.variables],
            "fileAssignments": [],
        }

    @staticmethod
    def from_wire(wire: "dict[str, Any]") -> "AssetType":
        return AssetType(
            str(wire.get("id")),
            parent_type_id=str(wire.get("parentTypeId") or ""),
            aspects=tuple(
                (str(aspect.get("name")), _aspect_type_id(aspect))
                for aspect in wire.get("aspects") or ()
            ),
            variables=variables_of(wire),
            description=wire.get("description") or "",
            instantiable=wire.get("instantiable") is not False,
            scope=wire.get("scope") or "private",
            etag=wire.get("etag"),
        )


@dataclass(frozen=True)
class Aspect:
    """One aspect of one asset, with what may be mapped to or read from it."""

    name: str
    aspect_type_id: str
    category: str
    variables: "tuple[Variable, ...]"

    @staticmethod
    def from_wire(wire: "dict[str, Any]") -> "Aspect":
        return Aspect(
            str(wire.get("name")),
            str(wire.get("aspectTypeId") or ""),
            str(wire.get("category") or DYNAMIC),
            variables_of(wire),
        )


@dataclass(frozen=True)
class Location:
    """Where an asset stands; ``""`` and None are unknown."""

    country: str = ""
    region: str = ""
    locality: str = ""
    street_address: str = ""
    postal_code: str = ""
    latitude: "float | None" = None
    longitude: "float | None" = None

    def to_wire(self) -> "dict[str, Any]":
        return {wire: value for wire, name in _LOCATION if (value := getattr(self, name))}

    @staticmethod
    def from_wire(wire: "dict[str, Any] | None") -> "Location | None":
        if not wire:
            return None
        known = {name: wire[member] for member, name in _LOCATION if wire.get(member)}
        return Location(**known)


_LOCATION = (
    ("country", "country"),
    ("region", "region"),
    ("locality", "locality"),
    ("streetAddress", "street_address"),
    ("postalCode", "postal_code"),
    ("latitude", "latitude"),
    ("longitude", "longitude"),
)


@dataclass(frozen=True)
class Asset:
    """One asset.

    Attributes:
        id: 32 hexadecimal digits; ``""`` for one that does not exist yet.
        parent_id: None for the root asset of the tenant.
        variables: Static variable to its value.
        aspects: Static aspect to its variables and their values.
    """

    id: str
    name: str
    type_id: str
    parent_id: "str | None"
    external_id: str = ""
    description: str = ""
    timezone: str = ""
    location: "Location | None" = None
    variables: "dict[str, str]" = field(default_factory=dict)
    aspects: "dict[str, dict[str, str]]" = field(default_factory=dict)
    etag: "int | None" = field(default=None, compare=False)

    def to_wire(self) -> "dict[str, Any]":
        wire: dict[str, Any] = {
            "name": self.name,
            "typeId": self.type_id,
            "externalId": self.external_id,
            "description": self.description,
            "variables": _values_to_wire(self.variables),
            "aspects": [
                {"name": name, "variables": _values_to_wire(values)}
                for name, values in self.aspects.items()
            ],
        }
        if self.parent_id is not None:
            wire["parentId"] = self.parent_id
        if self.timezone:
            wire["timezone"] = self.timezone
        if self.location is not None:
            wire["location"] = self.location.to_wire()
        return wire

    @staticmethod
    def from_wire(wire: "dict[str, Any]") -> "Asset":
        return Asset(
            str(wire.get("assetId")),
            str(wire.get("name")),
            str(wire.get("typeId")),
            wire.get("parentId"),
            external_id=wire.get("externalId") or "",
            description=wire.get("description") or "",
            timezone=wire.get("timezone") or "",
            location=Location.from_wire(wire.get("location")),
            variables=_values(wire),
            aspects={
                str(aspect.get("name")): _values(aspect) for aspect in wire.get("aspects") or ()
            },
            etag=wire.get("etag"),
        )


def variables_of(wire: "dict[str, Any]") -> "tuple[Variable, ...]":
    return tuple(Variable.from_wire(one) for one in wire.get("variables") or ())


def _aspect_type_id(aspect: "dict[str, Any]") -> str:
    # A request names the aspect's type, an answer holds the whole of it (5.3).
    held = aspect.get("aspectType")
    found = held.get("id") if isinstance(held, dict) else None
    return str(found or aspect.get("aspectTypeId") or aspect.get("aspectId") or "")


def _values(wire: "dict[str, Any]") -> "dict[str, str]":
    return {
        str(one.get("name")): str(one["value"])
        for one in wire.get("variables") or ()
        if one.get("value") is not None
    }


def _values_to_wire(values: "dict[str, str]") -> "list[dict[str, str]]":
    return [{"name": name, "value": value} for name, value in values.items()]
