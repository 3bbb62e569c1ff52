"""Read what the platform has of a plant."""

from typing import Callable

from ..errors import InvalidMessage, RemoteError
from .agents import Agents
from .agents_values import AgentRecord
from .assets import Assets
from .assets_values import AGENT_TYPE, Asset
from .commissioning_reading import ASSET_ID
from .commissioning_values import Plant, Present, PresentAgent
from .datasources import DataSources
from .eventmappings import EventMappings
from .events import Events
from .mappings import Mappings
from .session import Session


class Clients:
    """The services that a commissioning needs, on one session."""

    def __init__(
        self, session: Session, *, on_wait: "Callable[[float], None] | None" = None
    ) -> None:
        self.assets = Assets(session)
        self.agents = Agents(session)
        self.mappings = Mappings(session, on_wait=on_wait)
        self.event_mappings = EventMappings(session, on_wait=on_wait)
        self.sources = DataSources(session, mappings=self.mappings)  # one count of its calls
        self.events = Events(session)


def read_present(clients: Clients, plant: Plant) -> Present:
    """What the platform has of everything that *plant* names.

    Raises:
        InvalidMessage: An asset that the file calls by its id does not exist, or several assets
            have one name below one parent.
    """
    return _Reading(clients).read(plant)


class _Reading:
    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self._assets: dict[str, Asset] = {}
        self._root = ""

    def read(self, plant: Plant) -> Present:
        assets, events = self._clients.assets, self._clients.events
        self._check_ids(plant)
        aspect_types = [assets.aspect_type(one.id) for one in plant.aspect_types]
        asset_types = [assets.asset_type(one.id) for one in plant.asset_types]
        event_types = [events.find_type(one.id) for one in plant.event_types]
        for wish in plant.assets:
            found = self._below(wish.asset.name, wish.parent)
            if found is not None:
                self._assets[wish.asset.name] = found
        agents: dict[str, PresentAgent] = {}
        agent_assets: dict[str, Asset] = {}
        records = self._clients.agents.named(agent.name for agent in plant.agents)
        for agent in plant.agents:
            there = self._agent(records.get(agent.name))
            if there is not None:
                agents[agent.name] = there
                continue
            own = self._below(agent.name, agent.parent, type_id=AGENT_TYPE)
            if own is not None:
                agent_assets[agent.name] = own
        return Present(
            {one.id: one for one in aspect_types if one is not None},
            {one.id: one for one in asset_types if one is not None},
            {one.id: one for one in event_types if one is not None},
            dict(self._assets),
            agents,
            agent_assets,
        )

    def _check_ids(self, plant: Plant) -> None:
        """An asset that the file does not describe must be there."""
        names: set[str | None] = {wish.parent for wish in plant.assets}
        for agent in plant.agents:
            names.add(agent.parent)
            names |= {wish.asset for wish in agent.mappings}
            names |= {wish.asset for wish in agent.event_mappings}
        described = {wish.asset.name for wish in plant.assets}
        for name in sorted(name for name in names if name and name not in described):
            try:
                self._clients.assets.get(name)
            except RemoteError as error:
                if error.status not in (400, 403, 404):
                    raise
                raise InvalidMessage(
                    f"the file names asset {name}, which is not there: {error.reason}",
                    hint="compare it with mcagent assets ls",
                ) from error

    def _below(
        self, name: str, parent: "str | None", *, type_id: "str | None" = None
    ) -> "Asset | None":
        """The asset of a name below its parent; None where either is not there."""
        parent_id = self._parent_id(parent)
        if parent_id is None:
            return None
        found = list(self._clients.assets.list(name=name, parent_id=parent_id, type_id=type_id))
        if len(found) > 1:
            raise InvalidMessage(
                f"{len(found)} assets are called {name!r} below {parent or 'the root'}: "
                + ", ".join(one.id for one in found[:5]),
                hint="rename all but one of them",
            )
        return found[0] if found else None

    def _parent_id(self, parent: "str | None") -> "str | None":
        if parent is None:
            if not self._root:
                self._root = self._clients.assets.root().id
            return self._root
        if parent in self._assets:
            return self._assets[parent].id
        return parent if ASSET_ID.fullmatch(parent) else None

    def _agent(self, record: "AgentRecord | None") -> "PresentAgent | None":
        if record is None:
            return None
        return PresentAgent(
            record,
            self._clients.sources.read(record.id).model,
            tuple(self._clients.mappings.list(agent_id=record.id)),
            tuple(self._clients.event_mappings.list(agent_id=record.id)),
        )
