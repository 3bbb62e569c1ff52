"""`Agent.notify_online`: what waits for the link is sent at once, from wherever it is said."""

import os
import signal
import threading

import pytest

from mcagent import Agent, DataModel, DataPoint, DataSource, UploadSettings
from mcagent.emulator import Emulator
from mcagent.upload import linkprobe
from mcagent.upload.backoff import Backoff
from tests.patience import wait_until

MODEL = DataModel("press-7", [DataSource("press", [DataPoint("strokes", "LONG")])])


@pytest.fixture
def hub():
    with Emulator(tls=False, settings={"processing_delay_s": 0.0}) as hub:
        yield hub


@pytest.fixture
def no_connection_soon(monkeypatch):
    """The link itself is tried after half a minute at the earliest."""
    monkeypatch.setattr(linkprobe, "_FIRST_MS", 60_000)


@pytest.fixture
def agent(hub, tmp_path, monkeypatch):
    """Uploading in the background, its link just lost, the next request a minute off."""
    monkeypatch.setattr(Backoff, "next_ms", lambda _self, cap_ms, _wish_ms=0: cap_ms)
    boarding = hub.create_agent("press-7", automap=True)
    settings = UploadSettings(min_interval_s=0, backoff_base_s=60)
    with Agent.open(tmp_path, boarding=boarding, upload=settings, proxy="") as agent:
        agent.submit(MODEL)
        assert agent.upload(30).pending == 0
        hub.disconnect()
        agent.record({"strokes": 1}, durable=True)
        agent.start()
        wait_until(lambda: agent.status().upload["retry_in_s"] > 30)
        yield agent


@pytest.mark.usefixtures("no_connection_soon")
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
        wait_until(lambda: agent.status().pending == 0, 15)
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_a_link_that_returns_is_noticed_without_a_word(hub, agent):
    """A connection is tried every 2.5 to 7.5 s."""
    hub.reconnect()
    wait_until(lambda: agent.status().pending == 0, 25)


def test_it_is_harmless_before_anything_was_sent_and_on_a_closed_agent(tmp_path):
    agent = Agent.open(tmp_path)
    agent.notify_online()
    agent.close()
    agent.notify_online()
