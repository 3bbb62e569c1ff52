"""What a plain client sees on its socket under each action, byte for byte."""

import socket
import ssl
import time

import pytest

from mcagent.emulator import Emulator
from tests.patience import wait_until, with_more_time

from .device import AGENTS, CONNECT, EXCHANGE, TOKEN, call, event, exchange_body, onboarded

CONFIGURATION = AGENTS + "/agents/ID/dataSourceConfiguration"


def request(hub, device, method="POST", path=EXCHANGE, label="e1"):
    body = exchange_body(event(id=label)) if method == "POST" else b""
    head = (
        f"{method} {path.replace('ID', device.id)} HTTP/1.1\r\nHost: 127.0.0.1:{hub.port}\r\n"
        f"Authorization: Bearer {device.token}\r\nContent-Type: multipart/mixed;boundary=OUT\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body


def ask(hub, device, method="POST", path=EXCHANGE, label="e1"):
    """Give (all bytes until the end, times of arrival, "reset" or "closed")."""
    connection = socket.create_connection(("127.0.0.1", hub.port), timeout=30)
    got, arrived, begun = b"", [], time.monotonic()
    with connection:
        try:
            connection.sendall(request(hub, device, method, path, label))
            while piece := connection.recv(65536):
                got += piece
                arrived.append(time.monotonic() - begun)
        except ConnectionResetError:
            return got, arrived, "reset"
    return got, arrived, "closed"


def stored(hub):
    return [line["event"]["id"] for line in hub.received(kind="event")]


def set_up(hub, *rules):
    device = onboarded(hub)
    assert device.put_configuration({"configurationId": "c", "dataSources": []}).status == 200
    hub.set_faults(list(rules))
    return device


def split(answer):
    head, _, body = answer.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    return lines[0], dict(line.lower().split(": ", 1) for line in lines[1:]), body


def test_reset_is_a_tcp_reset_without_effect(hub):
    device = set_up(hub, {"action": "reset", "match": EXCHANGE, "times": 1})
    assert ask(hub, device)[::2] == (b"", "reset")
    assert stored(hub) == []
    assert ask(hub, device)[0].startswith(b"HTTP/1.1 200 ")


def test_drops_are_no_resets(hub):
    device = set_up(
        hub,
        {"action": "drop_before", "match": EXCHANGE, "times": 1},
        {"action": "drop_after", "match": EXCHANGE, "times": 1},
    )
    assert ask(hub, device, label="lost")[::2] == (b"", "closed")
    assert ask(hub, device, label="taken")[::2] == (b"", "closed")
    assert stored(hub) == ["taken"]


def test_an_answer_with_a_body_is_cut_in_its_middle(hub):
    device = set_up(hub, {"action": "cut", "match": CONFIGURATION.replace("ID", "*"), "times": 1})
    cut = split(ask(hub, device, "GET", CONFIGURATION)[0])
    whole = split(ask(hub, device, "GET", CONFIGURATION)[0])
    assert cut[0] == whole[0] == "HTTP/1.1 200 OK"
    assert int(cut[1]["content-length"]) == len(whole[2])
    assert cut[2] == whole[2][: len(whole[2]) // 2]
    assert cut[1].keys() == whole[1].keys()


def test_an_answer_without_a_body_is_cut_in_its_head_after_its_effect(hub):
    device = set_up(hub, {"action": "cut", "match": EXCHANGE, "times": 1})
    got, _, end = ask(hub, device)
    assert got.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"\r\n\r\n" not in got
    assert end == "closed"
    assert stored(hub) == ["e1"]


@pytest.mark.parametrize("size", [0, 1, 20])
def test_an_answer_is_cut_at_the_byte_that_was_asked_for(hub, size):
    device = set_up(hub, {"action": "cut", "match": EXCHANGE, "cut_at": size})
    assert ask(hub, device)[0] == b"HTTP/1.1 200 OK\r\ncontent-length: 0"[:size]


def test_a_body_trickles_after_its_head(hub):
    device = set_up(hub)

    def trickle(seconds):
        hub.set_faults([{"action": "slow_body", "seconds": seconds, "match": "GET"}])
        got, arrived, end = ask(hub, device, "GET", CONFIGURATION)
        assert b"configurationId" in split(got)[2]
        assert len(split(got)[2]) == int(split(got)[1]["content-length"])
        assert arrived[0] < 0.5 * seconds
        assert 0.875 * seconds <= arrived[-1] < 5 * seconds
        assert len(arrived) > 10
        assert end == "closed"

    with_more_time(trickle, 0.4, 1.6, 6.4)


def test_an_answer_without_a_body_trickles_its_head(hub):
    device, labels = set_up(hub), []

    def trickle(seconds):
        hub.set_faults([{"action": "slow_body", "seconds": seconds, "match": EXCHANGE}])
        labels.append(f"e{seconds}")
        got, arrived, _ = ask(hub, device, label=labels[-1])
        assert got.startswith(b"HTTP/1.1 200 OK\r\n")
        assert got.endswith(b"\r\n\r\n")
        assert 0.875 * seconds <= arrived[-1] < 5 * seconds
        assert len(arrived) > 10

    with_more_time(trickle, 0.4, 1.6, 6.4)
    assert stored(hub) == labels


def test_a_client_that_leaves_a_trickle_leaves_nothing_behind(hub):
    device = set_up(hub, {"action": "slow_body", "seconds": 3600, "match": EXCHANGE, "times": 1})
    with socket.create_connection(("127.0.0.1", hub.port), timeout=30) as connection:
        connection.sendall(request(hub, device))
        wait_until(lambda: hub.faults()[0]["hits"])
    assert ask(hub, device)[0].startswith(b"HTTP/1.1 200 ")
    deadline = time.monotonic() + 30
    while hub._running_server._state.tasks and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not hub._running_server._state.tasks


def test_a_content_type_is_another_and_the_rest_is_the_same(hub):
    device = set_up(hub, {"action": "content_type", "match": "GET", "times": 1})
    wrong = split(ask(hub, device, "GET", CONFIGURATION)[0])
    right = split(ask(hub, device, "GET", CONFIGURATION)[0])
    assert (wrong[1]["content-type"], right[1]["content-type"]) == (
        "text/html",
        "application/json",
    )
    assert wrong[2] == right[2]


def test_a_clock_is_wrong_for_the_requests_that_are_meant_and_no_others(hub):
    device = set_up(hub, {"action": "clock", "match": TOKEN, "offset_s": 86400})
    assert hub.faults()[0]["label"] == f"clock: {TOKEN}"
    got = device.ask_token()
    assert got.status == 400  # the assertion is from yesterday by that clock
    assert abs(int(got.headers["server-time"]) - time.time() - 86400) < 5
    with socket.create_connection(("127.0.0.1", hub.port), timeout=30) as connection:
        dates = []
        for path in (TOKEN, "/nope", TOKEN, "/nope"):
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            answer = b""
            while b"}" not in answer:
                answer += connection.recv(65536)
            dates.append(split(answer)[1]["date"])
    days = [date[:16] for date in dates]
    assert days[0] == days[2] != days[1] == days[3]


def test_a_revoked_token_is_void_for_ever_and_a_new_one_is_good(hub):
    device = set_up(hub, {"action": "revoke", "match": EXCHANGE, "times": 1})
    old = device.token
    assert ask(hub, device)[0].startswith(b"HTTP/1.1 401 ")
    assert ask(hub, device)[0].startswith(b"HTTP/1.1 401 ")
    assert hub.faults()[0]["hits"] == 1
    assert device.ask_token().status == 200
    assert device.token != old
    assert ask(hub, device)[0].startswith(b"HTTP/1.1 200 ")


def test_a_rule_for_one_agent_leaves_the_others_alone(hub):
    named, other = onboarded(hub, "press"), onboarded(hub, "other")
    hub.set_faults([{"action": "status", "status": 503, "agent": "press"}])
    body = exchange_body(event())
    for device, status in ((named, 503), (other, 200)):
        assert device.exchange(body).status == status
        assert device.ask_token().status == status  # known by its assertion
        assert device.rotate().status == status  # by the path
        assert device.call("GET", f"{CONNECT}/dataPointMappings").status == status
    hub.set_faults([{"action": "status", "status": 503, "agent": other.id}])
    assert (named.exchange(body).status, other.exchange(body).status) == (200, 503)
    assert call(hub.url, "POST", EXCHANGE, body).status == 401  # of nobody


@pytest.mark.parametrize(
    "token", ["x", "a.b.c", "a.bnVsbA.c", "a.W10.c", "a.eyJzdWIiOjV9.c", "é.é.é"]
)
def test_a_token_that_says_nothing_is_of_nobody(hub, token):
    hub.set_faults([{"action": "status", "agent": "press"}])
    headers = {"Authorization": f"Bearer {token}".encode()}
    assert call(hub.url, "POST", EXCHANGE, b"", headers).status == 401


def test_a_handshake_is_reset_after_hello_and_the_next_one_succeeds():
    with Emulator() as hub:
        hub.set_faults([{"action": "tls_reset", "times": 2}])
        context = ssl.create_default_context(cafile=hub.ca_file)
        for _ in range(2):
            with socket.create_connection(("127.0.0.1", hub.port), timeout=30) as plain:
                with pytest.raises(ConnectionResetError):
                    context.wrap_socket(plain, server_hostname="localhost")
        got = call(hub.url, "GET", AGENTS + "/oauth/token_key", ca_file=hub.ca_file)
        assert got.status == 200
        assert hub.faults()[0]["state"] == "used up"


def through_tls(hub, rule):
    """Give how the TCP connection of a GET under TLS ends, and what came until then."""
    hub.set_faults([rule])
    received, to_send = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.create_default_context(cafile=hub.ca_file)
    secure = context.wrap_bio(received, to_send, server_hostname="localhost")
    to_ask = f"GET {AGENTS}/oauth/token_key HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    got = b""
    with socket.create_connection(("127.0.0.1", hub.port), timeout=30) as connection:
        while True:
            try:
                if to_ask:
                    secure.do_handshake()
                    secure.write(to_ask)
                    to_ask = b""
                while piece := secure.read(65536):
                    got += piece
                return "farewell", got
            except ssl.SSLWantReadError:
                pass
            try:
                connection.sendall(to_send.read())
                raw = connection.recv(65536)
            except ConnectionResetError:
                return "reset", got
            if not raw:
                return "no farewell", got
            received.write(raw)


def test_resets_cuts_and_trickles_reach_through_tls():
    with Emulator() as hub:
        assert through_tls(hub, {"action": "reset"}) == ("reset", b"")
        end, got = through_tls(hub, {"action": "cut"})
        # Without the farewell of TLS a client can tell a cut answer from a whole one.
        assert (end, b'"kty"' in got, got.endswith(b"}")) == ("no farewell", True, False)
        end, got = through_tls(hub, {"action": "slow_body", "seconds": 0.1})
        assert (end, b'"kty"' in got, got.endswith(b"}")) == ("farewell", True, True)
