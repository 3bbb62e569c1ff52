"""Which mappings of one agent have to come and to go; nothing here speaks to the platform."""

from dataclasses import dataclass
from typing import Union

from ..messages.datamodel import DataModel
from .commissioning_values import AgentWish, EventMappingWish, MappingWish, PresentAgent
from .datasources_model import same_model
from .eventmappings_values import EventMapping, check_event_limits
from .mappings_values import Mapping, check_limit

_UNKNOWN = "?"  # in place of the id of what is yet to be made; no id of the platform is that


@dataclass(frozen=True)
class MappingSteps:
    """What becomes of an agent's data model and its mappings.

    Attributes:
        model: To be put; None where it is as wanted or the file has none.
        loses: Mappings without `keep` that the platform deletes when the model is put.
        delete: To be deleted before that.
        create: To be made after that, those that are lost and wanted among them.
        after: All mappings that there are in the end.
    """

    model: "DataModel | None"
    loses: "tuple[Mapping, ...]"
    delete: "tuple[Mapping, ...]"
    create: "tuple[MappingWish, ...]"
    after: "tuple[Mapping, ...]"
    conflicts: "tuple[str, ...]"
    leftovers: "tuple[str, ...]"

    def check_limit(self, plan: str) -> None:
        check_limit(self.after, plan)


@dataclass(frozen=True)
class EventMappingSteps:
    """What becomes of an agent's event mappings."""

    delete: "tuple[EventMapping, ...]"
    create: "tuple[EventMappingWish, ...]"
    after: "tuple[EventMapping, ...]"
    leftovers: "tuple[str, ...]"

    def check_limit(self, plan: str) -> None:
        check_event_limits(self.after, plan)


def plan_mappings(
    wanted: AgentWish, there: "PresentAgent | None", assets: "dict[str, str]", *, delete: bool
) -> MappingSteps:
    """Compare the mappings of an agent.

    Args:
        wanted: Of the file.
        there: Of the platform; None for an agent that is yet to be made.
        assets: Name in the file to id, of the assets that are there.
        delete: Whether what the file does not have may go.
    """
    agent = there.record.id if there else _UNKNOWN
    held = there.mappings if there else ()
    wishes = {
        (wish.data_point_id, *_target(wish, assets)): wish for wish in reversed(wanted.mappings)
    }
    wishes = dict(reversed(list(wishes.items())))  # in the file's order; the first of equals
    gone: list[Mapping] = []
    differs: list[tuple[Mapping, str]] = []
    for mapping in held:
        wish = wishes.get((mapping.data_point_id, *mapping.target))
        if wish is None:
            words = f"mapping {_named(mapping, assets)} is not in the file"
        elif wish.keep != mapping.keep:
            words = f"mapping {wish} has keepMapping {str(mapping.keep).lower()}"
        else:
            continue
        if delete:
            gone.append(mapping)
        else:
            differs.append((mapping, words))
    model = None
    if wanted.model is not None and (there is None or not same_model(there.model, wanted.model)):
        model = wanted.model
    stays = [mapping for mapping in held if mapping not in gone]
    # The first model, too: mappings may be there already (noAgentValidation), and they
    # go as well (agent API 5.3).
    loses = [mapping for mapping in stays if not mapping.keep] if model is not None else []
    stays = [mapping for mapping in stays if mapping not in loses]
    reached = {(mapping.data_point_id, *mapping.target) for mapping in stays}
    create = [wish for key, wish in wishes.items() if key not in reached]
    after = [
        *stays,
        *(_with_id(wish, agent, assets) for wish in create),
    ]
    return MappingSteps(
        model=model,
        loses=tuple(loses),
        delete=tuple(gone),
        create=tuple(create),
        after=tuple(after),
        conflicts=tuple(_clashes(create, stays, assets)),
        leftovers=tuple(words for mapping, words in differs if mapping in stays),
    )


def plan_event_mappings(
    wanted: AgentWish, there: "PresentAgent | None", assets: "dict[str, str]", *, delete: bool
) -> EventMappingSteps:
    """Compare the event mappings of an agent; the arguments are those of `plan_mappings`."""
    agent = there.record.id if there else _UNKNOWN
    held = there.event_mappings if there else ()
    names = {key: name for name, key in assets.items()}
    wishes: dict[EventMapping, EventMappingWish] = {}
    for wish in wanted.event_mappings:
        wishes.setdefault(wish.mapping(agent, _asset_id(wish.asset, assets)), wish)
    gone = [one for one in held if one not in wishes]
    stays = [one for one in held if one in wishes or not delete]
    create = {key: wish for key, wish in wishes.items() if key not in held}
    return EventMappingSteps(
        delete=tuple(gone) if delete else (),
        create=tuple(create.values()),
        after=(*stays, *create),
        leftovers=()
        if delete
        else tuple(
            f"event mapping {one} {names.get(one.asset_id, '')}".rstrip() + " is not in the file"
            for one in gone
        ),
    )


def _asset_id(name: str, assets: "dict[str, str]") -> str:
    """Id of an asset of the file; what is no name in it is an id, and new ones keep their name."""
    return assets.get(name, name)


def _target(wish: MappingWish, assets: "dict[str, str]") -> "tuple[str, str, str]":
    return _asset_id(wish.asset, assets), wish.aspect, wish.variable


def _with_id(wish: MappingWish, agent: str, assets: "dict[str, str]") -> Mapping:
    return wish.mapping(agent, _asset_id(wish.asset, assets))


def _named(mapping: Mapping, assets: "dict[str, str]") -> str:
    names = {key: name for name, key in assets.items()}
    where = names.get(mapping.entity_id, mapping.entity_id)
    return f"{mapping.data_point_id} -> {where} {mapping.aspect}.{mapping.variable}"


def _clashes(
    create: "list[MappingWish]", stays: "list[Mapping]", assets: "dict[str, str]"
) -> "list[str]":
    """A point has at most one variable in one aspect of one asset (agent API 8)."""
    taken: dict[tuple[str, str, str], Union[Mapping, MappingWish]] = {
        (one.data_point_id, one.entity_id, one.aspect): one for one in stays
    }
    found = []
    for wish in create:
        asset, aspect, _ = _target(wish, assets)
        key = (wish.data_point_id, asset, aspect)
        other = taken.setdefault(key, wish)
        if other is not wish:
            words = str(other) if isinstance(other, MappingWish) else _named(other, assets)
            found.append(
                f"mapping {wish} cannot be made beside {words}: a data point feeds one variable "
                "of an aspect"
            )
    return found
