"""A first proof by enumeration: after a power cut at any operation nothing durable is lost.

A scripted run on a file system that remembers its operations; then each prefix of them, with
unsynced bytes kept, dropped or torn, and unsynced names kept or dropped, is recovered and drained.
The oracle notes what the buffer reported as durable; it never asks the buffer what it lost.
"""

import pytest

from mcagent.buffer import LaneSettings
from mcagent.buffer.cursor import Cursor
from mcagent.buffer.directory import Directory
from mcagent.errors import BufferFull
from tests.buffer.memoryfs import MemoryFile, MemoryFileSystem, crash
from tests.buffer.world import World, drain, small_settings

LANES = ("models", "events", "timeseries")
TORN = (0, 1, 15, 16, 200, 511, 512)


class Story:
    """A run and what it promised.

    `promises`: (log length, lane, sequence) once a receipt said durable; `tried`: every record
    that was ever given, by (lane, sequence); `gone`: (log length at the start of the call, lane,
    first, last) where records were acknowledged, dropped or set aside.
    """

    def __init__(self, *, can_truncate=True):
        self.fs = MemoryFileSystem(can_truncate=can_truncate, remember=True)
        settings = small_settings(
            events=LaneSettings(32 * 1024),
            timeseries=LaneSettings(32 * 1024, durability=("group", 8, 100)),
        )
        settings.lanes["timeseries"].segment_bytes = 2048
        settings.lanes["events"].segment_bytes = 4096
        self.world = World(fs=self.fs, settings=settings)
        self.promises = []
        self.tried = {}
        self.gone = []
        self.waiting = []
        self.heads = dict.fromkeys(LANES, 1)

    def put(self, lane, payload, kind=1, **kwargs):
        sequence = self.world.buffer.next_sequence(lane)
        self.tried.setdefault((lane, sequence), set()).add(payload)
        start = len(self.fs.log)
        try:
            assert self.world.buffer.append(lane, kind, payload, **kwargs) == sequence
        except (OSError, BufferFull):
            pass
        else:
            self.waiting.append((lane, sequence))
        self.look(start)

    def look(self, start):
        """Note what became durable, and what was dropped, in the call that began at *start*."""
        still = []
        for lane, sequence in self.waiting:
            state = self.world.buffer.receipt(lane, sequence).state
            if state == "buffered":
                still.append((lane, sequence))
            else:
                self.promises.append((len(self.fs.log), lane, sequence))
        self.waiting = still
        status = self.world.buffer.status()["lanes"]
        for lane in LANES:
            dropped = status[lane]["dropped"].get("quota")
            if dropped and dropped["last"] >= self.heads[lane]:
                self.gone.append((start, lane, self.heads[lane], dropped["last"]))
                self.heads[lane] = dropped["last"] + 1

    def send(self, lane, records):
        batch = self.world.buffer.cut(lane, max_bytes=1 << 20, max_records=records)
        if batch is None:
            return
        for record in batch.records():
            assert record.payload in self.tried[(lane, record.sequence)]
        start = len(self.fs.log)
        self.world.buffer.ack(batch)
        self.gone.append((start, lane, batch.first, batch.last))
        self.heads[lane] = max(self.heads[lane], batch.last + 1)

    def restart(self):
        """A kill: what was in memory is gone, what was written is there."""
        self.waiting = []
        start = len(self.fs.log)
        self.world.restart()
        self.look(start)


def tell(story):
    """Rolls, drops, full disks, failed syncs, restarts, models, acknowledgements, a set-aside."""
    put, fs = story.put, story.fs
    put("models", b"model one" * 10, kind=4)
    for number in range(40):
        put("timeseries", b"%04d" % number * 12, configuration_id="one")
        if number % 10 == 0:
            put("events", b"event %d" % number * 6, kind=2)
        if number % 15 == 14:
            story.send("timeseries", 7)
    story.restart()
    put("models", b"model two" * 10, kind=4)
    fs.fail = lambda operation, path, size: size // 2 if operation == "write" else None
    put("timeseries", b"refused" * 5, configuration_id="two", durable=True)
    put("events", b"refused" * 5, kind=2)
    fs.fail = None
    put("timeseries", b"after" * 5, configuration_id="two", durable=True)
    put("events", b"after" * 5, kind=2)
    batch = story.world.buffer.cut("timeseries", max_bytes=600, max_records=100)
    for number in range(40, 700):  # over the quota, with a batch pinned
        put("timeseries", b"%04d" % number * 12, configuration_id="two")
        if number == 300:
            story.world.buffer.release(batch)
    _fail_once(fs, "sync")
    put("events", b"not synced" * 5, kind=2)
    fs.fail = None
    put("events", b"synced" * 5, kind=2)
    story.send("timeseries", 50)
    story.send("events", 3)
    story.restart()
    oldest = story.world.buffer.first_record("events").sequence
    start = len(fs.log)
    story.world.buffer.set_aside("events", oldest, {"status": 400})
    story.gone.append((start, "events", oldest, oldest))
    story.heads["events"] = oldest + 1
    for number in range(30):
        put("timeseries", b"last %d" % number * 9, configuration_id="two")
    story.send("models", 1)


def _fail_once(fs, wanted):
    def fail(operation, path, size):
        if operation == wanted and "/events/" in path:
            raise OSError(5, "medium")

    fs.fail = fail


def check(story, length, fs):
    """Recover and drain what a cut after *length* operations left, and judge it."""
    world = World(fs=fs, settings=story.world.settings)
    second = World(fs=fs, settings=story.world.settings)
    for lane in LANES:
        # I7: a second recovery changes nothing.
        assert second.buffer.next_sequence(lane) == world.buffer.next_sequence(lane)
        allowed = set()
        for start, gone_lane, first, last in story.gone:
            if gone_lane == lane and start < length:
                allowed.update(range(first, last + 1))
        promised = {
            sequence
            for when, promised_lane, sequence in story.promises
            if promised_lane == lane and when <= length
        }
        found = drain(second.buffer, lane, max_records=97)
        new = second.buffer.append(lane, 1, b"new after the cut")
        assert drain(second.buffer, lane) == [(new, b"new after the cut")]  # I5
        sequences = [sequence for sequence, _payload in found]
        assert sequences == sorted(set(sequences))  # I3
        assert new > max(promised, default=0)
        missing = promised - set(sequences) - allowed
        assert not missing, (lane, sorted(missing))  # I1
        for sequence, payload in found:
            assert payload in story.tried[(lane, sequence)], (lane, sequence)  # I2
        status = second.status(lane)
        # A torn write may count as one damaged record; nothing that was promised ever does.
        damaged = status["dropped"].get("damaged", {"first": new})
        assert damaged["first"] > max(promised, default=0)
        assert status["bytes"] <= status["quota_bytes"]  # I6
        assert status["records"] == 0


@pytest.mark.parametrize("can_truncate", [True, False])
def test_no_cut_at_any_operation_loses_what_was_durable(can_truncate, figure):
    """Every prefix of the run, in every way that this test knows to tear it."""
    story = Story(can_truncate=can_truncate)
    tell(story)
    states = 0
    log = story.fs.log
    assert len(log) > 400
    for length in range(len(log) + 1):
        for keep_entries in (True, False):
            variants = [(True, None), (False, None)]
            if keep_entries and length and log[length - 1][0] == "write":
                variants += [(True, torn) for torn in TORN if torn < len(log[length - 1][3])]
            for keep_data, torn in variants:
                fs = crash(log[:length], keep_data=keep_data, keep_entries=keep_entries, torn=torn)
                try:
                    check(story, length, fs)
                except BaseException:
                    print("length", length, "of", len(log), keep_entries, keep_data, torn)
                    print([entry[0] for entry in log[max(0, length - 6) : length]])
                    raise
                states += 1
    figure("crash states", f"{states} from {len(log)} operations, truncate={can_truncate}")


def _sweep_first(monkeypatch):
    """Planted: files are removed before the cursor is durable."""
    real = Directory.settle

    def settle(self):
        for outlet in self.outlets.values():
            outlet.retention.sweep()
        real(self)

    monkeypatch.setattr(Directory, "settle", settle)


def _no_sync(monkeypatch):
    """Planted: records are reported durable without a sync."""
    monkeypatch.setattr(MemoryFile, "sync", lambda self: None)


def _one_slot(monkeypatch):
    """Planted: the cursor is always written to the same slot."""
    real = Cursor.write

    def write(self, *, sync=True):
        real(self, sync=sync)
        self._slot = 0

    monkeypatch.setattr(Cursor, "write", write)


@pytest.mark.parametrize("plant", [_sweep_first, _no_sync, _one_slot])
def test_planted_bugs_are_caught(plant, monkeypatch):
    """The enumeration above sees what it is for."""
    plant(monkeypatch)
    story = Story()
    tell(story)
    log = story.fs.log
    for length in range(len(log), 0, -1):
        torn = 100 if log[length - 1][0] == "write" else None
        for keep_data, tear in ((True, None), (False, None), (True, torn)):
            try:
                check(
                    story,
                    length,
                    crash(log[:length], keep_data=keep_data, keep_entries=True, torn=tear),
                )
            except AssertionError:
                return
    pytest.fail("not caught")
