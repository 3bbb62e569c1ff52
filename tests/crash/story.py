"""The scripted run: everything that a buffer does, and everything that a disk does to it."""

import errno

from mcagent.buffer import BufferSettings, LaneSettings
from tests.buffer.memoryfs import FakeClock, MemoryFileSystem
from tests.crash.driver import Driver, seed_randomness
from tests.crash.ledger import Ledger

SEED = 20261121
# How the platform's files behave: the three kinds that the runtime knows of.
KINDS = {
    "plain": {},
    "no truncate": {"can_truncate": False},
    "no preallocate": {"can_preallocate": False},
    "neither": {"can_truncate": False, "can_preallocate": False},
}
_KIB = 1024
# Far below what settings allow: a run of some hundred operations sees every bound.
_QUOTAS = {"models": 8, "events": 8, "timeseries": 12, "files": 8, "rejected": 8}
_TOTAL_BYTES = 34 * _KIB
_SEGMENT_BYTES = 2 * _KIB


def story_settings():
    settings = BufferSettings(
        timeseries=LaneSettings(32 * _KIB, durability=("group", 8, 100)),
    )
    for lane, kib in _QUOTAS.items():
        settings.lanes[lane].quota_bytes = kib * _KIB
        settings.lanes[lane].segment_bytes = _SEGMENT_BYTES
        settings.lanes[lane].block_bytes = 1  # small files count as such here
    settings.total_quota_bytes = _TOTAL_BYTES
    return settings


class Story(Driver):
    """One run on a file system of *kind*, from a fresh device on."""

    def __init__(self, kind="plain", seed=SEED):
        self.kind = kind
        self.seed = seed
        seed_randomness(seed)
        fs = MemoryFileSystem(remember=True, **KINDS[kind])
        super().__init__(fs, FakeClock(), story_settings(), Ledger())
        self._number = 0
        self.restarts = -1
        self.faults = self.short_writes = 0

    def tell(self):
        self.open()
        self._quiet_days()
        self._full_disk()
        self._outage()
        self._failing_medium()
        self._files()
        self._refused()
        self._shared_room()
        self._last_days()
        return self

    def open(self):
        super().open()
        self.restarts += 1

    # -- words ------------------------------------------------------------------------------

    def sample(self, **kwargs):
        self._number += 1
        return self.put("timeseries", b"sample %05d " % self._number * 4, **kwargs)

    def event(self, size=5, **kwargs):
        self._number += 1
        return self.put("events", b"event %06d " % self._number * size, kind=2, **kwargs)

    def model(self):
        self._number += 1
        return self.put("models", b"model %06d " % self._number * 10, kind=4)

    def file(self, size=700, **kwargs):
        self._number += 1
        return self.put_file((b"file %06d " % self._number * size)[:size], **kwargs)

    def send_all(self, lane):
        """Until nothing is left, so that segments that were given up go, too."""
        while batch := self.cut(lane, 1000):
            self.ack(batch)

    def pass_ms(self, passed_ms):
        self.clock.pass_ms(passed_ms)
        self.tick()

    def failing(self, operation, *, path="", error=errno.EIO, after=0, times=1, kept=None):
        """The next *operation* on a path with *path* in it fails (*kept*: a short write)."""
        left = [after, times]

        def fail(done, where, size):
            if done != operation or path not in where or left[1] == 0:
                return None
            if left[0]:
                left[0] -= 1
                return None
            left[1] -= 1
            self.faults += 1
            if kept is not None:
                self.short_writes += 1
                return size // 2 if kept < 0 else min(kept, size - 1)
            raise OSError(error, "planned")

        self.fs.fail = fail

    def working(self):
        self.fs.fail = None

    # -- chapters ---------------------------------------------------------------------------

    def _quiet_days(self):
        """Online: groups fill or time out, batches leave at once, models change."""
        self.model()
        for number in range(44):
            self.sample(configuration_id="one")
            if number % 9 == 0:
                self.event()
            if number % 12 == 5:
                self.pass_ms(120)
            if number % 16 == 15:
                self.send("timeseries", 11)
        self.send("events", 2)
        self.model()
        self.send("models", 1)
        self.sample(configuration_id="two", durable=True)
        self.clock.wall_ms += 5_000  # the clock is set: a new context
        self.sample(configuration_id="two")
        self.clock.is_trusted = False
        self.sample(configuration_id="two")
        self.clock.is_trusted = True
        self.flush()
        self.open()
        self.sample(configuration_id="two", durable=True)

    def _full_disk(self):
        """Short writes, no room for a segment, room again."""
        self.failing("write", path="timeseries", kept=-1)
        self.sample(configuration_id="two", durable=True)
        self.failing("write", path="events", kept=-1)
        self.event()
        self.failing("write", path="events", kept=17)
        self.event()
        self.working()
        self.event()
        self.sample(configuration_id="two", durable=True)
        self.failing("preallocate", path="models", error=errno.ENOSPC, times=2)
        self.model()
        self.failing("create", path="events", error=errno.ENOSPC)
        for _ in range(16):
            self.event(8)
        self.working()
        self.event(8)

    def _outage(self):
        """Nothing is accepted: rolls and drops, also behind a batch that is out; then a kill."""
        batch = self.cut("timeseries", 9)
        for number in range(260):
            self.sample(configuration_id="two" if number < 150 else "three")
            if number == 120:
                self.buffer.release(batch)
            if number == 180:
                batch = self.cut("timeseries", 20)
            if number == 230:
                self.buffer.release(batch, again=False)
            if number % 25 == 24:
                self.event(7)
        self.boot(b"second boot id..")
        self.open()
        self.sample(configuration_id="three", durable=True)
        batch = self.cut("timeseries", 30)
        for _ in range(180):  # a hole behind the batch; then the head reaches it
            self.sample(configuration_id="three")
        self.ack(batch)
        self.send("timeseries", 40)

    def boot(self, boot_id):
        self.clock.boot = boot_id
        self.clock.steady_ms = 900

    def _failing_medium(self):
        """Syncs, writes and names that fail; the records go elsewhere and stay in order."""
        for lane in ("events", "timeseries"):
            self.send_all(lane)
        self.event()
        self.failing("sync", path="events")
        self.event()
        self.working()
        self.event()
        batch = self.cut("events", 1)
        for _ in range(40):  # beside a segment of which nobody knows what is on the medium
            self.sample(durable=True)
        self.buffer.release(batch)
        self.send_all("events")
        self.failing("sync", path="timeseries")
        self.sample(durable=True)
        self.sample(durable=True)
        self.working()
        batch = self.cut("timeseries", 3)
        for _ in range(20):
            self.event()
        self.buffer.release(batch)
        self.send_all("timeseries")
        self.failing("write", path="timeseries")
        self.sample(durable=True)
        self.failing("sync_dir", path="timeseries")
        for _ in range(30):
            self.sample(durable=True)
        self.working()
        for _ in range(14):
            self.event()
        self.send("events", 3)
        self.failing("sync", path="cursor")
        self.send("events", 2)
        self.working()
        self.send("timeseries", 20)
        self.send("events", 2)
        self.failing("write", path="cursor", kept=400)
        self.send("timeseries", 5)
        self.working()
        self.send("timeseries", 5)
        self.open()
        self.send("timeseries", 5)

    def _files(self):
        """Content that a record speaks of; a disk that refuses it; the quota of the lane."""
        self.file(600)
        self.failing("sync", path="files/spool")
        self.file(500)
        self.failing("write", path="files/0", kept=-1)
        self.file(400)
        self.failing("rename", path="files/spool")
        self.file(300)
        self.working()
        self.file(1100)
        self.send("files", 1)
        for size in (1500, 900, 1300, 1200, 1400):
            self.file(size)
        self.open()
        self.send("files", 1)
        self.file(800)

    def _refused(self):
        """The platform takes some records never; they are set aside, with their files."""
        self.set_aside("events")
        self.event()
        self.set_aside("files")
        self.failing("sync", path="rejected")
        self.set_aside("events")
        self.working()
        self.set_aside("events")
        self.send_all("rejected")
        self.set_aside("files")
        self.sample(durable=True)

    def _shared_room(self):
        """The total is used up before the quotas: a lane gives way to another."""
        for number in range(66):
            self.event(9)
            if number % 9 == 0:
                self.file(900)
            self.sample()
            self.sample()
            if number == 40:
                self.model()
        self.open()
        self.set_aside("events")

    def _last_days(self):
        self.send("events", 6)
        for _ in range(20):
            self.sample()
        self.flush()
        self.send("timeseries", 17)
        self.send("files", 1)
        self.send("models", 2)
        self.buffer.close()
