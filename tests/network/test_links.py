"""Slow links and a proxy in between."""

import os
import socket
import subprocess
import sys
import time

import pytest

from mcagent.transport.cpython import connections
from tests.network.wire import ADDRESSES, DEVICE, PLATFORM

LONG = os.environ.get("MCAGENT_NETWORK") == "long"


@pytest.fixture
def proxy(field, tmp_path):
    """proxy.py at the platform's end, with a password; its URL."""
    port_file = tmp_path / "port"
    command = ["ip", "netns", "exec", field.platform.name, sys.executable, "-m", "proxy"]
    command += ["--hostname", ADDRESSES[PLATFORM], "--port", "3128", "--num-workers", "1"]
    command += ["--num-acceptors", "1", "--port-file", str(port_file), "--basic-auth", "u:pass"]
    with open(tmp_path / "output", "wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, cwd=tmp_path)
    try:
        until = time.monotonic() + 60
        while not (port_file.exists() and port_file.read_text().strip()):
            assert time.monotonic() < until, (tmp_path / "output").read_text()
            time.sleep(0.02)
        yield f"http://u:pass@{ADDRESSES[PLATFORM]}:3128"
    finally:
        process.terminate()
        process.wait(60)


def test_proxy_in_between(field, proxy, figure):
    """CONNECT with a password, over a wire that is cut in the middle of a body."""
    field.open(proxy=proxy, read_timeout_s=3)
    field.wire.bits_per_s = 400_000
    field.record(1000)
    field.wire.cut_after(DEVICE, 20_000)
    field.start()
    field.wire.wait_for_cut()
    time.sleep(3.5)
    field.wire.heal()
    figure("link to a proxy back: all delivered", f"{field.drained(120):.1f} s")
    field.assert_all_arrived()


@pytest.fixture
def cubic(monkeypatch):
    """What most kernels take, whatever this machine's takes: BBR goes on for minutes at the speed
    that the wire had before it was made slow, and a third of the link is lost to that."""
    if hasattr(socket, "TCP_CONGESTION"):
        option = (socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"cubic")
        monkeypatch.setattr(connections, "_SOCKET_OPTIONS", [*connections._SOCKET_OPTIONS, option])


def slow(field, figure, *, bits_per_s, samples, timeout_s):
    field.open()
    field.agent.abort()  # the link was never fast: nor is its connection older than that
    field.wire.bits_per_s = bits_per_s
    field.wire.delay_s = 0.15
    field.wire.queue_bytes = 15_000
    field.record(samples)
    before = field.wire.carried[DEVICE]
    field.start()
    seconds = field.drained(timeout_s)
    carried = field.wire.carried[DEVICE] - before
    figure(
        f"{samples} samples at {bits_per_s / 1000:g} kbit/s",
        f"{seconds:.0f} s, {carried * 8 / seconds / bits_per_s:.0%} of the link used",
    )
    field.assert_all_arrived()
    return carried * 8 / seconds / bits_per_s


def test_slow_link(field, cubic, figure):
    """64 kbit/s, 300 ms there and back."""
    slow(field, figure, bits_per_s=64_000, samples=500, timeout_s=180)


@pytest.mark.skipif(not LONG, reason="six minutes: tox -e network")
def test_link_of_a_satellite(field, cubic, figure):
    """5 kbit/s: every request makes progress, and no body goes out in vain."""
    used = slow(field, figure, bits_per_s=5000, samples=1500, timeout_s=500)
    assert field.agent.status().upload["last_error"] == ""
    assert used >= 0.85
