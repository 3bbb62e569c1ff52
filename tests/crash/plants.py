"""Bugs that are planted, to see that the enumeration sees them.

Each is a function that takes pytest's monkeypatch, or `Patches`. Its first line says what it is.
"""

import struct

from mcagent.buffer import batch as batch_module
from mcagent.buffer import buffer as buffer_module
from mcagent.buffer import reader as reader_module
from mcagent.buffer import segment as segment_module
from mcagent.buffer.cursor import Cursor
from mcagent.buffer.directory import Directory
from mcagent.buffer.lane import Lane
from mcagent.buffer.reader import SegmentReader
from mcagent.buffer.retention import Retention
from mcagent.buffer.segment import SegmentWriter
from mcagent.buffer.spool import Spool
from mcagent.runtime import crc32
from tests.buffer.memoryfs import MemoryFile
from tests.crash.driver import Violation
from tests.crash.enumeration import Enumeration


class Patches:
    """`setattr` and `undo`, as pytest's monkeypatch has them."""

    def __init__(self):
        self._old = []

    def setattr(self, target, name, value):
        self._old.append((target, name, target.__dict__[name]))
        setattr(target, name, value)

    def undo(self):
        while self._old:
            setattr(*self._old.pop())


def unlink_before_the_cursor(patches):
    """Files are removed before the cursor that is past them is durable."""
    real = Directory.settle

    def settle(self):
        for outlet in self.outlets.values():
            outlet.retention.sweep()
        real(self)

    patches.setattr(Directory, "settle", settle)


def crc_without_length(patches):
    """The CRC covers the payload alone, from 0, so that zeros are a valid record of 0 bytes."""

    def encode_records(records, word, seed, since_ms):
        parts = []
        for kind, now_ms, payload in records:
            head = (kind << 24 | len(payload), word, now_ms - since_ms)
            parts += [struct.pack("<IIII", crc32(payload), *head), payload]
            word += 1
        return parts

    def verify(self, offset):
        if offset + 16 >= self.limit:
            return None
        self._load(offset, 16)
        expected, size, word, _age = reader_module.unpack_from(
            "<IIII", self._data, offset - self._base
        )
        stop = offset + 16 + (size & 0xFFFFFF)
        if stop > self.limit:
            return None
        self._load(offset, stop - offset)
        start = offset + 16 - self._base
        kind = size >> 24
        seed = self.seed if kind == 0x7F else 0
        if kind == 0x7F:
            start = offset + 4 - self._base
        if crc32(self._data[start : stop - self._base], seed) != expected:
            return None
        return kind or 1, word >> 24 or self.ordinal, self.index, stop

    def take(self, max_records, max_bytes, into=None):
        if into is not None:
            into.append(self.read()[1])
        self.taken_crc = self._crc_of(self.offset, self._stop, self.taken_crc)
        self.offset = self._stop
        self.index += 1
        return 1

    def frame(file, run, offset, place):
        head = file.read_at(offset, 16)
        return file.read_at(offset, 16 + int.from_bytes(head[4:7], "little"))

    patches.setattr(batch_module, "_frame", frame)
    patches.setattr(segment_module, "encode_records", encode_records)
    patches.setattr(SegmentReader, "_verify", verify)
    patches.setattr(SegmentReader, "take", take)


def no_seed(patches):
    """Every segment has the same seed, so that old bytes showing through are valid records."""
    patches.setattr(segment_module, "segment_seed", lambda lane, first, nonce: 0)


def cursor_before_the_data(patches):
    """The cursor goes past a refused record before its copy is durable."""
    real = buffer_module.set_aside

    def set_aside(directory, lane, sequence, reason):
        state = directory.outlet(lane).state
        head, offset = state.head, state.head_offset
        state.head, state.head_offset = sequence + 1, 0
        directory.cursor.write()
        state.head, state.head_offset = head, offset
        return real(directory, lane, sequence, reason)

    patches.setattr(buffer_module, "set_aside", set_aside)


def number_reused(patches):
    """After everything was delivered, a restart gives the last number again."""
    real = Lane.recover

    def recover(self):
        real(self)
        if self.segments and self.state.head == self.next and self.next > 1:
            self.tail = None
            self._records = self.durable - 1, []

    patches.setattr(Lane, "recover", recover)


def unsynced_batch(patches):
    """A batch is cut from what a killed process left in the page cache, without a sync."""
    patches.setattr(Lane, "settle", lambda self: None)


def spool_unlinked_early(patches):
    """A spooled file is removed when its record is done with, not when the cursor is durable."""
    real = Retention._let_go

    def let_go(self, first, last):
        real(self, first, last)
        while self._spooled and self.lane.spool is not None:
            self.lane.spool.remove(self._spooled.pop())

    patches.setattr(Retention, "_let_go", let_go)


def both_slots(patches):
    """Both slots of the cursor are written at once, then synced."""
    real = Cursor.write

    def write(self, *, sync=True):
        real(self, sync=False)
        self._slot = 1 - self._slot
        real(self, sync=sync)

    patches.setattr(Cursor, "write", write)


def one_slot(patches):
    """The cursor is always written to the same slot."""
    real = Cursor.write

    def write(self, *, sync=True):
        real(self, sync=sync)
        self._slot = 0

    patches.setattr(Cursor, "write", write)


def no_sync(patches):
    """Records are reported durable without a sync."""
    patches.setattr(MemoryFile, "sync", lambda self: None)


def segment_name_not_synced(patches):
    """A segment is used before its name is durable."""
    real = SegmentWriter.create

    def create(fs, directory, lane_id, **fields):
        sync_dir = fs.sync_dir
        fs.sync_dir = lambda path: None
        try:
            return real(fs, directory, lane_id, **fields)
        finally:
            fs.sync_dir = sync_dir

    patches.setattr(SegmentWriter, "create", staticmethod(create))


def resumed_name_not_synced(patches):
    """A restart goes on in a segment whose name a killed process did not come to sync."""
    real = Lane._resume

    def resume(self, *args):
        settled, self._settled = self._settled, True
        try:
            return real(self, *args)
        finally:
            self._settled = settled

    patches.setattr(Lane, "_resume", resume)


def sync_repeated(patches):
    """A sync that failed is repeated, and believed."""
    real = MemoryFile.sync

    def sync(self):
        try:
            real(self)
        except OSError:
            real(self)

    patches.setattr(MemoryFile, "sync", sync)


def renamed_over_nothing(patches):
    """The record of a file is written before the file's name is durable."""

    def adopt(self, copy, sequence):
        self._fs.rename(copy.path, self.path(sequence))
        self._add(sequence, copy.size)

    patches.setattr(Spool, "adopt", adopt)


def loss_not_written(patches):
    """What a full lane dropped is counted in memory; the cursor hears of it later."""
    real = Directory.make_room

    def make_room(self, *args, **options):
        settle = self.settle
        self.settle = lambda: [outlet.retention.sweep() for outlet in self.outlets.values()]
        try:
            return real(self, *args, **options)
        finally:
            self.settle = settle

    patches.setattr(Directory, "make_room", make_room)


def ack_not_synced(patches):
    """An acknowledgement is written and not synced."""
    real = Cursor.write
    patches.setattr(Cursor, "write", lambda self, sync=True: real(self, sync=False))


PLANTS = [
    unlink_before_the_cursor,
    crc_without_length,
    no_seed,
    cursor_before_the_data,
    number_reused,
    unsynced_batch,
    spool_unlinked_early,
    both_slots,
    one_slot,
    no_sync,
    segment_name_not_synced,
    resumed_name_not_synced,
    sync_repeated,
    renamed_over_nothing,
    loss_not_written,
    ack_not_synced,
]


def find(plant, *, share=0.02, kinds=("plain",)):
    """Plant a bug and look for it: (how many states it took, what was violated), or None.

    A story that cannot be told to its end, because an answer in it is wrong, counts as one state.
    """
    states = 0
    for kind in kinds:
        patches = Patches()
        try:
            plant(patches)
            try:
                enumeration = Enumeration(kind)
            except (Violation, ValueError) as violation:
                return states + 1, f"in the story: {violation}"
            result = enumeration.check_all(share=share, stop_at=1)
        finally:
            patches.undo()
        states += result.distinct + result.second
        if result.violations:
            return states, result.violations[0][3]
    return None
