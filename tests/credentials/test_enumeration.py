"""Every cut, lost answer and bad block in register, token and rotate, and a second one after it.

`World` and `Course` (life.py) make the faults, `disk.py` what a cut leaves, `verdict.py` judges. The
oracle knows the platform's truth: an operator is needed only where it took the IAT, or where a secret
expired while the device was off.
"""

import functools
import os
import random
from collections import Counter

import pytest

from mcagent.credentials.rsa import RsaSigner, generate_key
from tests.credentials.emulated import EmulatedPlatform, new_hub
from tests.credentials.life import Course, World
from tests.credentials.platform import WEEK_MS, Clock
from tests.credentials.verdict import EXPIRED, IAT_GONE, WORKS, judge

DAY_MS = 24 * 3_600_000
STRICT = {"previous_secret": "never", "rat_after_expiry": False}
LENIENT = {"previous_secret": "always", "rat_after_expiry": True}
BETWEEN = {"previous_secret": "until_new_used", "rat_after_expiry": False}
PROFILES = ("SHARED_SECRET", "RSA_3072")
ALL = os.environ.get("MCAGENT_CUTS") == "all"  # tox -e rotation


def go_through(courses):
    """Run and judge each; how many ended how."""
    ends = Counter()
    for course in courses:
        try:
            ends[judge(course.run())] += 1
        except BaseException:
            print("in:", *course.name, sep="\n  ")
            raise
    return ends


def some(courses, number):
    """A seeded sample, or all of them."""
    courses = list(courses)
    return courses if ALL else random.Random(20261121).sample(courses, number)


def pairs_of(course, *, firsts, seconds):
    """A seeded sample of two faults in a row, or all of them."""
    chooser = random.Random(20261121)
    first = list(course.faults())
    if not ALL:
        first = chooser.sample(first, min(firsts, len(first)))
    for one in first:
        second = list(one.faults())
        yield from second if ALL else chooser.sample(second, min(seconds, len(second)))


def show(figure, what, ends):
    lost = sum(ends.values()) - ends[WORKS] - ends[IAT_GONE] - ends[EXPIRED]
    figure(
        f"rotation: {what}",
        f"{sum(ends.values())} cut points tried, agents lost: {lost}"
        f" (works by itself {ends[WORKS]}, IAT used up {ends[IAT_GONE]}, expired {ends[EXPIRED]})",
    )


@pytest.mark.slow
@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("settings", [STRICT, BETWEEN, LENIENT], ids=["strict", "mid", "lenient"])
def test_no_single_fault_loses_an_agent(settings, profile, figure):
    """Four weeks with three rotations: each step of each file and each request."""
    courses = list(Course(World(profile=profile, **settings)).faults())
    assert len(courses) > 500
    assert courses[0].name == ("full from 0: make_dir /state/credentials",), "from the first step"
    ends = go_through(courses if settings is STRICT else some(courses, 200))
    show(figure, f"one fault, {profile}, {_name(settings)}", ends)
    assert set(ends) == {WORKS, IAT_GONE}


@pytest.mark.slow
@pytest.mark.parametrize("profile", PROFILES)
def test_no_second_fault_in_the_recovery_loses_an_agent(profile, figure):
    """On the strict platform; all pairs with MCAGENT_CUTS=all, else a seeded sample."""
    ends = go_through(pairs_of(Course(World(profile=profile, **STRICT)), firsts=100, seconds=10))
    which = "all pairs" if ALL else "sample of pairs"
    show(figure, f"two faults ({which}), {profile}, strict", ends)
    assert sum(ends.values()) >= 1000
    assert set(ends) == {WORKS, IAT_GONE}


@pytest.mark.slow
@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("settings", [STRICT, LENIENT], ids=["strict", "lenient"])
def test_a_device_that_stays_off_after_the_cut_works_or_says_expired(settings, profile, figure):
    """Eight days: longer than a secret and an IAT live. A lenient platform still takes the RAT."""
    world = World(profile=profile, off_ms=WEEK_MS + DAY_MS, **settings)
    ends = go_through(some(Course(world).faults(), 200))
    show(figure, f"off for 8 days, {profile}, {_name(settings)}", ends)
    assert settings is LENIENT or ends[EXPIRED] > 0
    if settings is LENIENT:
        # What is left: the IAT, which no setting prolongs.
        assert ends[EXPIRED] < ends[WORKS] / 4


@pytest.fixture(scope="module")
def hub():
    hub = new_hub()
    yield hub
    hub.close()


@pytest.fixture(scope="module")
def keys():
    return [generate_key() for _ in range(4)]


@pytest.mark.slow
@pytest.mark.parametrize("settings", [STRICT, LENIENT], ids=["strict", "lenient"])
def test_no_single_fault_loses_an_agent_of_the_local_hub(settings, hub, figure):
    """The same, with the hub's own logic of credentials."""
    world = World(EmulatedPlatform(hub, Clock(), **settings))
    ends = go_through(some(Course(world).faults(), 200))
    show(figure, f"one fault, local hub, {_name(settings)}", ends)
    assert set(ends) == {WORKS, IAT_GONE}


@pytest.mark.slow
def test_no_single_fault_loses_an_rsa_agent_of_the_local_hub(hub, keys, figure):
    """Real keys and signatures; a seeded sample, because they take time."""
    numbers = iter(range(1 << 30))
    world = World(
        EmulatedPlatform(hub, Clock(), profile="RSA_3072", **STRICT),
        new_key=lambda: keys[next(numbers) % len(keys)],
        signer_for=functools.lru_cache(lambda _profile, pem: RsaSigner(pem)),
    )
    ends = go_through(some(Course(world).faults(), 60))
    show(figure, "one fault, RSA_3072, local hub, strict", ends)
    assert ends[WORKS] > ends[IAT_GONE] > 0


def test_a_run_without_a_fault_needs_what_it_should():
    """The story itself: one registration, three rotations, a token for each and for each hour."""
    for profile in PROFILES:
        life = Course(World(profile=profile, **STRICT)).run()
        said = life.platform.said
        assert said[:2] == [("register", 201), ("token", 200)]
        assert [status for name, status in said if name == "rotate"] == [200] * 3
        assert judge(life) == WORKS


def _name(settings):
    return {"never": "strict", "always": "lenient"}.get(settings["previous_secret"], "mid")
