"""A disk that somebody else fills at any moment: no answer that exists only once is lost by it."""

import functools

import pytest

from mcagent.credentials.keystore import Keystore
from tests.credentials.disk import Disk
from tests.credentials.life import Course, Life, World
from tests.credentials.platform import REGISTER, ROTATE
from tests.credentials.test_enumeration import PROFILES, STRICT
from tests.credentials.verdict import WORKS, judge

MINUTE_MS = 60_000


def full_from(world):
    """Number of each step from which the disk is full, and the step."""
    courses = [one for one in Course(world).faults() if one.name[0].startswith("full from")]
    return [(one, one.name[0].split(": ")[1]) for one in courses]


@pytest.mark.parametrize("profile", PROFILES)
def test_a_disk_that_is_full_for_an_hour_costs_no_agent(profile, figure):
    """From each step of four weeks on; it works by itself when there is room again."""
    courses = full_from(World(profile=profile, **STRICT))
    assert len(courses) > 100
    for course, step in courses:
        assert judge(course.run()) == WORKS, step
    figure(f"rotation: full disk, {profile}", f"{len(courses)} steps tried, agents lost: 0")


def lost_answers(world):
    """Steps of the registration from which a full disk, and then a power cut, cost the answer."""
    lost = []
    for number, (_course, step) in enumerate(full_from(world)):
        life = Life(world, world.beginning, Disk(), full=number)
        life.live(MINUTE_MS)
        if not life.lifecycle.onboarded:
            assert not life.platform.iat_used, step
            continue
        platform = world.platform.remember()
        for disk in life.disk.after_power_cuts():
            disk.free = None
            world.platform.recall(platform)
            life.disk = disk
            disk.step = lambda _name: None
            life.full = -1
            life.start()
            if not life.live(MINUTE_MS):
                lost.append(step)
                break
        if life.steps < number:
            break  # the registration was over before
    return lost


@pytest.mark.parametrize("profile", PROFILES)
def test_the_answer_to_a_registration_is_stored_on_a_full_disk(profile):
    assert lost_answers(World(profile=profile, **STRICT)) == []


def test_without_the_room_that_is_kept_it_would_be_lost(monkeypatch):
    monkeypatch.setattr(Keystore, "keep_room", lambda _self: None)
    assert "request register arrived" in lost_answers(World(**STRICT))


@pytest.mark.parametrize("operation", [REGISTER, ROTATE])
def test_a_request_whose_answer_could_not_be_stored_is_not_sent(operation):
    """And a token is renewed all the same: uploading is what makes room."""
    world = World(**STRICT)
    life = Life(world, world.beginning, Disk())
    if operation == ROTATE:
        life.live_an_hour()
        life.disk.remove("/state/credentials/reserve")
        life.clock.now_ms = life.lifecycle.secret_expires_ms - 20 * 3_600_000
    write = life.disk.write

    def no_room(path, data):
        if "reserve" in path:
            raise OSError(28, "No space left on device")
        write(path, data)

    life.disk.write = no_room
    sent = functools.partial(world.platform.count, operation)
    before, tokens = sent(), world.platform.count("token")
    answered = life.live(3 * 3_600_000)
    assert sent() == before
    assert answered is (operation == ROTATE)
    assert operation == REGISTER or world.platform.count("token") > tokens
    life.disk.write = write
    life.clock.now_ms += MINUTE_MS
    assert life.live(10 * MINUTE_MS)
    assert sent() == before + 1
