# portable
"""What is sent, where, and how soon again."""

import json

from mcagent.transport.http import Response
from tests.credentials.device import unboarded
from tests.credentials.platform import BASE_URL, NOON_DATE, NOON_MS, REGISTER
from tests.helpers import raises


def test_retry_after_is_obeyed_and_capped():
    for value, expected_ms in (
        ("30", 30_000),
        ("0", 0),
        ("Sat, 21 Nov 2026 12:02:00 GMT", 120_000),
        ("99999999", 300_000),
        ("soon", 0),
        ("9" * 15, 300_000),
        ("9" * 5000, 0),
        ("\u00b2", 0),
        ("3\u00b2", 0),
        ("Sat, 31 Nov 2026 12:02:00 GMT", 0),
        ("Sat, 21 Nov 2026 12:02:\u00b2 GMT", 0),
    ):
        platform, device = unboarded()
        device.random = 0.0
        headers = {"retry-after": value, "date": NOON_DATE}
        platform.replies[REGISTER] = [Response(429, headers)]
        device.step()
        wait_ms = (device.lifecycle.wait_until_ms or NOON_MS) - NOON_MS
        assert abs(wait_ms - expected_ms) <= 1000, value


def test_waits_grow_and_stay_bounded():
    """A dead link is tried once a minute at least, a service in trouble every five."""
    for status, cap_ms in ((None, 60_000), (Response(503), 300_000)):
        _platform, device = unboarded()
        device.random = 0.999
        waits = []
        for _ in range(15):
            lifecycle = device.lifecycle
            request = lifecycle.next_request(device.clock.now_ms)
            lifecycle.receive(request, status, device.clock.now_ms)
            waits.append(lifecycle.wait_until_ms - device.clock.now_ms)
            device.clock.now_ms = lifecycle.wait_until_ms
        assert waits == sorted(waits)
        assert waits[0] < 1000
        assert cap_ms * 0.99 < waits[-1] < cap_ms


def test_the_link_is_back_now():
    platform, device = unboarded()
    platform.replies[REGISTER] = [Response(503)]
    device.work()
    assert device.lifecycle.wait_until_ms > 0
    device.lifecycle.retry_now()
    device.work()
    assert platform.accepts(device.token())


def test_requests_are_the_specifications():
    """Agent API, 3.1, 3.2, 4.1."""
    platform, device = unboarded()
    lifecycle = device.lifecycle
    request = lifecycle.next_request(NOON_MS)
    assert (request.method, request.url) == (
        "POST",
        BASE_URL + "/api/agentmanagement/v3/register",
    )
    assert request.body.data == b"{}"
    assert request.headers == {
        "Authorization": "Bearer " + platform.iat,
        "Content-Type": "application/json",
    }
    lifecycle.receive(request, platform.send(request), NOON_MS)
    request = lifecycle.next_request(NOON_MS)
    assert "Authorization" not in request.headers
    assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert request.body.data.startswith(
        b"grant_type=client_credentials&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3A"
        b"client-assertion-type%3Ajwt-bearer&client_assertion=eyJ"
    )
    lifecycle.receive(request, platform.send(request), NOON_MS)
    request = lifecycle.next_request(NOON_MS, rotate=True)
    assert request.method == "PUT"
    assert request.url == (
        BASE_URL + "/api/agentmanagement/v3/register/0f5b7c1d2e3a44b59c6d7e8f90a1b2c3"
    )
    assert request.body.data == b'{"client_id":"0f5b7c1d2e3a44b59c6d7e8f90a1b2c3"}'


def test_the_rotation_goes_to_the_url_of_the_answer_unless_that_is_unsafe():
    """Verbatim (1.1), but a RAT never travels in the clear or to a name hidden behind an "@"."""
    own = BASE_URL + "/api/agentmanagement/v3/register/0f5b7c1d2e3a44b59c6d7e8f90a1b2c3"
    for uri, used in (
        ("https://other.example/x", "https://other.example/x"),
        ("http://localhost:8080/r", "http://localhost:8080/r"),
        ("http://southgate.example.com/r", own),
        ("http://localhost.evil.example/r", own),
        ("http://localhost:x@evil.example/r", own),
        ("/relative", own),
        ("https://host/a b", own),
        (7, own),
    ):
        platform, device = unboarded()
        request = device.lifecycle.next_request(NOON_MS)
        response = platform.send(request)
        body = json.loads(response.body)
        body["registration_client_uri"] = uri
        response.body = json.dumps(body).encode()
        device.lifecycle.receive(request, response, NOON_MS)
        assert device.lifecycle.next_request(NOON_MS, rotate=True) is not None
        assert device.lifecycle._record.current["uri"] == used, uri


def test_only_the_last_request_is_answered():
    """An answer to another request could overwrite what that one is about to bring."""
    _platform, device = unboarded()
    lifecycle = device.lifecycle
    first = lifecycle.next_request(NOON_MS)
    lifecycle.next_request(NOON_MS)
    raises(ValueError, lifecycle.receive, first, None, NOON_MS)
