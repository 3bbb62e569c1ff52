# portable
"""What each answer does, row by row, and what a good one does."""

from mcagent.errors import OnboardingRefused, TransportError
from mcagent.transport.http import Response
from tests.credentials.device import onboarded, unboarded

HTML = Response(200, {"content-type": "text/html"}, b"<html>Welcome to the hotel")


def answer(text, status=200):
    return Response(status, {}, text.encode())


# -- rows: answer -> state afterwards, problem, "now" or "later" for the next request

REGISTER_ROWS = (
    (None, "registering", None, "later"),
    (TransportError("gone", kind="closed"), "registering", None, "later"),
    (TransportError("no name", kind="dns"), "registering", None, "later"),
    (Response(200), "registering", None, "later"),
    (HTML, "registering", None, "later"),
    (Response(401, {"content-type": "text/html"}, b"x"), "registering", None, "later"),
    (answer("{}", 201), "registering", None, "later"),
    (
        answer('{"client_id":"other","client_secret":"s","registration_access_token":"r"}', 201),
        "registering",
        None,
        "later",
    ),
    (Response(302), "registering", None, "later"),
    (Response(403), "registering", None, "later"),
    (Response(404), "registering", None, "later"),
    (Response(407), "registering", None, "later"),
    (Response(429), "registering", None, "later"),
    (Response(500), "registering", None, "later"),
    (Response(503), "registering", None, "later"),
    (Response(400), "refused", OnboardingRefused, "later"),
    (Response(401), "refused", OnboardingRefused, "later"),
)
ROTATE_ROWS = (
    (None, "rotating", None, "later"),
    (TransportError("gone", kind="timeout"), "rotating", None, "later"),
    (HTML, "rotating", None, "later"),
    (answer("{}"), "rotating", None, "later"),
    (Response(201), "rotating", None, "later"),
    (Response(403), "rotating", None, "later"),
    (Response(429), "rotating", None, "later"),
    (Response(500), "rotating", None, "later"),
    (Response(400), "onboarded", None, "later"),
    (Response(401), "onboarded", None, "later"),
)
TOKEN_ROWS = (
    (None, "onboarded", None, "later"),
    (TransportError("gone", kind="closed"), "onboarded", None, "later"),
    (HTML, "onboarded", None, "later"),
    (answer("{}"), "onboarded", None, "later"),
    (answer('{"access_token":"two words"}'), "onboarded", None, "later"),
    (Response(403), "onboarded", None, "later"),
    (Response(404), "onboarded", None, "later"),
    (Response(429), "onboarded", None, "later"),
    (Response(500), "onboarded", None, "later"),
    (Response(400), "onboarded", None, "now"),
    (Response(401), "onboarded", None, "now"),
)


def check_row(device, row, **wish):
    """Send one request, answer it by *row*, compare."""
    given, state, problem, when = row
    lifecycle = device.lifecycle
    request = lifecycle.next_request(device.clock.device_ms, **wish)
    lifecycle.receive(request, given, device.clock.device_ms)
    assert lifecycle.state == state, row
    assert (lifecycle.problem and type(lifecycle.problem)) == problem, row
    assert lifecycle.reason, row
    until_ms = lifecycle.wait_until_ms
    assert (until_ms == 0) == (when == "now"), (row, until_ms)
    if when == "later":
        assert until_ms > device.clock.device_ms, row
        assert lifecycle.next_request(device.clock.device_ms) is None, row
    return request


def test_answers_to_a_registration():
    for row in REGISTER_ROWS:
        _platform, device = unboarded()
        check_row(device, row)
        assert not device.lifecycle.onboarded
        device.lifecycle.retry_now()
        device.work()
        assert device.token(), "the same token may still be good: %r" % (row,)


def test_answers_to_a_rotation():
    """The token in hand stays good whatever comes."""
    for row in ROTATE_ROWS:
        _platform, device = onboarded()
        token = device.token()
        check_row(device, row, rotate=True)
        assert device.token() == token
        assert device.lifecycle.onboarded


def test_answers_to_a_token_request():
    for row in TOKEN_ROWS:
        _platform, device = onboarded()
        device.lifecycle.invalidate_token()
        check_row(device, row)
        assert device.token() is None


def test_good_answers():
    platform, device = unboarded()
    assert device.lifecycle.state == "new"
    device.step()
    assert device.lifecycle.state == "onboarded"
    device.step()
    assert platform.accepts(device.token())
    device.step(rotate=True)
    assert device.lifecycle.state == "onboarded"
    assert platform.said == [("register", 201), ("token", 200), ("rotate", 200)]
    device.work()
    assert platform.said[-1] == ("token", 200), "the new secret is proven at once"
    assert not device.step()
