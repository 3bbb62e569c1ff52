"""A gateway whose clock has no battery, under systemd: no sample is lost, and none stands at a wrong time."""

import datetime as dt
import random
import time

import pytest

from tests.machine.conftest import deliver
from tests.machine.test_power import SERVICE, all_stored, more_witnessed, witnessed

# Who restores a time, the RTC, and so what systemd shows: what timesyncd saved last, or its own build.
_OFF_FOR_DAYS = (
    "systemctl stop systemd-timesyncd; touch -d '3 days ago' /var/lib/systemd/timesync/clock"
)
_NO_TIMESYNCD = "systemctl -q mask --now systemd-timesyncd; rm -rf /var/lib/systemd/timesync"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("before", "rtc"),
    [(_OFF_FOR_DAYS, "1970-01-01T00:00:00"), (_NO_TIMESYNCD, "2020-02-02T02:02:02")],
    ids=["saved by timesyncd", "systemd's build"],
)
def test_what_was_recorded_with_a_wrong_clock_stands_at_its_true_time(
    gateway, hub, before, rtc, figure
):
    """systemd makes a time up; the platform tells the right one; later somebody sets the clock."""
    gateway.boot()
    gateway.run(before)
    gateway.shut_down()
    gateway.boot(rtc=rtc)
    deliver(gateway, hub)
    began_s = time.time()
    gateway.link(False)
    gateway.run(SERVICE)
    more_witnessed(gateway)
    shown = int(gateway.run("date +%s"))
    assert time.time() - shown > 86_400
    time.sleep(5)
    before = witnessed(gateway)
    gateway.link(True)
    all_stored(gateway, hub, before)
    gateway.run(f"date -s @{int(time.time())}")  # as NTP does it, in a jump
    more_witnessed(gateway)
    time.sleep(3)
    promised = witnessed(gateway)
    all_stored(gateway, hub, promised)
    times = {record["values"]["name"]: record["_time"] for record in hub.stored()}
    seconds = [
        dt.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
        for text in times.values()
    ]
    figure(
        f"RTC at {rtc[:4]}",
        f"systemd showed {dt.datetime.fromtimestamp(shown, dt.timezone.utc):%Y-%m-%d %H:%M}; "
        f"{len(promised['sample'])} samples, all stored, from {min(seconds) - began_s:+.1f} s after the start",
    )
    assert min(seconds) > began_s - 5
    assert max(seconds) < time.time() + 5
    assert hub.recoverable_records() == []


@pytest.mark.slow
def test_a_boot_that_ends_before_the_time_was_known_is_kept_and_named(gateway, hub):
    """Nobody can date its samples any more; two such boots must not overwrite each other."""
    dice = random.Random(4)
    gateway.boot(rtc="1970-01-01T00:00:00")
    deliver(gateway, hub)
    gateway.link(False)
    gateway.run(SERVICE)
    more_witnessed(gateway)
    time.sleep(5)
    gateway.cut(dice)
    promised = witnessed(gateway)
    gateway.boot(rtc="1970-01-01T00:00:00")
    more_witnessed(gateway)
    all_stored(gateway, hub, {"sample": set(), "event": promised["event"]})
    give_up = time.monotonic() + 600
    while True:
        text = gateway.run(
            "/opt/press/venv/bin/mcagent --state /var/lib/collect rejected show --all --json",
            check=False,
        )
        kept = {name for name in promised["sample"] if name in text}
        if kept == promised["sample"]:
            break
        assert time.monotonic() < give_up, sorted(promised["sample"] - kept)[:20]
        time.sleep(1)
    there = {record["values"]["name"] for record in hub.stored()}
    assert promised["sample"]
    assert not promised["sample"] & there, "sent with a time that nobody knows"
    assert there  # those of the second boot, whose time became known
