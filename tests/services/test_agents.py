"""mcagent/services/agents.py and diagnostics.py and recoverable.py, on the local hub."""

import json
import os

import pytest

import mcagent
from mcagent import ConfigurationError, InvalidMessage, RemoteError
from mcagent.services.agents import Agents, BoardingConfiguration
from mcagent.services.assets import Assets
from mcagent.services.assets_values import AGENT_TYPE, Asset
from mcagent.services.diagnostics import Diagnostics
from mcagent.services.recoverable import RecoverableRecords


def make_agent(session, name, profile="SHARED_SECRET"):
    assets = Assets(session)
    own = assets.create(Asset("", name, AGENT_TYPE, assets.root().id))
    return Agents(session).create(name, entity_id=own.id, security_profile=profile)


def onboarded(platform, agent, directory):
    """Onboard an agent; give it, open."""
    boarding = directory / f"{agent.name}.json"
    Agents(platform.session()).boarding_configuration(agent.id).save(boarding)
    device = mcagent.Agent.open(
        str(directory / agent.name), boarding=str(boarding), ca_file=platform.hub.ca_file
    )
    device.onboard()
    return device


@pytest.mark.parametrize("profile", ["SHARED_SECRET", "RSA_3072"])
def test_the_life_of_an_agent(platform, tmp_path, profile):
    """Made, boarded, onboarded, online, offboarded, deleted."""
    session = platform.session()
    agents = Agents(session)
    agent = make_agent(session, "press-7", profile)
    assert agents.boarding_status(agent.id) == "NOT_ONBOARDED"
    with onboarded(platform, agent, tmp_path):
        assert agents.boarding_status(agent.id) == "ONBOARDED"
        assert agents.online(agent.id).online
    agents.offboard(agent.id)
    assert agents.boarding_status(agent.id) == "NOT_ONBOARDED"
    with pytest.raises(RemoteError, match="409"):
        agents.offboard(agent.id)
    agents.delete(agents.get(agent.id))
    assert agents.find("press-7") is None


def test_all_agents_come_whatever_the_page(platform):
    """More than one page, each agent once; by name the one."""
    session = platform.session()
    for number in range(103):
        platform.hub.create_agent(f"agent-{number:03d}")
    names = [agent.name for agent in Agents(session).list()]
    assert names == [f"agent-{number:03d}" for number in range(103)]
    assert Agents(session).find("agent-050").name == "agent-050"
    assert Agents(session).find("agent-05") is None


def test_renaming_goes_by_version(platform):
    """A version that somebody else used up is refused."""
    session = platform.session()
    agent = make_agent(session, "press-7")
    assert Agents(session).rename(agent, "press-8").name == "press-8"
    with pytest.raises(RemoteError, match="412"):
        Agents(session).rename(agent, "press-9")
    with pytest.raises(RemoteError, match="412"):
        Agents(session).delete(agent)


def test_a_boarding_configuration_is_waited_for(platform):
    """The platform makes it a moment after it was asked for."""
    waits = []
    platform.hub.change_settings(boarding_delay_reads=3)
    session = platform.session(sleep=waits.append)
    agent = make_agent(session, "press-7")
    assert Agents(session).boarding_configuration(agent.id).expiration
    assert waits == [0.5, 1.0, 1.5]
    platform.hub.change_settings(boarding_delay_reads=1000)
    other = make_agent(session, "press-8")
    with pytest.raises(RemoteError, match="not made it yet"):
        Agents(session).boarding_configuration(other.id)


def test_a_boarding_file_is_private_whole_and_never_overwritten_unasked(platform, tmp_path):
    """Mode 0600 from its first byte; the token is in no repr and no error."""
    session = platform.session()
    boarding = Agents(session).boarding_configuration(make_agent(session, "press-7").id)
    path = tmp_path / "agentconfig.json"
    old = os.umask(0)
    try:
        boarding.save(path)
    finally:
        os.umask(old)
    assert path.stat().st_mode & 0o777 == 0o600
    token = json.loads(path.read_text())["content"]["iat"]
    with pytest.raises(ConfigurationError, match="is there already") as caught:
        boarding.save(path)
    assert token not in repr(boarding) + str(caught.value) + caught.value.hint
    path.write_text("old")
    boarding.save(path, replace=True)
    assert json.loads(path.read_text())["content"]["iat"] == token
    with pytest.raises(ConfigurationError, match="cannot write"):
        boarding.save(tmp_path / "none" / "agentconfig.json")
    assert [one.name for one in tmp_path.iterdir()] == ["agentconfig.json"]


def test_bad_input_never_leaves(platform):
    """Names and profiles are checked here."""
    session = platform.session()
    for name, profile, words in (
        ("", "SHARED_SECRET", "1 to 128 characters"),
        ("x" * 129, "SHARED_SECRET", "1 to 128 characters"),
        ("x", "X509", "no security profile 'X509'"),
    ):
        with pytest.raises(InvalidMessage, match=words):
            Agents(session).create(name, entity_id="e", security_profile=profile)
    assert session.transport.requests == []
    make_agent(session, "x" * 128)
    assert "iat" not in repr(BoardingConfiguration({"content": {"iat": "secret"}}))


# -- diagnostics and recoverable records


def test_diagnostics_are_switched_on_once_and_read(platform, tmp_path):
    """On twice is on; what the device sends is seen; off and on again."""
    session = platform.session()
    diagnostics = Diagnostics(session)
    agent = make_agent(session, "press-7")
    activation = diagnostics.activate(agent.id)
    assert diagnostics.activate(agent.id) == activation
    with onboarded(platform, agent, tmp_path) as device:
        device.submit(mcagent.Event("coolant low"))
        device.upload(timeout_s=20)
    platform.hub.settle()
    messages = list(diagnostics.messages(activation.id))
    assert {"ACCEPTED", "FINISHED"} <= {message.state for message in messages}
    one = messages[0]
    alike = list(diagnostics.messages(activation.id, correlation_id=one.correlation_id))
    assert one in alike
    assert {message.correlation_id for message in alike} == {one.correlation_id}
    assert not diagnostics.deactivate(activation).active
    assert diagnostics.activate(agent.id).active
    diagnostics.delete(activation.id)
    diagnostics.delete(activation.id)
    assert list(diagnostics.list()) == []


@pytest.mark.parametrize("status", ["400", "409"])
def test_a_sixth_agent_is_told_who_the_five_are(platform, status):
    """Whatever status the platform takes for it."""
    platform.hub.change_settings(diagnostic_limit_status=status)
    session = platform.session()
    diagnostics = Diagnostics(session)
    agents = [make_agent(session, f"agent-{number}") for number in range(6)]
    for agent in agents[:5]:
        diagnostics.activate(agent.id)
    with pytest.raises(RemoteError) as caught:
        diagnostics.activate(agents[5].id)
    assert all(agent.id in caught.value.hint for agent in agents[:5])


def test_what_was_dropped_is_replayed_after_the_mapping_was_made(platform, tmp_path):
    """The record disappears when everything of it is stored."""
    session = platform.session()
    agent = make_agent(session, "press-7")
    with onboarded(platform, agent, tmp_path) as device:
        point = mcagent.DataPoint("p", "DOUBLE")
        device.submit(mcagent.DataModel("m1", [mcagent.DataSource("press", [point])]))
        device.upload(timeout_s=20)
        platform.hub.settle()
    send_unmapped(platform, tmp_path, agent)
    records = RecoverableRecords(session)
    (record,) = records.list(agent_id=agent.id)
    assert record.agent_id == agent.id
    assert record.drop_reason
    assert list(records.list(agent_id="0" * 32)) == []
    assert records.download_link(record.id).startswith(platform.hub.url)
    platform.hub.automap(agent.id)
    records.replay(record.id)
    platform.hub.settle()
    assert list(records.list()) == []
    (stored,) = platform.hub.stored()
    assert stored["values"] == {"p": 4.5}
    records.delete(record.id)


def send_unmapped(platform, directory, agent):
    """One sample that the platform drops: the agent is told not to look for mappings."""
    settings = mcagent.UploadSettings(unmapped="send")
    with mcagent.Agent.open(
        str(directory / agent.name), upload=settings, ca_file=platform.hub.ca_file
    ) as device:
        device.record({"p": 4.5})
        assert device.upload(timeout_s=20).pending == 0
    platform.hub.settle()
