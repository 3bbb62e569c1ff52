"""Bring the platform to what a commissioning file describes: read, plan, apply."""

import os
from dataclasses import replace
from typing import Callable, Iterator

from ..errors import AgentError, ConfigurationError, RemoteError
from ..messages.datamodel import DataModel
from .agents_values import ONBOARDED
from .assets_values import AGENT_TYPE, AspectType, Asset, AssetType
from .commissioning_file import load_plant
from .commissioning_plan import CREATE, DELETE, Change, Plan, make_plan, merged_asset
from .commissioning_present import Clients, read_present
from .commissioning_values import (
    AgentWish,
    AssetWish,
    EventMappingWish,
    MappingWish,
    Plant,
    Present,
)
from .datasources import MappingsAtRisk
from .eventmappings_values import EventMapping
from .events_values import EventType
from .mappings_values import Mapping
from .session import Session

_CONFLICTS_SHOWN = 10


class Stopped(AgentError):
    """A step failed; those before it are done. Applying again goes on from there.

    Attributes:
        done: Steps that are done.
        step: The one that failed.
        error: Why.
    """

    def __init__(self, done: "tuple[Change, ...]", step: Change, error: AgentError) -> None:
        super().__init__(
            f"stopped at: {step} ({error}); done before it: {len(done)}",
            hint=error.hint or "apply again: what is done is not done twice",
        )
        self.done = done
        self.step = step
        self.error = error
        self.retryable = error.retryable


class Commissioning:
    """One file and one tenant.

        commissioning = Commissioning(session, load_plant("wind-farm.yaml", tenant="demo"))
        for change in commissioning.apply(commissioning.plan()):
            print(change)

    Args:
        session: Credentials that may make what the file has: the scopes of asset management, of
            agents, data sources, mappings and event types.
        plant: What `load_plant` read.
        limits: The tenant's plan, ``"XXS"`` to ``"XL"``; ``"none"`` for no limits.
        on_wait: Told the seconds before a wait for the tenant's call rate.
    """

    def __init__(
        self,
        session: Session,
        plant: Plant,
        *,
        limits: str = "none",
        on_wait: "Callable[[float], None] | None" = None,
    ) -> None:
        self._clients = Clients(session, on_wait=on_wait)
        self._plant = plant
        self._limits = limits
        self._present = Present()

    def plan(self, *, delete: bool = False) -> Plan:
        """Read the platform and give the steps; nothing is changed.

        Args:
            delete: Also delete mappings and event mappings that are not in the file.
        """
        self._present = read_present(self._clients, self._plant)
        return make_plan(self._plant, self._present, delete=delete, limits=self._limits)

    def apply(self, plan: Plan, *, lose_mappings: bool = False) -> "Iterator[Change]":
        """Carry a plan out; yields each step when it is done.

        Args:
            plan: Of this object's `plan`, made just before.
            lose_mappings: Consent to the loss of the mappings in `Plan.loses`.

        Raises:
            ConfigurationError: The plan has conflicts; nothing was done.
            MappingsAtRisk: It loses mappings, and there is no consent; nothing was done.
            Stopped: A step failed.
        """
        if plan.conflicts:
            shown = "; ".join(plan.conflicts[:_CONFLICTS_SHOWN])
            raise ConfigurationError(
                f"the platform cannot be brought there: {shown}",
                hint="change the file, or what the platform has; nothing was done",
            )
        for change in plan.changes:
            if change.loses and not lose_mappings:
                raise MappingsAtRisk(change.agent, change.loses)
        return self._steps(plan)

    def _steps(self, plan: Plan) -> "Iterator[Change]":
        work = _Work(self._clients, self._present)
        done: list[Change] = []
        for change in plan.changes:
            try:
                work.do(change)
            except AgentError as error:
                raise Stopped(tuple(done), change, error) from error
            done.append(change)
            yield change

    def save_boarding(self, directory: "str | os.PathLike[str]") -> "Iterator[tuple[str, str]]":
        """Write a boarding configuration for each agent of the file that is not onboarded.

        Yields (agent, path of the file). A file that is there stays: a device may be about to
        use it.

        Raises:
            ConfigurationError: The directory cannot be written.
        """
        name = os.fspath(directory)
        try:
            os.makedirs(name, mode=0o700, exist_ok=True)
        except OSError as error:
            raise ConfigurationError(
                f"cannot make {name}: {error.strerror}", hint="name a directory of this user"
            ) from error
        records = self._clients.agents.named(wish.name for wish in self._plant.agents)
        for wish in self._plant.agents:
            path = os.path.join(name, boarding_file_name(wish.name))
            record = records.get(wish.name)
            if record is None or os.path.exists(path):
                continue
            if self._clients.agents.boarding_status(record.id) == ONBOARDED:
                continue
            self._clients.agents.boarding_configuration(record.id).save(path)
            yield wish.name, path


def boarding_file_name(agent: str) -> str:
    """A file name for an agent's boarding configuration, whatever its name is made of."""
    plain = "".join(one if one.isalnum() or one in "-_." else "_" for one in agent)
    return f"{plain.lstrip('.') or 'agent'}.json"


class _Work:
    """Does one step after another; knows the ids of what is there and of what it made."""

    def __init__(self, clients: Clients, present: Present) -> None:
        self._clients = clients
        self._present = present
        self._assets = dict(present.assets)
        self._agent_assets = dict(present.agent_assets)
        self._agents = {name: one.record.id for name, one in present.agents.items()}
        self._root = ""

    def do(self, change: Change) -> None:
        steps: dict[str, Callable[[Change], None]] = {
            "aspect type": self._aspect_type,
            "asset type": self._asset_type,
            "event type": self._event_type,
            "asset": self._asset,
            "agent asset": self._agent_asset,
            "agent": self._agent,
            "data model": self._model,
            "mapping": self._mapping,
            "event mapping": self._event_mapping,
        }
        steps[change.what](change)

    def _aspect_type(self, change: Change) -> None:
        wanted = change.subject
        assert isinstance(wanted, AspectType)
        try:
            self._clients.assets.put_aspect_type(wanted)
        except RemoteError as error:
            # The answer to our own request may have been lost, and the request repeated.
            there = self._clients.assets.aspect_type(wanted.id) if error.status == 412 else None
            if there is None or not _has(Plant(aspect_types=(wanted,)), there):
                raise

    def _asset_type(self, change: Change) -> None:
        wanted = change.subject
        assert isinstance(wanted, AssetType)
        try:
            self._clients.assets.put_asset_type(wanted)
        except RemoteError as error:
            there = self._clients.assets.asset_type(wanted.id) if error.status == 412 else None
            if there is None or not _has(Plant(asset_types=(wanted,)), there):
                raise

    def _event_type(self, change: Change) -> None:
        wanted = change.subject
        assert isinstance(wanted, EventType)
        if change.action == CREATE:
            self._clients.events.create_type(wanted)
        else:
            self._clients.events.extend_type(self._present.event_types[wanted.id], wanted)

    def _asset(self, change: Change) -> None:
        wish = change.subject
        assert isinstance(wish, AssetWish)
        name = wish.asset.name
        if change.action == CREATE:
            new = replace(wish.asset, parent_id=self._parent_id(wish.parent))
            self._assets[name] = self._clients.assets.create(new)
        else:
            held = self._assets[name]
            self._assets[name] = self._clients.assets.change(held, merged_asset(held, wish))

    def _agent_asset(self, change: Change) -> None:
        wish = change.subject
        assert isinstance(wish, AgentWish)
        own = Asset("", wish.name, AGENT_TYPE, self._parent_id(wish.parent))
        self._agent_assets[wish.name] = self._clients.assets.create(own)

    def _agent(self, change: Change) -> None:
        wish = change.subject
        assert isinstance(wish, AgentWish)
        record = self._clients.agents.create(
            wish.name,
            entity_id=self._agent_assets[wish.name].id,
            security_profile=wish.security_profile,
        )
        self._agents[wish.name] = record.id

    def _model(self, change: Change) -> None:
        model = change.subject
        assert isinstance(model, DataModel)
        # `apply` has asked for consent to what the plan names. More may have come since then.
        put = self._clients.sources
        agent = self._agents[change.agent]
        risk = {
            (one.data_point_id, one.target)
            for one in self._clients.mappings.list(agent_id=agent)
            if not one.keep
        }
        known = {(one.data_point_id, one.target) for one in change.loses}
        put.put(agent, model, lose_mappings=risk <= known)

    def _mapping(self, change: Change) -> None:
        subject = change.subject
        if change.action == DELETE:
            assert isinstance(subject, Mapping)
            self._clients.mappings.delete(subject.id)
            return
        assert isinstance(subject, MappingWish)
        agent = self._agents[change.agent]
        self._clients.mappings.create(subject.mapping(agent, self._asset_id(subject.asset)))

    def _event_mapping(self, change: Change) -> None:
        subject = change.subject
        if change.action == DELETE:
            assert isinstance(subject, EventMapping)
            self._clients.event_mappings.delete(subject)
            return
        assert isinstance(subject, EventMappingWish)
        agent = self._agents[change.agent]
        self._clients.event_mappings.create(subject.mapping(agent, self._asset_id(subject.asset)))

    def _asset_id(self, name: str) -> str:
        return self._assets[name].id if name in self._assets else name

    def _parent_id(self, parent: "str | None") -> str:
        if parent is not None:
            return self._asset_id(parent)
        if not self._root:
            self._root = self._clients.assets.root().id
        return self._root


def _has(plant: Plant, there: "AspectType | AssetType") -> bool:
    """Whether a type that is there is as it was to be made."""
    if isinstance(there, AspectType):
        present = Present(aspect_types={there.id: there})
    else:
        present = Present(asset_types={there.id: there})
    plan = make_plan(plant, present)
    return not plan.changes and not plan.conflicts


__all__ = ["Commissioning", "Stopped", "boarding_file_name", "load_plant"]
