"""What a segment holds, and how far it was delivered: read whole, with every CRC."""

from ..buffer.settings import REJECTED
from .walk import SegmentWalk

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Iterator

    from ..buffer.batch import Record
    from .survey import LaneView, Survey
    from .walk import Damage

WAITING, PARTLY, DELIVERED = "waiting", "partly delivered", "delivered, still on disk"
DROPPED, KEPT, EMPTY = "dropped, still on disk", "rejected", "empty"
FOREIGN, UNREADABLE, GONE = "other version", "unreadable", "removed meanwhile"


class SegmentSummary:
    """One segment.

    Attributes:
        file: Its path within the buffer.
        first, last: Sequence numbers of its first and last intact record; None without one.
        records: Intact ones.
        waiting: Those of them that are not done with (in the rejected store: that are kept).
        size: Bytes of the file.
        data_bytes: Bytes of it that intact records take.
        waiting_bytes: The same for those that wait; where a stretch is half delivered, a share.
        kinds: Kind of record to how many.
        oldest, newest: The first and last intact record, without payloads.
        damage: What is damaged or missing.
        state: One of the texts above.
        open: The last of its lane: the next record goes here, or behind it.
        trouble: Why it could not be read; ``""`` otherwise.
    """

    def __init__(self, file: str, size: int, *, is_last: bool) -> None:
        self.file = file
        self.size = size
        self.open = is_last
        self.first: "int | None" = None
        self.last: "int | None" = None
        self.records = 0
        self.waiting = 0
        self.data_bytes = 0
        self.waiting_bytes = 0
        self.kinds: "dict[int, int]" = {}
        self.oldest: "Record | None" = None
        self.newest: "Record | None" = None
        self.damage: "list[Damage]" = []
        self.state = EMPTY
        self.trouble = ""


def summarise(
    survey: "Survey", lane: "LaneView", advance: "Callable[[int], None]"
) -> "Iterator[SegmentSummary]":
    """Every segment of *lane* that counts, oldest first; *advance* hears the bytes read."""
    for place, segment in enumerate(lane.segments):
        found = SegmentSummary(
            survey.relative(segment.path), segment.size, is_last=lane.end_of(place) is None
        )
        try:
            _read(survey, lane, place, found)
        except FileNotFoundError as error:
            survey.note(segment.path, error)
            found.state = GONE
        except OSError as error:
            survey.note(segment.path, error)
            found.state, found.trouble = UNREADABLE, error.strerror or str(error)
        advance(segment.size)
        yield found


def oldest_waiting(survey: "Survey", lane: "LaneView", place: int) -> "Record | None":
    """The first record in ``lane.segments[place]`` that is not done with."""
    try:
        with SegmentWalk(survey, lane, place) as walk:
            for record in walk.records(lane.state.head):
                if count_waiting(lane, record.sequence, record.sequence):
                    return record
    except OSError as error:
        survey.note(lane.segments[place].path, error)
    return None


def count_in(first: int, last: int, low: int, high: int) -> int:
    """How many numbers from *first* to *last* lie between *low* and *high*, ends included."""
    return max(0, min(last, high) - max(first, low) + 1)


def count_waiting(lane: "LaneView", first: int, last: int) -> int:
    """How many of the numbers *first* to *last* are not done with."""
    state = lane.state
    left = count_in(first, last, state.head, last)
    if state.hole_first:
        left -= count_in(max(first, state.head), last, state.hole_first, state.hole_last)
    return left


def is_damage(lane: "LaneView", part: "Damage") -> bool:
    """False where only numbers are missing, and the cursor is past them: they were dropped, or
    delivered and removed."""
    return part.size > 0 or count_waiting(lane, part.first, part.last) > 0


def _read(survey: "Survey", lane: "LaneView", place: int, found: SegmentSummary) -> None:
    with SegmentWalk(survey, lane, place) as walk:
        for stretch in walk.stretches():
            first, last = stretch.oldest.sequence, stretch.last
            if found.oldest is None:
                found.oldest, found.first = stretch.oldest, first
            waiting = count_waiting(lane, first, last)
            found.last = last
            found.records += stretch.count
            found.waiting += waiting
            found.data_bytes += stretch.size
            found.waiting_bytes += stretch.size * waiting // stretch.count
            kind = stretch.oldest.kind
            found.kinds[kind] = found.kinds.get(kind, 0) + stretch.count
        found.newest, found.size = walk.newest, walk.size
        found.damage = [part for part in walk.damage if is_damage(lane, part)]
        found.state = FOREIGN if walk.foreign else _state(lane, found)


def _state(lane: "LaneView", found: SegmentSummary) -> str:
    if not found.records:
        return EMPTY
    if lane.name == REJECTED:
        return KEPT if found.waiting else DROPPED
    if found.waiting == found.records:
        return WAITING
    if found.waiting:
        return PARTLY
    assert found.first is not None
    in_hole = lane.state.hole_first <= found.first <= lane.state.hole_last
    return DROPPED if in_hole else DELIVERED
