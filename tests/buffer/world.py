"""A buffer in memory with its clock, and the short ways that its tests take."""

from mcagent.buffer import Buffer, BufferSettings, LaneSettings
from tests.buffer.memoryfs import FakeClock, MemoryFileSystem

SAMPLE, EVENT = 1, 2


def small_settings(**lanes):
    """Small lanes, so that segments roll and quotas bite soon."""
    given = {
        "models": LaneSettings(32 * 1024, policy="reject"),
        "events": LaneSettings(64 * 1024),
        "timeseries": LaneSettings(128 * 1024, durability=("group", 10, 1000)),
        "files": LaneSettings(128 * 1024),
        "rejected": LaneSettings(128 * 1024),
    }
    given.update(lanes)
    return BufferSettings(**given)


class World:
    """`buffer` on `fs` with `clock`; `restart()` opens it again as after a kill."""

    def __init__(self, fs=None, clock=None, settings=None):
        self.fs = fs or MemoryFileSystem()
        self.clock = clock or FakeClock()
        self.settings = settings or small_settings()
        self.restart()

    def restart(self):
        self.buffer = Buffer("/s/buffer", fs=self.fs, clock=self.clock, settings=self.settings)
        self.buffer.open()
        return self.buffer

    def sample(self, text, **kwargs):
        return self.buffer.append("timeseries", SAMPLE, text, **kwargs)

    def event(self, text, **kwargs):
        return self.buffer.append("events", EVENT, text, **kwargs)

    def status(self, lane):
        return self.buffer.status()["lanes"][lane]


def drain(buffer, lane, *, max_bytes=1 << 20, max_records=1 << 20):
    """Every record that is left, acknowledged batch by batch: (sequence, payload)."""
    found = []
    while True:
        batch = buffer.cut(lane, max_bytes=max_bytes, max_records=max_records)
        if batch is None:
            return found
        records = [(record.sequence, record.payload) for record in batch.records()]
        body = b"".join(list(batch.chunks()))
        assert body == b",".join([payload for _sequence, payload in records])
        assert len(body) == batch.payload_bytes
        assert len(records) == batch.count
        assert (records[0][0], records[-1][0]) == (batch.first, batch.last)
        found += records
        buffer.ack(batch)
