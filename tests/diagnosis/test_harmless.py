"""A doctor beside a service: what it asks of the platform costs the agent nothing."""

import errno

import pytest

from mcagent import Agent
from mcagent.diagnosis import space, token
from mcagent.diagnosis.case import Case
from mcagent.diagnosis.examination import examine
from mcagent.emulator import Emulator
from mcagent.transport.fake import FakeTransport

ROTATE = "PUT /api/agentmanagement/v3/register/*"
PROFILES = ("SHARED_SECRET", pytest.param("RSA_3072", marks=pytest.mark.slow))


@pytest.fixture
def hub():
    """The strictest reading: an old secret is refused at once, no RAT after expiry."""
    with Emulator(tls=False, strict=True, settings={"processing_delay_s": 0.0}) as hub:
        yield hub


def open_agent(hub, state, profile="SHARED_SECRET"):
    boarding = hub.create_agent("press-7", security_profile=profile, automap=True)
    agent = Agent.open(state, boarding=boarding)
    assert agent.onboard()
    return agent


def puts(hub):
    return sum(n for name, n in hub.state()["requests"].items() if name.startswith("PUT "))


@pytest.mark.parametrize("profile", PROFILES)
def test_after_a_lost_rotation_answer_the_agent_still_finds_back(hub, tmp_path, profile):
    """The platform has a newer answer than the disk: the doctor's token request is refused, says
    so, and leaves both slots as they are."""
    state = str(tmp_path / "state")
    with open_agent(hub, state, profile) as agent:
        hub.set_faults([{"match": ROTATE, "action": "drop_after"}])
        assert not agent.keep_alive(rotate_before_s=10**9).rotated
    hub.set_faults([])
    before = puts(hub)
    report = examine(Case(state))
    assert report.cause.name == "token"
    assert report.cause.cause == "rotation-open"
    assert puts(hub) == before
    with Agent.open(state) as agent:
        assert agent.keep_alive().alive
        assert agent.status().upload["session"]["problem"] == ""


def test_many_examinations_of_a_running_service(hub, tmp_path):
    """Ten of them between rotations: the service goes on, and nobody is blamed for a copy."""
    state = str(tmp_path / "state")
    with open_agent(hub, state) as agent:
        agent.start()
        for number in range(10):
            assert examine(Case(state))["token"].verdict == "pass", number
            assert agent.keep_alive(rotate_before_s=10**9).rotated
        session = agent.status().upload["session"]
        assert (session["problem"], session["warning"]) == ("", "")
        agent.stop()


def test_a_rotation_between_reading_and_asking(hub, tmp_path):
    """The secret that was read is old by now: it is read again, and no failure is told."""
    state = str(tmp_path / "state")
    with open_agent(hub, state) as agent:
        case = Case(state)
        case.read_record()
        old = case.record.current["secret"]
        assert agent.keep_alive(rotate_before_s=10**9).rotated
        step = token.ask(case)
        case.transport.close()
    assert step.verdict == "pass", step
    assert case.record.current["secret"] != old


def test_an_unused_boarding_configuration_stays_unused(hub, tmp_path):
    """Examined ten times, it still registers."""
    boarding = hub.create_agent("press-7")
    state = str(tmp_path / "state")
    for _ in range(10):
        assert examine(Case(state, boarding=boarding)).cause is None
    with Agent.open(state, boarding=boarding) as agent:
        assert agent.onboard()


def test_the_service_has_another_proxy(hub, tmp_path):
    """Who says otherwise by an option is told what the service does, before anyone wonders."""

    class Behind(FakeTransport):
        way = {"ca_file": None, "crl_file": None, "proxy": "http://proxy.plant:3128"}

    state = str(tmp_path / "state")
    boarding = hub.create_agent("press-7")
    with Agent.open(state, boarding=boarding, transport=Behind([])) as agent:
        agent.start()
        step = examine(Case(state, boarding=boarding, proxy=""))["proxy"]
    assert step.verdict == "pass"
    assert "the running service uses http://proxy.plant:3128: an option" in step.details[0]


def test_a_quota_of_the_user(tmp_path):
    """The file system has room, this user has none: `statvfs` would not tell."""
    case = Case(str(tmp_path))
    case.write_error = OSError(errno.EDQUOT, "Disk quota exceeded")
    step = space.look(case)
    assert (step.verdict, step.cause) == ("fail", "user-quota")
    case.transport.close()
