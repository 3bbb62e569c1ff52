"""Data point mappings: what they are, and which of them a plan allows (agent API 0.2 and 8)."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Iterable

from ..errors import ConfigurationError, InvalidMessage
from ..messages.datamodel import DataModel
from .assets_values import DYNAMIC, Aspect

# Variables that one data point may be mapped to. Capability Package environments have these
# limits; others have none (agent API 0.2).
TARGETS_OF_PLAN: "dict[str, int | None]" = {
    "XXS": 1,
    "XS": 5,
    "S": 5,
    "M": 10,
    "L": 10,
    "XL": 20,
    "none": None,
}

_LENGTHS = {"agentId": 36, "dataPointId": 36, "entityId": 36}
_NAME_MAX = 256


@dataclass(frozen=True)
class Mapping:
    """Values of one data point of an agent go to one variable of an asset.

    >>> Mapping("0f5bc3", "speed", "9a4177", "rotor", "speed")

    Attributes:
        aspect: Its aspect.
        variable: Its variable.
        keep: Whether it survives a new data model of the agent (`keepMapping`).
        id: ``""`` for one that does not exist yet.
        valid: False where the platform drops the values.
        reasons: Why, in the platform's words: ``MISSING_DATAPOINT``, ``MISSING_PROPERTY``,
            ``INVALID_TYPE``, ``INVALID_UNIT``.
    """

    agent_id: str
    data_point_id: str
    entity_id: str
    aspect: str
    variable: str
    keep: bool = True
    id: str = field(default="", compare=False)
    valid: bool = field(default=True, compare=False)
    reasons: "tuple[str, ...]" = field(default=(), compare=False)

    @property
    def target(self) -> "tuple[str, str, str]":
        """Asset, aspect and variable."""
        return self.entity_id, self.aspect, self.variable

    def __str__(self) -> str:
        return f"{self.data_point_id} -> {self.entity_id} {self.aspect}.{self.variable}"

    def to_wire(self) -> "dict[str, Any]":
        return {
            "agentId": self.agent_id,
            "dataPointId": self.data_point_id,
            "entityId": self.entity_id,
            "propertySetName": self.aspect,
            "propertyName": self.variable,
            # Always said: the service's own default is false, the clients' is true (8).
            "keepMapping": self.keep,
        }

    @staticmethod
    def from_wire(wire: "dict[str, Any]") -> "Mapping":
        validity = wire.get("validity")
        validity = validity if isinstance(validity, dict) else {}
        return Mapping(
            str(wire.get("agentId")),
            str(wire.get("dataPointId")),
            str(wire.get("entityId")),
            str(wire.get("propertySetName")),
            str(wire.get("propertyName")),
            keep=bool(wire.get("keepMapping")),
            id=str(wire.get("id") or ""),
            valid=validity.get("status", "VALID") == "VALID",
            reasons=tuple(str(reason) for reason in validity.get("reasons") or ()),
        )


def check_mapping(mapping: Mapping) -> None:
    """Refuse what the platform would refuse for its form.

    Raises:
        InvalidMessage: A member is empty or too long.
    """
    wire = mapping.to_wire()
    for member, value in wire.items():
        if member == "keepMapping":
            continue
        most = _LENGTHS.get(member, _NAME_MAX)
        if not 1 <= len(value) <= most:
            raise InvalidMessage(
                f"{member} of a mapping is {value[:80]!r}, not 1 to {most} characters",
                hint="agent, data point and asset are ids; aspect and variable are names",
            )


def targets_allowed(plan: str) -> "int | None":
    """Variables that one data point may be mapped to in *plan*; None for no limit.

    Raises:
        ConfigurationError: There is no such plan.
    """
    return _of_plan(TARGETS_OF_PLAN, plan)


def _of_plan(table: "dict[str, int | None]", plan: str) -> "int | None":
    if plan not in table:
        raise ConfigurationError(
            f"there is no plan {plan!r}", hint=f"choose one of {', '.join(table)}"
        )
    return table[plan]


def over_limit(mappings: "Iterable[Mapping]", plan: str) -> "dict[str, int]":
    """Data points with more targets than *plan* allows, and how many they have."""
    most = targets_allowed(plan)
    if most is None:
        return {}
    counts = Counter((one.agent_id, one.data_point_id) for one in set(mappings))
    return {point: number for (_, point), number in sorted(counts.items()) if number > most}


def check_limit(mappings: "Iterable[Mapping]", plan: str) -> None:
    """Refuse what is more than *plan* allows.

    Raises:
        InvalidMessage: Names each data point that has too many targets.
    """
    over = over_limit(mappings, plan)
    if over:
        named = ", ".join(f"{point} has {number}" for point, number in over.items())
        raise InvalidMessage(
            f"plan {plan} allows {TARGETS_OF_PLAN[plan]} variables a data point: {named}",
            hint="map it to fewer variables, or give the plan that your tenant has",
        )


def generate_mappings(
    model: DataModel, aspects: "Iterable[Aspect]", *, agent_id: str, entity_id: str
) -> "list[Mapping]":
    """Map each point to the variable of its own name in the aspect of its data source's name.

    A point whose source or name the asset does not have is left out; compare the result with
    ``model.points`` to see which.

    Raises:
        InvalidMessage: Names agree and types do not; the platform would refuse the mapping.
    """
    shapes = {
        aspect.name: {variable.name: variable for variable in aspect.variables}
        for aspect in aspects
        if aspect.category == DYNAMIC
    }
    found = []
    for source in model.sources:
        for point in source.data_points:
            variable = shapes.get(source.name, {}).get(point.name)
            if variable is None:
                continue
            if variable.data_type != point.type:
                raise InvalidMessage(
                    f"data point {point.id} is of type {point.type}, "
                    f"variable {source.name}.{variable.name} of type {variable.data_type}",
                    hint="the platform maps equal types only",
                )
            found.append(Mapping(agent_id, point.id, entity_id, source.name, variable.name))
    return found
