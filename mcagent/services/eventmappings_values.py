"""Event mappings: what they are, and how many a plan allows (agent API 0.2 and 9)."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Iterable

from ..errors import ConfigurationError, InvalidMessage

# Event mappings of one agent, on Capability Package environments (agent API 0.2).
MAPPINGS_OF_PLAN: "dict[str, int | None]" = {
    "XXS": 2,
    "XS": 50,
    "S": 50,
    "M": 50,
    "L": 50,
    "XL": 50,
    "none": None,
}
MAPPINGS_OF_EVENT_TYPE = 5  # of one agent for one event type, in the same plans

_LENGTHS = {
    "agentId": 32,
    "assetId": 32,
    "eventTypeId": 64,
    "eventTypeName": 64,
    "eventTypeFieldName": 64,
    "eventTypeFieldValue": 255,
}


@dataclass(frozen=True)
class EventMapping:
    """Events of one type whose field contains a text go to an asset.

    Every mapping that fits applies; where none fits, the event goes to the agent's own asset.

    >>> EventMapping("0f5bc3", "9a4177", "demo.PressEvent", "source", "pump block")

    Attributes:
        event_type_name: What people call the type; the id's last word where it is not given.
        etag: The platform's, for a change or a deletion; ``""`` for one that does not exist yet.
    """

    agent_id: str
    asset_id: str
    event_type_id: str
    field_name: str
    field_value: str
    event_type_name: str = field(default="", compare=False)
    id: str = field(default="", compare=False)
    etag: str = field(default="", compare=False)

    def __str__(self) -> str:
        return (
            f"{self.event_type_id} with {self.field_name} containing {self.field_value!r}"
            f" -> {self.asset_id}"
        )

    def to_wire(self) -> "dict[str, Any]":
        return {
            "agentId": self.agent_id,
            "assetId": self.asset_id,
            "eventTypeId": self.event_type_id,
            "eventTypeName": self.event_type_name or self.event_type_id.rpartition(".")[2],
            "eventTypeFieldName": self.field_name,
            "eventTypeFieldValue": self.field_value,
        }

    @staticmethod
    def from_wire(wire: "dict[str, Any]") -> "EventMapping":
        return EventMapping(
            str(wire.get("agentId")),
            str(wire.get("assetId")),
            str(wire.get("eventTypeId")),
            str(wire.get("eventTypeFieldName")),
            str(wire.get("eventTypeFieldValue")),
            event_type_name=str(wire.get("eventTypeName") or ""),
            id=str(wire.get("id") or ""),
            etag=str(wire.get("eTag") or ""),
        )


def check_event_mapping(mapping: EventMapping) -> None:
    """Refuse what the platform would refuse for its form.

    Raises:
        InvalidMessage: A member is empty or too long.
    """
    for member, value in mapping.to_wire().items():
        if not 1 <= len(value) <= _LENGTHS[member]:
            raise InvalidMessage(
                f"{member} of an event mapping is {value[:80]!r}, "
                f"not 1 to {_LENGTHS[member]} characters",
                hint="each of its members is needed",
            )


def check_event_limits(mappings: "Iterable[EventMapping]", plan: str) -> None:
    """Refuse what is more than *plan* allows.

    Raises:
        InvalidMessage: An agent has too many mappings, in all or for one event type.
        ConfigurationError: There is no such plan.
    """
    if plan not in MAPPINGS_OF_PLAN:
        raise ConfigurationError(
            f"there is no plan {plan!r}", hint=f"choose one of {', '.join(MAPPINGS_OF_PLAN)}"
        )
    most = MAPPINGS_OF_PLAN[plan]
    if most is None:
        return
    distinct = set(mappings)
    hint = "map fewer events, or give the plan that your tenant has"
    for agent, number in sorted(Counter(one.agent_id for one in distinct).items()):
        if number > most:
            raise InvalidMessage(
                f"agent {agent} would have {number} event mappings; plan {plan} allows {most}",
                hint=hint,
            )
    by_type = Counter((one.agent_id, one.event_type_id) for one in distinct)
    for (agent, kind), number in sorted(by_type.items()):
        if number > MAPPINGS_OF_EVENT_TYPE:
            raise InvalidMessage(
                f"agent {agent} would have {number} event mappings for {kind}; "
                f"plan {plan} allows {MAPPINGS_OF_EVENT_TYPE}",
                hint=hint,
            )
