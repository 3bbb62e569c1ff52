# portable
"""Tokens and clocks: ages, jumps, and a device that was never told the time."""

import json
from binascii import a2b_base64

from mcagent.credentials.platformclock import PlatformClock, server_time_ms
from mcagent.errors import ClockError
from mcagent.transport.http import Response
from tests.credentials.device import onboarded, unboarded
from tests.credentials.platform import NOON_DATE, NOON_MS, ROTATE, TOKEN

HOUR_MS = 3_600_000
DAY_MS = 24 * 3_600_000


def test_a_token_is_renewed_at_80_to_90_percent_of_its_life():
    for random, share in ((0.0, 80), (0.5, 85), (0.999, 89)):
        _platform, device = onboarded()
        device.random = random
        device.work(renew=True)
        token = device.token()
        device.clock.now_ms += HOUR_MS * share // 100 - 1000
        assert not device.step()
        device.clock.now_ms += HOUR_MS // 100 + 1000
        assert device.token() == token, "the old one is good meanwhile"
        device.work()
        assert device.token() != token


def test_a_token_ends_a_little_before_the_platform_says():
    _platform, device = onboarded()
    device.clock.now_ms += HOUR_MS * 97 // 100
    assert device.token() is None


def test_a_clock_that_is_set_back_makes_the_token_doubtful():
    """It would count as good for a day too long; a small step of NTP does not matter."""
    platform, device = onboarded()
    device.clock.device_off_ms = -30_000
    assert device.token() is not None
    device.clock.device_off_ms = -DAY_MS
    assert device.token() is None
    device.work()
    assert platform.accepts(device.token())


def test_a_refused_token_is_renewed_without_a_rotation():
    """A 401 of another service must not cost the credentials, however often it comes."""
    platform, device = onboarded()
    for _ in range(5):
        device.lifecycle.invalidate_token()
        device.work()
    assert platform.said == [("token", 200)] * 5


def claims_of(assertion):
    text = assertion.split(".")[1].replace("-", "+").replace("_", "/")
    return json.loads(a2b_base64(text + "=" * (-len(text) % 4)))


def test_a_wrong_clock_is_measured_and_the_request_signed_again_once():
    """Agent API, 4.5; both directions, 1970 and 2038 included."""
    for off_ms in (-2 * HOUR_MS, HOUR_MS, 400 * DAY_MS, 2_200_000_000_000 - NOON_MS, -NOON_MS):
        platform, device = unboarded()
        device.clock.device_off_ms = off_ms
        device.work()
        assert platform.said == [("register", 201), ("token", 400), ("token", 200)], off_ms
        assert abs(device.lifecycle.clock_offset_ms + off_ms) <= 1000
        claims = claims_of(platform.assertions[-1])
        assert abs(claims["iat"] - NOON_MS // 1000) <= 1
        platform.said = []
        device.clock.now_ms += HOUR_MS
        device.work()
        assert platform.said == [("token", 200)], "the offset is kept"


def test_a_registration_that_names_the_time_saves_the_second_signature():
    platform, device = unboarded()
    device.clock.device_off_ms = -30 * DAY_MS
    request = device.lifecycle.next_request(device.clock.device_ms)
    response = platform.send(request)
    response.headers["date"] = NOON_DATE
    device.lifecycle.receive(request, response, device.clock.device_ms)
    device.work()
    assert platform.said == [("register", 201), ("token", 200)]


def test_a_refusal_within_the_tolerance_is_not_the_clocks_fault():
    """30 s is the clock, less is the credential: one rotation, and no second signature."""
    for off_s, expected in (
        (29, [("token", 400), ("rotate", 200), ("token", 200)]),
        (32, [("token", 400), ("token", 200)]),
    ):
        platform, device = onboarded()
        device.clock.now_ms += HOUR_MS
        device.clock.device_off_ms = -off_s * 1000
        platform.replies[TOKEN] = [
            Response(400, {"server-time": str(device.clock.now_ms // 1000)}, b"{}")
        ]
        device.work()
        assert platform.said == expected


def test_a_wrong_clock_and_a_refused_secret_end_after_one_correction():
    """The clock is corrected once; then it is the credential."""
    platform, device = onboarded()
    device.clock.device_off_ms = -HOUR_MS * 5
    device.lifecycle.invalidate_token()
    other = {"server-time": str((NOON_MS + 9 * HOUR_MS) // 1000)}
    platform.replies[TOKEN] = [Response(400, other), Response(400, {"server-time": "1795262400"})]
    device.work()
    assert platform.said[:3] == [("token", 400), ("token", 400), ("rotate", 200)]


def test_no_time_from_anywhere_is_a_clock_error_not_a_lost_agent():
    """A device at 1970, and a platform that does not say what time it is."""
    platform, device = unboarded()
    device.clock.device_off_ms = -NOON_MS
    platform.replies[TOKEN] = [Response(400)] * 3
    device.work()
    assert isinstance(device.lifecycle.problem, ClockError)
    assert "1970-01-01" in device.lifecycle.problem.message
    assert platform.count(ROTATE) == 0
    device.live()
    assert platform.accepts(device.token())
    assert device.lifecycle.problem is None


def test_the_clock_of_a_captive_portal_is_nobodys():
    """A web page's Date, and one from before this library existed, are not the platform's time."""
    clock = PlatformClock()
    for body, date in ((b"<html>", NOON_DATE), (b"{}", "Thu, 01 Jan 2015 00:00:00 GMT")):
        assert not clock.measure(Response(200, {"date": date}, body), NOON_MS)
        assert clock.offset_ms is None
    assert clock.measure(Response(200, {"date": NOON_DATE}, b"{}"), NOON_MS - 7000)
    assert clock.offset_ms == 7500


def test_a_time_that_is_none_is_not_measured():
    """Digits of other scripts, endless numbers and impossible dates: as if there were no header."""
    noon_ms = server_time_ms(Response(200, {"date": NOON_DATE}))
    assert noon_ms == NOON_MS + 500
    for text in ("\u00b2", "9" * 5000, "-5", "soon"):
        both = {"server-time": text, "date": NOON_DATE}
        assert server_time_ms(Response(200, both)) == noon_ms, text
        assert server_time_ms(Response(200, {"server-time": text})) is None
    for text in (
        "Sat, 31 Nov 2026 12:00:00 GMT",
        "Sat, 21 Nov 2026 12:00:99 GMT",
        "Sat, 21 Nov 2026 25:00:00 GMT",
        "Sat, \u00b2 Nov 2026 12:00:00 GMT",
        "Sat, 21 Nov " + "2" * 5000 + " 12:00:00 GMT",
        "Sat, 21 Now 2026 12:00:00 GMT",
    ):
        assert server_time_ms(Response(200, {"date": text})) is None, text
