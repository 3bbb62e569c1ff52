"""A disk whose cache is volatile: what the guest did not sync may be gone after the cut.

QEMU logs all that the guest writes, and each flush that it waits for (the block driver
`blklogwrites`). Its own file of the disk is thrown away with the process: at the cut the log is
replayed instead. What a later flush covers is there, as a disk promises it. Each sector written
since the last flush is there or not, by the dice: in any order, torn in the middle.

Source: Linux, Documentation/admin-guide/device-mapper/log-writes.rst, for the log's layout.
"""

import os
import struct

_MAGIC = 0x6A736677736872
_SECTOR = 512
_FLUSH, _DISCARD = 1, 4


class HoleInLog(Exception):
    """An entry that the log counts is not there: the process ended in the middle of writing it."""


class Fate:
    """What became of the sectors that were written before a cut."""

    def __init__(self):
        self.flushes = 0  # that the disk has answered
        self.synced = 0
        self.unsynced_kept = 0
        self.unsynced_lost = 0

    def __str__(self):
        return (
            f"{self.flushes} flushes, {self.synced} sectors synced; "
            f"of {self.unsynced_kept + self.unsynced_lost} others {self.unsynced_lost} lost"
        )


def replay(log, disk, dice=None):
    """Bring *disk* from what it was at the start to what the cut left of it.

    Args:
        log: Path of QEMU's log.
        disk: Path of the raw disk as the machine found it.
        dice: A `random.Random`; None keeps all, after an orderly end.

    Returns:
        A `Fate`.
    """
    fate, pending = Fate(), []
    share = dice.choice((0.0, 0.5, 0.9)) if dice is not None else 1.0
    with open(log, "rb") as source, open(disk, "r+b") as target:
        for sector, flags, data in _entries(source):
            if data:
                pending.append((sector, data))
            if flags & _FLUSH:
                fate.flushes += 1
                for at, content in pending:
                    target.seek(at * _SECTOR)
                    target.write(content)
                    fate.synced += len(content) // _SECTOR
                pending = []
        for at, content in pending:
            for number in range(len(content) // _SECTOR):
                if share == 1.0 or dice.random() < share:
                    target.seek((at + number) * _SECTOR)
                    target.write(content[number * _SECTOR : (number + 1) * _SECTOR])
                    fate.unsynced_kept += 1
                else:
                    fate.unsynced_lost += 1
    return fate


def _entries(source):
    """(sector, flags, data) of each entry; ends before one that was never finished."""
    size = os.fstat(source.fileno()).st_size
    magic, version, counted, sector_size = struct.unpack("<QQQI", source.read(28))
    assert (magic, version, sector_size) == (_MAGIC, 1, _SECTOR)
    at, number = _SECTOR, 0
    while at + _SECTOR <= size:
        source.seek(at)
        sector, count, flags, _length = struct.unpack("<QQQQ", source.read(32))
        if not (count or flags):
            break
        data = b""
        at += _SECTOR
        if not flags & _DISCARD:
            source.seek(at)
            data = source.read(count * _SECTOR)
            at += count * _SECTOR
            if len(data) < count * _SECTOR:
                break
        yield sector, flags, data
        number += 1
    # The count is renewed at each flush: what is missing below it may have been synced.
    if number < counted:
        raise HoleInLog(f"{number} of {counted} entries")
