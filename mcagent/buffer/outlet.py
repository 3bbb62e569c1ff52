"""One lane's way out: the head, the batch that is being sent, and what is given up.

Everything here moves the head in memory; the caller writes the cursor, and only then `sweep`
removes files. The other order would lose the place in a power cut between the two.
"""

from .batch import Batch, Record, Run
from .damaged import keep_aside
from .frame import FRAME_BYTES, HEADER_BYTES
from .segment import remove_segment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .lane import Lane
    from .reader import SegmentReader
    from .segment import Segment

_ALL = 0x3FFFFFFF
_HISTORY = 32  # ranges that were not delivered, remembered for receipts


class Outlet:
    """Reads a lane from its head.

    Attributes:
        batch: The one that is out, or None.
        history: (first, last, what became of them) of records that were not delivered.
    """

    def __init__(self, lane: "Lane") -> None:
        self.lane = lane
        self.state = lane.state
        self.batch: "Batch | None" = None
        self.history: "list[tuple[int, int, str]]" = []
        self._reader: "SegmentReader | None" = None
        self._segment: "Segment | None" = None
        self._place = 0  # sequence number at which `_reader` stands
        self._batch_end = 0
        self._damage: "list[tuple[Segment, int, int]]" = []  # passed by the batch
        self._passed: "list[Segment]" = []
        self._spooled: "list[int]" = []

    @property
    def records(self) -> int:
        """Records not done with; damaged ones count until they are passed."""
        return self.lane.next - self.state.head - self.state.hole

    # -- out --------------------------------------------------------------------------------

    def cut(self, max_bytes: int, max_records: int, max_sequence: "int | None") -> "Batch | None":
        """The next batch, pinned; None where nothing is left up to *max_sequence*."""
        lane, state = self.lane, self.state
        assert self.batch is None
        lane.settle()
        while True:
            if state.head > lane.durable:
                lane.flush()
            last = lane.durable
            if max_sequence is not None:
                last = min(last, max_sequence)
            if state.head <= state.batch_last < last:
                last = state.batch_last  # cut before a restart, or released: the same again
            if last < state.head:
                return None
            runs, size = self._collect(last, max_bytes, max_records)
            if runs:
                break
            # No intact record stands up to `last`: done with them.
            self.advance(last + 1, 0, [])
        window = 0, b""
        reader, segment = self._reader, self._segment
        if reader is not None and segment is not None and segment.path == runs[-1].path:
            window = reader.window()  # a small batch needs no second reading
        self.batch = Batch(lane.fs, lane.name, runs, payload_bytes=size, window=window)
        self._batch_end = runs[-1].stop
        state.batch_last = self.batch.last
        return self.batch

    def ack(self, batch: Batch) -> None:
        """The batch was delivered."""
        assert batch is self.batch
        self.advance(batch.last + 1, self._batch_end, batch.runs)
        self.batch = None

    def release(self, batch: Batch) -> None:
        """The batch was not delivered: unpin it and go back to the head."""
        if batch is self.batch:
            self.batch = None
            self._forget_place()

    def first_record(self) -> "Record | None":
        """The oldest durable record that is not done with, by itself; nothing moves."""
        if self.batch is not None:
            for record in self.batch.records():
                return record
        if self.state.head > self.lane.durable or not self._open_head():
            return None
        reader, segment = self._reader, self._segment
        assert reader is not None
        start, mark = reader, reader.mark()
        while reader is not None and segment is not None:
            kind = reader.peek()
            if kind:
                age_ms, payload = reader.read()
                sequence = segment.first + reader.index
                context = reader.context
                if reader is start:
                    reader.reset(mark)
                else:
                    self._forget_place()
                return Record(sequence, kind, payload, age_ms, context)
            if not self._open_next(segment):
                break
            reader, segment = self._reader, self._segment
        self._forget_place()
        return None

    def state_of(self, sequence: int) -> str:
        """What became of a durable record: see `Receipt.state`."""
        state = self.state
        for first, last, became in self.history:
            if first <= sequence <= last:
                return became
        if sequence >= state.head:
            return "durable"
        return "delivered"

    # -- done with --------------------------------------------------------------------------

    def advance(self, head: int, offset: int, runs: "list[Run]", *, became: str = "") -> None:
        """Move the head past *runs*; what is missing between them was damaged.

        Args:
            head: The new head.
            offset: Where it stands in its segment; 0 for unknown.
            runs: The records that are accounted for.
            became: What receipts say of them; ``""`` is delivered.
        """
        size = sum([stop - start for _segment, start, stop in self._damage])
        place = self.state.head
        for run in runs:
            size = self._count_damaged(place, run.sequence - 1, size)
            place = run.sequence + run.count
            if became:
                self._remember(run.sequence, place - 1, became)
        self._count_damaged(place, head - 1, size)
        for segment, start, stop in self._damage:
            keep_aside(self.lane.fs, self.lane.directory, segment, start, stop)
        self._damage = []
        self._move_head(head, offset)

    def set_aside(self, record: Record) -> None:
        """Go past the oldest record, which was copied elsewhere."""
        run = Run("", 0, record.kind, record.context, offset=0, word=0, sequence=record.sequence)
        run.count = 1
        self._forget_place()
        self.advance(record.sequence + 1, 0, [run], became="set aside")

    def drop_oldest(self, reason: str) -> bool:
        """Give up the oldest records that no batch holds: a segment, or one spooled file.

        Returns:
            False where there is nothing that could be given up.
        """
        lane, state = self.lane, self.state
        if lane.spool is not None:
            return self._drop_file(reason)
        count = len(lane.segments) - (1 if lane.active is not None else 0)
        place = 0
        if self.batch is not None:
            while place < count and lane.segments[place].first <= self.batch.last:
                place += 1
            # One hole: it grows at either end, and never becomes two.
            while place < count and lane.last_of(place) + 1 < state.hole_first:
                place += 1
        if place >= count:
            return False
        segment = lane.segments[place]
        first, last = max(segment.first, state.head), lane.last_of(place)
        start = state.head_offset if segment.first <= state.head else 0
        size = max(segment.used - max(start, HEADER_BYTES), 0)
        self._give_up(first, last, size, reason)
        if segment in lane.segments:
            lane.segments.remove(segment)
            self._passed.append(segment)
        return True

    def sweep(self) -> None:
        """Remove the files that are done with. The cursor is durable past them."""
        lane = self.lane
        while self._passed:
            remove_segment(lane.fs, lane.number, self._passed[-1])
            self._passed.pop()
        while self._spooled and lane.spool is not None:
            lane.spool.remove(self._spooled[-1])
            self._spooled.pop()

    def sweep_old(self) -> None:
        """At open: remove what an earlier process was done with and did not come to remove."""
        state, segments = self.state, self.lane.segments
        for place in range(len(segments) - 2, -1, -1):
            segment, last = segments[place], self.lane.last_of(place)
            in_hole = state.hole_first and state.hole_first <= segment.first <= state.hole_last
            if last < state.head or in_hole:
                self._passed.append(segments.pop(place))
        if self.lane.spool is not None:
            self.lane.spool.recover(state, self.lane.next)
        self.sweep()

    def close(self) -> None:
        self._forget_place()

    # -- private ----------------------------------------------------------------------------

    def _collect(self, last: int, max_bytes: int, max_records: int) -> "tuple[list[Run], int]":
        """Runs from the head to *last* within the limits, and what `chunks` will yield."""
        self._damage = []
        if not self._open_head():
            return [], 0
        runs: "list[Run]" = []
        count = size = 0
        reader, segment = self._reader, self._segment
        while reader is not None and segment is not None and count < max_records:
            kind = reader.peek()
            if not kind:
                self._note_damage(segment, reader)
                if not self._open_next(segment):
                    break
                reader, segment = self._reader, self._segment
                continue
            sequence = segment.first + reader.index
            if sequence > last or (runs and not _alike(runs[-1], kind, reader)):
                break
            run = _next_run(runs, segment, reader, kind)
            room = max_bytes - size - (1 if count else 0)
            wanted = min(max_records - count, last - sequence + 1)
            reader.taken_crc = run.crc
            # The first record is always taken: whether it is too long is for the caller to say.
            taken = reader.take(wanted, room) or (0 if count else reader.take(1, _ALL))
            if not taken:
                break
            if not run.count:
                runs.append(run)
            size += reader.offset - run.stop - FRAME_BYTES * taken + taken - (0 if count else 1)
            run.count += taken
            run.stop = reader.offset
            run.crc = reader.taken_crc
            count += taken
            self._place = sequence + taken
        if reader is not None and segment is not None:
            stop = runs[-1].stop if runs and runs[-1].path == segment.path else _ALL
            self._note_damage(segment, reader, stop)
        return runs, size

    def _open_head(self) -> bool:
        """Stand at the head; False where no segment holds it or anything after it."""
        state, lane = self.state, self.lane
        if self._reader is not None and self._place == state.head:
            self._set_limit(self._reader, self._segment)
            return True
        self._forget_place()
        for place, segment in enumerate(lane.segments):
            if lane.last_of(place) >= state.head:
                reader = self._open(segment)
                wanted = state.head - segment.first
                while reader.index < wanted and reader.peek() and reader.index < wanted:
                    if not reader.take(wanted - reader.index, _ALL):
                        break
                # Damage before the head was counted when it was passed.
                reader.damage = []
                self._place = state.head
                return True
        return False

    def _open_next(self, segment: "Segment") -> bool:
        segments = self.lane.segments
        place = segments.index(segment) + 1
        if place >= len(segments) or segments[place].first > self.lane.durable:
            return False
        self._open(segments[place])
        return True

    def _open(self, segment: "Segment") -> "SegmentReader":
        self._forget_place()
        self._reader = self.lane.open_reader(segment)
        self._segment = segment
        self._set_limit(self._reader, segment)
        return self._reader

    def _set_limit(self, reader: "SegmentReader", segment: "Segment | None") -> None:
        """The segment may have grown, and ends where the next one begins."""
        assert segment is not None
        if not reader.foreign:
            reader.limit = segment.used
        place = self.lane.segments.index(segment)
        reader.limit_index = self.lane.last_of(place) - segment.first + 1

    def _forget_place(self) -> None:
        reader, self._reader, self._segment, self._place = self._reader, None, None, 0
        if reader is not None:
            reader.file.close()

    def _note_damage(self, segment: "Segment", reader: "SegmentReader", stop: int = _ALL) -> None:
        """Take over the damage before *stop*; what is behind it is the next batch's."""
        for start, end in reader.damage:
            if start < stop:
                self._damage.append((segment, start, end))
        reader.damage = [span for span in reader.damage if span[0] >= stop]

    def _count_damaged(self, first: int, last: int, size: int) -> int:
        """Count what is missing; return the *size* that is still to be counted."""
        records = last - first + 1 - self._in_hole(first, last)
        if records <= 0:
            return size
        self._count("damaged", first, last, records, size)
        return 0

    def _in_hole(self, first: int, last: int) -> int:
        state = self.state
        if not state.hole_first:
            return 0
        return max(0, min(last, state.hole_last) - max(first, state.hole_first) + 1)

    def _move_head(self, head: int, offset: int) -> None:
        state, lane = self.state, self.lane
        self._let_go(state.head, head - 1)
        if state.hole_first and head >= state.hole_first:
            head = max(head, state.hole_last + 1)
            offset = 0
            state.hole_first = state.hole_last = 0
        state.head = head
        state.head_offset = offset
        state.batch_last = 0
        segments = lane.segments
        while len(segments) > 1 and segments[1].first <= head:
            self._passed.append(segments.pop(0))
            if self._segment is self._passed[-1]:
                self._forget_place()

    def _drop_file(self, reason: str) -> bool:
        lane, state = self.lane, self.state
        assert lane.spool is not None
        first = state.head if self.batch is None else self.batch.last + 1
        if state.hole_first:
            first = state.hole_last + 1 if first >= state.hole_first else state.hole_first - 1
        if first > lane.durable:
            return False
        self._give_up(first, first, lane.spool.size(first), reason)
        return True

    def _let_go(self, first: int, last: int) -> None:
        """The spooled files of these records need no room any more; `sweep` removes them."""
        if self.lane.spool is not None:
            for sequence in range(first, last + 1):
                self.lane.spool.forget(sequence)
                self._spooled.append(sequence)

    def _give_up(self, first: int, last: int, size: int, reason: str) -> None:
        state = self.state
        self._forget_place()  # it may stand in what goes now
        self._count(reason, first, last, last - first + 1 - self._in_hole(first, last), size)
        if first <= state.head:
            self._move_head(last + 1, 0)
            return
        self._let_go(first, last)
        state.hole_first = min(state.hole_first or first, first)
        state.hole_last = max(state.hole_last, last)

    def _count(self, reason: str, first: int, last: int, records: int, size: int) -> None:
        clock = self.lane.clock
        now_ms = clock.now_ms() if clock.trusted() else 0
        self.state.lose(reason, first, last, records=records, size=size, now_ms=now_ms)
        self._remember(first, last, "dropped")

    def _remember(self, first: int, last: int, became: str) -> None:
        history = self.history
        if history and history[-1][1] + 1 == first and history[-1][2] == became:
            first = history.pop()[0]
        history.append((first, last, became))
        if len(history) > _HISTORY:
            # Two become one that says the worse of both: never "delivered" for what was not.
            history[0:2] = [(history[0][0], history[1][1], "dropped")]


def _alike(run: Run, kind: int, reader: "SegmentReader") -> bool:
    return run.kind == kind and run.context.configuration_id == reader.context.configuration_id


def _next_run(runs: "list[Run]", segment: "Segment", reader: "SegmentReader", kind: int) -> Run:
    """The last run where the next record goes on with it, else a new one."""
    sequence = segment.first + reader.index
    if runs:
        run = runs[-1]
        if (
            run.path == segment.path
            and run.stop == reader.offset
            and run.context is reader.context
            and run.sequence + run.count == sequence
        ):
            return run
    return Run(
        segment.path,
        segment.seed,
        kind,
        reader.context,
        offset=reader.offset,
        word=reader.ordinal << 24 | reader.index,
        sequence=sequence,
    )
