# portable
"""A word about what ends, in time, with the date and the remedy."""

from mcagent.credentials.expiry import expiry_warning, secret_days_left
from tests.credentials.device import onboarded, unboarded
from tests.credentials.platform import ROTATE, WEEK_MS, Lost

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


def test_an_agent_that_sleeps_is_warned_about_from_a_third_of_the_life_on():
    _platform, device = onboarded()
    noon_ms = device.clock.now_ms
    device.start()  # no access token: what a command sees, or an agent without a link
    for age_ms, warned in (
        (0, False),
        (WEEK_MS * 2 // 3 - HOUR_MS, False),
        (WEEK_MS * 2 // 3, True),
    ):
        text = expiry_warning(device.lifecycle, noon_ms + age_ms)
        assert (text != "") == warned, age_ms
    assert "2026-11-28 12:00:00 UTC, in 2.3 days" in text
    assert "mcagent keepalive" in text
    assert "operator" in text
    assert secret_days_left(device.lifecycle, noon_ms + DAY_MS) == 6.0
    assert "ended at 2026-11-28" in expiry_warning(device.lifecycle, noon_ms + 8 * DAY_MS)
    assert secret_days_left(device.lifecycle, noon_ms + 8 * DAY_MS) == -1.0


def test_a_service_that_renews_by_itself_is_no_reason_to_warn():
    """Awake all the week, with the rotation when it is due: never a word."""
    _platform, device = onboarded()
    for _hour in range(24 * 8):
        device.work()
        assert expiry_warning(device.lifecycle, device.clock.now_ms) == ""
        device.clock.now_ms += HOUR_MS


def test_a_service_whose_rotation_does_not_come_through_is_warned_about():
    """A proxy swallows every PUT, and tokens go on: told a day before, not when it is over."""
    platform, device = onboarded()
    device.network = Lost(platform, lambda _number, name: "before" if name == ROTATE else "")
    start_ms = device.clock.now_ms
    told_ms = 0
    while device.clock.now_ms < start_ms + WEEK_MS - HOUR_MS:
        device.work()
        text = expiry_warning(device.lifecycle, device.clock.now_ms)
        if text and not told_ms:
            told_ms = device.clock.now_ms
        assert told_ms == 0 or "did not succeed" in text
        device.clock.now_ms += HOUR_MS
    assert 15 * HOUR_MS < start_ms + WEEK_MS - told_ms < 20 * HOUR_MS


def test_a_boarding_file_that_waits_is_warned_about():
    platform, device = unboarded()
    device.boarding["expiration"] = "2026-11-28T12:00:00.000Z"
    device.start()
    now_ms = device.clock.now_ms
    assert expiry_warning(device.lifecycle, now_ms) == ""
    text = expiry_warning(device.lifecycle, now_ms + 5 * DAY_MS)
    assert "boarding configuration ends at 2026-11-28 12:00:00 UTC, in 2.0 days" in text
    assert "ended at" in expiry_warning(device.lifecycle, now_ms + 8 * DAY_MS)
    device.work()
    assert platform.accepts(device.token())
    assert expiry_warning(device.lifecycle, now_ms + DAY_MS) == ""


def test_a_problem_says_more_than_a_warning():
    platform, device = onboarded()
    platform.issue_boarding()
    device.clock.now_ms += WEEK_MS
    device.work()
    assert device.lifecycle.problem is not None
    assert expiry_warning(device.lifecycle, device.clock.now_ms) == ""
