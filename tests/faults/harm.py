"""Harming the files of a buffer, and knowing which records stood where the harm was done."""

import os
import shutil
import struct

from mcagent.buffer import Buffer
from mcagent.runtime import FileSystem
from mcagent.runtime.cpython import RandomFile
from tests.faults.oracle import KINDS, Ledger, payload

HEADER, FRAME, CONTEXT = 32, 16, 0x7F


class UnsyncedFile(RandomFile):
    """Real, and in a hurry: harm to a medium is independent of syncs."""

    def sync(self):
        pass


class Unsynced(FileSystem):
    def open(self, path, **kwargs):
        file = super().open(path, **kwargs)
        return UnsyncedFile(path, file._fd)

    def sync_dir(self, path):
        pass


class Filled:
    """A buffer with records, closed; copies of it are harmed.

    Attributes:
        ledger: What was put and is durable.
        segments: Paths below the directory, oldest first.
    """

    def __init__(self, directory, settings, *, lane="timeseries", count=100, size=90):
        self.directory = str(directory)
        self.settings = settings
        self.lane = lane
        self.ledger = Ledger()
        buffer = Buffer(self.directory, settings=settings)
        buffer.open()
        for number in range(count):
            data = payload(lane, number, size)
            self.ledger.put(lane, buffer.append(lane, KINDS[lane], data), number)
        buffer.flush()
        buffer.close()
        self.ledger.settle(lane, count)
        self.segments = segments_of(self.directory, lane)

    def copy(self, directory):
        shutil.rmtree(directory, ignore_errors=True)
        shutil.copytree(self.directory, directory)
        return str(directory)

    def read(self, segment):
        with open(os.path.join(self.directory, segment), "rb") as file:
            return file.read()


def segments_of(directory, lane):
    names = sorted(os.listdir(os.path.join(directory, lane)))
    return [lane + "/" + name for name in names if name.endswith(".seg")]


def layout(name, data):
    """(start, stop, sequence or 0 for header, context and reserve) of each part of a segment."""
    first = int(os.path.basename(name)[:16])
    parts = [(0, HEADER, 0)]
    offset = HEADER
    while offset + FRAME < len(data):
        _crc, size, place = struct.unpack_from("<III", data, offset)
        if not size:
            break
        stop = offset + FRAME + (size & 0xFFFFFF)
        record = size >> 24 != CONTEXT
        parts.append((offset, stop, first + (place & 0xFFFFFF) if record else 0))
        offset = stop
    parts.append((offset, len(data), 0))
    return parts


def hit(parts, start, stop):
    """Sequence numbers of the records that bytes *start* to *stop* belong to."""
    if start == stop:
        return set()
    return {
        sequence for begin, end, sequence in parts if sequence and begin < stop and start < end
    }


def overwrite(directory, name, offset, data):
    with open(os.path.join(directory, name), "r+b") as file:
        file.seek(offset)
        file.write(data)


def truncate(directory, name, size):
    os.truncate(os.path.join(directory, name), size)


def differing(before, offset, piece):
    """The range in which *piece* at *offset* changes *before*; empty where it changes nothing."""
    places = [
        offset + place
        for place, byte in enumerate(piece)
        if offset + place < len(before) and before[offset + place] != byte
    ]
    return (places[0], places[-1] + 1) if places else (offset, offset)
