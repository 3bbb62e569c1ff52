"""A platform of dictionaries that carries out a plan as the real one would, and is strict."""

from dataclasses import replace

from mcagent.services.agents_values import AgentRecord
from mcagent.services.commissioning_plan import merged_asset
from mcagent.services.commissioning_values import Present, PresentAgent


def carry_out(present, changes):
    """What is there after *changes*; asserts what the platform would refuse."""
    platform = _Platform(present)
    for change in changes:
        platform.step(change)
    return platform.present()


class _Platform:
    def __init__(self, present):
        self.aspect_types = dict(present.aspect_types)
        self.asset_types = dict(present.asset_types)
        self.event_types = dict(present.event_types)
        self.assets = dict(present.assets)
        self.agents = dict(present.agents)
        self.agent_assets = dict(present.agent_assets)
        self.numbers = iter(range(1000, 10_000))

    def present(self):
        return Present(
            self.aspect_types,
            self.asset_types,
            self.event_types,
            self.assets,
            self.agents,
            self.agent_assets,
        )

    def step(self, change):
        getattr(self, change.what.replace(" ", "_"))(change)

    def _type(self, table, change):
        assert (change.action == "change") == (change.subject.id in table), change
        table[change.subject.id] = change.subject

    def aspect_type(self, change):
        self._type(self.aspect_types, change)

    def asset_type(self, change):
        assert all(kind in self.aspect_types for _, kind in change.subject.aspects), change
        self._type(self.asset_types, change)

    def event_type(self, change):
        self._type(self.event_types, change)

    def asset(self, change):
        wish = change.subject
        if change.action == "create":
            assert wish.asset.name not in self.assets, change
            assert wish.parent is None or wish.parent in self.assets, change
            self.assets[wish.asset.name] = replace(wish.asset, id=f"id{next(self.numbers)}")
        else:
            self.assets[wish.asset.name] = merged_asset(self.assets[wish.asset.name], wish)

    def agent_asset(self, change):
        assert change.agent not in self.agent_assets, change
        self.agent_assets[change.agent] = object()

    def agent(self, change):
        wish = change.subject
        assert change.agent in self.agent_assets, change
        record = AgentRecord(f"ag{next(self.numbers)}", wish.name, wish.security_profile, "x")
        self.agents[wish.name] = PresentAgent(record)

    def data_model(self, change):
        agent = self.agents[change.agent]
        lost = tuple(one for one in agent.mappings if not one.keep)
        assert set(lost) == set(change.loses), change
        kept = tuple(one for one in agent.mappings if one.keep)
        self.agents[change.agent] = replace(agent, model=change.subject, mappings=kept)

    def mapping(self, change):
        agent = self.agents[change.agent]
        if change.action == "delete":
            assert change.subject in agent.mappings, change
            rest = tuple(one for one in agent.mappings if one != change.subject)
            self.agents[change.agent] = replace(agent, mappings=rest)
            return
        wish = change.subject
        new = wish.mapping(agent.record.id, self._asset_id(wish.asset))
        for one in agent.mappings:
            same = (one.data_point_id, one.entity_id, one.aspect)
            assert same != (new.data_point_id, new.entity_id, new.aspect), change
        self.agents[change.agent] = replace(agent, mappings=(*agent.mappings, new))

    def event_mapping(self, change):
        agent = self.agents[change.agent]
        if change.action == "delete":
            assert change.subject in agent.event_mappings, change
            rest = tuple(one for one in agent.event_mappings if one != change.subject)
        else:
            wish = change.subject
            new = wish.mapping(agent.record.id, self._asset_id(wish.asset))
            assert new not in agent.event_mappings, change
            rest = (*agent.event_mappings, new)
        self.agents[change.agent] = replace(agent, event_mappings=rest)

    def _asset_id(self, name):
        return self.assets[name].id if name in self.assets else name
