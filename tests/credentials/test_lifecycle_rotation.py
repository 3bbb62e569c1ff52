# portable
"""Rotation in time, RSA keys, and what happens when it fails."""

from mcagent.errors import TransportError
from mcagent.transport.http import Response
from tests.credentials.device import onboarded, rotating, unboarded
from tests.credentials.platform import BASE_URL, REGISTER, ROTATE, WEEK_MS, Lost

HOUR_MS = 3_600_000
DAY_MS = 24 * 3_600_000


def answer(text, status=200):
    return Response(status, {}, text.encode())


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


def test_a_secret_that_is_over_as_it_is_made_is_not_rotated_without_end():
    """A platform with a wrong clock of its own; or ours was never measured."""
    platform, device = onboarded()
    device.clock.now_ms += WEEK_MS - 24 * HOUR_MS
    platform.says_expired = True
    device.work()
    assert platform.count(ROTATE) == 1
    device.clock.now_ms += 2 * HOUR_MS
    device.work()
    assert platform.count(ROTATE) == 2


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


def test_a_proxy_that_swallows_every_put_keeps_no_token_away():
    """Nobody answers a rotation, ever; tokens are renewed all the same."""
    platform, device = onboarded()
    device.network = Lost(platform, lambda _number, name: "before" if name == ROTATE else "")
    device.clock.now_ms += WEEK_MS - 24 * HOUR_MS
    end_ms = device.clock.now_ms + 20 * HOUR_MS
    while device.clock.now_ms < end_ms:
        device.work()
        assert platform.accepts(device.token())
        device.clock.now_ms = max(device.clock.now_ms + 1000, device.lifecycle.wait_until_ms)
    assert 10 < device.network.number - len(platform.said) < 60, "tried, but patiently"


def test_a_patient_rotation_becomes_urgent_with_the_first_refused_token():
    """It may have waited for an hour; without a token five minutes are the most."""
    platform, device = onboarded()
    device.random = 0.999
    device.clock.now_ms += WEEK_MS - 24 * HOUR_MS
    platform.replies[ROTATE] = [Response(503)] * 8
    for _ in range(7):
        device.work()
        device.clock.now_ms += 2 * HOUR_MS
    device.work()
    wait_ms = device.lifecycle._waits.until_ms(ROTATE) - device.clock.now_ms
    assert wait_ms > 30 * 60_000
    platform.current["key"] = "forgotten"
    device.lifecycle.invalidate_token()
    device.work()
    assert device.lifecycle.wait_until_ms - device.clock.now_ms <= 300_000
    device.live()
    assert platform.accepts(device.token())


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


def test_a_repeated_registration_names_the_same_key_and_a_rotation_a_new_one():
    """What was lost was the answer for this key, and the IAT is good for one."""
    platform, device = unboarded(profile="RSA_3072")
    platform.replies[REGISTER] = [Response(503)]
    device.step()
    pending = device.disk["pending_key"]
    assert pending, "written ahead"
    device.start()
    device.work()
    assert platform.current["key"] == pending
    assert device.disk["pending_key"] == ""
    device.work(rotate=True)
    assert platform.current["key"] != pending
    assert device.disk["current"]["secret"] == platform.current["key"]
    assert device.disk["previous"]["secret"] == pending


def test_a_rotation_that_never_left_keeps_its_key_and_others_get_a_new_one():
    """Making a key takes a minute on a small device; one that may arrive late needs another."""
    for error, same in (
        (TransportError("x", kind="dns"), True),
        (TransportError("x", kind="connect"), True),
        (Response(429), True),
        (TransportError("x", kind="timeout"), False),
        (Response(504), False),
        (Response(200, {}, b"{}"), False),
    ):
        _platform, device = onboarded(profile="RSA_3072")
        lifecycle = device.lifecycle
        request = lifecycle.next_request(device.clock.device_ms, rotate=True)
        first = lifecycle.to_state()["pending_key"]
        lifecycle.receive(request, error, device.clock.device_ms)
        device.clock.now_ms += 2 * HOUR_MS
        lifecycle.invalidate_token()
        while lifecycle.next_request(device.clock.device_ms, rotate=True).method != "PUT":
            device.clock.now_ms += HOUR_MS
            assert device.step()
        assert (lifecycle.to_state()["pending_key"] == first) == same, error


def test_a_rotation_that_a_cut_left_open_gets_a_new_key():
    platform, device = onboarded(profile="RSA_3072")
    device.lifecycle.next_request(device.clock.device_ms, rotate=True)
    device._save()
    first = device.disk["pending_key"]
    assert first
    device.start()
    device.live()
    assert platform.current["key"] not in ("", first)
    assert device.disk["current"]["secret"] == platform.current["key"]


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
