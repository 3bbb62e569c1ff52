"""All lanes under all bounds: whatever is put in comes out, or is counted once as lost."""

import io

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from mcagent.buffer import BufferSettings, LaneSettings
from mcagent.errors import BufferFull, InvalidMessage
from tests.buffer.memoryfs import FakeClock, MemoryFileSystem
from tests.buffer.world import EVENT, SAMPLE, World

_KIB = 1024
_ALL_BYTES = 8 * 1024 * _KIB
LANES = ("models", "events", "timeseries", "files")
KIND = {"models": 4, "events": EVENT, "timeseries": SAMPLE}
RANK = {"models": 0, "events": 1, "timeseries": 2, "files": 2, "rejected": 2}


class BoundsMachine(RuleBasedStateMachine):
    """`put` holds each lane's records by number, `out` what was delivered."""

    @initialize(
        total_kib=st.sampled_from([160, 256, 400]),
        max_age_s=st.sampled_from([None, 3, 30]),
        group=st.sampled_from(["each", ("group", 7, 500)]),
    )
    def begin(self, total_kib, max_age_s, group):
        lanes = {
            "models": LaneSettings(32 * _KIB),
            "events": LaneSettings(64 * _KIB, max_age_s=max_age_s),
            "timeseries": LaneSettings(128 * _KIB, durability=group, max_age_s=max_age_s),
            "files": LaneSettings(128 * _KIB, max_age_s=max_age_s),
            "rejected": LaneSettings(64 * _KIB),
        }
        given = BufferSettings(**lanes, total_quota_bytes=total_kib * _KIB, min_free_bytes=_KIB)
        self.total_bytes = total_kib * _KIB
        self.world = World(fs=MemoryFileSystem(), clock=FakeClock(), settings=given)
        self.put = {lane: {} for lane in LANES}
        self.out = {lane: [] for lane in LANES}
        self.batches = {}

    @rule(
        lane=st.sampled_from(["models", "events", "timeseries"]),
        size=st.integers(1, 3000),
        copies=st.integers(1, 15),
    )
    def append(self, lane, size, copies):
        before = self.lost_above(lane)
        for _ in range(copies):
            number = self.world.buffer.next_sequence(lane)
            payload = (b"%s %d " % (lane.encode(), number)) * (1 + size // 16)
            try:
                assert self.world.buffer.append(lane, KIND[lane], payload) == number
            except BufferFull as error:
                assert error.hint
                break
            self.put[lane][number] = payload
        assert self.lost_above(lane) == before  # what matters more gave nothing up for it

    @rule(size=st.integers(0, 20_000))
    def append_file(self, size):
        before = self.lost_above("files")
        number = self.world.buffer.next_sequence("files")
        data = (b"%09d" % number) * (1 + size // 9)
        try:
            assert self.world.buffer.append_file({"name": "a"}, io.BytesIO(data)) == number
        except BufferFull:
            pass
        except InvalidMessage:  # it could never fit
            assert len(data) + 4096 + 16 * _KIB > self.world.status("files")["quota_bytes"]
        else:
            self.put["files"][number] = data
        assert self.lost_above("files") == before

    @rule(lane=st.sampled_from(LANES), most=st.integers(1, 50))
    def cut(self, lane, most):
        if lane not in self.batches:
            batch = self.world.buffer.cut(lane, max_bytes=20_000, max_records=most)
            if batch is not None:
                self.batches[lane] = batch, self.read(lane, batch)

    @rule(lane=st.sampled_from(LANES), answered=st.booleans(), again=st.booleans())
    def answer(self, lane, answered, again):
        if lane not in self.batches:
            return
        batch, records = self.batches.pop(lane)
        if answered:
            self.world.buffer.ack(batch)
            self.out[lane] += records
        else:
            self.world.buffer.release(batch, again=again)

    @rule(free_kib=st.sampled_from([0, 1, 20, 100, 8000]), files=st.sampled_from([0, 1, 1000]))
    def others_fill_the_disk(self, free_kib, files):
        self.world.fs.space = (free_kib * _KIB, _ALL_BYTES, files, 1000)

    @rule(passed_ms=st.integers(0, 5000))
    def wait(self, passed_ms):
        self.world.clock.pass_ms(passed_ms)
        self.world.buffer.tick()

    @rule(reboot=st.booleans(), trusted=st.booleans())
    def restart(self, reboot, trusted):
        self.world.buffer.close()
        if reboot:
            self.world.clock.boot = bytes([self.world.clock.boot[0] ^ 1]) + bytes(15)
            self.world.clock.steady_ms = 5
        self.world.clock.is_trusted = trusted
        self.world.restart()
        self.batches = {}

    @invariant()
    def nothing_is_lost_uncounted(self):
        if not hasattr(self, "world"):
            return
        status = self.world.buffer.status()
        for lane in LANES:
            lost = sum(loss["records"] for loss in status["lanes"][lane]["dropped"].values())
            assert len(self.out[lane]) + lost + status["lanes"][lane]["records"] == len(
                self.put[lane]
            ), lane
            assert "damaged" not in status["lanes"][lane]["dropped"]
            assert status["lanes"][lane]["bytes"] <= status["lanes"][lane]["quota_bytes"]
        used = sum(lane["bytes"] for lane in status["lanes"].values())
        assert used + status["rejected"]["bytes"] <= self.total_bytes

    def teardown(self):
        if not hasattr(self, "world"):
            return
        for batch, _records in self.batches.values():
            self.world.buffer.release(batch)
        for lane in LANES:
            while True:
                batch = self.world.buffer.cut(lane, max_bytes=1 << 20, max_records=1000)
                if batch is None:
                    break
                self.out[lane] += self.read(lane, batch)
                self.world.buffer.ack(batch)
            status = self.world.status(lane)
            lost = sum(loss["records"] for loss in status["dropped"].values())
            numbers = [number for number, _payload in self.out[lane]]
            assert numbers == sorted(set(numbers)), lane
            assert all(self.put[lane][number] == payload for number, payload in self.out[lane])
            assert len(numbers) + lost == len(self.put[lane]), lane

    def read(self, lane, batch):
        records = list(batch.records())
        if lane != "files":
            return [(record.sequence, record.payload) for record in records]
        return [
            (record.sequence, b"".join(self.world.buffer.open_spool(record).chunks()))
            for record in records
        ]

    def lost_above(self, lane):
        status = self.world.buffer.status()["lanes"]
        return {
            other: loss
            for other in LANES
            if RANK[other] < RANK[lane]
            for reason, loss in status[other]["dropped"].items()
            if reason != "age"
        }


BoundsMachine.TestCase.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
TestBoundsMachine = BoundsMachine.TestCase
