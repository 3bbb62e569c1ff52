"""The format as documented: the independent reader and both interpreters read each other's."""

import ast
import os
import random
import subprocess
import sys

import pytest

from mcagent.buffer import Buffer, BufferSettings, LaneSettings
from tests.buffer import independent_reader
from tests.buffer.memoryfs import FakeClock
from tests.buffer.world import drain, small_settings

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MICROPYTHON = os.path.join(os.path.dirname(sys.executable), "micropython")

# Run by the interpreter that is named: writes or reads a buffer of known content.
WRITER = """
import sys
sys.path.insert(0, {root!r})
from mcagent.buffer import Buffer
from tests.buffer.world import small_settings
buffer = Buffer({path!r}, settings=small_settings())
buffer.open()
for number in range({first}, {last}):
    buffer.append("timeseries", 1, b"sample %d" % number * 9, configuration_id="model-%d" % (number // 60))
    if number % 20 == 0:
        buffer.append("events", 2, b"event %d" % number)
batch = buffer.cut("timeseries", max_bytes=2000, max_records=7)
buffer.ack(batch)
buffer.close()
"""
READER = """
import sys
sys.path.insert(0, {root!r})
from mcagent.buffer import Buffer
from tests.buffer.world import drain, small_settings
buffer = Buffer({path!r}, settings=small_settings())
buffer.open()
for lane in ("timeseries", "events"):
    for sequence, payload in drain(buffer, lane, max_records=50):
        print(lane, sequence, payload.decode())
buffer.close()
"""


def run(interpreter, script, **fields):
    script = script.format(root=ROOT, **fields)
    done = subprocess.run([interpreter, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_independent_reader_is_independent():
    """It imports the standard library alone."""
    with open(independent_reader.__file__, encoding="utf-8") as file:
        tree = ast.parse(file.read())
    imported = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    assert imported == {"os", "re", "struct", "sys", "zlib"}
    assert not any(isinstance(node, ast.ImportFrom) for node in ast.walk(tree))


def make(path):
    """A buffer with rolls, drops, a hole, contexts of all sorts and a refused record."""
    clock = FakeClock()
    buffer = Buffer(path, clock=clock, settings=small_settings())
    buffer.open()
    for number in range(1400):
        clock.pass_ms(7)
        if number == 700:
            clock.is_trusted = False
        if number == 900:
            clock.is_trusted, clock.boot = True, b"another boot id!"
        buffer.append(
            "timeseries",
            1 + number % 5 // 4,
            b"%06d" % number * 13,
            configuration_id=f"m{number // 350}",
        )
        if number % 90 == 0:
            buffer.append("events", 2, b"event %d" % number * 5)
    batch = buffer.cut("timeseries", max_bytes=1000, max_records=3)
    for number in range(1400, 1900):
        buffer.append("timeseries", 1, b"%06d" % number * 13)
    buffer.ack(batch)
    buffer.set_aside("events", 1, {"status": 400})
    buffer.flush()
    return buffer


def view(buffer, lane):
    """What the buffer itself would deliver, in the independent reader's words."""
    found = []
    while True:
        batch = buffer.cut(lane, max_bytes=1 << 20, max_records=1 << 20)
        if batch is None:
            return found
        found += [
            (r.sequence, r.kind, r.payload, r.wall_ms, r.context.configuration_id)
            for r in batch.records()
        ]
        buffer.ack(batch)


def test_the_independent_reader_sees_what_is_delivered(tmp_path):
    """Same records, times, models and losses, from the document alone."""
    buffer = make(str(tmp_path / "b"))
    seen = {
        lane: independent_reader.read_lane(tmp_path / "b", lane)
        for lane in independent_reader.LANES
    }
    cursor = independent_reader.read_cursor(tmp_path / "b")
    status = buffer.status()["lanes"]["timeseries"]
    quota = cursor["timeseries"]["losses"]["quota"]
    assert quota["records"] == status["dropped"]["quota"]["records"]
    assert quota["first"] == status["dropped"]["quota"]["first"]
    assert [row[0] for row in seen["rejected"]] == [1]
    assert seen["rejected"][0][2].endswith(b"\nevent 0event 0event 0event 0event 0")
    for lane in ("timeseries", "events"):
        assert seen[lane] == view(buffer, lane)
    assert len(seen["timeseries"]) > 500
    buffer.close()


def test_the_independent_reader_agrees_about_damage(tmp_path):
    """Bits, pages and tails, at random places: both find the same records."""
    buffer = make(str(tmp_path / "b"))
    buffer.close()
    folder = tmp_path / "b" / "timeseries"
    names = sorted(os.listdir(folder))
    rng = random.Random(7)
    for trial in range(40):
        path = folder / names[rng.randrange(len(names))]
        original = path.read_bytes()
        data = bytearray(original)
        place = rng.randrange(len(data))
        if trial % 3 == 0:
            data[place] ^= 1 << rng.randrange(8)
        elif trial % 3 == 1:
            data[place : place + 500] = bytes(len(data[place : place + 500]))
        else:
            del data[place:]
        path.write_bytes(data)
        expected = independent_reader.read_lane(tmp_path / "b", "timeseries")
        again = Buffer(str(tmp_path / "b"), settings=small_settings())
        again.open()
        found = []
        outlet = again._outlets["timeseries"]
        while (batch := outlet.cut(1 << 20, 1 << 20, None)) is not None:
            found += [
                (r.sequence, r.kind, r.payload, r.wall_ms, r.context.configuration_id)
                for r in batch.records()
            ]
            outlet.ack(batch)  # in memory alone: the next trial starts from the same cursor
        outlet.close()
        assert found == expected, (trial, path.name, place)
        path.write_bytes(original)


@pytest.mark.skipif(not os.path.exists(MICROPYTHON), reason="no MicroPython wheel here")
@pytest.mark.parametrize("first", ["cpython", "micropython"])
def test_each_interpreter_reads_and_goes_on_with_the_others_buffer(tmp_path, first):
    """Written by one, continued by the other, drained by the first: nothing is missing."""
    names = {"cpython": sys.executable, "micropython": MICROPYTHON}
    one = names.pop(first)
    (other,) = names.values()
    path = str(tmp_path / "b")
    run(one, WRITER, path=path, first=0, last=300)
    run(other, WRITER, path=path, first=300, last=500)
    seen = [row[2].decode() for row in independent_reader.read_lane(path, "timeseries")]
    rows = run(one, READER, path=path).splitlines()
    samples = [row.split(" ", 2)[2] for row in rows if row.startswith("timeseries")]
    assert samples == seen == [f"sample {number}" * 9 for number in range(14, 500)]
    events = [row.split(" ", 2) for row in rows if row.startswith("events")]
    assert [(int(row[1]), row[2]) for row in events] == [
        (place + 1, f"event {number}") for place, number in enumerate(range(0, 500, 20))
    ]


def test_large_records_and_small_windows_agree(tmp_path):
    """Records around the size of a window, read three ways."""
    settings = BufferSettings(timeseries=LaneSettings(4 << 20, durability="each"))
    buffer = Buffer(str(tmp_path / "b"), settings=settings)
    buffer.open()
    rng = random.Random(3)
    payloads = [rng.randbytes(size) for size in (1, 65519, 65520, 65521, 70, 131072, 200_000, 5)]
    for payload in payloads:
        buffer.append("timeseries", 1, payload)
    seen = [row[2] for row in independent_reader.read_lane(tmp_path / "b", "timeseries")]
    assert seen == payloads
    assert [payload for _sequence, payload in drain(buffer, "timeseries")] == payloads
    buffer.close()
