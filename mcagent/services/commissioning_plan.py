"""What has to change until the platform has what a file describes. Nothing here speaks to it."""

from dataclasses import dataclass, replace
from typing import Callable, Union

from ..errors import InvalidMessage
from ..messages.datamodel import DataModel
from .assets_values import AspectType, Asset, AssetType, Variable
from .commissioning_mappings import plan_event_mappings, plan_mappings
from .commissioning_values import (
    AgentWish,
    AssetWish,
    EventMappingWish,
    MappingWish,
    Plant,
    Present,
)
from .eventmappings_values import EventMapping
from .events_values import EventType
from .mappings_values import Mapping

CREATE = "create"
CHANGE = "change"
DELETE = "delete"

Subject = Union[
    AspectType,
    AssetType,
    EventType,
    AssetWish,
    AgentWish,
    DataModel,
    Mapping,
    MappingWish,
    EventMapping,
    EventMappingWish,
]


@dataclass(frozen=True)
class Change:
    """One step.

    Attributes:
        action: ``"create"``, ``"change"`` or ``"delete"``.
        what: ``"asset"``, ``"mapping"`` …
        name: Which one, for people.
        subject: What it shall be; of a deletion, what is there.
        agent: Name of the agent that it is about; ``""`` for types and assets.
        detail: What is different; ``""`` where the name says it.
        loses: Of a data model: mappings that the platform deletes with it.
    """

    action: str
    what: str
    name: str
    subject: Subject
    agent: str = ""
    detail: str = ""
    loses: "tuple[Mapping, ...]" = ()

    def __str__(self) -> str:
        text = f"{self.action} {self.what} {self.name}"
        return f"{text}: {self.detail}" if self.detail else text


@dataclass(frozen=True)
class Plan:
    """All steps in their order, and what the file alone cannot decide.

    Attributes:
        conflicts: Why it cannot be done as it is; `apply` refuses while there is one.
        leftovers: What is there and is not in the file; it stays unless deleting was asked for.
    """

    changes: "tuple[Change, ...]" = ()
    conflicts: "tuple[str, ...]" = ()
    leftovers: "tuple[str, ...]" = ()

    @property
    def loses(self) -> "tuple[Mapping, ...]":
        """Mappings that a new data model deletes; applying the plan needs consent to that."""
        return tuple(mapping for change in self.changes for mapping in change.loses)


def make_plan(
    wanted: Plant, present: Present, *, delete: bool = False, limits: str = "none"
) -> Plan:
    """Compare, and give the steps that lead from *present* to *wanted*.

    Applying them and comparing again gives no step. Types, assets and agents are made and
    extended, never deleted.

    Args:
        wanted: The file.
        present: The platform.
        delete: Also delete mappings and event mappings of the file's agents that are not in the
            file. False names them in `Plan.leftovers`.
        limits: The tenant's plan, ``"XXS"`` to ``"XL"``; ``"none"`` for no limits.
    """
    planner = _Planner(present, delete=delete, limits=limits)
    for aspect_type in wanted.aspect_types:
        planner.aspect_type(aspect_type)
    for asset_type in wanted.asset_types:
        planner.asset_type(asset_type)
    for event_type in wanted.event_types:
        planner.event_type(event_type)
    for asset in wanted.assets:
        planner.asset(asset)
    for agent in wanted.agents:
        planner.agent(agent)
    return Plan(tuple(planner.changes), tuple(planner.conflicts), tuple(planner.leftovers))


class _Planner:
    def __init__(self, present: Present, *, delete: bool, limits: str) -> None:
        self._present = present
        self._delete = delete
        self._limits = limits
        self.changes: list[Change] = []
        self.conflicts: list[str] = []
        self.leftovers: list[str] = []

    # -- types ------------------------------------------------------------------------------

    def aspect_type(self, wanted: AspectType) -> None:
        what = "aspect type"
        there = self._present.aspect_types.get(wanted.id)
        if there is None:
            self.changes.append(Change(CREATE, what, wanted.id, wanted))
            return
        faults = []
        if wanted.category != there.category:
            faults.append(f"it is {there.category}, not {wanted.category}")
        variables, words, wrong = _grown(there.variables, wanted.variables)
        self._grow(
            what,
            wanted.id,
            replace(there, variables=variables, description=wanted.description),
            words + _described(there.description, wanted.description),
            faults + wrong,
        )

    def asset_type(self, wanted: AssetType) -> None:
        what = "asset type"
        there = self._present.asset_types.get(wanted.id)
        if there is None:
            self.changes.append(Change(CREATE, what, wanted.id, wanted))
            return
        faults, words = [], []
        if wanted.parent_type_id.lower() != there.parent_type_id.lower():
            faults.append(f"its parent is {there.parent_type_id}, not {wanted.parent_type_id}")
        held = dict(there.aspects)
        for name, kind in wanted.aspects:
            if name not in held:
                words.append(f"aspect {name} is new")
            elif held[name].lower() != kind.lower():
                faults.append(f"its aspect {name} is of type {held[name]}, not {kind}")
        new = tuple(one for one in wanted.aspects if one[0] not in held)
        variables, more, wrong = _grown(there.variables, wanted.variables)
        self._grow(
            what,
            wanted.id,
            replace(
                there,
                aspects=there.aspects + new,
                variables=variables,
                description=wanted.description,
            ),
            words + more + _described(there.description, wanted.description),
            faults + wrong,
        )

    def event_type(self, wanted: EventType) -> None:
        what = "event type"
        there = self._present.event_types.get(wanted.id)
        if there is None:
            self.changes.append(Change(CREATE, what, wanted.id, wanted))
            return
        faults, words = [], []
        if wanted.parent_id != there.parent_id:
            faults.append(f"its parent is {there.parent_id}, not {wanted.parent_id}")
        held = {one.name: one for one in there.fields}
        for field in wanted.fields:
            if field.name not in held:
                words.append(f"field {field.name} is new")
            elif (held[field.name].type, held[field.name].values) != (field.type, field.values):
                faults.append(f"its field {field.name} is {held[field.name].type}")
        for member in ("ttl", "scope"):
            before, after = getattr(there, member), getattr(wanted, member)
            if before != after:
                words.append(f"{member} {before} becomes {after}")
        self._grow(what, wanted.id, wanted, words, faults)

    def _grow(
        self, what: str, name: str, subject: Subject, words: "list[str]", faults: "list[str]"
    ) -> None:
        """A change where there is something to change, or why there cannot be one."""
        if faults:
            self.conflicts += [f"{what} {name}: {fault}" for fault in faults]
        elif words:
            self.changes.append(Change(CHANGE, what, name, subject, detail=", ".join(words)))

    # -- assets -----------------------------------------------------------------------------

    def asset(self, wanted: AssetWish) -> None:
        name = wanted.asset.name
        there = self._present.assets.get(name)
        if there is None:
            detail = f"{wanted.asset.type_id} below {wanted.parent or 'the root'}"
            self.changes.append(Change(CREATE, "asset", name, wanted, detail=detail))
            return
        faults = []
        if wanted.asset.type_id.lower() != there.type_id.lower():
            faults.append(f"it is of type {there.type_id}, not {wanted.asset.type_id}")
        if "timezone" in wanted.given and wanted.asset.timezone != there.timezone:
            faults.append(f"its timezone is {there.timezone}, which is fixed")
        changed = merged_asset(there, wanted)
        words = [
            f"{member} becomes {getattr(changed, member)}"
            if isinstance(getattr(changed, member), str)
            else f"{member} change"
            for member in ("external_id", "description", "location", "variables", "aspects")
            if getattr(changed, member) != getattr(there, member)
        ]
        self._grow("asset", name, wanted, words, faults)

    # -- agents -----------------------------------------------------------------------------

    def agent(self, wanted: AgentWish) -> None:
        there = self._present.agents.get(wanted.name)
        if there is None:
            if wanted.name not in self._present.agent_assets:
                detail = f"below {wanted.parent or 'the root'}"
                self.changes.append(
                    Change(CREATE, "agent asset", wanted.name, wanted, wanted.name, detail)
                )
            self.changes.append(
                Change(CREATE, "agent", wanted.name, wanted, wanted.name, wanted.security_profile)
            )
        elif there.record.security_profile != wanted.security_profile:
            self.conflicts.append(
                f"agent {wanted.name}: its profile is {there.record.security_profile}, not "
                f"{wanted.security_profile}, and its device would have to be onboarded again"
            )
        assets = {name: asset.id for name, asset in self._present.assets.items()}
        links = plan_mappings(wanted, there, assets, delete=self._delete)
        self._limit(wanted, links.check_limit)
        events = plan_event_mappings(wanted, there, assets, delete=self._delete)
        self._limit(wanted, events.check_limit)
        self.conflicts += [f"agent {wanted.name}: {words}" for words in links.conflicts]
        self.leftovers += [
            f"agent {wanted.name}: {words}" for words in links.leftovers + events.leftovers
        ]
        # Deletions first: a point has one variable of an aspect, and plans have limits.
        for gone in links.delete:
            self.changes.append(Change(DELETE, "mapping", str(gone), gone, wanted.name))
        for over in events.delete:
            self.changes.append(Change(DELETE, "event mapping", str(over), over, wanted.name))
        if links.model is not None:
            self.changes.append(
                Change(
                    CREATE if there is None or there.model is None else CHANGE,
                    "data model",
                    links.model.id,
                    links.model,
                    agent=wanted.name,
                    detail=f"{len(links.model.points)} data points",
                    loses=links.loses,
                )
            )
        for new in links.create:
            self.changes.append(Change(CREATE, "mapping", str(new), new, wanted.name))
        for event in events.create:
            self.changes.append(Change(CREATE, "event mapping", str(event), event, wanted.name))

    def _limit(self, wanted: AgentWish, check: "Callable[[str], None]") -> None:
        try:
            check(self._limits)
        except InvalidMessage as error:
            self.conflicts.append(f"agent {wanted.name}: {error}")


def merged_asset(there: Asset, wanted: AssetWish) -> Asset:
    """The asset with what the file names; values that it does not name stay."""
    changes: dict[str, object] = {}
    for member in ("external_id", "description", "location"):
        if member in wanted.given:
            changes[member] = getattr(wanted.asset, member)
    changes["variables"] = {**there.variables, **wanted.asset.variables}
    aspects = dict(there.aspects)
    for name, values in wanted.asset.aspects.items():
        aspects[name] = {**aspects.get(name, {}), **values}
    changes["aspects"] = aspects
    return replace(there, **changes)  # type: ignore[arg-type]


def _grown(
    there: "tuple[Variable, ...]", wanted: "tuple[Variable, ...]"
) -> "tuple[tuple[Variable, ...], list[str], list[str]]":
    """Variables after the change, what is new, and what cannot be (services API 5.2)."""
    words, faults = [], []
    asked = {variable.name: variable for variable in wanted}
    after = []
    for held in there:
        wish = asked.pop(held.name, held)
        for member, before, now in (
            ("type", held.data_type, wish.data_type),
            ("length", held.length, held.length if wish.length is None else wish.length),
            ("quality code", held.quality_code, wish.quality_code),
        ):
            if before != now:
                faults.append(f"{member} of variable {held.name} is {before}, not {now}")
        if held.unit != wish.unit:
            words.append(f"unit of {held.name} {held.unit!r} becomes {wish.unit!r}")
        after.append(replace(held, unit=wish.unit))
    words += [f"variable {name} is new" for name in asked]
    return (*after, *asked.values()), words, faults


def _described(before: str, after: str) -> "list[str]":
    return [f"description becomes {after!r}"] if after and after != before else []
