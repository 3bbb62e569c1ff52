"""Segments: their names, and the one that is being written.

Source: docs/buffer-format.md, "Segment" and "Writing".
"""

import errno

from ..errors import NO_SPACE
from ..runtime import random_bytes
from .frame import (
    HEADER_BYTES,
    MAX_INDEX,
    MAX_ORDINAL,
    Context,
    context_bytes,
    encode_context,
    encode_records,
    is_foreign,
    segment_header,
    segment_seed,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..runtime.cpython import FileSystem, RandomFile

_SUFFIX = ".seg"
_UNKNOWN_BYTES = 1024 * 1024  # as large as segments get: none of its numbers is used again
_WORTH_CUTTING_BYTES = 4096  # a page: less cannot be given back


class Segment:
    """One file of a lane: what its name and size tell.

    Attributes:
        first: Sequence number of its first record.
        nonce: Attempt << 24 | 24 random bits. Of two segments with one `first` the higher
            counts: the other was given up before anything in it was durable.
        size: Bytes that the file takes.
        used: Bytes of it that hold data.
        doubtful: It could not be opened when it was last tried.
    """

    __slots__ = ("doubtful", "first", "nonce", "path", "seed", "size", "used")

    def __init__(self, directory: str, lane_id: int, first: int, nonce: int) -> None:
        self.first = first
        self.nonce = nonce
        self.path = "%s/%016d-%08x%s" % (directory, first, nonce, _SUFFIX)
        self.seed = segment_seed(lane_id, first, nonce)
        self.size = 0
        self.used = 0
        self.doubtful = False


def list_segments(fs: "FileSystem", directory: str, lane_id: int) -> "list[Segment]":
    """The segments of a lane in order; foreign names are left alone."""
    found: "list[Segment]" = []
    for name in fs.list_dir(directory):
        segment = _parse_name(directory, lane_id, name)
        if segment is not None:
            try:
                segment.size = segment.used = fs.size(segment.path)
            except OSError as error:
                if error.errno == errno.ENOENT:
                    continue  # a link that leads nowhere
                segment.size = segment.used = _UNKNOWN_BYTES  # of what cannot even be looked at
            found.append(segment)
    return found


def remove_segment(fs: "FileSystem", lane_id: int, segment: Segment) -> None:
    """Remove a segment that is done with; one of another version, or that cannot be read, is only
    put out of the way."""
    header = b""
    unreadable = segment.doubtful  # its records were passed unread
    try:
        file = fs.open(segment.path, write=False)
        try:
            header = file.read_at(0, HEADER_BYTES)
        finally:
            file.close()
    except OSError as error:
        if error.errno == errno.ENOENT:
            return
        unreadable = True
    if unreadable or is_foreign(header, lane_id, segment.first, segment.nonce):
        fs.rename(segment.path, segment.path + ".kept")
    else:
        fs.remove_if_there(segment.path)


def _parse_name(directory: str, lane_id: int, name: str) -> "Segment | None":
    if len(name) != 16 + 1 + 8 + len(_SUFFIX) or name[16] != "-" or name[25:] != _SUFFIX:
        return None
    try:
        segment = Segment(directory, lane_id, int(name[:16]), int(name[17:25], 16))
    except ValueError:
        return None
    return segment if segment.path == directory + "/" + name and segment.first > 0 else None


class SegmentWriter:
    """The segment at the end of a lane, open for appending.

    Invariant: what stands before `end` is written and synced; nothing is believed after it.

    Attributes:
        usable: False once the file must be left as it is and another begun.
    """

    def __init__(self, segment: Segment, file: "RandomFile", size: int) -> None:
        self.segment = segment
        self.usable = True
        # End, index, last ordinal and context: one value, because an exception of the script's
        # (Ctrl-C, an alarm) may come between any two statements.
        self._at: "tuple[int, int, int, Context | None]" = (HEADER_BYTES, 0, 0, None)
        self._file = file
        self._size = size  # where it is full

    @staticmethod
    def create(
        fs: "FileSystem", directory: str, lane_id: int, *, first: int, attempt: int, size: int
    ) -> "SegmentWriter":
        """Begin a segment of *size* bytes; its name is durable when this returns.

        Raises:
            OSError: The disk refused it; nothing is left behind.
        """
        nonce = attempt << 24 | int.from_bytes(random_bytes(3), "little")
        segment = Segment(directory, lane_id, first, nonce)
        file = fs.open(segment.path, create=True)
        try:
            _preallocate(file, size)
            file.write_at(0, segment_header(lane_id, first, nonce))
            fs.sync_dir(directory)
        except OSError:
            file.close()
            fs.remove_if_there(segment.path)
            raise
        segment.size = size
        segment.used = HEADER_BYTES
        return SegmentWriter(segment, file, size)

    def resume(self, *, end: int, index: int, ordinal: int, context: Context) -> None:
        """Go on after what an earlier process wrote."""
        self._at = end, index, ordinal, context

    @property
    def end(self) -> int:
        """Where what is synced ends."""
        return self._at[0]

    @property
    def index(self) -> int:
        """Records in it, all of them synced."""
        return self._at[1]

    def space(self, context: Context) -> int:
        """Bytes left for frames under *context*; negative or 0 where there is no more room."""
        end, index, ordinal, last = self._at
        if not self.usable or index >= MAX_INDEX:
            return 0
        if context is last:
            return self._size - end
        if ordinal >= MAX_ORDINAL:
            return 0
        return self._size - end - context_bytes(context)

    def write(self, context: Context, records: "list[tuple[int, int, bytes]]") -> int:
        """Append *records* and sync them; return the bytes written.

        Raises:
            OSError: None of them is durable. What may stand of them in the file is cut back, or
                the segment is not `usable` any more.
        """
        end, index, ordinal, last = self._at
        head = b""
        if context is not last:
            ordinal += 1
            head = encode_context(context, ordinal << 24 | index, self.segment.seed)
        word = ordinal << 24 | index
        frames = encode_records(records, word, self.segment.seed, context.monotonic_ms)
        data = head + b"".join(frames)
        try:
            self._file.write_at(end, data)
        except OSError:
            # A short write leaves a torn record in the middle of what is appended later.
            self.usable = self._cut_back(len(data))
            raise
        try:
            self._file.sync()
        except OSError:
            # The kernel may have dropped the pages and will not say so again: asking twice would
            # be believing it. The records go to a new segment.
            self.usable = False
            self._cut_back(len(data))
            raise
        self._at = end + len(data), index + len(records), ordinal, context
        return len(data)

    def close(self, *, give_back: bool) -> None:
        """Close the file; *give_back* cuts off what was reserved and not used."""
        try:
            end = self._at[0]
            if give_back and self._size - end >= _WORTH_CUTTING_BYTES and self._cut_back(0):
                self.segment.size = end
        finally:
            self._file.close()

    def _cut_back(self, size: int) -> bool:
        """Undo a write of *size* bytes at the end; False where the file must be left.

        The caller tells somebody that a record was refused: it should not come back.
        """
        end = self._at[0]
        try:
            if self._file.truncate(end):
                return True
            self._file.write_at(end, bytes(size))
        except OSError:
            pass
        return False


def _preallocate(file: "RandomFile", size: int) -> None:
    try:
        file.preallocate(size)
    except OSError as error:
        if error.errno not in NO_SPACE:
            raise
        # No room for a whole segment: grow as far as it goes, so that little fits in little.
        file.truncate(0)
