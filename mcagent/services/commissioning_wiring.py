"""Whether the parts of a commissioning file fit one another. Nothing here speaks to the platform.

What the file does not describe itself (an asset by its id, a type that is there already) cannot be
checked here; the platform checks it.
"""

from typing import Any, Callable, NamedTuple, Sequence

from ..messages.datamodel import DataPoint
from .assets_values import DYNAMIC, STATIC, Aspect, AspectType, AssetType
from .commissioning_reading import ASSET_ID
from .commissioning_values import AgentWish, AssetWish, MappingWish, Plant

_PARENTS_MAX = 20


def ordered(types: "Sequence[Any]", parent: "Callable[[Any], str]") -> "tuple[Any, ...]":
    """Types after those that they inherit from; those in a circle at the end."""
    waiting = list(types)
    done: list[Any] = []
    while waiting:
        names = {one.id.lower() for one in waiting}
        ready = [one for one in waiting if parent(one).lower() not in names]
        done += ready or waiting
        waiting = [one for one in waiting if one not in ready] if ready else []
    return tuple(done)


class Shape(NamedTuple):
    """The aspects of an asset type; `whole` where the file describes all of them."""

    aspects: "list[Aspect]"
    whole: bool


def shape_of_type(
    type_id: str, asset_types: "Sequence[AssetType]", aspect_types: "Sequence[AspectType]"
) -> "Shape | None":
    """The aspects of an asset type, inherited ones too, as far as the file describes them.

    None where it does not describe the type at all.
    """
    types = {one.id.lower(): one for one in asset_types}
    kinds = {one.id.lower(): one for one in aspect_types}
    if type_id.lower() not in types:
        return None
    found: list[Aspect] = []
    whole = True
    wanted = type_id.lower()
    for _ in range(_PARENTS_MAX):
        current = types.get(wanted)
        if current is None:
            # Nothing is measured in what every tenant has (services API 5.3).
            whole = whole and wanted.startswith("core.")
            break
        for name, kind in current.aspects:
            held = kinds.get(kind.lower())
            if held is None:
                whole = False
            else:
                found.append(Aspect(name, held.id, held.category, held.variables))
        wanted = current.parent_type_id.lower()
    return Shape(found, whole)


def check_wiring(plant: Plant) -> "list[str]":
    """What does not fit, one line each; empty where everything does."""
    faults = _doubles(plant)
    names = {wish.asset.name: wish for wish in plant.assets}
    for wish in plant.assets:
        if wish.parent is not None and wish.parent not in names and not _is_id(wish.parent):
            faults.append(f"assets, '{wish.asset.name}': {_unknown(wish.parent, names)}")
        faults += _static_values(wish, plant)
    for agent in plant.agents:
        faults += [f"agents, '{agent.name}': {words}" for words in _agent(agent, plant, names)]
    return faults


def _doubles(plant: Plant) -> "list[str]":
    faults = []
    for what, ids in (
        ("aspectTypes", [one.id for one in plant.aspect_types]),
        ("assetTypes", [one.id for one in plant.asset_types]),
        ("eventTypes", [one.id for one in plant.event_types]),
        ("assets", [wish.asset.name for wish in plant.assets]),
        ("agents", [agent.name for agent in plant.agents]),
    ):
        faults += [f"{what}: {one!r} occurs twice" for one in sorted({*ids}) if ids.count(one) > 1]
    return faults


def _static_values(wish: AssetWish, plant: Plant) -> "list[str]":
    shape = shape_of_type(wish.asset.type_id, plant.asset_types, plant.aspect_types)
    if shape is None or not shape.whole:
        return []
    static = {
        one.name: {variable.name for variable in one.variables}
        for one in shape.aspects
        if one.category == STATIC
    }
    faults = []
    for name, values in wish.asset.aspects.items():
        where = f"assets, '{wish.asset.name}'"
        if name not in static:
            faults.append(f"{where}: {name} is no static aspect of {wish.asset.type_id}")
            continue
        unknown = sorted({*values} - static[name])
        faults += [f"{where}: aspect {name} has no variable {one}" for one in unknown]
    return faults


def _agent(agent: AgentWish, plant: Plant, names: "dict[str, AssetWish]") -> "list[str]":
    faults = []
    if agent.parent is not None and agent.parent not in names and not _is_id(agent.parent):
        faults.append(_unknown(agent.parent, names))
    seen: dict[tuple[str, str, str], str] = {}
    for wish in agent.mappings:
        where = f"mapping {wish}"
        point = agent.model.points.get(wish.data_point_id) if agent.model else None
        if agent.model is not None and point is None:
            faults.append(f"{where}: the configuration has no data point {wish.data_point_id!r}")
        if wish.asset not in names:
            if not _is_id(wish.asset):
                faults.append(f"{where}: {_unknown(wish.asset, names)}")
            continue
        key = (wish.data_point_id, wish.asset, wish.aspect)
        other = seen.setdefault(key, wish.variable)
        if other != wish.variable:
            faults.append(f"{where}: the point feeds {wish.aspect}.{other} already")
        kind = names[wish.asset].asset.type_id
        shape = shape_of_type(kind, plant.asset_types, plant.aspect_types)
        if shape is not None:
            words = _misfit(wish, shape, kind, point)
            faults += [f"{where}: {words}"] if words else []
    for event in agent.event_mappings:
        if event.asset not in names and not _is_id(event.asset):
            faults.append(f"event mapping {event}: {_unknown(event.asset, names)}")
    return faults


def _misfit(wish: MappingWish, shape: Shape, type_id: str, point: "DataPoint | None") -> str:
    """Why the platform would not take the mapping; ``""`` where it would, as far as is known."""
    aspect = next((one for one in shape.aspects if one.name == wish.aspect), None)
    if aspect is None:
        return f"{type_id} has no aspect {wish.aspect!r}" if shape.whole else ""
    if aspect.category != DYNAMIC:
        return f"aspect {aspect.name} is static, nothing is measured there"
    found = next((one for one in aspect.variables if one.name == wish.variable), None)
    if found is None:
        return f"aspect {aspect.name} has no variable {wish.variable!r}"
    if point is not None and point.type != found.data_type:
        return f"the data point is {point.type}, the variable {found.data_type}"
    if point is not None and point.unit != found.unit:
        # The platform's older rule; under the newer one the mapping is marked (agent API 8).
        return f"the data point's unit is {point.unit!r}, the variable's {found.unit!r}"
    return ""


def _is_id(name: str) -> bool:
    return ASSET_ID.fullmatch(name) is not None


def _unknown(name: str, names: "dict[str, AssetWish]") -> str:
    known = ", ".join(sorted(names)[:5]) + (", …" if len(names) > 5 else "")
    return f"{name!r} is no asset of this file ({known or 'it has none'}), nor an id"
