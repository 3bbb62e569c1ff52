"""Parts of a large file over slow links, in simulated time, with the platform's bound of a minute."""

from mcagent.messages.kinds import FILE
from mcagent.transport.http import Response
from mcagent.upload.exchange import ExchangeSender
from mcagent.upload.iotfile import FileSender
from mcagent.upload.uploader import Uploader, UploadSettings
from mcagent.upload.uploadnote import UploadNote
from tests.upload.fakes import FakeClock, FakePlatform, MemoryBuffer, add_events
from tests.upload.slowlink import HEAD_BYTES, ROUND_TRIP_MS, SlowLink, file_details

SIZE = 22_000_000
HOUR_MS = 3_600_000


class Spooled(MemoryBuffer):
    """One file, of zeros."""

    length = SIZE

    def open_spool(self, _record):
        return self

    def chunks(self):
        return self.part(0, SIZE, "")

    def part(self, _offset, length, _sha256):
        for at in range(0, length, 1_000_000):
            yield bytes(min(1_000_000, length - at))

    def status(self):
        return dict(super().status(), rejected={"quota_bytes": 1 << 25})


class Link(SlowLink):
    """What takes the file service more than a minute is ended with 502.

    Attributes:
        parts: Whether each passed.
    """

    parts = ()

    def send(self, request):
        if "/iotfile/" not in request.url:
            return super().send(request)
        length = request.body.length if request.body else 0
        needs_ms = ROUND_TRIP_MS + (HEAD_BYTES + length) * 1000 // self.bytes_per_s
        self._clock.sleep_ms(min(needs_ms, 60_000))
        if length:
            self.parts = (*self.parts, needs_ms <= 60_000)
        return Response(502 if needs_ms > 60_000 else 201)


class NoDisk:
    """Nothing is kept."""

    def read(self, _path):
        raise OSError(2, "no such file")

    def write_atomic(self, _path, _data):
        pass


class Device:
    def __init__(self, bytes_per_s):
        self.buffer, self.clock = Spooled(), FakeClock()
        self.link = Link(FakePlatform(), self.clock, bytes_per_s=bytes_per_s)
        self.buffer.append("files", FILE, file_details(SIZE))
        self.uploader = Uploader(
            self.buffer,
            self.link,
            clock=self.clock,
            random_unit=lambda: 0.5,
            settings=UploadSettings(),
            senders={
                "exchange": ExchangeSender(self.link),
                FILE: FileSender(self.link, UploadNote("", NoDisk())),
            },
            sleep_ms=self.clock.sleep_ms,
        )

    def work(self, hours):
        """An event every ten minutes."""
        number, until_ms = 0, self.clock.ms + hours * HOUR_MS
        next_ms = self.clock.ms
        while self.clock.ms < until_ms:
            if self.clock.ms >= next_ms:
                add_events(self.buffer, [number])
                number, next_ms = number + 1, next_ms + 600_000
            wait_ms = self.uploader.step(0)
            self.clock.sleep_ms(min(10_000 if wait_ms is None else wait_ms, 10_000))
        return number


def test_a_link_that_is_too_slow_for_a_part_costs_little_and_blocks_nothing():
    """50 kB/s for three days: a dozen parts in vain, and every event within the hour."""
    device = Device(50_000)
    told = device.work(72)
    assert not any(device.link.parts)
    assert 5 <= len(device.link.parts) <= 14
    events = [one for lane, one in device.buffer.acknowledged if lane == "events"]
    assert len(events) >= told - 1
    words = device.uploader.status()["waiting"]["files"]
    assert "a part of 5242880 bytes did not pass in 60 s" in words
    device.link.bytes_per_s = 1_000_000
    device.work(25)
    assert device.buffer.lanes["files"] == []


def test_a_link_that_carries_a_part_in_a_minute_carries_the_file():
    """100 kB/s: 53 s a part, and none in vain."""
    device = Device(100_000)
    told = device.work(1)
    assert device.link.parts == (True,) * 5
    assert device.buffer.lanes["files"] == []
    events = [one for lane, one in device.buffer.acknowledged if lane == "events"]
    assert len(events) >= told - 1
