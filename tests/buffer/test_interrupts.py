"""An exception of the script's own (Ctrl-C, an alarm) between any two lines of the buffer.

It is raised at every line of every call once; the script catches it and goes on with the same
buffer, and later a process opens what is on the disk.
"""

import os
import sys

import pytest

import mcagent.buffer
from mcagent.buffer import BufferSettings, LaneSettings
from tests.buffer.world import World, drain

_FOLDER = os.path.dirname(mcagent.buffer.__file__)


class Alarm(BaseException):
    """What a signal handler raises."""


class Interrupter:
    """`with Interrupter(n):` raises `Alarm` before the n-th line that runs in the buffer.

    Not at the lines that take and give back the lock: there the interpreter itself sees to it
    that a signal does not come in between, and a trace function does not.
    """

    def __init__(self, count):
        self.left = count
        self.where = ""

    def __enter__(self):
        sys.settrace(self._trace)
        return self

    def __exit__(self, kind, *_exc):
        sys.settrace(None)
        return kind is Alarm

    def _trace(self, frame, event, _argument):
        path = frame.f_code.co_filename
        if not path.startswith(_FOLDER):
            return None
        if event == "line" and not path.endswith("buffer/buffer.py"):
            self.left -= 1
            if self.left == 0:
                self.where = "%s:%d" % (os.path.basename(path), frame.f_lineno)
                raise Alarm
        return self._trace


class Script:
    """Numbered samples; `accepted` holds what `append` returned for."""

    def __init__(self):
        lane = LaneSettings(64 * 1024, durability=("group", 5, 100_000))
        self.world = World(settings=BufferSettings(timeseries=lane))
        self.buffer = self.world.buffer
        self.accepted = {}
        self.count = 0
        self.acknowledged = set()
        self.moved = set()  # to the rejected store, or from there to the end of the lane

    def add(self, pad=b"", **kwargs):
        self.count += 1
        payload = b"%d " % self.count + pad
        sequence = self.buffer.append("timeseries", 1, payload, **kwargs)
        assert sequence not in self.accepted
        self.accepted[sequence] = payload

    def judge(self):
        """Go on, stop, open again: everything accepted is there once, in order, in its place."""
        assert self.buffer._files.room.pushes, "or a full lane would refuse what comes"
        for _ in range(6):
            self.add()
        self.buffer.flush()
        for _ in range(2):
            self.add()
        self.buffer.close()
        self.world.restart()
        status = self.world.status("timeseries")
        assert status["dropped"] == {}
        found = drain(self.world.buffer, "timeseries")
        numbers = [int(payload.split()[0]) for _sequence, payload in found]
        rejected = drain(self.world.buffer, "rejected")
        for number in self.moved:
            places = numbers.count(number) + len(rejected)
            assert 1 <= places <= 2, places
        numbers = [number for number in numbers if number not in self.moved]
        assert numbers == sorted(set(numbers))
        delivered = dict(found)
        for sequence, payload in self.accepted.items():
            if sequence not in self.acknowledged | self.moved:
                assert delivered.get(sequence) == payload, sequence


def _append(script):
    script.add()


def _append_and_flush(script):
    script.add()
    script.add()


def _append_large(script):
    script.add(b"x" * 9000, durable=True)


def _append_many(script):
    start = script.buffer.next_sequence("timeseries")
    rows = [b"%d many" % (100 + number) for number in range(12)]
    script.count += 200
    script.buffer.append_many("timeseries", 1, rows)
    script.accepted.update({start + place: row for place, row in enumerate(rows)})


def _flush(script):
    script.buffer.flush()


def _cut(script):
    script.buffer.cut("timeseries", max_bytes=1000, max_records=3)


def _cut_and_ack(script):
    batch = script.buffer.cut("timeseries", max_bytes=1000, max_records=3)
    script.acknowledged = {1, 2, 3}  # perhaps: an interrupted one may be delivered again
    script.buffer.ack(batch)


def _cut_and_release(script):
    script.buffer.release(script.buffer.cut("timeseries", max_bytes=1000, max_records=3))


def _set_aside(script):
    script.acknowledged = {1}
    script.buffer.set_aside("timeseries", 1, {"status": 400})


def _set_aside_and_replay(script):
    script.moved = {1}
    script.buffer.set_aside("timeseries", 1, {"status": 400})
    script.buffer.resolve_rejected(lambda record: ("replay", record.payload.split(b"\n")[1]), 1)


@pytest.mark.parametrize(
    "action",
    [
        _append,
        _append_and_flush,
        _append_large,
        _append_many,
        _flush,
        _cut,
        _cut_and_ack,
        _cut_and_release,
        _set_aside,
        _set_aside_and_replay,
    ],
)
def test_an_exception_of_the_script_between_any_two_lines(action, figure):
    """Nothing accepted is lost, repeated, renumbered or reordered."""
    points = 0
    while True:
        script = Script()
        for _ in range(7):
            script.add()
        script.buffer.flush()
        for _ in range(3):
            script.add()
        with Interrupter(points + 1) as interrupter:
            action(script)
        if not interrupter.where:
            break
        points += 1
        try:
            script.judge()
        except BaseException:
            print("interrupted at", interrupter.where)
            raise
    figure("interrupted lines", f"{points} in {action.__name__[1:].replace('_', ' ')}")
    assert points > 3
