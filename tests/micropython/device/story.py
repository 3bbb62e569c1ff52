"""A scripted run of the buffer on a RAM disk, and what it promised on the way.

The oracle stands outside the buffer: it notes every record that was given, when a receipt called
it durable, and when it was done with, in operations of the disk.
"""

import io

import mcagent.buffer.segment as segment_module
from mcagent.buffer import Buffer, BufferSettings, LaneSettings
from mcagent.errors import BufferFull
from mcagent.runtime import FileSystem
from tests.buffer.memoryfs import FakeClock
from tests.micropython.device.ramdisk import MOUNT, Mounted

DIRECTORY = MOUNT + "/buffer"
LANES = ("models", "events", "timeseries", "files")
CONTENT = b"0123456789abcdef" * 90


def settings():
    """Lanes so small that segments roll and quotas bite within a few hundred records."""
    made = BufferSettings(
        events=LaneSettings(32 * 1024),
        timeseries=LaneSettings(32 * 1024, durability=("group", 6, 100)),
        files=LaneSettings(32 * 1024),
        total_quota_bytes=160 * 1024,
    )
    for lane, segment_bytes, quota_bytes in (
        ("models", 1024, 8192),
        ("events", 1024, 4096),
        ("timeseries", 1536, 6144),
        ("files", 1024, 8192),
        ("rejected", 1024, 8192),
    ):
        made.lanes[lane].segment_bytes = segment_bytes
        made.lanes[lane].quota_bytes = quota_bytes
    return made


_opened = []


class Files(FileSystem):
    """The real one, which knows what is open: power that goes closes nothing."""

    def open(self, path, *, create=False, write=True):
        file = FileSystem.open(self, path, create=create, write=write)
        _opened.append(file)
        return file


def new_buffer(clock=None):
    return Buffer(DIRECTORY, fs=Files(), clock=clock or FakeClock(), settings=settings())


def open_buffer(clock=None):
    """A buffer on what is mounted."""
    buffer = new_buffer(clock)
    buffer.open()
    return buffer


def forget(disk):
    """Let the power go: close what is open where it changes nothing; return the disk without it."""
    other = disk.unplug()
    while _opened:
        try:
            _opened.pop().close()
        except OSError:
            pass  # the power went before
    return other


class Story:
    """Attributes, all in operations of the disk:

    `tried`: (lane, sequence) to every payload that was given under it; `promises`: (operation,
    lane, sequence) when a receipt said durable; `answered`: (begun, ended, lane, first, last) what a
    call between the two acknowledged or set aside; `dropped`: the same for what gave way.
    """

    def __init__(self, kind, disk):
        self.kind = kind
        self.disk = disk
        self.tried = {}
        self.promises = []
        self.answered = []
        self.dropped = []
        self._waiting = []
        self._clock = FakeClock()
        self._nonce = 0
        self.buffer = None

    def tell(self):
        """Run it from an empty disk to the end; the disk may lose its power on the way."""
        segment_module.random_bytes = self._random  # each run makes the same names
        for part in (self._begin, self._full, self._last):
            # Between the parts the device is reset: what was in memory is gone.
            with Mounted(self.kind, self.disk):
                self.buffer = open_buffer(self._clock)
                self._waiting = []
                part()
                self.disk = forget(self.disk)

    def _begin(self):
        self.put("models", b"model one" * 20, kind=4)
        for number in range(36):
            self.put("timeseries", b"%04d" % number * 20, configuration_id="one")
            if number % 6 == 0:
                self.put("events", b"event %d" % number * 9, kind=2)
            if number % 15 == 14:
                self.send("timeseries", 7)
        self.put_file(b"one.txt", CONTENT)
        self.put("timeseries", b"at once" * 5, configuration_id="one", durable=True)
        self.put("models", b"model two" * 20, kind=4)
        self.put("timeseries", b"waits" * 5, configuration_id="two")  # and is lost with the power

    def _full(self):
        batch = self.buffer.cut("timeseries", max_bytes=400, max_records=100)
        for number in range(100, 190):  # over the quota, with a batch pinned
            self.put("timeseries", b"%04d" % number * 20, configuration_id="two")
            if number == 150:
                self.buffer.release(batch)
            if number % 5 == 0:
                self.put("events", b"event %d" % number * 9, kind=2)
        self.send("timeseries", 20)
        self.send("events", 3)
        self.put_file(b"two.txt", CONTENT[:700])
        self.send("files", 1)

    def _last(self):
        oldest = self.buffer.first_record("events").sequence
        begun = self.disk.operations
        self.buffer.set_aside("events", oldest, {"status": 400})
        self.answered.append((begun, self.disk.operations, "events", oldest, oldest))
        for number in range(200, 230):
            self.put("timeseries", b"%04d" % number * 20, configuration_id="two")
        self.send("models", 1)
        for _ in range(40):
            self.send("timeseries", 3)

    # -- what the run is made of --------------------------------------------------------------

    def put(self, lane, payload, kind=1, **kwargs):
        sequence = self.buffer.next_sequence(lane)
        self.tried.setdefault((lane, sequence), []).append(payload)
        begun = self.disk.operations
        try:
            assert self.buffer.append(lane, kind, payload, **kwargs) == sequence
        except BufferFull:
            pass
        else:
            self._waiting.append((lane, sequence))
        self._look(begun)

    def put_file(self, name, content):
        sequence = self.buffer.next_sequence("files")
        self.tried.setdefault(("files", sequence), []).append(content)
        begun = self.disk.operations
        stored = self.buffer.append_file({"name": name.decode()}, io.BytesIO(content))
        assert stored == sequence
        self._waiting.append(("files", sequence))
        self._look(begun)

    def send(self, lane, records):
        batch = self.buffer.cut(lane, max_bytes=1 << 16, max_records=records)
        if batch is None:
            return
        for record in batch.records():
            assert lane == "files" or record.payload in self.tried[(lane, record.sequence)]
        begun = self.disk.operations
        self.buffer.ack(batch)
        self.answered.append((begun, self.disk.operations, lane, batch.first, batch.last))

    def _look(self, begun):
        """Note what became durable, and what was dropped, in the call that began at *begun*."""
        still = []
        for lane, sequence in self._waiting:
            if self.buffer.receipt(lane, sequence).state == "buffered":
                still.append((lane, sequence))
            else:
                self.promises.append((self.disk.operations, lane, sequence))
        self._waiting = still
        status = self.buffer.status()["lanes"]
        for lane in LANES:
            dropped = status[lane]["dropped"].get("quota")
            if dropped:
                span = lane, dropped["first"], dropped["last"]
                self.dropped.append((begun, self.disk.operations) + span)

    def _random(self, size):
        self._nonce += 1
        return self._nonce.to_bytes(size, "big")
