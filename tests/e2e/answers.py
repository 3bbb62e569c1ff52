"""Faults of the platform's answers, of slow links and of clocks: generators over a `Scene`."""

import time
from email.utils import formatdate

from tests.e2e.scene import EXCHANGE

MINUTES_10, HOUR, MONTH_S, YEARS_14_S = 600, 3600, 30 * 86_400, 14 * 365 * 86_400


def rule(action="status", match=EXCHANGE, **more):
    return {"match": match, "action": action, **more}


def later(seconds, times=1):
    """429 with a number as Retry-After."""
    return rule(status=429, times=times, headers={"Retry-After": str(seconds)})


def during(seconds, *rules):
    """A fault that is nothing but *rules* in force for *seconds*; 0: until they are used up."""

    def fault(scene):
        scene.hub.set_faults(list(rules))
        yield seconds or 60
        if seconds:
            scene.hub.set_faults([])

    return fault


def bad_sample(status, *numbers):
    """The platform refuses whatever holds one of these samples."""
    return during(0, *(rule(contains='"value":"%d"' % (1000 + n), status=status) for n in numbers))


def bad_event(scene):
    scene.hub.set_faults([rule(contains="event number 1", status=400)])
    yield 60


def too_large(scene):
    scene.hub.change_settings(max_exchange_bytes=8000)
    yield MINUTES_10
    scene.hub.change_settings(max_exchange_bytes=10_000_000)


def until_a_date(scene):
    """429 with a date as Retry-After, by the platform's clock."""
    moment_s = scene.hub.state()["clock_offset_s"] + time.time() + 300
    header = {"Retry-After": formatdate(moment_s, usegmt=True)}
    scene.hub.set_faults([rule(status=429, headers=header, times=1)])
    yield 60


def no_mapping(scene):
    """The operator maps an hour later."""
    yield HOUR
    scene.hub.automap(scene.boarding["content"]["clientId"])


def onboarded_anew(scene):
    """Onboarded anew by the operator while records wait: the buffer stays."""
    scene.hub.disconnect()
    yield 60
    scene.hub.reconnect()
    scene.hub.offboard(scene.boarding["content"]["clientId"])
    scene.boarding = scene.hub.boarding(scene.boarding["content"]["clientId"])
    scene.open()
    yield 60


def file_that_cannot_pass(scene):
    """The exchange with the file dies by time; samples and events go on."""
    scene.open(read_timeout_s=0.3)
    scene.hub.set_faults([rule("delay", contains="a file that is there once", seconds=1)])
    yield 150
    assert scene.pending == 1, scene.reason
    scene.hub.set_faults([])


def slow_answers(scene):
    """Three requests die by time."""
    scene.open(read_timeout_s=0.4)
    scene.hub.set_faults([rule("delay", seconds=1, times=3)])
    yield MINUTES_10


def rate_limit_of_ours(scene):
    scene.open(max_bytes_per_s=50_000, upload={"max_bytes_per_s": 50_000})
    yield 1


def device_of_1970(scene):
    """No RTC: the wall clock began at zero, and everything in the samples is explicit."""
    scene.clock.wall_ms = 0
    scene.open()
    yield 60


def nothing(_scene):
    """The clocks are wrong from the beginning, before the agent was onboarded."""
    yield 60


def clock_jumps(scene):
    """The wall clock is set forwards and backwards while there is no link."""
    scene.hub.disconnect()
    for years in (5, -9, 4):
        scene.clock.wall_ms += years * 365 * 86_400_000
        yield MINUTES_10
    scene.hub.reconnect()


def asleep(scene):
    """Suspended for three days with a full buffer: the token is over when it wakes up."""
    scene.hub.disconnect()
    yield 60
    scene.world.ms += 3 * 86_400_000
    scene.hub.reconnect()
    yield 60


ANY = "* /api/*"
TOKEN = "POST /api/agentmanagement/v3/oauth/token"
# Fault, what it does, how many records are set aside for it; and settings of the scene.
ANSWERS = [
    ("one bad sample: 400", bad_sample(400, 137), 1),
    ("one bad sample: 422", bad_sample(422, 0), 1),
    ("the last sample is bad: 415", bad_sample(415, 299), 1),
    ("three bad samples at once: 400", bad_sample(400, 0, 150, 299), 3),
    ("a bad event: 400", bad_event, 1),
    ("one sample makes the platform stumble: 500", bad_sample(500, 42), 1),
    ("400 once, by mistake", during(0, rule(status=400, times=1)), 0),
    ("400 to everything for an hour", during(HOUR, rule(status=400)), 0),
    ("413 above 8 000 bytes", too_large, 0),
    ("429, Retry-After: 60", during(0, later(60, times=2)), 0),
    ("429, Retry-After: a date", until_a_date, 0),
    ("429, Retry-After: 30 years", during(0, later(30 * 365 * 86_400)), 0),
    ("500 for ten minutes", during(MINUTES_10, rule(status=500)), 0),
    ("503 with a gateway's page, ten minutes", during(MINUTES_10, rule("html", ANY)), 0),
    ("504 for an hour", during(HOUR, rule(status=504)), 0),
    ("408, 425", during(0, rule(status=408, times=1), rule(status=425, times=1)), 0),
    ("captive portal: 200 and HTML, an hour", during(HOUR, rule("html", ANY, status=200)), 0),
    (
        "captive portal: redirect, an hour",
        during(HOUR, rule(match=ANY, status=302, headers={"Location": "https://localhost/login"})),
        0,
    ),
    ("a proxy's page: 403, an hour", during(HOUR, rule("html", ANY, status=403)), 0),
    ("a 2xx that is no 200", during(MINUTES_10, rule(status=202)), 0),
    ("401 once", during(0, rule(status=401, times=1)), 0),
    ("401 to every exchange for an hour", during(HOUR, rule(status=401)), 0),
    ("403 for an hour", during(HOUR, rule(status=403)), 0),
    ("404 for an hour", during(HOUR, rule(status=404)), 0),
    ("the answer is lost, three times", during(0, rule("drop_after", times=3)), 0),
    ("the connection is cut before an answer", during(0, rule("drop_before", times=3)), 0),
    ("samples without a mapping for an hour", no_mapping, 0, {"automap": False}),
    ("offboarded, and a new boarding file", onboarded_anew, 0),
]
SLOW = [
    ("three requests die by time", slow_answers, 0),
    ("a file that cannot pass", file_that_cannot_pass, 0),
    ("max_bytes_per_s = 50 000", rate_limit_of_ours, 0),
]
CLOCK = [
    ("a device in 1970", device_of_1970, 0),
    ("platform 30 days ahead", nothing, 0, {"platform_ahead_s": MONTH_S}),
    ("platform 30 days behind", nothing, 0, {"platform_ahead_s": -MONTH_S}),
    ("clock set by years, forwards and backwards", clock_jumps, 0),
    ("three days asleep", asleep, 0),
    (
        "both clocks in 2040",
        nothing,
        0,
        {"platform_ahead_s": YEARS_14_S, "wall_ahead_s": YEARS_14_S},
    ),
]
