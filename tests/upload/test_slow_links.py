"""Backlogs over slow links, in simulated time, with the real uploader."""

import itertools

import pytest

from mcagent.messages.kinds import FILE
from mcagent.upload.uploader import Uploader, UploadSettings
from tests.upload.fakes import (
    FakeClock,
    FakePlatform,
    MemoryBuffer,
    add_events,
    add_samples,
    configuration,
)
from tests.upload.slowlink import SlowLink, file_details

KBIT_5 = 625  # bytes a second
HOUR_MS = 3_600_000


class SpooledBuffer(MemoryBuffer):
    """Files, of zeros."""

    def add_file(self, size):
        self.append("files", FILE, file_details(size))
        self.size = size

    def open_spool(self, _record):
        return self

    def chunks(self):
        for at in range(0, self.size, 65_536):
            yield bytes(min(65_536, self.size - at))


class Device:
    """An uploader over a link."""

    def __init__(self, bytes_per_s, **link):
        self.buffer = SpooledBuffer()
        self.clock = FakeClock()
        platform = FakePlatform(configuration("m1", "a"), mapped=["a"])
        self.link = SlowLink(platform, self.clock, bytes_per_s=bytes_per_s, **link)
        self.restart()

    def restart(self):
        """A new process."""
        self.uploader = Uploader(
            self.buffer,
            self.link,
            clock=self.clock,
            random_unit=lambda: 0.5,
            settings=UploadSettings(),
            sleep_ms=self.clock.sleep_ms,
        )

    def fill(self, megabytes):
        """Samples of 2 kB."""
        count = megabytes * 500
        add_samples(self.buffer, range(count), "m1", 2_000 - 20)

    @property
    def pending(self):
        return len(self.buffer.lanes["timeseries"])

    def work(self, hours, *, every_ms=None, until=lambda: False):
        """As the background thread does; *every_ms* an event is recorded."""
        end_ms = self.clock.ms + int(hours * HOUR_MS)
        event_ms = self.clock.ms
        numbers = itertools.count()
        while self.clock.ms < end_ms and not until():
            while every_ms is not None and event_ms <= self.clock.ms:
                add_events(self.buffer, [next(numbers)])
                event_ms += every_ms
            wait_ms = self.uploader.step()
            if wait_ms is None or wait_ms > 250:
                wait_ms = 250 if every_ms is not None or wait_ms is None else wait_ms
            self.clock.sleep_ms(wait_ms)


@pytest.mark.parametrize("bytes_per_s", [100, 300, 450, KBIT_5, 8_000])
def test_a_backlog_makes_progress_with_every_request(bytes_per_s, figure):
    """20 MB at 5 kbit/s; less where the link is slower still, for the test's own time."""
    device = Device(bytes_per_s)
    device.fill(20 if bytes_per_s >= KBIT_5 else 2)
    device.work(20 * 24, until=lambda: not device.pending)
    assert device.pending == 0
    used, in_vain = device.link.used(), device.link.in_vain()
    figure(
        f"backlog at {bytes_per_s} bytes/s",
        f"{used:.0%} of the link used, {len(device.link.bodies)} requests, {in_vain} in vain",
    )
    if bytes_per_s >= 300:
        assert in_vain == 0
        assert used >= 0.85
    else:
        assert in_vain <= 1, "60 kB are too much for it, once"
        assert used >= 0.75


def test_a_link_that_breaks_costs_little(figure):
    """Six times an hour: a request of the largest size would never pass."""
    device = Device(KBIT_5, cuts_per_hour=6)
    device.fill(5)
    device.work(48, until=lambda: not device.pending)
    assert device.pending == 0
    used = device.link.used()
    figure("5 kbit/s that breaks six times an hour", f"{used:.0%} of the link used")
    assert used >= 0.7


def test_connections_that_are_cut_after_a_minute_shrink_the_bodies():
    """By what stands between, which says nothing of it: the fault of no record and no outage."""
    device = Device(KBIT_5, lives_ms=62_000)
    device.fill(1)
    device.work(24, until=lambda: not device.pending)
    assert device.pending == 0
    assert device.link.in_vain() < len(device.link.bodies) / 2


def test_a_link_that_changes_is_followed():
    device = Device(1_000_000)
    device.fill(20)
    device.work(1, until=lambda: device.pending < 8_000)
    device.link.bytes_per_s = KBIT_5
    device.work(24, until=lambda: device.pending < 6_000)
    assert device.pending < 6_000
    assert device.link.in_vain() == 0
    device.link.bytes_per_s = 1_000_000
    before_ms = device.clock.ms
    device.work(1, until=lambda: not device.pending)
    assert device.clock.ms - before_ms < 60_000


@pytest.mark.parametrize("timeout_s", [20, 30, 300])
def test_every_call_of_upload_makes_progress_in_its_time(timeout_s):
    """Each from a process of its own, as cron starts it; nothing is remembered between them."""
    device = Device(KBIT_5)
    device.fill(1)
    for _ in range(5):
        before = device.pending
        began_ms = device.clock.ms
        device.restart()
        device.uploader.upload(timeout_s=timeout_s)
        assert device.clock.ms - began_ms <= timeout_s * 1000 + 1000
        assert device.pending < before
    assert device.link.in_vain() == 0


def test_a_file_that_cannot_pass_does_not_block_the_other_lanes(figure):
    """9.9 MB at 2.4 kbit/s: nine hours, and a request has five and a half."""
    device = Device(300)
    device.buffer.add_file(9_900_000)
    device.fill(2)
    device.work(72, every_ms=60_000)
    assert device.pending == 0
    events = [sequence for lane, sequence in device.buffer.acknowledged if lane == "events"]
    assert len(events) > 0.9 * 72 * 60
    spent_ms = sum(ms for length, ms, _passed in device.link.bodies if length > 9_000_000)
    figure("a file that cannot pass", f"took {spent_ms / HOUR_MS / 72:.0%} of three days")
    assert spent_ms < 0.25 * 72 * HOUR_MS
    assert "big.bin" in device.uploader.status()["waiting"]["files"]


def test_a_file_that_can_pass_does_although_samples_never_end():
    device = Device(KBIT_5)
    device.buffer.add_file(1_000_000)
    device.fill(1)
    device.work(6, every_ms=10_000)
    assert device.buffer.lanes["files"] == []


def test_a_file_that_could_not_pass_does_when_the_link_is_better():
    device = Device(300)
    device.buffer.add_file(9_900_000)
    device.fill(1)
    device.work(12, every_ms=60_000)
    assert device.buffer.lanes["files"]
    device.link.bytes_per_s = 100_000
    device.work(1, every_ms=60_000)
    assert device.buffer.lanes["files"] == []
