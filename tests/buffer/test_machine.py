"""The buffer as a state machine against a list, restarts and faults included."""

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from mcagent.buffer import LaneSettings
from mcagent.errors import BufferFull
from tests.buffer.memoryfs import FakeClock, MemoryFileSystem
from tests.buffer.world import World, small_settings

LANE = "timeseries"


class BufferMachine(RuleBasedStateMachine):
    """One lane; `records` is the model: (sequence, payload, kind, configuration id), in order."""

    @initialize(
        prealloc=st.booleans(),
        truncate=st.booleans(),
        policy=st.sampled_from(["drop_oldest", "reject"]),
        group=st.sampled_from(["each", ("group", 4, 100), "close"]),
    )
    def begin(self, prealloc, truncate, policy, group):
        lane = LaneSettings(32 * 1024, policy=policy, durability=group)
        settings = small_settings(timeseries=lane)
        settings.lanes["timeseries"].segment_bytes = 1024
        # below what settings allow: drops within a few steps
        settings.lanes["timeseries"].quota_bytes = 5120
        settings.ram_bytes = 600
        fs = MemoryFileSystem(can_preallocate=prealloc, can_truncate=truncate)
        self.world = World(fs=fs, clock=FakeClock(), settings=settings)
        self.records = []
        self.batch = None
        self.expected = None
        self.lost = 0
        self.again = None

    @rule(
        payload=st.binary(min_size=1, max_size=300),
        copies=st.integers(1, 12),
        kind=st.sampled_from([1, 2]),
        model=st.sampled_from(["", "a", "b"]),
        durable=st.booleans(),
    )
    def append(self, payload, copies, kind, model, durable):
        for _ in range(copies):
            number = self.world.buffer.next_sequence(LANE)
            try:
                sequence = self.world.buffer.append(
                    LANE, kind, payload, configuration_id=model, durable=durable
                )
            except BufferFull:
                assert self.world.settings.lanes[LANE].policy == "reject" or self.batch
                return
            assert sequence == number
            self.records.append((sequence, payload, kind, model))
            self.forget_dropped()
            if durable:
                assert self.world.buffer.receipt(LANE, sequence).durable

    @rule(fits=st.integers(0, 400), what=st.sampled_from(["write", "sync", "create", "sync_dir"]))
    def fail_to_append(self, fits, what):
        def fail(operation, path, size):
            if operation == what == "write" and LANE in path:
                return min(fits, size - 1)
            if operation == what and LANE in path:
                raise OSError(28, "disk full")
            return None

        number = self.world.buffer.next_sequence(LANE)
        self.world.fs.fail = fail
        try:
            sequence = self.world.buffer.append(LANE, 1, b"in trouble", durable=True)
        except (OSError, BufferFull):
            assert self.world.buffer.next_sequence(LANE) == number
        else:
            self.records.append((sequence, b"in trouble", 1, ""))
        self.world.fs.fail = None
        self.forget_dropped()

    @rule(passed=st.integers(0, 200))
    def wait(self, passed):
        self.world.clock.pass_ms(passed)
        self.world.buffer.tick()

    @rule()
    def flush(self):
        self.world.buffer.flush()
        assert (
            self.world.status(LANE)["durable_sequence"]
            == self.world.buffer.next_sequence(LANE) - 1
        )

    @precondition(lambda self: self.batch is None)
    @rule(
        max_bytes=st.integers(1, 5000),
        max_records=st.integers(1, 40),
        ahead=st.none() | st.integers(0, 30),
    )
    def cut(self, max_bytes, max_records, ahead):
        head = self.records[0][0] if self.records else self.world.buffer.next_sequence(LANE)
        limit = None if ahead is None else head + ahead
        durable = self.world.status(LANE)["durable_sequence"]
        self.batch = self.world.buffer.cut(
            LANE, max_bytes=max_bytes, max_records=max_records, max_sequence=limit
        )
        if durable < head:
            durable = self.world.status(LANE)["durable_sequence"]  # the cut flushed
        expected = []
        size = -1
        for sequence, payload, kind, model in self.records:
            if sequence > durable or (limit is not None and sequence > limit):
                break
            if self.again is not None and head <= self.again and sequence > self.again:
                break
            if expected and (len(expected) == max_records or size + 1 + len(payload) > max_bytes):
                break
            if expected and (kind, model) != expected[0][2:]:
                break
            expected.append((sequence, payload, kind, model))
            size += 1 + len(payload)
        if self.batch is None:
            assert not expected
            return
        assert [
            (r.sequence, r.payload, r.kind, self.batch.configuration_id)
            for r in self.batch.records()
        ] == expected
        self.check_stream(expected)
        self.expected = expected
        self.again = expected[-1][0]

    @precondition(lambda self: self.batch is not None)
    @rule()
    def stream_again(self):
        self.check_stream(self.expected)

    @precondition(lambda self: self.batch is not None)
    @rule()
    def ack(self):
        self.world.buffer.ack(self.batch)
        for sequence, *_rest in self.expected:
            assert self.world.buffer.receipt(LANE, sequence).delivered
        del self.records[: len(self.expected)]
        self.batch = self.expected = self.again = None

    @precondition(lambda self: self.batch is not None)
    @rule(again=st.booleans())
    def release(self, again):
        self.world.buffer.release(self.batch, again=again)
        self.batch = self.expected = None
        if not again:
            self.again = None

    @precondition(lambda self: self.batch is not None)
    @rule()
    def set_aside(self):
        sequence = self.expected[0][0]
        self.world.buffer.set_aside(LANE, sequence, {"status": 400})
        assert self.world.buffer.receipt(LANE, sequence).state == "set aside"
        assert self.world.buffer.last_payload("rejected").endswith(b"\n" + self.expected[0][1])
        del self.records[0]
        self.batch = self.expected = self.again = None

    @rule(orderly=st.booleans())
    def restart(self, orderly):
        if orderly:
            self.world.buffer.close()
        else:
            durable = self.world.status(LANE)["durable_sequence"]
            self.records = [record for record in self.records if record[0] <= durable]
        self.world.restart()
        self.batch = self.expected = None

    @rule()
    def reboot(self):
        self.restart(True)
        self.world.clock.boot = bytes(16)
        self.world.clock.steady_ms = 10
        self.world.clock.is_trusted = not self.world.clock.is_trusted

    @invariant()
    def the_count_is_right(self):
        if hasattr(self, "world"):
            status = self.world.status(LANE)
            assert status["records"] == len(self.records)
            assert status["oldest_sequence"] in (
                None,
                self.records[0][0] if self.records else None,
            )
            lost = {reason: loss["records"] for reason, loss in status["dropped"].items()}
            assert lost == ({"quota": self.lost} if self.lost else {})
            # Only where a failed write gave up a segment may one more than the bound be there.
            assert status["bytes"] <= status["quota_bytes"] + 2048

    def check_stream(self, expected):
        body = b"".join(self.batch.chunks())
        assert body == b",".join([payload for _s, payload, _k, _m in expected])
        assert len(body) == self.batch.payload_bytes

    def forget_dropped(self):
        """The quota takes what is oldest and not pinned; the model is told how much."""
        dropped = self.world.status(LANE)["dropped"].get("quota", {"records": 0})["records"]
        gone, self.lost = dropped - self.lost, dropped
        if not gone:
            return
        # What is pinned, and what shares a segment with it, stays.
        pinned = len(self.expected) if self.batch is not None else 0
        places = [
            place
            for place, record in enumerate(self.records)
            if self.world.buffer.receipt(LANE, record[0]).state == "dropped"
        ]
        assert len(places) == gone
        assert pinned <= places[0]
        assert places == list(range(places[0], places[0] + gone)), "one stretch"
        assert pinned or places[0] == 0
        del self.records[places[0] : places[0] + gone]
        if self.again is not None and (not self.records or self.records[0][0] > self.again):
            self.again = None


BufferMachine.TestCase.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
TestBufferMachine = BufferMachine.TestCase
