"""The cursor: one small file that says how far each lane was delivered, and what was lost.

Two slots; a write never touches the slot that was synced last, so after any cut one is whole.
Losing both costs duplicates, never a record.

Source: docs/buffer-format.md, "Cursor".
"""

import errno
import struct

from ..errors import NO_SPACE
from ..runtime import MICROPYTHON, crc32

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..runtime.cpython import FileSystem, RandomFile

_MAGIC = b"mcagcur\x01"  # the last byte is the format version
_SLOT_OFFSETS = (0, 4096)  # pages of their own: a torn page takes one slot
_FILE_BYTES = 8192
_SLOT_BYTES = 4096
_TRIES = 2
# EACCES, ENOMEM, ENFILE, EMFILE: the cursor is as good as ever, and must not begin anew.
_NOT_DAMAGED = (13, 12, 23, 24)
_RESERVE = ".reserve"
_RESERVE_BYTES = 16384  # four blocks of littlefs
_PIECE_BYTES = 2048 if MICROPYTHON else _RESERVE_BYTES
_HEAD = "<8sQqI"  # magic, generation, high water, lanes
_HEAD_BYTES = 28
_LANE = "QQQQQQq"  # the numbers of LaneState, in its order
_LANE_BYTES = 56
_LOSS = "<QQQQqq"
_LOSS_BYTES = 48

# Why a record is gone; the order is the format's.
REASONS = ("quota", "damaged", "age", "space")
_LOSS_FIELDS = ("records", "bytes", "first", "last", "since_ms", "until_ms")
_LOSSES_BYTES = len(REASONS) * _LOSS_BYTES
_STATE_BYTES = _LANE_BYTES + _LOSSES_BYTES


class LaneState:
    """What the cursor knows of one lane.

    Attributes:
        head: Sequence number of the first record that is not done with.
        head_offset: Where it stands in its segment, 0 for unknown; for counting bytes only.
        hole_first, hole_last: Records after `head` that are gone already (dropped behind a batch
            that was being sent); 0 for none.
        batch_last: Last record of the batch that was cut last, so that a restart cuts it again;
            0 for none.
        reported: Lost records that the platform was told of.
        reported_ms: Wall clock when it was; 0 for never, or while the clock was not trusted.
    """

    def __init__(self) -> None:
        self.head = 1
        self.head_offset = 0
        self.hole_first = 0
        self.hole_last = 0
        self.batch_last = 0
        self.reported = 0
        self.reported_ms = 0
        self._losses = bytes(_LOSSES_BYTES)  # packed: they change rarely, and are written often

    @property
    def hole(self) -> int:
        """Records in the hole."""
        return self.hole_last - self.hole_first + 1 if self.hole_first else 0

    def lose(
        self, reason: str, first: int, last: int, *, records: int, size: int, now_ms: int
    ) -> None:
        """Count *records* in the range that are gone; they took *size* bytes."""
        place = REASONS.index(reason) * _LOSS_BYTES
        lost, lost_bytes, low, high, since_ms, until_ms = struct.unpack_from(
            _LOSS, self._losses, place
        )
        loss = struct.pack(
            _LOSS,
            lost + records,
            lost_bytes + max(0, size),
            min(low or first, first),
            max(high, last),
            since_ms or now_ms,
            now_ms or until_ms,
        )
        self._losses = self._losses[:place] + loss + self._losses[place + _LOSS_BYTES :]

    def losses(self) -> "dict[str, dict[str, int]]":
        """Reason to what is gone for it: records, the bytes that they took on disk, the range of
        sequence numbers that holds them, and when the first and the latest was noticed (0 while
        the clock was not trusted). Reasons without a record are left out."""
        found = {}
        for place, reason in enumerate(REASONS):
            loss = struct.unpack_from(_LOSS, self._losses, place * _LOSS_BYTES)
            if loss[0]:
                found[reason] = dict(zip(_LOSS_FIELDS, loss))
        return found

    def fields(self) -> "tuple[Any, ...]":
        """What `Cursor.write` packs: the numbers, and the losses as bytes."""
        return (
            self.head,
            self.head_offset,
            self.hole_first,
            self.hole_last,
            self.batch_last,
            self.reported,
            self.reported_ms,
            self._losses,
        )

    def load(self, data: bytes, offset: int) -> None:
        (
            self.head,
            self.head_offset,
            self.hole_first,
            self.hole_last,
            self.batch_last,
            self.reported,
            self.reported_ms,
        ) = struct.unpack_from("<" + _LANE, data, offset)
        self._losses = data[offset + _LANE_BYTES : offset + _STATE_BYTES]


class Cursor:
    """The states of all lanes, in the order of the format, and the file that keeps them."""

    def __init__(self, fs: "FileSystem", path: str, lanes: int) -> None:
        self.states = [LaneState() for _ in range(lanes)]
        self.high_water_ms = 0
        self.writes = 0
        self.damaged = False  # neither slot could be read
        self._fs = fs
        self._path = path
        self._reserved = False
        self._keeps_unsynced = getattr(fs, "keeps_unsynced", True)
        self._file: "RandomFile | None" = None
        self._layout = _HEAD + (_LANE + "%ds" % _LOSSES_BYTES) * lanes
        self._generation = 0
        self._slot = 0  # the one that may be written
        self._settled = True  # the other slot is known to be synced

    def load(self) -> None:
        """Take the newest whole slot; without one everything is as if nothing was delivered."""
        data = self._read()
        if data is None:
            return
        best = -1
        for slot, offset in enumerate(_SLOT_OFFSETS):
            generation = self._generation_at(data, offset)
            if generation > self._generation:
                self._generation, best = generation, slot
        if best < 0:
            self.damaged = True
            if _is_newer(data):
                # Ours begins anew, at the oldest records; a later upgrade finds what it wrote.
                self._fs.rename(self._path, self._path + ".kept")
            return
        offset = _SLOT_OFFSETS[best]
        self.high_water_ms = struct.unpack_from(_HEAD, data, offset)[2]
        offset += _HEAD_BYTES
        for state in self.states:
            state.load(data, offset)
            offset += _STATE_BYTES
        self._slot = 1 - best
        self._settled = False

    def create(self) -> None:
        """Make the file while there is room for it: an acknowledgement must not need space.

        Its directory entry is durable after the caller's `sync_dir`.
        """
        there = self._fs.exists(self._path)
        size = self._fs.size(self._path) if there else 0
        if size >= _FILE_BYTES:
            return
        self._file = self._fs.open(self._path, create=not there)
        try:
            self._file.write_at(size, bytes(_FILE_BYTES - size))
            self.write()
        except OSError:
            # Half a cursor would be filled up at the next record.
            self._file.close()
            self._file = None
            if not there:
                self._fs.remove_if_there(self._path)
            raise
        self.keep_reserve()

    def write(self, *, sync: bool = True) -> None:
        """Write the states to the slot that was not synced last.

        Without *sync* the same slot is written again next time: the other one stays the one that
        a power cut leaves whole. It is for a killed process; where nothing is left of one that
        was not synced, nothing is written.
        """
        if not sync and not self._keeps_unsynced:
            return
        self.settle()
        values: "list[Any]" = [_MAGIC, self._generation + 1, self.high_water_ms, len(self.states)]
        for state in self.states:
            values += state.fields()
        data = struct.pack(self._layout, *values)
        data += struct.pack("<I", crc32(data))
        self._generation += 1
        file = self._open()
        try:
            self._put(file, data, sync)
        except OSError as error:
            if error.errno not in NO_SPACE or not self._fs.exists(self._path + _RESERVE):
                raise
            self._fs.remove(self._path + _RESERVE)
            self._reserved = False
            self._put(file, data, sync)
        if sync:
            self._slot = 1 - self._slot

    def _put(self, file: "RandomFile", data: bytes, sync: bool) -> None:
        file.write_at(_SLOT_OFFSETS[self._slot], data)
        self.writes += len(data)
        if sync:
            file.sync()

    def keep_reserve(self) -> None:
        """Put room by for `write`: a copy-on-write file system needs some to write over a file,
        and an acknowledgement is what makes room on a full one. Silent where there is none."""
        if self._reserved:
            return
        path = self._path + _RESERVE
        try:
            if not self._fs.exists(path):
                file = self._fs.open(path, create=True)
                try:
                    for offset in range(0, _RESERVE_BYTES, _PIECE_BYTES):
                        file.write_at(offset, bytes(_PIECE_BYTES))
                finally:
                    file.close()
            self._reserved = True
        except OSError:
            self._drop_half_reserve(path)

    def _drop_half_reserve(self, path: str) -> None:
        try:
            self._fs.remove_if_there(path)
        except OSError:
            pass

    def settle(self) -> None:
        """Make what `load` found durable.

        A killed process may have left it in the page cache only; until it is synced, nothing may
        be removed because of it, and the other slot may not be written.
        """
        if not self._settled:
            self._open().sync()
            self._settled = True

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _open(self) -> "RandomFile":
        if self._file is None:
            # Missing although there are records: somebody removed it. Duplicates, no loss.
            self.create()
        if self._file is None:
            self._file = self._fs.open(self._path)
        return self._file

    def _read(self) -> "bytes | None":
        """The file, None where there is none. A slot that the medium does not give back is empty;
        an error that comes once is no reason to send everything again."""
        for _ in range(_TRIES):
            try:
                file = self._fs.open(self._path, write=False)
            except OSError as error:
                if error.errno == errno.ENOENT:
                    return None
                if error.errno in _NOT_DAMAGED:
                    raise
                continue
            try:
                return b"".join([_read_slot(file, offset) for offset in _SLOT_OFFSETS])
            finally:
                file.close()
        return b""

    def _generation_at(self, data: bytes, offset: int) -> int:
        """Generation of the slot at *offset*, 0 where it is not whole."""
        size = _HEAD_BYTES + len(self.states) * _STATE_BYTES
        if len(data) < offset + size + 4:
            return 0
        magic, generation, _high_water_ms, lanes = struct.unpack_from(_HEAD, data, offset)
        if magic != _MAGIC or lanes != len(self.states):
            return 0
        if crc32(data[offset : offset + size]) != struct.unpack_from("<I", data, offset + size)[0]:
            return 0
        return int(generation)


def _is_newer(data: bytes) -> bool:
    """True where a slot is of a version that is not known here."""
    return any(
        data[offset : offset + 7] == _MAGIC[:7] and data[offset + 7 : offset + 8] > _MAGIC[7:]
        for offset in _SLOT_OFFSETS
    )


def _read_slot(file: "RandomFile", offset: int) -> bytes:
    data = b""
    for _ in range(_TRIES):
        try:
            data = file.read_at(offset, _SLOT_BYTES)
            break
        except OSError:
            pass
    return data + bytes(_SLOT_BYTES - len(data))
