"""The crash matrix on a real file system of MicroPython: littlefs or FAT on a RAM disk.

powercut.py KIND WAYS STRIDE TEARS [BUG]

Runs the story once, then cuts the power in every STRIDE-th program or erasure of a block, in the
WAYS named: clean,torn,erased,unsynced or all; a torn one at up to TEARS places. What is left is
mounted, recovered and drained, and judged by what was promised until then. A tenth of the states
is cut a second time while it is recovered. BUG is one to plant. The last line printed is JSON.
"""

import json
import os
import sys

sys.path[0] = "."
sys.path.insert(0, os.getenv("MCAGENT_PATH") or ".")

from mcagent.runtime import micropython_files
from tests.micropython.device.ramdisk import KINDS, Mounted, RamDisk, new_disk, torn
from tests.micropython.device.story import LANES, Story, forget, new_buffer, open_buffer
from tests.micropython.run import print_exception

# What is left of the operation in which the power goes: all of it; its first bytes; a sector that
# was erased to be written; nothing of it, and nothing since the last barrier.
WAYS = ("clean", "torn", "erased", "unsynced")
_SECOND_EVERY = 10
_SHOWN = 12
_PATIENCE = 30


class Violation(Exception):
    """Its first word is the kind: lost, wrong, repeated, order, reused, stuck."""


def demand(truth, kind, *what):
    if not truth:
        raise Violation(kind + ": " + " ".join([str(item) for item in what]))


class Matrix:
    """Every state that a cut may leave, and the judgement of each."""

    def __init__(self, kind, stride, tears):
        self.kind = kind
        self.stride = stride
        self.tears = tears
        self.log = []
        disk = new_disk(kind)
        self.blank = bytes(disk.data)
        self.left = bytearray(len(self.blank))
        self.image = bytearray(len(self.blank))
        disk.log = self.log
        self.story = Story(kind, disk)
        self.story.tell()
        self.operations = self.story.disk.operations
        self.states = 0
        self.violations = {}
        self.shown = []

    def run(self, ways):
        """Judge the cuts; each is one more operation on the medium than the one before."""
        medium = bytearray(self.blank)
        undo = []  # since the last barrier: (address, what was there)
        done = 0
        for entry in self.log:
            if entry is None:
                undo = []
                continue
            address, data = entry
            done += 1
            before = bytes(memoryview(medium)[address : address + len(data)])
            if done % self.stride == 0:
                for way in ways:
                    for tear in self._tears(way, done, before, data):
                        self._cut(done, medium, entry, way, tear, undo)
            medium[address : address + len(data)] = data
            undo.append((address, before))

    def _tears(self, way, done, before, data):
        """Where to tear: at bytes that change, because elsewhere it makes no other state."""
        if way != "torn":
            return (way,)
        places = [place for place in range(1, len(data)) if before[place] != data[place]]
        if len(places) <= self.tears:
            return places
        first = done % len(places)  # another choice each time
        step = len(places) // self.tears
        return [places[(first + number * step) % len(places)] for number in range(self.tears)]

    def _cut(self, done, medium, entry, way, tear, undo):
        address, data = entry
        left = self.left
        left[:] = medium
        if way == "unsynced":
            # A medium with a cache of its own keeps the order but only what a barrier covered.
            for place, old in reversed(undo):
                left[place : place + len(old)] = old
        else:
            if way != "clean":
                data = torn(left, address, data, tear)
            left[address : address + len(data)] = data
        self.states += 1
        # Only after a whole operation may what followed it have been promised already.
        until = done if way == "clean" else done - 1
        again = self.states % _SECOND_EVERY == 0
        try:
            if again:
                self._interrupted(left, until)
            self._judge(left, until)
        except Exception as error:
            kind = "refused"
            if isinstance(error, Violation):
                kind = str(error).split(":")[0]
            self.violations[kind] = self.violations.get(kind, 0) + 1
            if len(self.shown) < _SHOWN:
                self.shown.append("%s at %d, %s: %r" % (way, done, tear, error))
                print_exception(error)

    def _interrupted(self, left, until):
        """Cut the recovery as well, early and late, and judge what that leaves."""
        image = self.image
        image[:] = left
        disk = self._disk(image)
        self._recover(disk)
        for power in sorted({1, disk.operations // 2, disk.operations - 1}):
            if power > 0:
                image[:] = left
                disk = self._disk(image)
                disk.power = power
                self._recover(disk)
                self.states += 1
                self._judge(image, until, recovered=True)

    def _recover(self, disk):
        """What a restarted device does first."""
        with Mounted(self.kind, disk):
            buffer = new_buffer()
            try:
                buffer.open()
                buffer.append("events", 2, b"restarted", durable=True)
            except OSError:
                if disk.power is None:
                    raise
            forget(disk)

    def _disk(self, data):
        return RamDisk(KINDS[self.kind][1], 0, data=data)

    def _judge(self, image, until, *, recovered=False):
        disk = self._disk(image)
        with Mounted(self.kind, disk):
            buffer = open_buffer()
            ends = {}
            for lane in LANES:
                ends[lane] = buffer.next_sequence(lane)
                self._judge_lane(buffer, lane, until, recovered)
            self._go_on(buffer, ends)
            disk = forget(disk)
        with Mounted(self.kind, disk):
            buffer = open_buffer()
            for lane in LANES:
                again = buffer.cut(lane, max_bytes=1, max_records=1)
                demand(again is None, "repeated", lane, again)
            forget(disk)

    def _judge_lane(self, buffer, lane, until, recovered):
        story = self.story
        seen = set()
        last = 0
        for sequence, payload in drain(buffer, lane):
            demand(sequence > last, "order", lane, sequence, "after", last)
            last = sequence
            given = story.tried.get((lane, sequence), [])
            if payload is None:
                continue
            if not (recovered and payload == b"restarted"):
                demand(payload in given, "wrong", lane, sequence, payload[:40])
            seen.add(sequence)
        allowed = set()
        for begun, ended, its_lane, first, to in story.answered:
            if its_lane == lane and begun <= until:
                allowed.update(range(first, to + 1))
                if ended <= until:
                    again = [number for number in range(first, to + 1) if number in seen]
                    demand(not again, "repeated", lane, again)
        for begun, _ended, its_lane, first, to in story.dropped:
            if its_lane == lane and begun <= until:
                allowed.update(range(first, to + 1))
        highest = 0
        for when, promised_lane, sequence in story.promises:
            if when <= until and promised_lane == lane:
                highest = max(highest, sequence)
                demand(sequence in seen or sequence in allowed, "lost", lane, sequence)
        end = buffer.next_sequence(lane)
        demand(end > max(highest, last), "reused", lane, end, "after", highest, last)

    def _go_on(self, buffer, ends):
        """The buffer takes and gives records as if nothing had happened."""
        for lane in ("models", "events", "timeseries"):
            sequence = buffer.append(lane, 1, b"after the cut", durable=True)
            demand(sequence >= ends[lane], "reused", lane, sequence, "of", ends[lane])
            left = drain(buffer, lane)
            demand(left == [(sequence, b"after the cut")], "stuck", lane, left)


def drain(buffer, lane):
    """(sequence, payload or content) of all that is left, acknowledged; content None if gone."""
    found = []
    patience = _PATIENCE
    while True:
        try:
            batch = buffer.cut(lane, max_bytes=2048, max_records=16 if lane != "files" else 1)
        except OSError:
            # FAT may have lost where the bytes are; the buffer asks a few times before it goes on.
            patience -= 1
            if not patience:
                raise
            continue
        if batch is None:
            return found
        for record in batch.records():
            content = record.payload
            if lane == "files":
                content = _content(buffer, record)
            found.append((record.sequence, content))
        buffer.ack(batch)


def _content(buffer, record):
    try:
        return b"".join([bytes(piece) for piece in buffer.open_spool(record).chunks()])
    except OSError:
        return None  # the uploader sets such a record aside


def plant(bug):
    """Break the runtime as it may be broken by mistake."""
    file = micropython_files.RandomFile
    if bug == "no_sync":  # what is reported durable is not
        file.sync = lambda self: None
    elif bug == "growing_files":  # no space is reserved on FAT
        file.preallocate = lambda self, size: False
    elif bug == "stale_readers":  # what was synced since a file was opened is not seen
        micropython_files._changes = _NoChange()
    else:
        raise ValueError(bug)


class _NoChange:
    def __getitem__(self, place):
        return 0

    def __setitem__(self, place, value):
        pass


def main(kind, ways, stride, tears, bug=None):
    if bug is not None:
        plant(bug)
    matrix = Matrix(kind, int(stride), int(tears))
    matrix.run(WAYS if ways == "all" else ways.split(","))
    found = {
        "operations": matrix.operations,
        "promises": len(matrix.story.promises),
        "states": matrix.states,
        "violations": matrix.violations,
        "shown": matrix.shown,
    }
    print(json.dumps(found))


main(*sys.argv[1:])
