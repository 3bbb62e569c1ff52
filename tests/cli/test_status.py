"""`mcagent status`: of a running service all that it knows, of no service what its files tell."""

import time

import pytest

from mcagent import Agent
from mcagent.emulator import Emulator
from tests.cli.running import inside, mcagent, refused, write_json


@pytest.fixture
def hub():
    with Emulator(tls=False, settings={"processing_delay_s": 0.0}) as hub:
        yield hub


@pytest.fixture
def agent(hub, device, tmp_path):
    """A service that has been running for a moment, with its model delivered."""
    boarding = write_json(tmp_path / "boarding.json", hub.create_agent("press-7", automap=True))
    with Agent.open(device, boarding=str(boarding)) as agent:
        agent.record({"strokes": 1})
        assert agent.upload().pending == 0
        agent.start()
        yield agent


def wait_for(condition):
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)


def test_a_running_service_tells_what_it_does_next_and_why(hub, agent, device):
    """The hub is gone: the pause, its reason, the last error, the token, the clock, the proxy."""
    hub.stop()
    agent.record({"strokes": 2})
    wait_for(lambda: agent.status().upload["last_error"])
    status = mcagent("status", "--json", state=device).json
    assert status["told_by"].startswith("the service, pid ")
    assert status["pending"] == 1
    upload = status["upload"]
    assert "refused the connection" in upload["reason"]
    assert upload["last_error_s"] < 90
    assert upload["last_success_s"] is not None
    session = upload["session"]
    assert session["proxy"] == ""
    assert abs(session["clock_offset_ms"]) < 5000
    assert session["token_expires_ms"] > time.time() * 1000
    people = inside("status", state=device).out
    for words in (
        "told by the service, pid ",
        "next  ",
        "last error",
        "ago)",
        "last success",
        "proxy   ",
    ):
        assert words in people, people


def test_what_is_held_and_why(hub, agent, device):
    """Without a mapping samples are held: named, from another process."""
    boarding = hub.create_agent("press-8")  # no mappings
    with Agent.open(str(device) + "-8", boarding=boarding) as other:
        assert inside("status", state=str(device) + "-8").code == 0
        other.submit(agent.model)
        other.record({"strokes": 1})
        other.start()
        wait_for(lambda: other.status().upload["held"])
        status = inside("status", "--json", state=str(device) + "-8").json
        assert "strokes" in status["upload"]["unmapped"]
        assert "mapping" in status["upload"]["held"]["timeseries"]
        assert "held timeseries" in inside("status", state=str(device) + "-8").out


def test_without_a_service_the_files_tell(agent, device):
    agent.record({"strokes": 2})
    agent.stop()
    agent.flush()
    status = inside("status", "--json", state=device).json
    assert "only Agent.start() and Agent.run() tell it" in status["told_by"]
    agent.close()
    status = inside("status", "--json", state=device).json
    assert status["told_by"] == "its files (no process has it)"
    assert "pid" not in status


def test_an_unset_variable_of_a_script_is_not_another_device(device, monkeypatch):
    """`--state "$DIR"` without DIR must not show, or fill, what MCAGENT_STATE names."""
    monkeypatch.setenv("MCAGENT_STATE", str(device))
    assert inside("status").code == 0
    refused(inside("status", state=""), 2, "--state names no directory", "unset")
