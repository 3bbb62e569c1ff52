"""What a commissioning file asks for, and what the platform has of it."""

from dataclasses import dataclass, field

from ..messages.datamodel import DataModel
from .agents_values import AgentRecord
from .assets_values import AspectType, Asset, AssetType
from .eventmappings_values import EventMapping
from .events_values import EventType
from .mappings_values import Mapping


@dataclass(frozen=True)
class AssetWish:
    """An asset that shall be there.

    Attributes:
        asset: With ``""`` as its id; its `parent_id` is not used.
        parent: Name of an asset of the same file, or an id; None for the tenant's root.
        given: Members that the file names; the others are left as they are.
    """

    asset: Asset
    parent: "str | None"
    given: "frozenset[str]"


@dataclass(frozen=True)
class MappingWish:
    """A mapping whose asset is a name of the same file, or an id."""

    data_point_id: str
    asset: str
    aspect: str
    variable: str
    keep: bool = True

    def mapping(self, agent_id: str, asset_id: str) -> Mapping:
        return Mapping(
            agent_id,
            self.data_point_id,
            asset_id,
            self.aspect,
            self.variable,
            keep=self.keep,
        )

    def __str__(self) -> str:
        return f"{self.data_point_id} -> {self.asset} {self.aspect}.{self.variable}"


@dataclass(frozen=True)
class EventMappingWish:
    """An event mapping whose asset is a name of the same file, or an id."""

    event_type_id: str
    asset: str
    field_name: str
    field_value: str
    event_type_name: str = ""

    def mapping(self, agent_id: str, asset_id: str) -> EventMapping:
        return EventMapping(
            agent_id,
            asset_id,
            self.event_type_id,
            self.field_name,
            self.field_value,
            event_type_name=self.event_type_name,
        )

    def __str__(self) -> str:
        return (
            f"{self.event_type_id} with {self.field_name} containing {self.field_value!r}"
            f" -> {self.asset}"
        )


@dataclass(frozen=True)
class AgentWish:
    """An agent that shall be there, with its own asset below *parent*.

    Attributes:
        model: None leaves the agent's data model alone.
    """

    name: str
    parent: "str | None" = None
    security_profile: str = "SHARED_SECRET"
    model: "DataModel | None" = None
    mappings: "tuple[MappingWish, ...]" = ()
    event_mappings: "tuple[EventMappingWish, ...]" = ()


@dataclass(frozen=True)
class Plant:
    """Everything that one file describes; types and assets stand after what they need."""

    name: str = ""
    aspect_types: "tuple[AspectType, ...]" = ()
    asset_types: "tuple[AssetType, ...]" = ()
    event_types: "tuple[EventType, ...]" = ()
    assets: "tuple[AssetWish, ...]" = ()
    agents: "tuple[AgentWish, ...]" = ()


@dataclass(frozen=True)
class PresentAgent:
    """An agent as the platform has it."""

    record: AgentRecord
    model: "DataModel | None" = None
    mappings: "tuple[Mapping, ...]" = ()
    event_mappings: "tuple[EventMapping, ...]" = ()


@dataclass(frozen=True)
class Present:
    """What the platform has of a plant; types by id, assets and agents by their names in it.

    Attributes:
        agent_assets: Agent to its own asset, where the asset is there and the agent is not yet.
    """

    aspect_types: "dict[str, AspectType]" = field(default_factory=dict)
    asset_types: "dict[str, AssetType]" = field(default_factory=dict)
    event_types: "dict[str, EventType]" = field(default_factory=dict)
    assets: "dict[str, Asset]" = field(default_factory=dict)
    agents: "dict[str, PresentAgent]" = field(default_factory=dict)
    agent_assets: "dict[str, Asset]" = field(default_factory=dict)
