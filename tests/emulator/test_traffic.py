"""The requests as they came, also those that no journal has."""

from mcagent.emulator.clock import PlatformClock
from mcagent.emulator.traffic import Traffic

from .device import CONNECT, call, event, exchange_body, onboarded, ready

T0 = "2026-01-05T08:00:00.000Z"


def requests(hub):
    return call(hub.url, "GET", "/_emulator/page/requests").json


def test_a_request_is_shown_with_its_raw_body_and_what_it_was_answered(hub):
    device = ready(hub)
    device.send(event(timestamp=T0))
    seen = requests(hub)[0]
    assert (seen["method"], seen["path"], seen["status"]) == ("POST", f"{CONNECT}/exchange", 200)
    raw = call(hub.url, "GET", f"/_emulator/page/requests/{seen['number']}").body
    assert len(raw) == seen["size"] == seen["kept"]
    assert T0.encode() in raw
    assert raw.startswith(b"--")
    assert seen["took_ms"] >= 0


def test_a_malformed_exchange_is_shown_with_the_words_it_was_refused_with(hub):
    device = ready(hub)
    got = device.call(
        "POST",
        f"{CONNECT}/exchange",
        b"--x\r\nnonsense",
        Content_Type="multipart/mixed;boundary=x",
    )
    assert got.status == 400
    seen = requests(hub)[0]
    assert seen["status"] == 400
    assert seen["answer"] == got.body.decode()
    assert call(hub.url, "GET", f"/_emulator/page/requests/{seen['number']}").body == (
        b"--x\r\nnonsense"
    )


def test_faults_are_named(hub):
    device = ready(hub)
    for rule, status in (
        ({"action": "status", "status": 503}, 503),
        ({"action": "drop_before"}, 0),
        ({"action": "drop_after"}, 0),
    ):
        hub.set_faults([rule])
        try:
            assert device.exchange(exchange_body(event(timestamp=T0))).status == status
        except OSError:
            assert status == 0
        seen = requests(hub)[0]
        assert (seen["status"], seen["rules"]) == (status, [rule["action"]])


def test_no_credential_is_kept(hub):
    """Bodies and answers of tokens and registrations, and all header fields, stay out."""
    device = onboarded(hub)
    device.send(event(timestamp=T0))
    seen = requests(hub)
    assert any(request["path"].endswith("/oauth/token") for request in seen)
    assert any(request["path"].endswith("/register") for request in seen)
    shown = str(seen)
    for request in seen:
        if request["kept"]:
            raw = call(hub.url, "GET", f"/_emulator/page/requests/{request['number']}").body
            shown += raw.decode("latin-1")
    secrets = [device.answer["client_secret"], device.answer["registration_access_token"]]
    for secret in [*secrets, device.token, device.content["iat"]]:
        assert secret not in shown


def test_what_is_kept_is_bounded():
    """300 requests, 64 kB of each body, 8 MB of all; the newest are kept."""
    traffic = Traffic()
    clock = PlatformClock()
    scope = {"method": "POST", "path": f"{CONNECT}/exchange", "headers": []}
    for _ in range(400):
        seen = traffic.begin(scope, clock.now_ms())
        seen.body.append(b"x" * 65_536)
        traffic.end(seen, 1.0)
    shown = traffic.show()
    assert len(shown) == 300
    assert shown[0]["number"] == 400
    assert sum(request["kept"] for request in shown) <= 8 * 1024 * 1024
    assert shown[0]["kept"] == 65_536
    assert traffic.body(400) == b"x" * 65_536
    assert traffic.body(101) is None


def test_the_page_itself_is_not_among_them(hub):
    call(hub.url, "GET", "/")
    call(hub.url, "GET", "/_emulator/state")
    assert requests(hub) == []


def test_a_large_body_is_counted_whole_and_kept_in_part(hub):
    device = ready(hub)
    device.send(event(timestamp=T0, description="x" * 200_000))
    seen = requests(hub)[0]
    assert seen["size"] > 200_000
    assert 60_000 < seen["kept"] <= 65_536
