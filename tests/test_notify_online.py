"""`Agent.notify_online`: what waits for the link is sent at once, from wherever it is said."""

import os
import signal
import threading
import time

import pytest

from mcagent import Agent, DataModel, DataPoint, DataSource, UploadSettings
from mcagent.emulator import Emulator

MODEL = DataModel("press-7", [DataSource("press", [DataPoint("strokes", "LONG")])])


@pytest.fixture
def hub():
    with Emulator(tls=False, settings={"processing_delay_s": 0.0}) as hub:
        yield hub


@pytest.fixture
def agent(hub, tmp_path):
    """Uploading in the background, its link just lost, the next try up to a minute off."""
    boarding = hub.create_agent("press-7", automap=True)
    settings = UploadSettings(min_interval_s=0, backoff_base_s=60)
    with Agent.open(tmp_path, boarding=boarding, upload=settings, proxy="") as agent:
        agent.submit(MODEL)
        assert agent.upload(30).pending == 0
        hub.disconnect()
        agent.record({"strokes": 1}, durable=True)
        agent.start()
        # The link itself is tried after 2.5 s at the earliest, and every 2.5 to 7.5 s from then.
        wait_until(lambda: agent.status().upload["retry_in_s"] > 3, 60)
        yield agent


def wait_until(condition, timeout_s):
    until = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)


@pytest.mark.parametrize("by", ["call", "thread", "signal"])
def test_what_waits_goes_out_at_once(hub, agent, by):
    before = signal.signal(signal.SIGUSR1, lambda *_: agent.notify_online())
    try:
        hub.reconnect()
        if by == "call":
            agent.notify_online()
        elif by == "thread":
            threading.Thread(target=agent.notify_online).start()
        else:
            os.kill(os.getpid(), signal.SIGUSR1)
        wait_until(lambda: agent.status().pending == 0, 2)
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_a_link_that_returns_is_noticed_without_a_word(hub, agent):
    hub.reconnect()
    wait_until(lambda: agent.status().pending == 0, 9)


def test_it_is_harmless_before_anything_was_sent_and_on_a_closed_agent(tmp_path):
    agent = Agent.open(tmp_path)
    agent.notify_online()
    agent.close()
    agent.notify_online()
