"""Clients that are broken or mean ill: each is bounded, and keeps nobody else out."""

import http.client
import json
import socket
import threading
import time
from urllib.parse import quote

import pytest

from mcagent.emulator import Emulator, gate, server
from mcagent.emulator.answers import parse_json
from mcagent.emulator.visitors import strange
from tests.patience import wait_until, with_more_time

from .application import Application
from .device import AGENTS, EXCHANGE, call, event, exchange_body, file_item, onboarded

KEY = AGENTS + "/oauth/token_key"


@pytest.fixture
def limits(hub, monkeypatch):
    """The hub's limits, to be made small; it looks after its connections often."""
    monkeypatch.setattr(server, "_SWEEP_S", 0.02)
    return hub._running.settings


def connect(hub, sent=b""):
    connection = socket.create_connection(("127.0.0.1", hub.port), timeout=30)
    connection.sendall(sent)
    return connection


def ended(connection, within_s=30.0):
    """Wait until the hub ends a connection; give what came until then."""
    connection.settimeout(within_s)
    got = b""
    try:
        while piece := connection.recv(65536):
            got += piece
    except ConnectionResetError:
        pass
    return got


def peers(hub):
    """The addresses of all whose connections the hub holds."""
    connections = list(hub._running_server._state.connections)
    return [one.transport.get_extra_info("peername") for one in connections]


def alive(hub):
    return call(hub.url, "GET", KEY).status == 200


def test_a_head_that_comes_byte_by_byte_is_ended(hub, limits):
    limits.head_timeout_s = 0.3
    begun = time.monotonic()
    with connect(hub, f"GET {KEY} HTTP/1.1\r\nHost: x\r\nA: ".encode()) as connection:
        with pytest.raises(OSError):
            while time.monotonic() - begun < 10:
                connection.sendall(b"x")
                time.sleep(0.01)
    assert 0.3 <= time.monotonic() - begun < 5
    assert alive(hub)


@pytest.mark.parametrize("sent", [b"", b"G"])
def test_a_connection_that_says_nothing_is_ended(hub, limits, sent):
    limits.head_timeout_s = limits.body_pause_s = 0.1
    with connect(hub, sent) as connection:
        assert ended(connection) == b""


def test_a_body_that_stands_still_is_ended_without_effect(hub, limits):
    device = onboarded(hub)
    limits.body_pause_s = 0.2
    body = exchange_body(event())
    head = (
        f"POST {EXCHANGE} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {device.token}\r\n"
        f"Content-Type: multipart/mixed;boundary=OUT\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with connect(hub, head.encode() + body[:-1]) as connection:
        assert ended(connection) == b""
    assert hub.received() == []


def test_a_body_that_moves_and_an_answer_that_takes_long_are_not_ended(hub, limits):
    device = onboarded(hub)
    body = exchange_body(event())
    head = (
        f"POST {EXCHANGE} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {device.token}\r\n"
        f"Content-Type: multipart/mixed;boundary=OUT\r\nContent-Length: {len(body)}\r\n\r\n"
    )

    def slowly(limit_s):
        limits.body_pause_s = limits.head_timeout_s = limit_s
        hub.set_faults([{"action": "delay", "seconds": 2 * limit_s, "match": EXCHANGE}])
        with connect(hub, head.encode()) as connection:
            for start in range(0, len(body), 100):
                connection.sendall(body[start : start + 100])
                time.sleep(limit_s / 3)
            assert connection.recv(1000).startswith(b"HTTP/1.1 200 ")

    with_more_time(slowly, 0.3, 1.2, 4.8)


def test_an_answer_that_nobody_reads_is_ended(hub, limits):
    device = onboarded(hub)
    device.send(file_item("large", bytes(9_000_000)))
    hub.settle()
    (file,) = hub.files()
    limits.body_pause_s = 0.2
    request = f"GET /_emulator/files/{file['sha256']} HTTP/1.1\r\nHost: x\r\n\r\n"
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)  # the kernel reads, too
        connection.connect(("127.0.0.1", hub.port))
        connection.sendall(request.encode())
        connection.recv(1, socket.MSG_PEEK)  # the answer has begun: from here, nobody reads
        me, deadline = connection.getsockname(), time.monotonic() + 60
        while me in peers(hub) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert me not in peers(hub)
        assert len(ended(connection)) < 9_000_000
    assert alive(hub)


def test_one_connection_too_many_ends_the_one_that_was_idle_longest(hub, limits):
    limits.connections_max = 5
    kept = []
    try:
        for _ in range(5):
            kept.append(connect(hub))
            time.sleep(0.02)
        assert alive(hub)
        assert ended(kept[0]) == b""
        kept[-1].sendall(f"GET {KEY} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert kept[-1].recv(100).startswith(b"HTTP/1.1 200 ")
    finally:
        for connection in kept:
            connection.close()


def test_a_flood_of_connections_keeps_nobody_out(hub, limits):
    limits.connections_max = 20
    flood = [connect(hub, b"GET / HT") for _ in range(150)]
    try:
        assert alive(hub)
        open_ones = hub._running_server._state.connections
        deadline = time.monotonic() + 30  # what was given up is closed in the loop's next turns
        while len(open_ones) > 20 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert len(open_ones) <= 20
    finally:
        for connection in flood:
            connection.close()


def test_where_all_are_at_work_one_more_is_turned_away(hub, limits):
    hub.disconnect()  # what other tests left open is idle, and would be ended first
    hub.reconnect()
    limits.connections_max = 3
    request = f"GET {KEY} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()

    def one_more(busy_s):
        hub.set_faults([{"action": "delay", "seconds": busy_s, "match": KEY}])
        busy = [connect(hub, request) for _ in range(3)]
        try:
            wait_until(lambda: hub.faults()[0]["hits"] == 3)
            with connect(hub) as turned_away:
                assert ended(turned_away, busy_s / 2) == b""
            answers = [ended(connection) for connection in busy]
        finally:
            for connection in busy:
                connection.close()
        assert all(answer.startswith(b"HTTP/1.1 200 ") for answer in answers), answers

    with_more_time(one_more, 1, 4, 16)
    hub.set_faults([])
    assert alive(hub)


def nested(depth):
    return "[" * depth + "]" * depth


@pytest.mark.parametrize("make", [nested, lambda depth: '{"a":' * depth + "1" + "}" * depth])
def test_json_is_taken_to_a_depth_of_100(make):
    parse_json(make(100))
    for depth in (101, 990, 100_000):
        with pytest.raises(ValueError, match="nested too deeply, 100 is the most"):
            parse_json(make(depth))
    parse_json(json.dumps([nested(200)]))  # in a text it is no depth
    parse_json("[" + ",".join(["[]"] * 1000) + "]")  # width is no depth


def test_deep_json_is_400_wherever_it_comes(hub):
    device, app = onboarded(hub), Application(hub)
    for depth in (101, 5000, 200_000):
        text = nested(depth)
        assert call(hub.url, "PUT", "/_emulator/faults", text).status == 400
        assert call(hub.url, "PUT", "/_emulator/settings", text).status == 400
        assert device.put_configuration(text).status == 400
        payload = {"type": "businessEvent", "version": "2.0"}
        body = exchange_body((payload, "application/json", text.encode()))
        assert device.exchange(body).status == 400
        if depth < 10_000:
            path = f"/api/assetmanagement/v3/assets?filter={quote(text)}"
            assert app.call("GET", path).status == 400


@pytest.mark.parametrize(
    "text", ["name eq a" + " " * 50_000 + "b", "x and" * 9000, " and " * 9000]
)
def test_a_filter_of_blanks_takes_no_time(hub, text):
    app = Application(hub)
    (asset,) = app.call("GET", "/api/assetmanagement/v3/assets").json["_embedded"]["assets"][:1]
    begun = time.process_time()
    path = f"/api/iotfile/v3/files/{asset['assetId']}?filter={text.replace(' ', '+')}"
    assert app.call("GET", path).status == 200
    assert time.process_time() - begun < 1


def test_requests_are_counted_by_so_many_paths_and_no_more(hub, monkeypatch):
    monkeypatch.setattr(gate, "_COUNTED_MAX", 5)
    for number in range(10):
        call(hub.url, "GET", f"/made-up-{number}-{'x' * 5000}")
    counted = hub.state()["requests"]
    assert len(counted) == 6
    assert counted["others"] == 5
    assert max(map(len, counted)) <= 300


HERE, THERE = {"loopback": True, "public_url": ""}, {"loopback": False, "public_url": ""}


@pytest.mark.parametrize(
    ("fields", "where", "taken"),
    [
        ({}, HERE, True),
        ({"host": "localhost:8443"}, HERE, True),
        ({"host": "127.0.0.1"}, HERE, True),
        ({"host": "[::1]:8443"}, HERE, True),
        ({"host": "hub"}, HERE, True),
        ({"host": "press.localhost:1"}, HERE, True),
        ({"host": "evil.example:8443"}, HERE, False),
        ({"host": "127.0.0.1.evil.example"}, HERE, False),
        ({"host": "evil.example:8443"}, THERE, True),
        ({"host": "hub.example"}, {**HERE, "public_url": "https://hub.example/"}, True),
        ({"host": "localhost:1", "origin": "https://localhost:1"}, HERE, True),
        ({"host": "localhost:1", "origin": "https://localhost:2"}, HERE, False),
        ({"host": "localhost:1", "origin": "https://evil.example"}, HERE, False),
        ({"host": "hub.example", "origin": "https://evil.example"}, THERE, False),
        ({"host": "localhost:1", "origin": "null"}, HERE, False),
        ({"host": "localhost:1", "origin": "http://[x"}, HERE, False),
        # Beyond loopback a script may use a name of its network, a browser may not.
        ({"host": "evil.example", "accept-language": "en"}, THERE, False),
        ({"host": "evil.example", "sec-fetch-site": "same-origin"}, THERE, False),
        ({"host": "evil.example", "origin": "http://evil.example"}, THERE, False),
        ({"host": "10.0.3.7:8443", "accept-language": "en"}, THERE, True),
        (
            {"host": "h.example", "accept-language": "en"},
            {**THERE, "public_url": "http://h.example"},
            True,
        ),
        ({"host": "localhost", "sec-fetch-site": "none", "accept-language": "en"}, HERE, True),
        ({"host": "localhost", "sec-fetch-site": "same-origin"}, HERE, True),
        ({"host": "localhost", "sec-fetch-site": "same-site"}, HERE, False),
        ({"host": "localhost", "sec-fetch-site": "cross-site"}, HERE, False),
    ],
)
def test_pages_of_others_do_not_reach_the_control_interface(fields, where, taken):
    headers = [(name.encode(), text.encode()) for name, text in fields.items()]
    scope = {"path": "/_emulator/state", "headers": headers}
    assert (strange(scope, **where) == "") is taken


def test_a_page_of_others_changes_nothing(hub):
    rule = json.dumps([{"action": "drop_before"}])
    got = call(hub.url, "PUT", "/_emulator/faults", rule, {"Origin": "https://evil.example"})
    assert (got.status, "other origins" in got.json["message"]) == (403, True)
    got = call(hub.url, "GET", "/", None, {"Host": "evil.example"})
    assert (got.status, "--public-url" in got.json["message"]) == (403, True)
    assert hub.faults() == []
    # The platform's own interface knows tokens, and is not concerned.
    assert call(hub.url, "GET", KEY, None, {"Origin": "https://evil.example"}).status == 200


def test_a_hundred_clients_at_once_all_get_their_turn(hub):
    """None waits for its connection while the others are answered again and again."""
    served, all_there = [0] * 100, threading.Barrier(100)

    def client(me):
        connection = http.client.HTTPConnection("127.0.0.1", hub.port, timeout=60)
        all_there.wait(60)
        while sum(served) < 2000:
            connection.request("GET", KEY)
            connection.getresponse().read()
            served[me] += 1
        connection.close()

    threads = [threading.Thread(target=client, args=(number,)) for number in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(served) >= 2000
    assert min(served) > 0.1 * sum(served) / 100, sorted(served)


def test_handshakes_that_never_end_keep_nobody_out():
    with Emulator(settings={"connections_max": 10}) as hub:
        flood = [connect(hub) for _ in range(40)]
        try:
            for _ in range(3):
                assert call(hub.url, "GET", KEY, ca_file=hub.ca_file).status == 200
        finally:
            for connection in flood:
                connection.close()
