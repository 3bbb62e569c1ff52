"""Work resumes within seconds when the link returns, in simulated time."""

import random

from mcagent.errors import TransportError
from mcagent.upload.uploader import Uploader, UploadSettings
from tests.upload.fakes import (
    FakeClock,
    FakePlatform,
    FakeSession,
    MemoryBuffer,
    add_samples,
    configuration,
)

MINUTE_MS = 60_000


class Line(FakeSession):
    """A session whose link is up or down; a host that is `mute` takes connections only.

    *blind*: the transport cannot tell.
    """

    def __init__(self, platform, clock):
        super().__init__(platform, clock)
        self.up = True
        self.mute = False
        self.blind = False
        self.meanwhile = None
        self.tried_ms = []
        self.probes = 0

    def send(self, request):
        self.tried_ms.append(self._clock.ms)
        if self.meanwhile is not None:
            self.meanwhile()
        if not self.up or self.mute:
            self._clock.sleep_ms(10_000)
            raise TransportError("no sign", kind="timeout" if self.mute else "connect")
        return super().send(request)

    def probe(self):
        if self.blind:
            return None
        self.probes += 1
        self._clock.sleep_ms(20 if self.up else 3_000)
        return self.up


class Device:
    """An uploader that is driven as the background thread does it."""

    def __init__(self, seed=1):
        self.clock = FakeClock()
        self.platform = FakePlatform(configuration("m1", "a"), mapped=["a"])
        self.line = Line(self.platform, self.clock)
        self.buffer = MemoryBuffer()
        self.uploader = Uploader(
            self.buffer,
            self.line,
            clock=self.clock,
            random_unit=random.Random(seed).random,
            settings=UploadSettings(),
            sleep_ms=self.clock.sleep_ms,
        )
        add_samples(self.buffer, range(10))
        self.work(2_000)
        assert self.pending == 0

    @property
    def pending(self):
        return len(self.buffer.lanes["timeseries"])

    def work(self, for_ms, until=lambda: False):
        end_ms = self.clock.ms + for_ms
        while self.clock.ms < end_ms and not until():
            wait_ms = self.uploader.step()
            self.clock.sleep_ms(250 if wait_ms is None else min(wait_ms, 250))
        return self.clock.ms

    def outage(self, minutes):
        """Milliseconds from the return of the link to the first request, and to the last record."""
        self.line.up = False
        add_samples(self.buffer, range(10, 30))
        self.work(minutes * MINUTE_MS)
        self.line.up = True
        back_ms = self.clock.ms
        tries = len(self.line.tried_ms)
        done_ms = self.work(10 * MINUTE_MS, until=lambda: not self.pending)
        return self.line.tried_ms[tries] - back_ms, done_ms - back_ms


def test_a_hundred_devices_are_back_within_seconds_and_not_all_at_once(figure):
    """Ten minutes without a link."""
    devices = [Device(seed) for seed in range(100)]
    before = [len(device.line.tried_ms) for device in devices]
    firsts, lasts = zip(*[device.outage(10) for device in devices], strict=True)
    in_vain = sum(
        len([ms for ms in device.line.tried_ms[count:] if ms < device.line.tried_ms[-1] - 60_000])
        for device, count in zip(devices, before, strict=True)
    )
    seconds = [int(ms / 1000) for ms in firsts]
    busiest = max(seconds.count(second) for second in seconds)
    figure("link back after ten minutes, 100 devices: first request", f"{max(firsts) / 1e3:.1f} s")
    figure("the same: all delivered", f"{max(lasts) / 1e3:.1f} s")
    figure("the same: most first requests in one second", f"{busiest}")
    figure("the same: requests during the outage", f"{in_vain / 100:.0f} a device")
    assert max(firsts) <= 23_000
    assert max(lasts) <= 24_000
    assert busiest <= 20
    assert sorted(firsts)[50] >= 3_000, "spread, not all in the first moments"


def test_without_a_probe_the_back_off_alone_decides(figure):
    """What the probe is worth: the same devices, whose transport cannot tell."""
    slowest = 0
    for seed in range(30):
        device = Device(seed)
        device.line.blind = True
        slowest = max(slowest, device.outage(10)[0])
    figure("link back after ten minutes, without a probe: first request", f"{slowest / 1e3:.0f} s")
    assert slowest > 30_000


def test_a_host_that_takes_connections_and_is_mute_is_not_hurried():
    device = Device()
    device.line.mute = True
    add_samples(device.buffer, range(10, 20))
    tries = len(device.line.tried_ms)
    device.work(60 * MINUTE_MS)
    assert len(device.line.tried_ms) - tries <= 110, "as many as the back-off has without a probe"
    assert device.line.probes <= len(device.line.tried_ms) - tries


def test_a_link_that_flaps_is_not_hammered():
    """Down and up again every twenty seconds, and no answer at any time: tries get rarer."""
    device = Device()
    device.line.mute = True
    add_samples(device.buffer, range(10, 20))
    tries = len(device.line.tried_ms)
    for turn in range(180):
        device.line.up = bool(turn % 2)
        device.work(20_000)
    assert len(device.line.tried_ms) - tries <= 120, "in an hour"


def test_a_word_that_the_link_is_back_ends_the_wait_at_once():
    device = Device()
    device.line.blind = True
    device.line.up = False
    add_samples(device.buffer, range(10, 20))
    device.work(10 * MINUTE_MS)
    while device.uploader.step() < 2_000:  # armed for a while
        device.clock.sleep_ms(100)
    device.line.up = True
    device.uploader.notify_online()
    before_ms = device.clock.ms
    device.uploader.step()
    assert (device.pending, device.clock.ms) == (0, before_ms)


def test_a_word_while_a_request_dies_on_the_old_link_is_not_lost():
    """Whoever gives it does so once."""
    device = Device()
    device.line.up = False
    device.line.meanwhile = device.uploader.notify_online
    add_samples(device.buffer, range(10, 20))
    assert device.uploader.step() == 0
    device.line.up = True
    device.line.meanwhile = None
    device.uploader.step()
    assert device.pending == 0
    device.line.up = False
    add_samples(device.buffer, range(20, 30))
    device.clock.sleep_ms(1_000)
    assert device.uploader.step() > 0, "said once, good for one request"


def test_a_word_does_not_end_what_the_platform_asked_for():
    device = Device()
    from mcagent.transport.http import Response

    device.platform.answers = [Response(429, {"retry-after": "90"})]
    add_samples(device.buffer, range(10, 20))
    assert device.uploader.step() >= 90_000
    device.uploader.notify_online()
    assert device.uploader.step() >= 89_000
