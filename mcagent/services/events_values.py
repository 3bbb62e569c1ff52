"""Events and their types as the event service keeps them (services API 4)."""

from dataclasses import dataclass, field
from typing import Any

STANDARD_TYPE = "com.siemens.mindsphere.eventmgmt.event.type.MindSphereStandardEvent"
STANDARD_NAME = STANDARD_TYPE.rpartition(".")[2]
BASE_TYPE = "com.siemens.mindsphere.eventmgmt.event.type.BaseEvent"
# What events of agents inherit from (agent API 6.4.2).
AGENT_BASE_TYPE = "core.connectivity.event.type.AgentBaseEvent"
TTL_DAYS = 35

FIELD_TYPES = ("STRING", "INTEGER", "DOUBLE", "BOOLEAN", "LINK", "TIMESTAMP", "UUID", "ENUM")


@dataclass(frozen=True)
class EventField:
    """One field of an event type.

    >>> EventField("pressure", "DOUBLE", filterable=True)

    Attributes:
        values: Of an ENUM only.
    """

    name: str
    type: str
    filterable: bool = False
    required: bool = False
    updatable: bool = True
    values: "tuple[str, ...]" = ()

    def to_wire(self) -> "dict[str, Any]":
        wire: dict[str, Any] = {
            "name": self.name,
            "type": self.type,
            "filterable": self.filterable,
            "required": self.required,
            "updatable": self.updatable,
        }
        if self.values:
            wire["values"] = list(self.values)
        return wire

    @staticmethod
    def from_wire(wire: "dict[str, Any]") -> "EventField":
        return EventField(
            str(wire.get("name")),
            str(wire.get("type")),
            filterable=bool(wire.get("filterable")),
            required=bool(wire.get("required")),
            updatable=wire.get("updatable") is not False,
            values=tuple(str(value) for value in wire.get("values") or ()),
        )


@dataclass(frozen=True)
class EventType:
    """A kind of event with fields of its own.

    >>> EventType("demo.PumpEvent", (EventField("pressure", "DOUBLE"),))

    Attributes:
        id: Begins with ``tenant.``.
        ttl: Days that events are kept.
        scope: ``"LOCAL"``: of the tenant; ``"GLOBAL"``: for every tenant to see.
    """

    id: str
    fields: "tuple[EventField, ...]" = ()
    name: str = ""
    parent_id: str = BASE_TYPE
    ttl: int = TTL_DAYS
    scope: str = "LOCAL"
    etag: "int | None" = field(default=None, compare=False)

    def to_wire(self) -> "dict[str, Any]":
        return {
            "id": self.id,
            "name": self.name or self.id.rpartition(".")[2],
            "parentId": self.parent_id,
            "ttl": self.ttl,
            "scope": self.scope,
            "fields": [one.to_wire() for one in self.fields],
        }

    @staticmethod
    def from_wire(wire: "dict[str, Any]") -> "EventType":
        ttl = wire.get("ttl")
        return EventType(
            str(wire.get("id")),
            tuple(EventField.from_wire(one) for one in wire.get("fields") or ()),
            name=str(wire.get("name") or ""),
            parent_id=str(wire.get("parentId") or ""),
            ttl=ttl if isinstance(ttl, int) else TTL_DAYS,
            scope=str(wire.get("scope") or "LOCAL"),
            etag=wire.get("etag"),
        )


@dataclass(frozen=True)
class StoredEvent:
    """One event of an asset.

    >>> StoredEvent("9a4177", "2026-03-04T05:06:07.089Z", severity=20, description="hot")

    Attributes:
        entity_id: The asset.
        timestamp: ISO 8601 time.
        severity: 20 error, 30 warning, 40 information; None where the type has none.
        correlation_id: Groups the successive states of one matter; ``""`` lets the platform
            choose one.
        details: Fields of an own event type.
        id: ``""`` for one that was not stored yet.
    """

    entity_id: str
    timestamp: str
    type_id: str = STANDARD_TYPE
    severity: "int | None" = None
    description: str = ""
    source: str = ""
    code: str = ""
    acknowledged: "bool | None" = None
    correlation_id: str = ""
    details: "dict[str, Any]" = field(default_factory=dict)
    id: str = ""
    etag: "int | None" = field(default=None, compare=False)

    def to_wire(self) -> "dict[str, Any]":
        """What is posted; empty members are left out."""
        wire: dict[str, Any] = {
            member: value for member, name in _MEMBERS if (value := getattr(self, name)) != ""
        }
        wire.update(self.details)
        return {name: value for name, value in wire.items() if value is not None}

    @staticmethod
    def from_wire(wire: "dict[str, Any]") -> "StoredEvent":
        known = {name: wire[member] for member, name in _MEMBERS if wire.get(member) is not None}
        rest = {
            name: value
            for name, value in wire.items()
            if name not in _NOT_DETAILS and value is not None
        }
        return StoredEvent(
            **{"entity_id": "", "timestamp": "", **known},
            details=rest,
            id=str(wire.get("id") or ""),
            etag=wire.get("etag"),
        )


_MEMBERS = (
    ("typeId", "type_id"),
    ("entityId", "entity_id"),
    ("timestamp", "timestamp"),
    ("correlationId", "correlation_id"),
    ("severity", "severity"),
    ("code", "code"),
    ("source", "source"),
    ("description", "description"),
    ("acknowledged", "acknowledged"),
)
_NOT_DETAILS = frozenset((*(member for member, _ in _MEMBERS), "id", "etag", "_links"))
