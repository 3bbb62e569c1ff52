"""Read one segment in order: verify every frame, take in contexts, step over damage.

The memory it needs is one window, or one record where that is larger.

Source: docs/buffer-format.md, "Reading" and "Damage".
"""

from ..runtime import MICROPYTHON, crc32
from .frame import (
    CONTEXT,
    FRAME_BYTES,
    HEADER_BYTES,
    UNKNOWN,
    Context,
    unpack_from,
    unpack_words,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..runtime.cpython import RandomFile

WINDOW_BYTES = 2048 if MICROPYTHON else 65536
_PAYLOAD_OFFSET = FRAME_BYTES - 4  # behind the CRC
_SECTOR_BYTES = 4096  # what a medium loses at once
_NO_LIMIT = 0x7FFFFFFF


class NoFile:
    """Stands in for a segment that is not there."""

    def read_at(self, offset: int, size: int) -> bytes:  # noqa: ARG002
        return b""

    def close(self) -> None:
        pass


class SegmentReader:
    """A place in a segment.

    Attributes:
        offset: Where the next frame is expected.
        index: Index of the next record in the segment; `peek` moves it over lost records.
        context: What holds for the next record.
        damage: (start, stop) of every damaged part passed so far.
        limit: Bytes of the segment that may be read; raised by the caller as it grows.
        limit_index: Index at which the next segment begins.
        foreign: The segment is of another version; the limit is 0 then.
        unreadable: The medium did not give back some of its bytes.
        taken_crc: CRC of the bytes that `take` passed; the caller sets where it begins.
    """

    def __init__(
        self, file: "RandomFile | NoFile", seed: int, *, limit: int, limit_index: int = _NO_LIMIT
    ) -> None:
        self.file = file
        self.seed = seed
        self.offset = HEADER_BYTES
        self.index = 0
        self.ordinal = 0
        self.context = UNKNOWN
        self.damage: "list[tuple[int, int]]" = []
        self.limit = limit
        self.limit_index = limit_index
        self.taken_crc = 0
        self.foreign = False
        self.unreadable = False
        self.kind = 0
        self._stop = 0
        self._data = b""
        self._base = 0

    def mark(self) -> "tuple[int, int, int, Context, int]":
        """The present place, for `reset`."""
        return self.offset, self.index, self.ordinal, self.context, len(self.damage)

    def reset(self, mark: "tuple[int, int, int, Context, int]") -> None:
        self.offset, self.index, self.ordinal, self.context, damaged = mark
        self.damage = self.damage[:damaged]

    def peek(self) -> int:
        """Kind of the next record, 0 at the end; contexts and damage before it are passed."""
        while True:
            found = self._verify(self.offset)
            if found is None:
                if not self._resync():
                    return 0
                continue
            kind, ordinal, index, stop = found
            if index >= self.limit_index:
                return 0
            if kind == CONTEXT:
                start = self.offset - self._base + FRAME_BYTES
                self.context = Context.parse(self._data[start : stop - self._base])
                self.ordinal = ordinal
                self.index = index
                self.offset = stop
                continue
            if ordinal != self.ordinal:
                self.ordinal = ordinal
                self.context = UNKNOWN
            self.index = index
            self.kind = kind
            self._stop = stop
            return kind

    def take(self, max_records: int, max_bytes: int, into: "list[bytes] | None" = None) -> int:
        """Pass consecutive records like the one that `peek` found; return how many.

        Stops where kind or context changes, where something is damaged, and at the end of the
        window: the caller peeks again. 0 means that the next record exceeds *max_bytes*
        (payloads and a comma between each). *into* gets the payloads instead of `taken_crc`; not
        that of a `long` record.
        """
        data = self._data
        if self.long:  # verified piece by piece
            if self._stop - self.offset - FRAME_BYTES > max_bytes or not max_records:
                return 0
            self.taken_crc = self._crc_of(self.offset, self._stop, self.taken_crc)
            self.offset = self._stop
            self.index += 1
            return 1
        seed = self.seed
        crc = crc32
        unpack = unpack_words
        start = offset = self.offset - self._base
        header_end = len(data) - FRAME_BYTES
        # Frames are longer than payloads and commas: this bound is a little too strict, so that
        # the loop has one compare less; the caller comes back for the rest.
        bound = min(len(data), start + max_bytes)
        # The kind is checked with the length: another kind lands far outside the window.
        shift = (self.kind << 24) - FRAME_BYTES
        first_word = self.ordinal << 24 | self.index
        add = into.append if into is not None else None
        count = 0
        for word in range(
            first_word, first_word + min(max_records, self.limit_index - self.index)
        ):
            if offset >= header_end:
                break
            expected, size, found = unpack(data, offset)
            stop = offset + size - shift
            if found != word or stop > bound:
                break
            frame = data[offset + 4 : stop]
            if crc(frame, seed) != expected:
                break
            if add is not None:
                add(frame[_PAYLOAD_OFFSET:])
            offset = stop
            count += 1
        if not count and max_records and self._stop - self.offset - FRAME_BYTES <= max_bytes:
            if into is not None:
                into.append(data[offset + FRAME_BYTES : self._stop - self._base])
            offset = self._stop - self._base  # verified by `peek`
            count = 1
        if into is None:
            self.taken_crc = crc(data[start:offset], self.taken_crc)
        self.offset += offset - start
        self.index += count
        return count

    def read(self) -> "tuple[int, bytes]":
        """Age in ms and payload of the record that `peek` found; the place stays."""
        self._load(self.offset, self._stop - self.offset)
        start = self.offset - self._base
        payload = self._data[start + FRAME_BYTES : self._stop - self._base]
        return self.age_ms(self.offset), payload

    def age_ms(self, offset: int) -> int:
        """Of the record at *offset*, which was verified: ms between its context and itself."""
        self._load(offset, FRAME_BYTES)
        age_ms: int = unpack_from("<I", self._data, offset - self._base + 12)[0]
        return age_ms

    @property
    def long(self) -> bool:
        """True where the record that `peek` found is longer than the window."""
        return self._stop > self._base + len(self._data)

    @property
    def torn(self) -> bool:
        """True where, at the end, the last bytes were neither a frame nor zeros."""
        return bool(self.damage) and self.damage[-1][1] >= self.limit

    # -- private ----------------------------------------------------------------------------

    def _load(self, offset: int, size: int) -> None:
        """Have at least *size* bytes at *offset* in the window, where the segment has them."""
        if self._base <= offset and offset + size <= self._base + len(self._data):
            return
        wanted = max(size, WINDOW_BYTES)
        self._data = self._read(offset, min(wanted, self.limit - offset))
        self._base = offset

    def _read(self, offset: int, size: int) -> bytes:
        """What can be read; a part that the medium does not give back counts as zeros."""
        try:
            return self.file.read_at(offset, size)
        except OSError:
            pass
        parts = []
        stop = offset + size
        while offset < stop:
            piece = min(_SECTOR_BYTES - offset % _SECTOR_BYTES, stop - offset)
            try:
                parts.append(self.file.read_at(offset, piece))
            except OSError:
                self.unreadable = True
                parts.append(bytes(piece))
            offset += piece
        return b"".join(parts)

    def _verify(self, offset: int) -> "tuple[int, int, int, int] | None":
        """(kind, ordinal, index, stop) of an intact frame at *offset*."""
        if offset + FRAME_BYTES >= self.limit:
            return None
        self._load(offset, FRAME_BYTES)
        if offset - self._base + FRAME_BYTES > len(self._data):
            return None
        expected, size, word, _age = unpack_from("<IIII", self._data, offset - self._base)
        kind, length, index = size >> 24, size & 0xFFFFFF, word & 0xFFFFFF
        stop = offset + FRAME_BYTES + length
        if not kind or not length or stop > self.limit or index < self.index:
            return None
        # A gap in the index needs damage that can have held it: 17 bytes a record.
        origin = self.offset
        if self.damage and self.damage[-1][1] == origin:
            origin = self.damage[-1][0]
        if index - self.index > (offset - origin) // (FRAME_BYTES + 1):
            return None
        if stop - offset <= WINDOW_BYTES:
            self._load(offset, stop - offset)
        if self._crc_of(offset + 4, stop, self.seed) != expected:
            return None
        return kind, word >> 24, index, stop

    def _crc_of(self, start: int, stop: int, crc: int) -> int:
        """CRC of a part that, with a damaged length, may be anything up to the segment."""
        if self._base <= start and stop <= self._base + len(self._data):
            return crc32(self._data[start - self._base : stop - self._base], crc)
        while start < stop:
            piece = self._read(start, min(WINDOW_BYTES, stop - start))
            if not piece:
                return -1
            crc = crc32(piece, crc)
            start += len(piece)
        return crc

    def _resync(self) -> bool:
        """Step over what is damaged at `offset`. False at the end of the data."""
        start = self.offset
        if start >= self.limit or self._rest_is_zero(start):
            return False
        # One flipped bit in a payload: the frame ends where it always did.
        stop = start
        if start + FRAME_BYTES < self.limit:
            self._load(start, FRAME_BYTES)
            if start - self._base + FRAME_BYTES <= len(self._data):
                size = unpack_from("<I", self._data, start - self._base + 4)[0]
                stop = start + FRAME_BYTES + (size & 0xFFFFFF)
        if stop == start or stop > self.limit or self._verify(stop) is None:
            stop = self._scan(start + 1)
        self.damage.append((start, stop))
        self.offset = stop
        return stop < self.limit

    def _scan(self, offset: int) -> int:
        """Offset of the next intact frame; the limit where there is none."""
        while offset + FRAME_BYTES < self.limit:
            self._load(offset, FRAME_BYTES + 1)
            data, base = self._data, self._base
            last = len(data) - FRAME_BYTES
            place = offset - base
            if last <= place:
                break
            while place < last:
                # The kind is the cheapest test: 0 in every stretch of zeros.
                if data[place + 7] and self._verify(base + place) is not None:
                    return base + place
                if self._data is not data:  # a long candidate moved the window
                    break
                place += 1
            offset = base + place + (place < last)
        return self.limit

    def _rest_is_zero(self, offset: int) -> bool:
        while offset < self.limit:
            try:
                data = self.file.read_at(offset, min(WINDOW_BYTES, self.limit - offset))
            except OSError:
                return False
            if not data:
                return True  # shorter than it was said to be
            if data.count(b"\0") != len(data):
                return False
            offset += len(data)
        return True
