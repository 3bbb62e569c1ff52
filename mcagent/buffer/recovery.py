"""Find the end of a lane after a stop. Reads the last segment only, and refuses nothing.

Source: docs/buffer-format.md, "Recovery".
"""

import errno

from .frame import FRAME_BYTES, HEADER_BYTES, Context, is_foreign
from .reader import NoFile, SegmentReader
from .segment import Segment, list_segments

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..runtime.cpython import FileSystem
    from .cursor import LaneState

_ALL = 0x3FFFFFFF


class Found:
    """What a lane goes on from.

    Attributes:
        segments: Those on disk, oldest first.
        next: Sequence number that the next record gets.
        tail: Offset, index, ordinal and context of the place in the last segment where writing
            can go on; None where a new one has to begin.
    """

    def __init__(self, segments: "list[Segment]", state: "LaneState") -> None:
        self.segments = segments
        self.next = state.head
        if state.hole_last >= self.next:
            self.next = state.hole_last + 1
        self.tail: "tuple[int, int, int, Context] | None" = None


def recover(fs: "FileSystem", directory: str, lane_id: int, state: "LaneState") -> Found:
    """See above."""
    segments: "list[Segment]" = []
    listed = list_segments(fs, directory, lane_id)
    for place, segment in enumerate(listed):
        if place + 1 < len(listed) and listed[place + 1].first == segment.first:
            # Given up before anything in it was durable, and begun again.
            try:
                fs.remove_if_there(segment.path)
            except OSError:
                pass  # it is as harmless as before
        else:
            segments.append(segment)
    found = Found(segments, state)
    if segments:
        _recover_tail(found, fs, directory, lane_id)
    return found


def open_reader(
    fs: "FileSystem", directory: str, lane_id: int, segment: Segment, limit_index: int
) -> SegmentReader:
    """Read *segment* from its start; one that somebody removed holds nothing any more.

    Raises:
        OSError: It cannot be opened.
    """
    try:
        file = fs.open(segment.path, write=False)
    except OSError as error:
        # Without its folder the whole medium may be away for a while: that is no loss.
        if error.errno != errno.ENOENT or not fs.exists(directory):
            raise
        segment.used = 0
        return SegmentReader(NoFile(), segment.seed, limit=0)
    header, unreadable = b"", False
    try:
        header = file.read_at(0, HEADER_BYTES)
    except OSError:
        unreadable = True  # the name says the same
    foreign = is_foreign(header, lane_id, segment.first, segment.nonce)
    limit = 0 if foreign else segment.used
    reader = SegmentReader(file, segment.seed, limit=limit, limit_index=limit_index)
    reader.foreign = foreign
    reader.unreadable = unreadable
    return reader


def _recover_tail(found: Found, fs: "FileSystem", directory: str, lane_id: int) -> None:
    segment = found.segments[-1]
    try:
        reader = open_reader(fs, directory, lane_id, segment, _ALL)
    except OSError:
        # It may be readable tomorrow: none of the numbers that it may hold is used again.
        found.next = max(found.next, segment.first + _most_records(segment.size))
        return
    try:
        while reader.peek():
            reader.take(_ALL, _ALL)
    finally:
        reader.file.close()
    follows = segment.first + reader.index
    if reader.foreign:
        # Of another version: it may hold this many records, and none of their numbers is ours.
        follows += _most_records(segment.size)
    elif reader.unreadable and (reader.torn or not reader.index):
        follows += _most_records(segment.size)
    elif reader.torn:
        # Half-written at the cut, or damaged after it was durable: the two look alike, so its
        # number is not used again and one record counts as damaged.
        follows += 1
    elif follows >= found.next:
        found.tail = reader.offset, reader.index, reader.ordinal, reader.context
        segment.used = reader.offset
    found.next = max(found.next, follows)


def _most_records(size: int) -> int:
    """One more than *size* bytes can hold."""
    return size // (FRAME_BYTES + 1) + 1
