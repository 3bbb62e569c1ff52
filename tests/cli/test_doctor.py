"""`mcagent doctor` as a user has it: before onboarding, offline, beside a service, as JSON."""

import json

import pytest

from mcagent import Agent
from mcagent.cli import doctor
from mcagent.diagnosis.examination import STEPS
from mcagent.diagnosis.step import failed
from mcagent.emulator import Emulator
from tests.cli.running import MODEL, inside, write_json


@pytest.fixture
def hub():
    """A hub of its own, to be counted and switched off."""
    with Emulator(tls=False, strict=True, settings={"processing_delay_s": 0.0}) as hub:
        yield hub


@pytest.fixture
def boarding(hub, tmp_path):
    configuration = hub.create_agent("press-7", automap=True)
    return write_json(tmp_path / "agentconfig.json", configuration)


@pytest.fixture
def onboarded(boarding, tmp_path):
    """A state directory whose model is on the platform."""
    state = tmp_path / "state"
    assert inside("onboard", boarding, state=state).code == 0
    model = write_json(tmp_path / "model.json", MODEL)
    assert inside("model", model, state=state).code == 0
    assert inside("upload", state=state).code == 0
    return state


def verdicts(result):
    return {step["step"]: step["verdict"] for step in result.json["steps"]}


def files(state):
    return {
        path: path.read_bytes()
        for path in sorted(state.rglob("*"))
        if path.is_file() and path.name != "lock"
    }


def test_every_step_has_an_exit_code():
    for name, _needs, _look in STEPS:
        assert doctor.code_of(name) in (1, 4, 5, 6, 7, 8)


def test_before_anything(tmp_path):
    """Nothing is there and nobody told where the platform is: that is said, and is no failure."""
    result = inside("doctor", "--json", state=tmp_path / "state")
    assert result.code == 0, result
    assert result.json["cause"] is None
    assert set(verdicts(result).values()) == {"pass", "skipped"}
    assert "--boarding" in result.out
    assert not (tmp_path / "state").exists()


def test_before_onboarding(hub, boarding, tmp_path):
    """The network is examined; the boarding configuration is not used up, nothing is made."""
    result = inside("doctor", "--boarding", boarding, "--json", state=tmp_path / "state")
    assert result.code == 0, result
    found = verdicts(result)
    assert [found[step] for step in ("dns", "tcp", "platform", "clock")] == ["pass"] * 4
    assert found["credentials"] == found["token"] == "skipped"
    assert not (tmp_path / "state").exists()
    assert not any("register" in request for request in hub.state()["requests"])
    assert inside("onboard", boarding, state=tmp_path / "state").code == 0


def test_healthy(hub, onboarded):
    """All is measured, nothing is changed: neither on the disk nor in the platform's two slots."""
    before = files(onboarded)
    requests = dict(hub.state()["requests"])
    result = inside("doctor", "--json", state=onboarded)
    assert result.code == 0, result
    found = verdicts(result)
    skipped = [name for name, verdict in found.items() if verdict == "skipped"]
    assert skipped == ["service", "tunnel", "tls", "delivery"]
    assert files(onboarded) == before
    asked = {
        name: count - requests.get(name, 0)
        for name, count in hub.state()["requests"].items()
        if count != requests.get(name, 0)
    }
    assert not any(name.startswith("PUT ") or "register" in name for name in asked), asked
    assert sum(asked.values()) == 7, asked
    hub.settle()
    assert hub.stored() == []


def test_offline(hub, onboarded):
    """The hub is gone: the refusal is the one failure; what needs no network is still told."""
    hub.stop()
    result = inside("doctor", "--json", state=onboarded)
    assert result.code == 6
    assert result.json["cause"] == {"step": "tcp", "cause": "tcp-refused"}
    found = verdicts(result)
    assert list(found.values()).count("fail") == 1
    assert found["credentials"] == "pass"


def test_beside_a_service(hub, onboarded):
    """It takes no lock, and shows what the service says of itself."""
    with Agent.open(onboarded) as agent:
        agent.start()
        result = inside("doctor", "--json", state=onboarded)
        assert result.code == 0, result
        assert verdicts(result)["service"] == "pass"
        agent.record({"strokes": 1})
        agent.upload()
    assert json.loads(result.out)["healthy"]


def test_people_get_the_cause_last(hub, onboarded):
    hub.stop()
    result = inside("doctor", state=onboarded)
    lines = result.out.splitlines()
    assert lines[-1].startswith("the cause: tcp: ")
    assert any(line.startswith("FAIL  tcp ") for line in lines)
    assert any("what to do: " in line for line in lines)


def test_remedies_are_said_in_the_words_of_a_shell():
    """The library says what to pass to `Agent.open`; here somebody types."""
    step = failed("unknown-issuer", "no issuer", "give its issuer's certificate as the CA file")
    (_measured, remedy) = doctor.lines_of(step, verbose=False)
    assert "give its issuer's certificate with --ca FILE" in remedy
