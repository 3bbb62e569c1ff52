"""Silence: what the peer acknowledges counts, not what the kernel holds."""

import socket

import pytest

from mcagent.transport.cpython.dialing import Resolver
from mcagent.transport.cpython.progress import SEND, Progress, _acknowledged_bytes


class SlowSocket:
    """Takes a write only after some time-outs; the peer acknowledges *each* bytes meanwhile."""

    def __init__(self, timeouts, each):
        self.timeouts = timeouts
        self.each = each
        self.acknowledged = 0

    def settimeout(self, _seconds):
        pass

    def getsockopt(self, _level, _option, size):
        return self.acknowledged.to_bytes(8, "little").rjust(size, b"\0")

    def send(self, data):
        if self.timeouts:
            self.timeouts -= 1
            self.acknowledged += self.each
            raise TimeoutError
        return len(data)


@pytest.fixture
def progress(monkeypatch):
    monkeypatch.setattr("mcagent.transport.cpython.progress.sys.byteorder", "little")
    made = Progress(
        host="hub",
        proxy=None,
        connect_timeout_s=10,
        silence_s=60,
        total_s=3600,
        resolver=Resolver(),
    )
    made.step = SEND
    return made


def test_a_peer_that_acknowledges_is_waited_for(progress):
    """At 5 kbit/s, a record of TLS takes minutes of which the kernel holds more at the end."""
    sock = SlowSocket(timeouts=5, each=1)
    assert progress.patiently(sock, sock.send, b"x" * 100) == 100


def test_a_peer_that_acknowledges_nothing_is_silent(progress):
    sock = SlowSocket(timeouts=1, each=0)
    with pytest.raises(TimeoutError):
        progress.patiently(sock, sock.send, b"x")


def test_the_kernel_tells_what_was_acknowledged():
    """The place in its answer, on this machine."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        with socket.create_connection(server.getsockname()) as client:
            peer, _address = server.accept()
            with peer:
                before = _acknowledged_bytes(client)
                client.sendall(b"x" * 10_000)
                received = 0
                while received < 10_000:
                    received += len(peer.recv(10_000))
                peer.sendall(b"y")  # with the acknowledgement
                client.recv(1)
                assert _acknowledged_bytes(client) - before == 10_000


def test_what_is_no_connection_tells_nothing():
    with socket.socket(socket.AF_UNIX) as other:
        assert _acknowledged_bytes(other) == 0
