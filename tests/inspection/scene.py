"""A real buffer on a real disk, with something of everything, and ways to damage it."""

import hashlib
import io
import json
import os
import shutil
import struct

from mcagent.buffer import Buffer, LaneSettings
from mcagent.inspection.survey import Survey
from mcagent.inspection.verify import Verification
from mcagent.messages import kinds
from mcagent.upload.modelrecord import join_model
from tests.buffer.world import small_settings

SAMPLES = 2000
ACKED = 700
CONTENT = b"lines of a log\n" * 1000
REASON = {"status": 400, "message": "typeId is unknown"}


def sample(number):
    return json.dumps(
        {"timestamp": "2026-01-05T08:00:00.000Z", "values": [{"n": number}]}
    ).encode()


def event(number):
    return json.dumps(
        {"typeId": "t", "description": "grün %d" % number}, ensure_ascii=False
    ).encode()


def open_buffer(state, **options):
    # Segments of 32 KiB: the samples of `build` fill several, and none is dropped.
    lane = LaneSettings(256 * 1024, durability=("group", 10, 1000))
    settings = small_settings(timeseries=lane)
    buffer = Buffer(os.path.join(str(state), "buffer"), settings=settings, **options)
    buffer.open()
    return buffer


def build(state):
    """2 000 samples of which 700 are delivered, 30 events of which one is set aside, 3 files."""
    os.makedirs(state, exist_ok=True)
    buffer = open_buffer(state)
    buffer.append("models", kinds.MODEL, join_model(1, b'{"configurationId":"m-1"}'))
    for number in range(1, SAMPLES + 1):
        buffer.append("timeseries", kinds.SAMPLE, sample(number), configuration_id="m-1")
    for number in range(1, 31):
        buffer.append("events", kinds.EVENT, event(number))
    for number in (1, 2, 3):
        meta = {"name": "log %d.txt" % number, "type": "text/plain", "created_ms": 5}
        buffer.append_file(meta, io.BytesIO(CONTENT))
    buffer.flush()
    batch = buffer.cut("timeseries", max_bytes=1 << 20, max_records=ACKED)
    while batch.last < ACKED:
        buffer.ack(batch)
        batch = buffer.cut("timeseries", max_bytes=1 << 20, max_records=ACKED - batch.last)
    buffer.ack(batch)
    buffer.set_aside("events", 1, REASON)
    buffer.close()
    return state


def segments(state, lane="timeseries"):
    """Paths of the segments of a lane, oldest first."""
    folder = os.path.join(str(state), "buffer", lane)
    return [
        os.path.join(folder, name) for name in sorted(os.listdir(folder)) if name.endswith(".seg")
    ]


def read(path, size=-1):
    with open(path, "rb") as file:
        return file.read(size)


def touch(path):
    with open(path, "w", encoding="utf-8"):
        pass


def overwrite(path, offset, data):
    with open(path, "r+b") as file:
        file.seek(offset)
        file.write(data)


def flip(path, offset):
    with open(path, "r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ 0x10]))


def frames(path):
    """(offset, kind, index) of each frame of an intact segment."""
    data = read(path)
    found, offset = [], 32
    while offset + 16 < len(data):
        _crc, size, word, _age = struct.unpack_from("<4I", data, offset)
        if not size:
            break
        found.append((offset, size >> 24, word & 0xFFFFFF))
        offset += 16 + (size & 0xFFFFFF)
    return found


def record_at(path, index):
    """Offset of the record with that index."""
    return next(offset for offset, kind, found in frames(path) if kind != 127 and found == index)


def verify(state, lanes=None):
    """(findings, verification)."""
    verification = Verification(Survey(str(state)), lambda _size: None)
    return list(verification.run(lanes)), verification


def damage(state):
    return [finding for finding in verify(state)[0] if finding.level == "damage"]


def half(state, target, *left_out):
    """A copy of *state* without the paths that end with one of *left_out*."""
    shutil.copytree(state, target)
    for folder, _folders, names in os.walk(target):
        for name in names:
            if os.path.join(folder, name).endswith(tuple(left_out)):
                os.unlink(os.path.join(folder, name))
    return target


def fingerprint(directory):
    """Everything about every file and folder but when it was read."""
    found = {}
    for folder, folders, names in os.walk(directory):
        for name in [*folders, *names]:
            path = os.path.join(folder, name)
            status = os.lstat(path)
            content = ""
            if os.path.isfile(path):
                content = hashlib.sha256(read(path)).hexdigest()
            found[path] = (
                status.st_ino,
                status.st_size,
                status.st_mode,
                status.st_mtime_ns,
                status.st_ctime_ns,
                status.st_nlink,
                content,
            )
    return found
