# portable
"""Refused credentials, boarding files, and what the operator is told."""

import json

from mcagent.boarding import read_boarding
from mcagent.credentials.lifecycle import Lifecycle
from mcagent.errors import (
    ConfigurationError,
    NotOnboarded,
    OnboardingRefused,
    RotationFailed,
    TransportError,
)
from mcagent.transport.http import Response
from tests.credentials.device import onboarded, unboarded
from tests.credentials.platform import NOON_DATE, NOON_MS, REGISTER, ROTATE, TOKEN, WEEK_MS
from tests.helpers import raises

HOUR_MS = 3_600_000
DAY_MS = 24 * 3_600_000


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


def test_an_attempt_that_may_have_arrived_is_named():
    """Lost answers, and a gateway's 5xx, which can come after the platform has acted."""
    for given, named in (
        (TransportError("x", kind="closed"), True),
        (TransportError("x", kind="timeout"), True),
        (None, True),
        (Response(504), True),
        (Response(429), False),
        (Response(403), False),
        (Response(401, {"content-type": "text/html"}), False),
        (Response(504, {"content-type": "text/html"}), True),
    ):
        platform, device = unboarded()
        lifecycle = device.lifecycle
        request = lifecycle.next_request(NOON_MS)
        lifecycle.receive(request, given, NOON_MS)
        platform.iat_used = True
        device.live(600_000)
        assert ("got no answer" in lifecycle.problem.message) == named, given


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
    device.clock.now_ms += HOUR_MS
    device.work()
    assert platform.said[-2:] == [("token", 400), ("rotate", 401)], "tried again"
    assert isinstance(device.lifecycle.problem, OnboardingRefused), "the better word"
    platform.current, platform.previous = good
    device.live()
    assert platform.accepts(device.token())


def test_a_refused_file_of_another_profile_does_not_touch_the_older_credentials():
    """Its pending RSA key must not take the place of a client secret."""
    platform, device = onboarded()
    good = (platform.current, platform.previous)
    platform.profile = "RSA_3072"
    device.boarding = platform.issue_boarding()
    platform.iat_used = True
    device.start()
    device.work()
    assert device.disk["pending_key"]
    platform.profile = "SHARED_SECRET"
    platform.current, platform.previous = good
    device.live()
    device.work(rotate=True)
    assert platform.said[-2:] == [("rotate", 200), ("token", 200)]
    assert device.disk["current"]["secret"] == platform.current["key"]


def test_a_registration_ends_everything_before_it():
    platform, device = onboarded()
    device.work(rotate=True)
    assert device.disk["previous"] is not None
    device.boarding = platform.issue_boarding()
    device.start()
    device.work()
    assert platform.accepts(device.token())
    assert device.disk["previous"] is None


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
