"""What is done with, and what is given up: the head of a lane, its hole, its losses.

Everything here happens in memory; the caller writes the cursor, and only then `sweep` removes
files. The other order would lose the place in a power cut between the two.
"""

from ..runtime import log
from .frame import HEADER_BYTES
from .segment import remove_segment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from .lane import Lane
    from .segment import Segment

_HISTORY = 32  # ranges that were not delivered, remembered for receipts


class Retention:
    """Decides when a lane's files go."""

    def __init__(self, lane: "Lane") -> None:
        self.lane = lane
        self.state = lane.state
        self._history: "list[tuple[int, int, str]]" = []  # first, last, what became of them
        self._passed: "list[Segment]" = []
        self._spooled: "list[int]" = []
        self._told = False  # that something cannot be removed

    def move_head(self, head: int, offset: int) -> None:
        """Everything before *head* is done with; *offset* is its place, 0 for unknown."""
        state, segments = self.state, self.lane.segments
        if head < state.head:
            return
        self._let_go(state.head, head - 1)
        if state.hole_first and head >= state.hole_first:
            head, offset = max(head, state.hole_last + 1), 0
            state.hole_first = state.hole_last = 0
        state.head, state.head_offset, state.batch_last = head, offset, 0
        while len(segments) > 1 and segments[1].first <= head:
            self._passed.append(segments.pop(0))
            state.head_offset = 0
        if segments and self.lane.active is None and head > self.lane.durable:
            self._passed.append(segments.pop())  # nothing is written to it any more

    def drop_oldest(self, pinned: int, reason: str) -> bool:
        """Give up the oldest records behind *pinned*: a segment, or one spooled file.

        Args:
            pinned: Last record of the batch that is being sent; 0 for none.
            reason: One of `cursor.REASONS`.

        Returns:
            False where there is nothing that could be given up.
        """
        lane, state, segments = self.lane, self.state, self.lane.segments
        if self.all_done:
            self._passed += segments
            lane.segments = []
            return True
        if lane.spool is not None:
            return self._drop_file(pinned, reason)
        count = len(segments) - (1 if lane.active is not None else 0)
        place = 0
        if pinned:
            while place < count and segments[place].first <= pinned:
                place += 1
            # One hole: it grows at either end, and never becomes two.
            while place < count and lane.last_of(place) + 1 < state.hole_first:
                place += 1
        if place >= count:
            return False
        segment = segments[place]
        first, last = max(segment.first, state.head), lane.last_of(place)
        start = state.head_offset if segment.first < state.head else 0
        self._give_up(first, last, max(segment.used - max(start, HEADER_BYTES), 0), reason)
        if segment in segments:
            segments.remove(segment)
            self._passed.append(segment)
        return True

    def could_give(self, pinned: int) -> int:
        """Bytes that `drop_oldest` could free in all."""
        lane, segments = self.lane, self.lane.segments
        if lane.spool is not None:
            first = max(self.state.head, pinned + 1)
            held = sum([lane.spool.size(number) for number in range(self.state.head, first)])
            done = 0
            if lane.active is None and not pinned:  # its segments go with the last file
                done = sum([segment.size for segment in segments])
            # Not the one whose record is about to be written.
            return lane.spool.bytes - held - lane.spool.size(lane.durable + 1) + done
        count = len(segments) - (1 if lane.active is not None else 0)
        return sum([segment.size for segment in segments[:count] if segment.first > pinned])

    @property
    def all_done(self) -> bool:
        """True where the segments hold nothing that is wanted, and nothing is written to them."""
        lane = self.lane
        return bool(lane.segments) and lane.active is None and self.state.head > lane.durable

    def count(self, reason: str, first: int, last: int, size: int) -> bool:
        """Count the records in the range as lost, without those in the hole; False for none."""
        state, clock = self.state, self.lane.clock
        records = last - first + 1
        if state.hole_first:
            records -= max(0, min(last, state.hole_last) - max(first, state.hole_first) + 1)
        if records <= 0:
            return False
        now_ms = clock.now_ms() if clock.trusted() else 0
        state.lose(reason, first, last, records=records, size=size, now_ms=now_ms)
        self.remember(first, last, "dropped")
        return True

    def remember(self, first: int, last: int, became: str) -> None:
        """Note what receipts shall say of records that are not delivered."""
        history = self._history
        if history and history[-1][1] + 1 == first and history[-1][2] == became:
            first = history.pop()[0]
        history.append((first, last, became))
        if len(history) > _HISTORY:
            # Two become one that says the worse of both: never "delivered" for what was not.
            history[0:2] = [(history[0][0], history[1][1], "dropped")]

    def state_of(self, sequence: int) -> str:
        """See `Receipt.state`."""
        if sequence > self.lane.durable:
            return "buffered"
        for first, last, became in self._history:
            if first <= sequence <= last:
                return became
        return "durable" if sequence >= self.state.head else "delivered"

    @property
    def waiting(self) -> bool:
        """True where `sweep` has something to remove."""
        spool = self.lane.spool
        return bool(self._passed or self._spooled or (spool is not None and spool.orphans))

    def sweep(self) -> None:
        """Remove the files that are done with. The cursor is durable past them.

        What cannot be removed now is tried again at the next sweep.
        """
        lane, spool = self.lane, self.lane.spool

        def remove(segment: "Segment") -> None:
            remove_segment(lane.fs, lane.number, segment)

        self._passed = self._left_of(self._passed, remove)
        if spool is not None:
            self._spooled = self._left_of(self._spooled, spool.remove)
            spool.orphans = self._left_of(spool.orphans, lane.fs.remove_if_there)

    def find_old(self) -> None:
        """At open: find what an earlier process was done with, for `sweep` to remove."""
        state, segments, spool = self.state, self.lane.segments, self.lane.spool
        for place in range(len(segments) - 2, -1, -1):
            in_hole = state.hole_first <= segments[place].first <= state.hole_last
            if in_hole or self.lane.last_of(place) < state.head:
                self._passed.append(segments.pop(place))
        if spool is not None:
            spool.recover(state, self.lane.next)

    # -- private ----------------------------------------------------------------------------

    def _left_of(self, things: "list[Any]", remove: "Callable[[Any], None]") -> "list[Any]":
        """Remove each of *things*; return those that could not be."""
        left = []
        for thing in things:
            try:
                remove(thing)
            except OSError as error:
                left.append(thing)
                if not self._told:
                    self._told = True
                    log("warning", "buffer", "what is done with cannot be removed: %s" % error)
        return left

    def _drop_file(self, pinned: int, reason: str) -> bool:
        lane, state = self.lane, self.state
        assert lane.spool is not None
        first = max(state.head, pinned + 1)
        if state.hole_first:
            first = state.hole_last + 1 if first >= state.hole_first else state.hole_first - 1
        if first > lane.durable:
            return False
        self._give_up(first, first, lane.spool.size(first), reason)
        return True

    def _give_up(self, first: int, last: int, size: int, reason: str) -> None:
        state = self.state
        self.count(reason, first, last, size)
        if first <= state.head:
            self.move_head(last + 1, 0)
            return
        self._let_go(first, last)
        if state.hole_first and first > state.hole_last + 1:
            # What stood between was in a segment that is not there any more.
            self.count("damaged", state.hole_last + 1, first - 1, 0)
        if state.hole_first and last + 1 < state.hole_first:
            self.count("damaged", last + 1, state.hole_first - 1, 0)
        state.hole_first = min(state.hole_first or first, first)
        state.hole_last = max(state.hole_last, last)

    def _let_go(self, first: int, last: int) -> None:
        """The spooled files of these records need no room any more; `sweep` removes them."""
        if self.lane.spool is not None:
            for sequence in range(first, last + 1):
                self.lane.spool.forget(sequence)
                self._spooled.append(sequence)
