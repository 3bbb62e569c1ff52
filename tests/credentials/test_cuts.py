# portable
"""Cuts and lost answers at every point of register, token and rotate, alone and in pairs."""

from mcagent.errors import OnboardingRefused
from tests.credentials.device import Device
from tests.credentials.platform import REGISTER, ROTATE, WEEK_MS, Clock, Lost, Platform

MODES = ("never", "until_new_used", "always")
PROFILES = ("SHARED_SECRET", "RSA_3072")


def new_device(drop=lambda _number, _operation: "", **settings):
    clock = Clock()
    platform = Platform(clock, **settings)
    return platform, Device(Lost(platform, drop), clock, platform.boarding)


def onboarded(**settings):
    platform, device = new_device(**settings)
    device.live()
    assert platform.accepts(device.token())
    return platform, device


def rotate_due(device):
    """Jump to where the secret has 25 hours left and the access token is over."""
    device.clock.now_ms += WEEK_MS - 24 * 3_600_000


def check_works(platform, device):
    """The agent has a token, can rotate, and has a token of the new secret, all by itself."""
    device.cuts = ()
    device.network._drop = lambda _number, _operation: ""
    device.live()
    assert platform.accepts(device.token()), device.lifecycle.problem
    assert device.lifecycle.problem is None
    rotations = platform.count(ROTATE)
    device.work(rotate=True)
    assert platform.said[-2:] == [("rotate", 200), ("token", 200)], platform.said
    assert platform.count(ROTATE) > rotations
    device.start()
    device.live()
    assert platform.accepts(device.token())


def points_of(make, run, **settings):
    """The points before and after an undisturbed run."""
    _platform, device = make(**settings)
    before = device.points
    run(device)
    return before, device.points


def test_every_cut_of_a_registration_ends_in_work_or_in_the_exact_reason():
    """The one thing that cannot be repaired: the IAT is consumed, and its answer is gone."""
    for profile in PROFILES:
        lost = 0
        before, after = points_of(new_device, Device.live, profile=profile)
        for point in range(before + 1, after + 1):
            platform, device = new_device(profile=profile)
            device.live_through_cuts((point,))
            if device.lifecycle.onboarded:
                check_works(platform, device)
                continue
            lost += 1
            check_names_the_lost_answer(platform, device)
        # after the send, and before the save of its answer
        assert lost == 2, lost


def check_names_the_lost_answer(platform, device):
    problem = device.lifecycle.problem
    assert platform.iat_used
    assert isinstance(problem, OnboardingRefused)
    assert "is used" in problem.message
    assert "2026-11-21 12:00:00 UTC got no answer" in problem.message
    assert "offboards agent 0f5b7c1d2e3a44b59c6d7e8f90a1b2c3" in problem.hint
    assert [status for name, status in platform.said if name == REGISTER][:2] == [201, 401]
    device.boarding = platform.issue_boarding()
    device.start()
    device.live()
    check_works(platform, device)


def test_every_cut_of_a_rotation_leaves_a_working_agent():
    """Write-ahead and two slots: in the strictest and the most lenient platform, both profiles."""
    for profile in PROFILES:
        for mode in MODES:
            _cut_a_rotation((0,), profile=profile, previous_secret=mode)


def test_a_second_cut_in_the_recovery_changes_nothing():
    """All pairs of points, on the strictest platform."""
    for gap in range(1, 14):
        _cut_a_rotation((0, gap), previous_secret="never")


def _cut_a_rotation(gaps, **settings):
    def run(device):
        rotate_due(device)
        device.live()
        device.work()

    before, after = points_of(onboarded, run, **settings)
    assert after - before >= 8
    for point in range(before + 1, after + 1):
        platform, device = onboarded(**settings)
        rotate_due(device)
        device.live_through_cuts([point + gap for gap in gaps])
        check_works(platform, device)


def test_every_lost_answer_of_a_rotation_leaves_a_working_agent():
    """Each of the first six requests loses its request, its answer, or both in turn."""
    for mode in MODES:
        for fates in _fates(3):
            platform, device = onboarded(previous_secret=mode)
            device.network._drop = fates_from(device.network.number, fates)
            rotate_due(device)
            device.live(20 * 3_600_000)
            check_works(platform, device)


def test_lost_answers_and_cuts_together_leave_a_working_agent():
    """An answer lost, and the power cut while the device recovers from it."""
    for lost in range(4):
        for cut in range(1, 16):
            platform, device = onboarded()
            device.network._drop = fates_from(device.network.number, {lost: "after"})
            rotate_due(device)
            device.live_through_cuts((device.points + cut,))
            check_works(platform, device)


def test_a_rotation_that_arrives_late_costs_nothing():
    """A request given up for lost supersedes the answer that was adopted meanwhile.

    Only the answer before can repair that, long after the new secret got its first token.
    """
    for restart in (False, True):
        platform, device = onboarded()
        device.network._drop = first_rotation_is_late()
        rotate_due(device)
        device.live()
        assert platform.said[-2:] == [("rotate", 200), ("token", 200)]
        device.network.deliver()
        device.clock.now_ms += 3_600_000
        if restart:
            device.start()
        device.live()
        assert platform.said[-4:] == [
            ("token", 400),
            ("rotate", 401),
            ("rotate", 200),
            ("token", 200),
        ]
        check_works(platform, device)


def test_a_crash_before_anything_was_sent_uses_the_same_boarding_file():
    """A retry with the same IAT happens first, also without the file."""
    platform, device = new_device(lambda number, _operation: "before" if number == 0 else "")
    device.work()
    assert device.lifecycle.state == "registering"
    assert device.disk["asked_ms"] == 0, "a name that was not found cannot have taken effect"
    device.boarding = None
    device.start()
    device.live()
    check_works(platform, device)


def test_planted_bugs_are_caught():
    """The enumeration sees what it is for; without a bug the same life ends well."""
    for bug, well in (("", True), ("forgets previous", False), ("never saves", False)):
        platform, device = onboarded()
        device.bug = bug
        for _ in range(2):
            device.network._drop = first_rotation_is_late()
            rotate_due(device)
            device.live()
            device.network.deliver()
            device.clock.now_ms += 3_600_000
            device.live()
        device.start()
        device.live()
        assert platform.accepts(device.token()) == well, bug


def fates_from(first, fates):
    """What happens to request number *first* + n stands in *fates* under n."""
    return lambda number, _operation: fates.get(number - first, "")


def first_rotation_is_late():
    fates = ["late"]
    return lambda _number, operation: fates.pop() if fates and operation == ROTATE else ""


def _fates(requests):
    """Every combination of fates for the first *requests* requests."""
    found = [{}]
    for number in range(requests):
        longer = []
        for fates in found:
            for fate in ("", "before", "after"):
                one = dict(fates)
                one[number] = fate
                longer.append(one)
        found = longer
    return found
