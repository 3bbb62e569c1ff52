"""Networks between two namespaces: whatever happens on the wire, every durable record arrives."""

import time

import pytest

from mcagent.upload import linkprobe
from mcagent.upload.backoff import Backoff
from tests.network.wire import DEVICE, PLATFORM
from tests.patience import wait_until


def test_loss_delay_and_reordering(field, figure):
    """A radio link in a hall of steel."""
    field.open()
    field.wire.loss, field.wire.delay_s, field.wire.reorder = 0.05, 0.03, 0.2
    field.record(3000)
    field.start()
    figure("3 000 samples, 5 % loss, 60 ms, 20 % reordered", f"{field.drained(120):.1f} s")
    field.assert_all_arrived()


@pytest.mark.parametrize("side", [DEVICE, PLATFORM], ids=["body", "answer"])
def test_link_that_is_cut(field, figure, side):
    """In the middle of a body, and of an answer, which may have taken effect."""
    field.open(read_timeout_s=3)
    field.wire.bits_per_s = 400_000
    field.record(2000)
    field.wire.cut_after(side, 60_000 if side == DEVICE else 200)
    field.start()
    field.wire.wait_for_cut()
    field.record(50)
    until = time.monotonic() + 60  # some silence is forgiven to what was acknowledged before it
    while not field.agent.status().upload["last_error"]:
        assert time.monotonic() < until
        time.sleep(0.05)
    assert field.agent.status().pending
    field.wire.heal()
    words = "body" if side == DEVICE else "answer"
    figure(f"link back after a cut in mid {words}: all delivered", f"{field.drained(120):.1f} s")
    field.assert_all_arrived()


def test_link_that_is_down(field, figure):
    """The modem knows that it has no network: an error at once, and work again as soon."""
    field.open(read_timeout_s=1)
    field.record(500)
    field.device.link(up=False)
    field.start()
    until = time.monotonic() + 60  # the kept connection is silent first
    while "cannot be reached" not in field.agent.status().upload["last_error"]:
        assert time.monotonic() < until, field.agent.status().upload
        time.sleep(0.05)
    field.device.link(up=True)
    field.wire.heal()
    figure("link up again: all delivered", f"{field.drained(90):.1f} s")
    field.assert_all_arrived()


def test_half_open_connection(field, figure):
    """The hub restarted behind a firewall that drops: the kept connection leads nowhere."""
    field.open(read_timeout_s=3)
    field.wire.drop()
    field.platform.call(field.hub.disconnect)
    field.platform.call(field.hub.reconnect)
    field.record(500)
    field.start()
    time.sleep(1)
    field.wire.heal()
    figure("half-open connection: all delivered after", f"{field.drained(90):.1f} s")
    field.assert_all_arrived()


@pytest.fixture
def seldom(monkeypatch):
    """The next request is a minute off."""
    monkeypatch.setattr(Backoff, "next_ms", lambda _self, cap_ms, _wish_ms=0: cap_ms)


@pytest.mark.usefixtures("seldom")
def test_link_that_was_away_for_long(field, figure):
    """The next request would come in a minute; a connection is tried every few seconds."""
    field.open(read_timeout_s=1, connect_timeout_s=1)
    field.wire.drop()
    field.record(500)
    field.start()
    wait_until(lambda: field.agent.status().upload["last_error"])
    time.sleep(12)  # until a connection was tried in vain
    field.wire.heal()
    figure("link back, seen by a connection: all delivered", f"{field.drained(30):.1f} s")
    field.assert_all_arrived()


@pytest.mark.usefixtures("seldom")
def test_link_that_somebody_says_is_back(field, figure, monkeypatch):
    """As a hook of the system's network manager does, from another thread."""
    monkeypatch.setattr(linkprobe, "_FIRST_MS", 60_000)  # half a minute at the least
    field.open(read_timeout_s=1, connect_timeout_s=1)
    field.wire.drop()
    field.record(500)
    field.start()
    wait_until(lambda: field.agent.status().upload["retry_in_s"] > 40)
    field.wire.heal()
    field.agent.notify_online()
    figure("link back, said by somebody: all delivered", f"{field.drained(20):.1f} s")
    field.assert_all_arrived()
