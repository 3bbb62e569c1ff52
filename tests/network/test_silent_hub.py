"""A hub that takes the connection and never answers: nobody waits for it longer than they said."""

import os
import signal
import subprocess
import sys
import time

import pytest

from mcagent import Agent, DataModel, DataPoint, DataSource
from mcagent.emulator import Emulator

MODEL = DataModel("press-7", [DataSource("press", [DataPoint("strokes", "LONG")])])
NEVER = {"match": "POST /api/mindconnect/v3/exchange", "action": "delay", "seconds": 3600}


@pytest.fixture
def hub():
    with Emulator(settings={"processing_delay_s": 0.0}) as hub:
        yield hub


@pytest.fixture
def agent(hub, tmp_path):
    """Onboarded, its model delivered; the hub is silent to every exchange from now on."""
    boarding = hub.create_agent("press-7", automap=True)
    with Agent.open(tmp_path / "state", boarding=boarding, ca_file=hub.ca_file) as agent:
        agent.onboard()
        agent.submit(MODEL)
        assert agent.upload().pending == 0
        hub.set_faults([NEVER])
        agent.record({"strokes": 1}, durable=True)
        yield agent


def wait_for_exchange(hub, seconds=60):
    """Return once the hub is silent to somebody."""
    until = time.monotonic() + seconds
    while not hub.state()["faults"][0]["hits"]:
        assert time.monotonic() < until, hub.state()
        time.sleep(0.01)


def took(work):
    began_s = time.monotonic()
    work()
    return time.monotonic() - began_s


def assert_all_arrives(hub, state):
    """Nothing was lost by what was broken off."""
    hub.set_faults([])
    with Agent.open(state, ca_file=hub.ca_file) as again:
        report = again.upload()
        assert (report.pending, report.set_aside) == (0, 0)
    hub.settle()
    assert 1 in [row["values"]["strokes"] for row in hub.stored()]


def test_stop_breaks_the_request_off(hub, agent, figure):
    """A second for an answer that is about to come, and not one more."""
    agent.start()
    wait_for_exchange(hub)
    seconds = took(agent.stop)
    figure("stop() while a hub is silent", "%.2f s" % seconds)
    assert seconds < 6  # not broken off it takes 10
    hub.set_faults([])
    assert agent.upload().pending == 0


def test_close_breaks_the_request_off(hub, agent, figure):
    """The state directory is free for the next one, and the record is still there."""
    agent.start()
    wait_for_exchange(hub)
    seconds = took(agent.close)
    figure("close() while a hub is silent", "%.2f s" % seconds)
    assert seconds < 6  # not broken off it takes 10
    assert_all_arrives(hub, agent.directory)


@pytest.mark.parametrize("timeout_s", [0, 1.5])
def test_upload_keeps_its_deadline(hub, agent, figure, timeout_s):
    """Being late is a result, with the reason."""
    reports = []
    seconds = took(lambda: reports.append(agent.upload(timeout_s=timeout_s)))
    report = reports[0]
    figure("upload(timeout_s=%g) while a hub is silent" % timeout_s, "%.2f s" % seconds)
    assert timeout_s <= seconds < timeout_s + 30  # silence is borne for 60
    assert report.pending == 1
    assert "took longer than" in report.reason
    hub.set_faults([])
    assert agent.upload().pending == 0


SERVICE = """
import sys
from mcagent import Agent
with Agent.open(sys.argv[1], ca_file=sys.argv[2]) as agent:
    agent.run(lambda: {"strokes": 2}, every_s=0.2)
"""


def test_sigterm_ends_the_service(hub, agent, figure):
    """A service manager sees a clean end, long before it would kill."""
    agent.close()
    command = [sys.executable, "-c", SERVICE, agent.directory, hub.ca_file]
    environment = {**os.environ, "PYTHONPATH": os.getcwd()}
    with subprocess.Popen(command, env=environment) as service:
        try:
            wait_for_exchange(hub)
            service.send_signal(signal.SIGTERM)
            seconds = took(lambda: service.wait(90))
        finally:
            service.kill()
    figure("SIGTERM while a hub is silent", "%.2f s" % seconds)
    assert service.returncode == 0
    assert seconds < 8  # not broken off it takes 10
    assert_all_arrives(hub, agent.directory)


def test_registration_is_not_broken_off_lightly(hub, tmp_path):
    """Its answer would be lost with the token that it was paid with: the hub may be slow."""
    boarding = hub.create_agent("slow", automap=True)
    hub.set_faults([{"match": "POST */register", "action": "delay", "seconds": 2}])
    agent = Agent.open(tmp_path / "slow", boarding=boarding, ca_file=hub.ca_file)
    agent.record({"strokes": 1})
    agent.start()
    wait_for_exchange(hub)
    agent.close()
    with Agent.open(tmp_path / "slow", ca_file=hub.ca_file) as again:
        assert again.onboard().onboarded
    assert hub.state()["faults"][0]["hits"] == 1
