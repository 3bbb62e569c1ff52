"""Walk through one segment: its records, and between them what is damaged or missing.

Source: docs/buffer-format.md, "Reading" and "Damage".
"""

import struct
import time

from ..buffer.batch import Record
from ..buffer.frame import HEADER_BYTES, is_foreign
from ..buffer.reader import SegmentReader

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Iterator

    from ..buffer.segment import Segment
    from .survey import LaneView, Survey

_ALL = 0x3FFFFFFF
# A group is written in one call: half of it at the end of the last segment is either torn, or
# whole a moment later.
_TORN_TRIES = 3
_TORN_PAUSE_S = 0.03


class Damage:
    """A part of a segment that holds no intact record.

    Attributes:
        start, stop: Where in the file; equal where only numbers are missing.
        size: Bytes that are damaged between the two.
        first, last: Sequence numbers that are missing for it, both included; *last* is below
            *first* where none is.
        tail: Nothing intact follows in this segment.
        open_end: No later segment says how many numbers are missing: one, or more.
    """

    def __init__(
        self,
        spans: "list[tuple[int, int]]",
        offset: int,
        first: int,
        last: int,
        *,
        tail: bool = False,
        open_end: bool = False,
    ) -> None:
        self.start = spans[0][0] if spans else offset
        self.stop = spans[-1][1] if spans else offset
        self.size = sum(stop - start for start, stop in spans)
        self.first = first
        self.last = last
        self.tail = tail
        self.open_end = open_end

    @property
    def missing(self) -> int:
        """How many sequence numbers."""
        return self.last - self.first + 1


class Stretch:
    """Consecutive intact records of one kind under one context.

    Attributes:
        oldest: The first of them; its payload is left out.
        count: How many.
        size: Bytes that they take in the file.
    """

    def __init__(self, oldest: Record, count: int, size: int) -> None:
        self.oldest = oldest
        self.count = count
        self.size = size

    @property
    def last(self) -> int:
        return self.oldest.sequence + self.count - 1


class SegmentWalk:
    """One pass over a segment, once; a context manager.

    Attributes:
        foreign: It is of another version, or of another place: nothing of it is read.
        damage: What was passed so far.
        newest: After `stretches`, the last record; its payload is left out.
    """

    def __init__(self, survey: "Survey", lane: "LaneView", place: int) -> None:
        """Open ``lane.segments[place]``.

        Raises:
            OSError: It went away, or cannot be read.
        """
        self.segment: "Segment" = lane.segments[place]
        self.end = lane.end_of(place)
        self.damage: "list[Damage]" = []
        self.newest: "Record | None" = None
        self.file = survey.fs.open(self.segment.path)
        self.size = self.file.size()
        try:
            header = self.file.read_at(0, HEADER_BYTES)
        except OSError:
            header = b""  # the name says the same
        segment = self.segment
        self.foreign = is_foreign(header, lane.number, segment.first, segment.nonce)
        self._reader = self._begin()
        self._expected = 0  # index of the next record
        self._seen = 0  # damaged parts that were turned into `damage`

    def __enter__(self) -> "SegmentWalk":
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()

    @property
    def offset(self) -> int:
        """How far the walk is in the file."""
        return self._reader.offset

    def stretches(self) -> "Iterator[Stretch]":
        """What is there, without the payloads: about a million records a second."""
        mark = self._reader.mark()
        count = 0
        while self._peek():
            reader = self._reader
            mark = reader.mark()
            oldest = self._record(b"")
            count = reader.take(_ALL, _ALL)
            self._expected = reader.index
            yield Stretch(oldest, count, reader.offset - mark[0])
        if count:
            reader = self._reader
            end = reader.mark()
            reader.reset(mark)
            while reader.peek() and count > 1:
                count -= reader.take(count - 1, _ALL)
            self.newest = self._record(b"")
            reader.reset(end)

    def records(self, first: int = 0) -> "Iterator[Record]":
        """Every record from the sequence number *first* on, with its payload."""
        while self._peek():
            reader = self._reader
            below = first - self.segment.first - reader.index
            if below > 0:
                reader.take(below, _ALL)
                self._expected = reader.index
                continue
            record = self._record(None)
            reader.take(1, _ALL)
            self._expected = reader.index
            yield record

    # -- private ----------------------------------------------------------------------------

    def _begin(self) -> SegmentReader:
        limit_index = _ALL if self.end is None else self.end - self.segment.first
        limit = 0 if self.foreign else self.size
        return SegmentReader(self.file, self.segment.seed, limit=limit, limit_index=limit_index)

    def _sequence(self) -> int:
        return self.segment.first + self._reader.index

    def _record(self, payload: "bytes | None") -> Record:
        """The one that `peek` found."""
        reader = self._reader
        age_ms, found = reader.read()
        kept = found if payload is None else payload
        return Record(self._sequence(), reader.kind, kept, age_ms, reader.context)

    def _peek(self) -> bool:
        """Stand at the next record, with what is before it noted; False at the end."""
        kind = self._peek_patiently()
        reader = self._reader
        spans = reader.damage[self._seen :]
        self._seen = len(reader.damage)
        expected = self.segment.first + self._expected
        if kind:
            found = self._sequence()
            if spans or found > expected:
                self.damage.append(Damage(spans, reader.offset, expected, found - 1))
        elif not self.foreign:
            last = expected - 1 if self.end is None else self.end - 1
            if spans or last >= expected:
                self.damage.append(
                    Damage(
                        spans,
                        reader.offset,
                        expected,
                        last,
                        tail=True,
                        open_end=self.end is None,
                    )
                )
        return bool(kind)

    def _peek_patiently(self) -> int:
        for attempt in range(_TORN_TRIES):
            reader = self._reader
            mark = reader.mark()
            try:
                kind = reader.peek()
            except (ValueError, struct.error):
                # A context whose CRC is right and whose content is not: nobody can read on.
                reader.damage.append((reader.offset, self.size))
                reader.offset = reader.limit
                return 0
            open_end = not kind and self.end is None and reader.torn
            if len(reader.damage) == mark[4] or (attempt and not open_end):
                return kind
            if attempt + 1 < _TORN_TRIES:
                # Perhaps its owner was writing just then; what was read is read anew.
                if open_end:
                    time.sleep(_TORN_PAUSE_S)
                self.size = self.file.size()
                self._reader = self._begin()
                self._reader.damage = reader.damage[: mark[4]]
                self._reader.reset(mark)
        return 0
