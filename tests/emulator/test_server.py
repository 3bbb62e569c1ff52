"""The network side: broken HTTP, broken TLS and odd but correct requests do not harm the hub."""

import errno
import gc
import gzip
import socket
import ssl
import struct
import time

import pytest

from mcagent.emulator import Emulator, gate

from .device import AGENTS, EXCHANGE, call, event, exchange_body, onboarded


def talk(port, sent, *, finish=True):
    """Send bytes on a raw connection; give all that comes back until the hub closes it."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        got = b""
        try:
            connection.sendall(sent)
            if finish:
                connection.shutdown(socket.SHUT_WR)
            while piece := connection.recv(65536):
                got += piece
        except OSError as error:
            # The hub may have closed, or reset, before everything was sent.
            if not isinstance(error, ConnectionError) and error.errno != errno.ENOTCONN:
                raise
        return got


GARBAGE = {
    "nothing": b"",
    "half a line": b"GET",
    "no HTTP": b"\x16\x03\x01\x02\x00" + bytes(200),
    "bad method": b"G\x00T / HTTP/1.1\r\nHost: x\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "endless header": b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"x" * 200_000,
    "many headers": b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: x\r\n" * 20_000 + b"\r\n",
    "two lengths": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "bad chunk": b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "cut body": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf",
    "cut chunk": b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
}


@pytest.mark.parametrize("name", GARBAGE)
def test_broken_http_is_refused_or_closed_and_the_hub_goes_on(hub, name):
    got = talk(hub.port, GARBAGE[name])
    assert got == b"" or got.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 431 ")), got[:200]
    assert call(hub.url, "GET", "/_emulator/state").status == 200


def test_plain_http_on_a_tls_port_is_closed_and_the_hub_goes_on():
    with Emulator() as hub:
        for sent in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"", b"\x16\x03\x01\x00\x05hello"):
            assert not talk(hub.port, sent).startswith(b"HTTP")
        got = call(hub.url, "GET", AGENTS + "/oauth/token_key", ca_file=hub.ca_file)
        assert got.status == 200


def head(device, *fields):
    lines = [
        f"POST {EXCHANGE} HTTP/1.1",
        "Host: 127.0.0.1",
        f"Authorization: Bearer {device.token}",
        "Content-Type: multipart/mixed;boundary=OUT",
        "Connection: close",
        *fields,
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


def test_a_connection_that_is_reset_leaves_nothing_open():
    """Under TLS, between two requests: a link that a firewall dropped ends so."""
    with Emulator() as hub:
        context = ssl.create_default_context(cafile=hub.ca_file)
        address = ("127.0.0.1", hub.port)
        with socket.create_connection(address, timeout=30) as plain:
            with context.wrap_socket(plain, server_hostname="127.0.0.1") as connection:
                connection.sendall(b"GET /_emulator/state HTTP/1.1\r\nHost: x\r\n\r\n")
                assert connection.recv(100).startswith(b"HTTP/1.1 200")
                linger = struct.pack("ii", 1, 0)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        got = call(hub.url, "GET", AGENTS + "/oauth/token_key", ca_file=hub.ca_file)
        assert got.status == 200
    gc.collect()  # a ResourceWarning of what is left is an error here


def test_a_chunked_body_is_taken(hub):
    device = onboarded(hub)
    body = exchange_body(event())
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (body[:7], body[7:]))
    got = talk(
        hub.port, head(device, "Transfer-Encoding: chunked") + chunks + b"0\r\n\r\n", finish=False
    )
    assert got.startswith(b"HTTP/1.1 200 ")


def test_expect_100_continue_is_answered(hub):
    device = onboarded(hub)
    body = exchange_body(event())
    fields = (f"Content-Length: {len(body)}", "Expect: 100-continue")
    with socket.create_connection(("127.0.0.1", hub.port), timeout=30) as connection:
        connection.sendall(head(device, *fields))
        assert connection.recv(1000).startswith(b"HTTP/1.1 100 ")
        connection.sendall(body)
        assert connection.recv(1000).startswith(b"HTTP/1.1 200 ")


def test_a_slow_body_byte_by_byte_is_taken(hub):
    device = onboarded(hub)
    body = exchange_body(event())
    with socket.create_connection(("127.0.0.1", hub.port), timeout=30) as connection:
        connection.sendall(head(device, f"Content-Length: {len(body)}"))
        for start in range(0, len(body), 40):
            connection.sendall(body[start : start + 40])
            time.sleep(0.001)
        assert connection.recv(1000).startswith(b"HTTP/1.1 200 ")


def test_a_compressed_body_is_415_not_unpacked(hub):
    device = onboarded(hub)
    bomb = gzip.compress(bytes(5_000_000))
    assert device.exchange(bomb, Content_Encoding="gzip").status == 415


def test_a_body_without_end_is_cut_off(hub, monkeypatch):
    monkeypatch.setattr(gate, "_DRAIN_MAX", 12_000_000)
    device = onboarded(hub)
    sent = head(device, "Content-Length: 99000000") + bytes(13_000_000)
    assert talk(hub.port, sent, finish=False) == b""
    assert device.exchange(exchange_body(event())).status == 200


def test_a_client_that_gives_up_in_a_delay_has_its_request_done(hub):
    device = onboarded(hub)
    body = exchange_body(event(id="late"))
    hub.set_faults([{"match": f"POST {EXCHANGE}", "action": "delay", "seconds": 30}])
    with socket.create_connection(("127.0.0.1", hub.port), timeout=30) as connection:
        connection.sendall(head(device, f"Content-Length: {len(body)}") + body)
        time.sleep(0.05)
        assert hub.received() == []
    deadline = time.monotonic() + 30
    while not hub.received() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert [line["event"]["id"] for line in hub.received()] == ["late"]


def test_many_clients_at_once_are_served(hub):
    devices = [onboarded(hub, f"agent {number}") for number in range(10)]
    kept = [socket.create_connection(("127.0.0.1", hub.port), timeout=30) for _ in range(100)]
    try:
        for device in devices:
            assert device.exchange(exchange_body(event())).status == 200
    finally:
        for connection in kept:
            connection.close()
    assert len(hub.received()) == 10
