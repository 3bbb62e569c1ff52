"""`mcagent status`: of a running service all that it knows, of no service what its files tell."""

import time

import pytest

from mcagent import Agent
from mcagent.cli.status import text
from mcagent.emulator import Emulator
from tests.cli.running import inside, mcagent, write_json


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
    until = time.monotonic() + 20
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
    assert upload["last_error_s"] < 20
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


def test_speed_and_time_until_all_is_delivered(agent, device):
    """The background thread counts every few seconds; the words are made of its counts."""
    status = inside("status", "--json", state=device).json
    assert {"recorded_per_s", "delivered_per_s", "drained_in_s"} < set(status["worker"])
    status["pending"] = 1000
    status["worker"].update(recorded_per_s=2, delivered_per_s=12, drained_in_s=100)
    words = " ".join(text(status, 0).split())
    assert "12 records/s leave, 2 come" in words
    assert "all delivered in 100 s" in words
    status["worker"].update(drained_in_s=None)
    assert "not at this rate" in text(status, 0)


def test_without_a_service_the_files_tell(agent, device):
    agent.record({"strokes": 2})
    agent.stop()
    agent.flush()
    status = inside("status", "--json", state=device).json
    assert "does not tell" in status["told_by"]
    agent.close()
    status = inside("status", "--json", state=device).json
    assert status["told_by"] == "its files (no process has it)"
    assert "pid" not in status
