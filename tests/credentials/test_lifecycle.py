# portable
"""What each answer does in each state, row by row; then the rules that no row shows."""

import json
from binascii import a2b_base64

from mcagent.boarding import read_boarding
from mcagent.credentials.lifecycle import Lifecycle
from mcagent.errors import (
    ClockError,
    ConfigurationError,
    NotOnboarded,
    OnboardingRefused,
    RotationFailed,
    TransportError,
)
from mcagent.transport.http import Response
from tests.credentials.device import Device
from tests.credentials.platform import (
    BASE_URL,
    NOON_DATE,
    NOON_MS,
    REGISTER,
    ROTATE,
    TOKEN,
    WEEK_MS,
    Clock,
    Platform,
)
from tests.helpers import raises

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
HTML = Response(200, {"content-type": "text/html"}, b"<html>Welcome to the hotel")


def unboarded(**settings):
    clock = Clock()
    platform = Platform(clock, **settings)
    return platform, Device(platform, clock, platform.boarding)


def onboarded(**settings):
    platform, device = unboarded(**settings)
    device.work()
    assert device.lifecycle.state == "onboarded"
    assert platform.accepts(device.token())
    platform.said = []
    return platform, device


def rotating(**settings):
    """A device whose rotation got no answer, with its token gone."""
    platform, device = onboarded(**settings)
    platform.replies[ROTATE] = [Response(503)]
    device.step(rotate=True)
    device.start()
    platform.said = []
    assert device.lifecycle.state == "rotating"
    return platform, device


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
    (answer('{"client_id":"other","client_secret":"s"}', 201), "registering", None, "later"),
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


# -- tokens


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


# -- clocks


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


# -- rotation in time


def test_a_secret_is_rotated_25_hours_before_its_end_or_at_three_quarters():
    for life_ms, due_ms in (
        (WEEK_MS, WEEK_MS - 25 * HOUR_MS),
        (100 * DAY_MS, 100 * DAY_MS - 25 * HOUR_MS),
        (DAY_MS, 18 * HOUR_MS),
        (40_000, 30_000),
    ):
        platform, device = onboarded(secret_life_ms=life_ms)
        device.clock.now_ms += due_ms - 2000
        device.work()
        assert platform.count(ROTATE) == 0, life_ms
        device.clock.now_ms += 3000
        device.work()
        assert platform.count(ROTATE) == 1, life_ms


def test_a_secret_without_an_end_is_never_rotated():
    """RFC 7591: 0 means never; the member is optional (agent API, 3.1)."""
    for member in ('"client_secret_expires_at":0,', ""):
        platform, device = unboarded()
        platform.replies[REGISTER] = [
            answer(
                '{"client_id":"0f5b7c1d2e3a44b59c6d7e8f90a1b2c3",%s"client_secret":"s",'
                '"registration_access_token":"r"}' % member,
                201,
            )
        ]
        device.step()
        assert device.lifecycle.secret_expires_ms is None
        assert device.lifecycle._schedule.rotate_due_ms() > 2**50
        assert device.lifecycle._record.current["uri"] == (
            BASE_URL + "/api/agentmanagement/v3/register/0f5b7c1d2e3a44b59c6d7e8f90a1b2c3"
        )


def test_a_rotation_that_does_not_prolong_is_not_repeated_for_ever():
    """The platform may answer the same expiry again (3.2: "not earlier")."""
    platform, device = onboarded()
    device.clock.now_ms += WEEK_MS - 24 * HOUR_MS
    platform.secret_life_ms = 24 * HOUR_MS
    device.work()
    assert platform.count(ROTATE) == 1


def test_a_clock_far_ahead_does_not_rotate_without_end():
    platform, device = unboarded()
    device.clock.device_off_ms = 400 * DAY_MS
    device.work()
    assert platform.count(ROTATE) == 0


def test_a_rotation_that_fails_in_good_time_does_not_stand_in_the_way():
    """The old secret gets tokens for a day, while a proxy swallows every PUT."""
    platform, device = onboarded()
    device.clock.now_ms += WEEK_MS - 24 * HOUR_MS
    platform.replies[ROTATE] = [Response(503)] * 1000
    end_ms = device.clock.now_ms + 20 * HOUR_MS
    while device.clock.now_ms < end_ms:
        device.work()
        assert platform.accepts(device.token())
        device.clock.now_ms += 600_000
    assert 10 < platform.count(ROTATE) < 60, "tried again, but patiently"
    platform.replies = {}
    device.clock.now_ms += HOUR_MS
    device.work()
    assert device.lifecycle.state == "onboarded"


def test_a_refused_rotation_is_a_warning_while_the_secret_works():
    platform, device = onboarded()
    device.clock.now_ms += WEEK_MS - 24 * HOUR_MS
    platform.replies[ROTATE] = [Response(401)] * 3
    device.work()
    assert platform.accepts(device.token())
    assert device.lifecycle.problem is None
    assert "2026-11-28 12:00:00 UTC" in device.lifecycle.warning
    assert platform.count(ROTATE) == 1
    for _ in range(6):
        device.clock.now_ms += HOUR_MS
        device.work()
    assert platform.count(ROTATE) > 3
    assert device.lifecycle.warning == "", "it worked in the end"


# -- refused credentials


def test_a_refused_secret_is_repaired_by_one_rotation():
    """The platform forgot the secret, not the RAT."""
    platform, device = onboarded()
    platform.current["key"] = "forgotten"
    device.lifecycle.invalidate_token()
    device.work()
    assert platform.said == [("token", 400), ("rotate", 200), ("token", 200)]


def test_a_rotation_that_does_not_help_is_not_repeated():
    """400 to every token: one rotation, both secrets, then the operator is told."""
    platform, device = onboarded()
    device.lifecycle.invalidate_token()
    platform.replies[TOKEN] = [Response(400, {"server-time": str(NOON_MS // 1000)})] * 9
    device.work()
    assert platform.said == [("token", 400), ("rotate", 200), ("token", 400), ("token", 400)]
    assert device.lifecycle.state == "lost"
    assert isinstance(device.lifecycle.problem, RotationFailed)
    device.live()
    assert platform.accepts(device.token()), "everything was kept, and is tried again"


def test_an_expired_secret_is_renewed_where_the_platform_still_takes_the_rat():
    platform, device = onboarded(rat_after_expiry=True)
    device.clock.now_ms += WEEK_MS + DAY_MS
    device.start()
    device.work()
    assert platform.said == [("token", 400), ("rotate", 200), ("token", 200)]


def test_an_expired_secret_needs_an_operator_where_it_does_not():
    """One rotation, then the exact reason; everything is kept, and a new file is enough."""
    platform, device = onboarded()
    device.clock.now_ms += WEEK_MS + DAY_MS
    device.start()
    device.work()
    assert platform.said == [("token", 400), ("rotate", 401)]
    problem = device.lifecycle.problem
    assert isinstance(problem, RotationFailed)
    assert "expired at 2026-11-28 12:00:00 UTC" in problem.message
    assert "the time is 2026-11-29 12:00:00 UTC" in problem.message
    assert "offboards agent" in problem.hint
    assert device.disk["current"]["secret"], "nothing is thrown away"
    device.boarding = platform.issue_boarding()
    device.start()
    device.work()
    assert platform.accepts(device.token())
    assert device.lifecycle.problem is None
    assert device.disk["previous"] is None


def test_a_problem_survives_a_restart_and_ends_with_the_first_token():
    platform, device = onboarded()
    platform.issue_boarding()
    device.lifecycle.invalidate_token()
    device.work()
    message = device.lifecycle.problem.message
    assert "offboarded" in message
    device.start()
    assert isinstance(device.lifecycle.problem, RotationFailed)
    assert device.lifecycle.problem.message == message
    assert not device.lifecycle.onboarded


def test_a_gateway_that_refuses_everything_for_an_hour_costs_no_visit():
    """400 and 401 to all, by somebody in between; afterwards the agent works by itself."""
    platform, device = onboarded()
    gateway = Response(400, {}, b'{"message":"blocked by policy"}')
    platform.replies = {TOKEN: [gateway] * 60, ROTATE: [Response(401)] * 60}
    device.lifecycle.invalidate_token()
    device.live(HOUR_MS)
    assert device.lifecycle.state == "lost"
    assert platform.count(TOKEN) + platform.count(ROTATE) < 20
    platform.replies = {}
    device.live(HOUR_MS)
    assert platform.accepts(device.token())


# -- boarding files


def test_without_anything_there_is_nothing_to_do():
    lifecycle = Lifecycle(None, None)
    assert lifecycle.next_request(NOON_MS) is None
    assert lifecycle.wait_until_ms is None
    assert isinstance(lifecycle.problem, NotOnboarded)
    assert lifecycle.problem.hint


def test_an_expired_token_is_named_with_both_times():
    """By the platform's clock, not by ours."""
    platform, device = unboarded()
    device.boarding["expiration"] = "2026-11-14T12:00:00.000Z"
    device.clock.device_off_ms = -30 * DAY_MS
    platform.replies[REGISTER] = [Response(401, {"date": NOON_DATE}, b"{}")]
    device.start()
    device.step()
    message = device.lifecycle.problem.message
    assert "is expired: it was good until 2026-11-14 12:00:00 UTC" in message
    assert "the time is 2026-11-21 12:00:00 UTC" in message


def test_a_used_token_is_named():
    platform, device = unboarded()
    platform.iat_used = True
    device.step()
    assert "is used or expired" in device.lifecycle.problem.message
    platform, device = unboarded()
    platform.iat_used = True
    device.boarding["expiration"] = "2026-11-30T12:00:00.000Z"
    device.start()
    device.step()
    assert "is used or was withdrawn" in device.lifecycle.problem.message


def test_an_attempt_that_never_left_is_not_blamed():
    """No route, then 401: the token was used elsewhere, not by this device."""
    for error in ("dns", "connect", "tls", "certificate", "proxy"):
        platform, device = unboarded()
        lifecycle = device.lifecycle
        request = lifecycle.next_request(NOON_MS)
        lifecycle.receive(request, TransportError("x", kind=error), NOON_MS)
        platform.iat_used = True
        device.live(120_000)
        assert "got no answer" not in lifecycle.problem.message, error


def test_a_new_file_is_kept_as_a_spare_while_the_credentials_work():
    platform, device = onboarded()
    old = device.boarding
    new = read_boarding(old)
    new.iat = "another"
    device.lifecycle.offer(new)
    assert "is not used" in device.lifecycle.notes[0]
    device.lifecycle.invalidate_token()
    device.work()
    assert platform.said == [("token", 200)]


def test_the_spare_is_used_as_soon_as_everything_is_refused():
    """The operator was there before the device noticed."""
    platform, device = onboarded()
    device.boarding = platform.issue_boarding()
    device.start()
    assert device.lifecycle.state == "onboarded"
    device.work()
    assert platform.said == [("token", 400), ("rotate", 401), ("register", 201), ("token", 200)]
    assert platform.accepts(device.token())


def test_a_refused_new_file_leaves_the_older_credentials_to_be_tried():
    platform, device = onboarded()
    good = (platform.current, platform.previous)
    device.boarding = platform.issue_boarding()
    platform.iat_used = True
    device.start()
    device.work()
    assert device.lifecycle.state == "lost"
    assert isinstance(device.lifecycle.problem, OnboardingRefused)
    platform.current, platform.previous = good
    device.live()
    assert platform.accepts(device.token())


def test_the_same_file_again_changes_nothing():
    platform, device = onboarded()
    device.start()
    assert device.lifecycle.notes == []
    device.work()
    assert platform.said == [("token", 200)]


def test_a_file_of_another_agent_is_refused_naming_both():
    _platform, device = onboarded()
    for name, value in (("clientId", "other"), ("tenant", "t2"), ("baseUrl", "https://o")):
        source = json.loads(json.dumps(device.boarding))
        source["content"][name] = value
        error = raises(ConfigurationError, Lifecycle, device.disk, read_boarding(source))
        assert device.lifecycle.client_id in error.message
        assert value in error.message
        assert "state directory of its own" in error.hint


# -- waits


def test_retry_after_is_obeyed_and_capped():
    for value, expected_ms in (
        ("30", 30_000),
        ("0", 0),
        ("Sat, 21 Nov 2026 12:02:00 GMT", 120_000),
        ("99999999", 300_000),
        ("soon", 0),
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


# -- what is sent


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


# -- RSA


def test_a_repeated_request_names_the_same_key_and_a_rotation_a_new_one():
    platform, device = unboarded(profile="RSA_3072")
    platform.replies[REGISTER] = [Response(503)]
    device.step()
    pending = device.disk["pending_key"]
    assert pending, "written ahead"
    device.start()
    device.work()
    assert platform.current["key"] == pending
    assert device.disk["pending_key"] == ""
    platform.replies[ROTATE] = [Response(500)]
    device.step(rotate=True)
    second = device.disk["pending_key"]
    assert second != pending
    device.start()
    device.live()
    device.work()
    assert platform.current["key"] == second
    assert device.disk["current"]["secret"] == second
    assert device.disk["previous"]["secret"] == pending


def test_an_agent_that_changes_its_profile_is_onboarded_again():
    """The operator changed it together with the new file."""
    platform, device = onboarded(profile="SHARED_SECRET")
    platform.profile = "RSA_3072"
    device.boarding = platform.issue_boarding()
    device.start()
    device.live()
    assert platform.accepts(device.token())
    assert device.disk["profile"] == "RSA_3072"


def test_an_interrupted_rotation_tries_the_token_first():
    """It changes nothing, and it works where the rotation never arrived."""
    platform, device = rotating()
    device.step()
    assert platform.said == [("token", 200)]
    device.step()
    assert platform.said == [("token", 200), ("rotate", 200)]
