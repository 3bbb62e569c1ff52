"""The cheap question whether the link is there: a connection, and nothing on it."""

import socket
import threading
import time

from mcagent.transport.cpython import reach
from tests.patience import wait_until
from tests.transport.servers import Server


class Listener:
    """Takes connections and keeps what came on them until they were closed."""

    def __init__(self):
        self.heard = []

    def talk(self, connection):
        said = b""
        while data := connection.sock.recv(1000):
            said += data
        self.heard.append(said)


def test_a_host_that_takes_a_connection_is_reached_and_told_nothing(new_transport):
    listener = Listener()
    with Server(listener.talk) as server:
        assert new_transport(proxy="").probe(f"https://127.0.0.1:{server.port}/api") is True
        until = time.monotonic() + 60
        while not listener.heard:
            assert time.monotonic() < until
            time.sleep(0.01)
    assert listener.heard == [b""], "closed at once"


def test_a_host_that_refuses_or_has_no_name_is_not_reached(new_transport):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    transport = new_transport(proxy="")
    assert transport.probe(f"https://127.0.0.1:{port}") is False
    assert transport.probe("https://nothing.invalid") is False
    assert transport.probe("https://" + "x" * 64 + ".example") is False, "can be no name"


def proxy_that_says(answer, seen):
    def talk(connection):
        seen.append(connection.read_head().decode().split("\r\n"))
        if answer is None:
            connection.sock.recv(1)  # silent until the client goes
        elif answer:
            connection.sock.sendall(answer)

    return talk


def test_a_proxy_is_asked_for_a_tunnel(new_transport):
    """That it can be reached itself says nothing of what is behind it."""
    for answer, reached in (
        (b"HTTP/1.0 200 Connection established\r\n\r\n", True),
        (b"HTTP/1.1 502 Bad gateway\r\n\r\n", False),
        (b"HTTP/1.1 407 Who are you\r\n\r\n", False),
        (b"SSH-2.0-x\r\n", False),
        (b"", False),
    ):
        seen = []
        with Server(proxy_that_says(answer, seen)) as server:
            transport = new_transport(proxy=f"http://u:pass@127.0.0.1:{server.port}")
            assert transport.probe("https://hub.example") is reached, answer
        assert seen[0][0] == "CONNECT hub.example:443 HTTP/1.1"
        assert "Proxy-Authorization: Basic dTpwYXNz" in seen[0]


def test_a_way_that_cannot_be_asked_cheaply_is_not_asked(new_transport):
    assert new_transport(proxy="https://127.0.0.1:9").probe("https://hub.example") is None


def test_silence_ends_in_three_seconds_and_from_outside_at_once(new_transport, monkeypatch):
    asked = []
    with Server(proxy_that_says(None, asked)) as server:
        transport = new_transport(proxy=f"http://127.0.0.1:{server.port}")
        began_s = time.monotonic()
        assert transport.probe("https://hub.example") is False
        assert 2 < time.monotonic() - began_s < 20  # other requests wait for 60
        monkeypatch.setattr(reach, "REACH_S", 60)
        asked.clear()

        def close():
            wait_until(lambda: asked)
            transport.close()

        closing = threading.Thread(target=close)
        began_s = time.monotonic()
        closing.start()
        assert transport.probe("https://hub.example") is False
        assert time.monotonic() - began_s < 30
        closing.join()
