"""Fault rules: what the client sees on the socket, and what took effect."""

import socket
import ssl
import time

import pytest

from mcagent.emulator import Emulator

from .device import AGENTS, EXCHANGE, TOKEN, Device, call, event, exchange_body, onboarded

RULE = {"match": f"POST {EXCHANGE}", "action": "status"}


def raw_exchange(hub, device):
    """Send an exchange on a raw socket; give everything that comes back until it is closed."""
    body = exchange_body(event(id="e1"))
    head = (
        f"POST {EXCHANGE} HTTP/1.1\r\nHost: 127.0.0.1:{hub.port}\r\n"
        f"Authorization: Bearer {device.token}\r\nContent-Type: multipart/mixed;boundary=OUT\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", hub.port), timeout=30) as connection:
        connection.sendall(head.encode() + body)
        got = b""
        try:
            while piece := connection.recv(65536):
                got += piece
        except ConnectionResetError:
            pass
        return got


def test_drop_before_closes_without_answer_and_without_effect(hub):
    device = onboarded(hub)
    hub.set_faults([{**RULE, "action": "drop_before", "times": 1}])
    assert raw_exchange(hub, device) == b""
    assert hub.received() == []
    assert device.exchange(exchange_body(event(id="e1"))).status == 200


def test_drop_after_closes_without_answer_but_the_request_took_effect(hub):
    device = onboarded(hub)
    hub.set_faults([{**RULE, "action": "drop_after", "times": 1}])
    assert raw_exchange(hub, device) == b""
    assert [line["event"]["id"] for line in hub.received()] == ["e1"]


def test_a_lost_registration_answer_uses_the_token_up(hub):
    device = Device(hub, hub.create_agent("a"))
    hub.set_faults([{"match": f"POST {AGENTS}/register", "action": "drop_after", "times": 1}])
    with pytest.raises(OSError):
        device.register()
    assert device.register().status == 401


def test_a_lost_rotation_answer_is_mended_by_the_same_token(hub):
    device = onboarded(hub)
    hub.set_faults([{"match": f"PUT {AGENTS}/register/*", "action": "drop_after", "times": 1}])
    with pytest.raises(OSError):
        device.rotate()
    assert device.rotate().status == 200
    assert device.ask_token().status == 200


def test_drop_closes_tls_connections_too():
    with Emulator() as hub:
        device = Device(hub, hub.create_agent("a"))
        hub.set_faults([{"match": "* /*", "action": "drop_before"}])
        with pytest.raises((OSError, ssl.SSLError)):
            call(hub.url, "GET", AGENTS + "/oauth/token_key", ca_file=hub.ca_file)
        hub.set_faults([])
        got = call(hub.url, "GET", AGENTS + "/oauth/token_key", ca_file=hub.ca_file)
        assert got.status == 200
        assert device.content["baseUrl"].startswith("https://localhost:")


def test_status_answers_with_headers_and_without_effect(hub):
    device = onboarded(hub)
    hub.set_faults([{**RULE, "status": 429, "headers": {"Retry-After": "3"}, "times": 2}])
    for _ in range(2):
        got = device.exchange(exchange_body(event()))
        assert (got.status, got.headers["retry-after"]) == (429, "3")
        assert set(got.json) == {"id", "message"}
    assert device.exchange(exchange_body(event())).status == 200
    assert len(hub.received()) == 1
    assert hub.state()["faults"][0]["hits"] == 2


def test_html_answers_as_a_gateway(hub):
    device = onboarded(hub)
    hub.set_faults([{**RULE, "action": "html", "status": 200}])
    got = device.exchange(exchange_body(event()))
    assert (got.status, got.headers["content-type"]) == (200, "text/html")
    assert got.body.startswith(b"<html>")
    assert hub.received() == []


def test_delay_comes_on_top_of_the_next_rule(hub):
    device = onboarded(hub)
    hub.set_faults([{**RULE, "action": "delay", "seconds": 0.2}, {**RULE, "status": 503}])
    begun = time.monotonic()
    assert device.exchange(exchange_body(event())).status == 503
    assert time.monotonic() - begun >= 0.2


def test_only_bodies_that_contain_the_text_are_hit(hub):
    device = onboarded(hub)
    hub.set_faults([{**RULE, "contains": "poison", "status": 400}])
    assert device.exchange(exchange_body(event(id="good"))).status == 200
    assert device.exchange(exchange_body(event(id="poison"))).status == 400
    assert device.exchange(exchange_body(event(id="good"))).status == 200


@pytest.mark.parametrize(
    ("match", "hit"),
    [
        ("", True),
        ("*", True),
        ("GET", True),
        ("POST", False),
        ("/api/agentmanagement/v3/oauth/token_key", True),
        ("GET /api/agentmanagement/v3/oauth/token_key", True),
        ("GET /api/agentmanagement/*", True),
        ("* /api/*", True),
        ("GET /api/agentmanagement/v3/oauth/token", False),
        ("PUT /api/agentmanagement/v3/oauth/token_key", False),
    ],
)
def test_rules_match_method_and_path(hub, match, hit):
    hub.set_faults([{"match": match, "action": "status", "status": 502}])
    got = call(hub.url, "GET", AGENTS + "/oauth/token_key")
    assert got.status == (502 if hit else 200)


def test_the_control_interface_and_the_page_are_never_hit(hub):
    hub.set_faults([{"match": "*", "action": "drop_before"}])
    for path in ("/_emulator/state", "/"):
        assert call(hub.url, "GET", path).status == 200


@pytest.mark.parametrize(
    "rule",
    [
        "x",
        {},
        {"action": "explode"},
        {"action": "status", "status": 99},
        {"action": "status", "status": "503"},
        {"action": "status", "status": True},
        {"action": "delay", "seconds": -1},
        {"action": "status", "times": -1},
        {"action": "status", "color": 1},
        {"action": "status", "headers": {"a b": "x"}},
        {"action": "status", "headers": {"a": "x\r\ny: z"}},
        {"action": "status", "headers": []},
    ],
)
def test_what_is_no_rule_is_refused_and_the_old_rules_stay(hub, rule):
    hub.set_faults([RULE])
    with pytest.raises(ValueError):
        hub.set_faults([rule])
    assert len(hub.state()["faults"]) == 1
    assert call(hub.url, "PUT", "/_emulator/faults", [rule]).status == 400


def test_every_answer_carries_the_platforms_date(hub):
    hub.set_clock(-10 * 365 * 86400)
    hub.set_faults([{"match": "GET /fault", "action": "status"}])
    for path in ("/", "/nope", "/fault", "/_emulator/state", AGENTS + "/oauth/token_key", TOKEN):
        assert " 2016 " in call(hub.url, "GET", path).headers["date"]


def test_server_time_comes_with_faults_of_the_token_endpoint_too(hub):
    device = onboarded(hub)
    hub.set_faults([{"match": f"POST {TOKEN}", "action": "status", "status": 400}])
    got = device.ask_token()
    assert got.status == 400
    assert abs(int(got.headers["server-time"]) - time.time()) < 5
