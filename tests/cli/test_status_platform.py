"""`mcagent status --platform`: what became of the samples after the 200, beside the service."""

import json
import os

import pytest

from mcagent import Agent
from mcagent.emulator import Emulator
from tests.cli.running import inside, refused, write_json


@pytest.fixture(scope="module")
def running():
    with Emulator(tls=True, settings={"processing_delay_s": 0.0}) as hub:
        yield hub


@pytest.fixture
def hub(running):
    running.clear()
    return running


@pytest.fixture
def agent(hub, device, tmp_path):
    """The service that owns the state directory; its points are not mapped."""
    boarding = write_json(tmp_path / "agentconfig.json", hub.create_agent("press-7"))
    with Agent.open(str(device), boarding=str(boarding), ca_file=hub.ca_file, proxy="") as agent:
        agent.onboard()
        agent.upload(timeout_s=10)
        hub.settle()
        yield agent


def status(hub, device, *options):
    return inside("status", *options, "--ca", hub.ca_file, "--proxy", "", state=device)


def test_it_asks_only_when_it_is_told_to(hub, agent, device):
    before = hub.state()["requests"]
    result = status(hub, device)
    assert result.code == 0
    assert "the platform says" not in result.out
    assert hub.state()["requests"] == before


def test_points_records_and_messages_are_told_beside_a_running_service(hub, agent, device):
    on = status(hub, device, "--platform", "--switch-diagnostics-on")
    assert "diagnostic messages: on" in on.out
    agent.record({"temperature": 20.5})
    agent.record({"strokes": 1})
    held = agent.upload(timeout_s=5)
    assert held.pending == 2
    result = status(hub, device, "--platform", "--json")
    assert result.code == 1, "not complete"
    told = result.json["platform"]
    assert told["unmapped"]["strokes"] == "no mapping"
    assert told["recorded"] == {"strokes": 1, "temperature": 1}
    assert told["records_total"] == 0
    assert "(waiting samples with it: 1)" in status(hub, device, "--platform").out


def test_all_is_well(hub, agent, device):
    hub.automap(agent.status().upload["configuration_id"] and hub.received()[0]["agent"])
    result = status(hub, device, "--platform")
    assert result.code == 0, result
    assert "each of the 8 data points has a valid mapping" in result.out


def test_without_an_answer_the_rest_is_shown_and_the_code_says_it(hub, agent, device):
    hub.disconnect()
    result = status(hub, device, "--platform")
    hub.reconnect()
    assert result.code == 6
    assert "0 records pending" in result.out
    assert "the platform says:\n  nothing: " in result.out
    hub.disconnect()
    told = status(hub, device, "--platform", "--json").json
    hub.reconnect()
    assert told["platform"]["error"]
    assert told["pending"] == 0


def test_a_device_that_was_never_onboarded(hub, device):
    result = status(hub, device, "--platform")
    assert result.code == 5
    assert "there are no credentials" in result.out
    assert "hint: mcagent onboard" in result.out


def test_the_switch_needs_the_question(device):
    refused(inside("status", "--switch-diagnostics-on", state=device), 2, "--platform")


def test_no_secret_is_shown(hub, agent, device):
    hub.set_faults([{"match": "*recoverableRecords", "action": "status", "status": 500}])
    shown = "".join(
        status(hub, device, *options).out
        for options in (("--platform",), ("--platform", "--json"), ("--platform", "--debug"))
    )
    with open(os.path.join(device, "credentials", "credentials"), encoding="utf-8") as file:
        kept = json.loads(file.read().splitlines()[1])["current"]
    for name in ("secret", "rat"):
        assert kept[name]
        assert kept[name] not in shown
