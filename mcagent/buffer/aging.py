"""Which records are too old, by time that can be trusted only: a clock that comes from 1970 drops
nothing."""

from .frame import HEADER_BYTES, Context

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..runtime.cpython import Clock
    from .lane import Lane

_ALL = 0x3FFFFFFF


def too_old(lane: "Lane", max_age_ms: int) -> "tuple[int, int, int] | None":
    """The records from the head on that are older than *max_age_ms*.

    Returns:
        Sequence number of the last one, where it ends in its segment, and the bytes that all of
        them take; None for none.
    """
    head, segments = lane.state.head, lane.segments
    if head > lane.durable or not segments:
        return None
    place, size = 0, 0
    if segments[0].first < head:
        size = HEADER_BYTES - max(lane.state.head_offset, HEADER_BYTES)  # delivered already
    while place + 1 < len(segments):
        follows = segments[place + 1]
        if follows.first > head and not _older_part(lane, place + 1, max_age_ms, 1)[0]:
            break
        size += segments[place].used - HEADER_BYTES
        place += 1
    count, offset = _older_part(lane, place, max_age_ms, _ALL)
    last = segments[place].first + count - 1
    if last < head:
        return None
    size += offset - HEADER_BYTES
    if lane.spool is not None:
        size = sum([lane.spool.size(sequence) for sequence in range(head, last + 1)])
    return last, offset, size


def _older_part(lane: "Lane", place: int, max_age_ms: int, most: int) -> "tuple[int, int]":
    """How many records at the start of a segment are too old, *most* are asked for; their end."""
    segment = lane.segments[place]
    count, offset = 0, HEADER_BYTES
    try:
        reader = lane.open_reader(segment, lane.last_of(place) - segment.first + 1)
    except OSError:
        return count, offset  # of unknown age
    try:
        while most and reader.peek():
            if not _is_older(lane.clock, reader.context, reader.read()[0], max_age_ms):
                break
            reader.take(1, _ALL)
            count, offset = reader.index, reader.offset
            most -= 1
    finally:
        reader.file.close()
    return count, offset


def _is_older(clock: "Clock", context: Context, age_ms: int, max_age_ms: int) -> bool:
    if context.boot_id == clock.boot_id():
        return clock.monotonic_ms() - context.monotonic_ms - age_ms > max_age_ms
    if context.trusted and clock.trusted():
        return clock.now_ms() - context.wall_ms - age_ms > max_age_ms
    return False
