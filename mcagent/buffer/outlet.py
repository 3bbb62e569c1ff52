"""One lane's way out: batches from the head on, and going past what was answered.

The head moves in memory; the caller writes the cursor (see retention.py).
"""

import errno

from ..runtime import MICROPYTHON
from .aging import too_old
from .batch import Batch, Record, Run, new_run
from .damaged import keep_aside
from .frame import FRAME_BYTES, UNKNOWN
from .retention import Retention

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .lane import Lane
    from .reader import SegmentReader
    from .segment import Segment

_ALL = 0x3FFFFFFF
_NOWHERE = 0
# Payloads of a batch that stay in memory: the body is joined from them without a second reading.
# On MicroPython memory is dearer.
_HELD_BYTES = 0 if MICROPYTHON else 262144
# How often a lane is found to be unreadable before its records count as damaged: a whole segment
# with something readable behind it, and where nothing is. With the pauses of an uploader the
# latter are hours.
_TRIES, _PATIENCE = 3, 20
_OURS = (12, 23, 24)  # ENOMEM, ENFILE, EMFILE: a want of this process, not of the segment


class Outlet:
    """Reads a lane from its head.

    Attributes:
        batch: The one that is out, or None.
    """

    def __init__(self, lane: "Lane") -> None:
        self.lane = lane
        self.state = lane.state
        self.retention = Retention(lane)
        self.batch: "Batch | None" = None
        self._reader: "SegmentReader | None" = None
        self._segment: "Segment | None" = None
        self._place = 0  # sequence number at which `_reader` stands
        self._marked: "SegmentReader | None" = None  # where `_collect` began
        self._mark = (0, 0, 0, UNKNOWN, 0)
        self._damage: "list[tuple[Segment, int, int]]" = []  # passed by the batch
        self._unreadable: "OSError | None" = None  # why `_collect` could not read a segment
        self._unopened = False  # it was a whole one
        self._refusals = 0  # times in a row that nothing could be read

    @property
    def records(self) -> int:
        """Records not done with; damaged ones count until they are passed."""
        return self.lane.next - self.state.head - self.state.hole

    # -- out --------------------------------------------------------------------------------

    def cut(self, max_bytes: int, max_records: int, max_sequence: "int | None") -> "Batch | None":
        """The next batch, pinned; None where nothing is left up to *max_sequence*."""
        lane, state = self.lane, self.state
        lane.settle()
        while True:
            if state.head > lane.durable:
                lane.flush()
            last = lane.durable
            if max_sequence is not None:
                last = min(last, max_sequence)
            if state.hole_first:
                last = min(last, state.hole_first - 1)
            if state.head <= state.batch_last < last:
                last = state.batch_last  # cut before, and perhaps received: the same again
            if last < state.head:
                return None
            runs, size = self._collect(last, max_bytes, max_records)
            # A sector is passed at once with what is readable behind it; a whole segment is not.
            tries = _PATIENCE
            if runs or state.batch_last:
                tries = _TRIES if self._unopened else 0
            if self._unreadable is not None and self._refusals < tries:
                # Perhaps the medium is away for a while: that is no loss.
                self._refusals += 1
                self._forget_place()
                raise self._unreadable
            if runs:
                self._refusals = 0
                break
            if self._unreadable is not None and state.batch_last:
                state.batch_last = 0  # it cannot be cut again; perhaps what follows can be read
                continue
            # No intact record stands up to `last`: done with them.
            self.advance(last + 1, 0, [])
        self.batch = Batch(lane.fs, lane.name, runs, payload_bytes=size)
        state.batch_last = self.batch.last
        return self.batch

    def ack(self, batch: Batch) -> None:
        """The batch was delivered."""
        if batch is not self.batch:
            raise ValueError("%r is not out any more" % (batch,))
        self.batch = None
        self.advance(batch.last + 1, batch.runs[-1].stop, batch.runs)

    def release(self, batch: Batch, *, again: bool) -> None:
        """The batch was not delivered: unpin it and go back to the head."""
        if batch is self.batch:
            self.batch = None
            if again:
                self._go_back()
            else:
                # Read anew: what was in memory may be damaged on the disk by now.
                self._forget_place()
                self.state.batch_last = 0

    def first_record(self) -> "Record | None":
        """The oldest durable record that is not done with; nothing moves."""
        if self.batch is not None:
            return _first_of(self.batch)  # which stays out, also where this cannot be read
        if self.state.head > self.lane.durable:
            return None
        runs, _size = self._collect(self.lane.durable, 1, 1)
        record = None
        payloads = runs[0].payloads if runs else None
        if payloads and self._reader is not None:  # in memory, and verified just now
            run, age_ms = runs[0], self._reader.age_ms(runs[0].offset)
            record = Record(run.sequence, run.kind, payloads[0], age_ms, run.context)
        self._go_back()
        if runs and record is None:  # a long one, or on MicroPython
            record = _first_of(Batch(self.lane.fs, "", runs, payload_bytes=0))
        return record

    def pin_first(self) -> "Record | None":
        """As `first_record`, and nothing gives it up until `unpin`; a batch that is out is not."""
        if self.batch is not None:
            self.release(self.batch, again=False)
        record = self.first_record()
        if record is not None:
            self.batch = Batch(self.lane.fs, "", [new_run(record)], payload_bytes=0)
        return record

    def unpin(self) -> None:
        """See `pin_first`."""
        self.batch = None

    # -- done with --------------------------------------------------------------------------

    def advance(self, head: int, offset: int, runs: "list[Run]", *, became: str = "") -> None:
        """Move the head past *runs*; what is missing between them was damaged.

        Args:
            head: The new head.
            offset: Where it stands in its segment; 0 for unknown.
            runs: The records that are accounted for.
            became: What receipts say of them; ``""`` is delivered.
        """
        retention = self.retention
        size = sum([stop - start for _segment, start, stop in self._damage])
        place = self.state.head
        for run in runs:
            if retention.count("damaged", place, run.sequence - 1, size):
                size = 0
            place = run.sequence + run.count
            if became:
                retention.remember(run.sequence, place - 1, became)
        retention.count("damaged", place, head - 1, size)
        for segment, start, stop in self._damage:
            keep_aside(self.lane.fs, self.lane.directory, segment, start, stop)
        self._damage = []
        retention.move_head(head, offset)

    def set_aside(self, record: Record, *, kept: bool) -> None:
        """Go past the oldest record, which was copied elsewhere, or could not be and is lost."""
        if not kept:
            size = FRAME_BYTES + len(record.payload)
            self.retention.count("quota", record.sequence, record.sequence, size)
        became = "set aside" if kept else "dropped"
        self.advance(record.sequence + 1, 0, [new_run(record)], became=became)

    def expire(self) -> bool:
        """Give up the records that are older than the lane allows; False where none is.

        Not while a batch is out. The caller writes the cursor.
        """
        max_age_s = self.lane.settings.max_age_s
        if max_age_s is None or self.batch is not None:
            return False
        found = too_old(self.lane, int(max_age_s * 1000))
        if found is None:
            return False
        last, offset, size = found
        self.retention.count("age", self.state.head, last, size)
        self._forget_place()
        self.retention.move_head(last + 1, offset)
        return True

    @property
    def could_give(self) -> int:
        """Bytes that giving up everything would free; 0 for a lane that gives up nothing."""
        if self.lane.settings.policy != "drop_oldest":
            return 0
        return self.retention.could_give(self.batch.last if self.batch is not None else 0)

    def drop_oldest(self, reason: str) -> bool:
        """Give up the oldest records that no batch holds; False where there are none."""
        pinned = self.batch.last if self.batch is not None else 0
        return self.retention.drop_oldest(pinned, reason)

    def close(self) -> None:
        self._forget_place()

    # -- private ----------------------------------------------------------------------------

    def _collect(self, last: int, max_bytes: int, max_records: int) -> "tuple[list[Run], int]":
        """Runs from the head to *last* within the limits, and what `chunks` will yield."""
        self._damage = []
        self._unreadable = None
        self._unopened = False
        runs: "list[Run]" = []
        count = size = 0
        reader = self._open_head()
        # Nowhere until the end: what an exception on the way leaves must not be gone on from.
        place, self._place = self._place, _NOWHERE
        while reader is not None and count < max_records:
            segment = self._segment
            assert segment is not None
            kind = reader.peek()
            if not kind:
                if reader.unreadable:
                    self._unreadable = OSError(errno.EIO, "%s cannot be read" % segment.path)
                self._note_damage(segment, reader, _ALL)
                reader = self._open_next(segment)
                continue
            sequence = segment.first + reader.index
            if sequence > last or (runs and not _alike(runs[-1], kind, reader)):
                break
            run = _next_run(
                runs, segment, reader, kind, held=size < _HELD_BYTES and not reader.long
            )
            room = max_bytes - size - (1 if count else 0)
            reader.taken_crc = run.crc
            taken = reader.take(min(max_records - count, last - sequence + 1), room, run.payloads)
            if not taken and not count:
                # The first record is always taken: whether it is too long is the caller's affair.
                taken = reader.take(1, _ALL, run.payloads)
            if not taken:
                break
            if not run.count:
                runs.append(run)
            size += reader.offset - run.stop - FRAME_BYTES * taken + taken - (0 if count else 1)
            run.count += taken
            run.stop = reader.offset
            run.crc = reader.taken_crc
            count += taken
            place = sequence + taken
        if reader is not None and self._segment is not None:
            here = runs and runs[-1].path == self._segment.path
            self._note_damage(self._segment, reader, runs[-1].stop if here else _ALL)
        self._place = place
        return runs, size

    def _open_head(self) -> "SegmentReader | None":
        """Stand at the head; None where no segment holds it or anything after it."""
        head, lane = self.state.head, self.lane
        reader = self._reader
        if reader is None or self._place != head or self._segment not in lane.segments:
            reader = None
            for place, segment in enumerate(lane.segments):
                if lane.last_of(place) >= head:
                    reader = self._open(segment)
                    if reader is None:
                        continue
                    wanted = head - segment.first
                    while reader.index < wanted and reader.peek() and reader.index < wanted:
                        reader.take(wanted - reader.index, _ALL)
                    reader.damage = []  # what is before the head was counted when it was passed
                    self._place = head
                    break
        if reader is not None and self._segment is not None:
            self._set_limit(reader, self._segment)
            self._marked, self._mark = reader, reader.mark()
        return reader

    def _open_next(self, segment: "Segment") -> "SegmentReader | None":
        segments = self.lane.segments
        reader = None
        for place in range(segments.index(segment) + 1, len(segments)):
            if reader is not None or segments[place].first > self.lane.durable:
                break
            reader = self._open(segments[place])
        return reader

    def _open(self, segment: "Segment") -> "SegmentReader | None":
        """None where the segment cannot be read at all; `_unreadable` says why."""
        self._forget_place()
        try:
            reader = self.lane.open_reader(segment)
        except OSError as error:
            if error.errno in _OURS:
                raise
            self._unreadable = error
            self._unopened = segment.doubtful = True
            return None
        segment.doubtful = False
        self._reader = reader
        self._segment = segment
        self._set_limit(reader, segment)
        return reader

    def _set_limit(self, reader: "SegmentReader", segment: "Segment") -> None:
        """The segment may have grown, and ends where the next one begins."""
        if not reader.foreign:
            reader.limit = segment.used
        place = self.lane.segments.index(segment)
        reader.limit_index = self.lane.last_of(place) - segment.first + 1

    def _go_back(self) -> None:
        """Stand again where `_collect` began, without walking there where that is possible."""
        self._place = _NOWHERE
        if self._reader is not None and self._reader is self._marked:
            self._reader.reset(self._mark)
            self._place = self.state.head
        else:
            self._forget_place()

    def _forget_place(self) -> None:
        reader, self._reader, self._segment, self._marked = self._reader, None, None, None
        if reader is not None:
            reader.file.close()

    def _note_damage(self, segment: "Segment", reader: "SegmentReader", stop: int) -> None:
        """Take over the damage before *stop*; what is behind it is the next batch's."""
        for start, end in reader.damage:
            if start < stop:
                self._damage.append((segment, start, end))
        reader.damage = [span for span in reader.damage if span[0] >= stop]


def _first_of(batch: Batch) -> Record:
    records = batch.records()
    try:
        return next(records)
    finally:
        records.close()  # its file; MicroPython has no reference counts that would do it


def _alike(run: Run, kind: int, reader: "SegmentReader") -> bool:
    return run.kind == kind and run.context.configuration_id == reader.context.configuration_id


def _next_run(
    runs: "list[Run]", segment: "Segment", reader: "SegmentReader", kind: int, *, held: bool
) -> Run:
    """The last run where the next record goes on with it, else a new one."""
    sequence = segment.first + reader.index
    if runs:
        run = runs[-1]
        follows = run.path == segment.path and run.stop == reader.offset
        follows = follows and held == (run.payloads is not None)
        if follows and run.context is reader.context and run.sequence + run.count == sequence:
            return run
    word = reader.ordinal << 24 | reader.index
    run = Run(
        segment.path,
        segment.seed,
        kind,
        reader.context,
        offset=reader.offset,
        word=word,
        sequence=sequence,
    )
    if held:
        run.payloads = []
    return run
