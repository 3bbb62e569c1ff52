"""Setting aside, and the way back: a record is durable where it goes before it leaves its place.

Source: docs/buffer-format.md, "Rejected records".
"""

import errno

from ..errors import BufferFull, InvalidMessage
from .spool import FILE_KIND, file_payload

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from .batch import Record
    from .lane import Lane
    from .outlet import Outlet
    from .room import Room
    from .spool import Copy

# What can become of a refused record.
REPLAY, DROP, KEEP = "replay", "drop", "keep"


def set_aside(
    outlet: "Outlet",
    rejected: "Lane",
    sequence: int,
    reason: "dict[str, Any]",
    make_room: "Callable[[Lane, int], int]",
) -> bool:
    """Copy the oldest record of *outlet*, durably, and go past it; the caller writes the cursor.

    Where the store has no room that it could make, the record counts as lost: False.
    """
    record = outlet.pin_first()  # the copy may need room: this one must not give way for it
    try:
        if record is None or record.sequence != sequence:
            raise ValueError("record %d is not the oldest of %s" % (sequence, outlet.lane.name))
        kept = True
        try:
            _copy(outlet.lane, rejected, record, reason, make_room)
        except (BufferFull, InvalidMessage):
            kept = False  # no room for it there: its lane must go on all the same
    finally:
        outlet.unpin()
    outlet.set_aside(record, kept=kept)
    return kept


def resolve(
    outlet: "Outlet",
    number: int,
    what: str,
    get_lane: "Callable[[str], Lane]",
    make_room: "Callable[[Lane, int], int]",
) -> None:
    """Send the oldest refused record again, drop it, or put it behind the others; and go past it.

    The caller writes the cursor. A cut before that leaves the record in both places.

    Args:
        outlet: Of the rejected store.
        number: What the record is there.
        what: One of the constants above.
        get_lane: The way into a lane, by its name.
        make_room: See `Directory.make_room`.
    """
    import json

    record = outlet.pin_first()
    lane = outlet.lane
    copy = None
    stored = False
    try:
        if record is None or record.sequence != number:
            raise ValueError("record %d is not the oldest of the rejected ones" % number)
        payload = record.payload
        if what == REPLAY:
            head, _line, payload = payload.partition(b"\n")
            lane = get_lane(json.loads(head)["lane"])
        if what != DROP:
            copy = _copy_file(outlet.lane, lane, record, make_room)
        if what == REPLAY and record.kind == FILE_KIND:
            if copy is None or copy.sha256 != json.loads(payload)["sha256"]:
                raise OSError(errno.EIO, "the file of the rejected record %d changed" % number)
            payload = file_payload(json.loads(payload), copy, lane.next)
        if what != DROP:
            lane.append(record.kind, payload, record.context.configuration_id, True)
        stored = True
    finally:
        outlet.unpin()
        if copy is not None and not stored and lane.spool is not None:
            lane.spool.remove(lane.next)
    outlet.set_aside(record, kept=True)


class Gently:
    """Holds *lock*; what comes in meanwhile pushes nothing out, but is refused with BufferFull."""

    def __init__(self, lock: "Any", room: "Room") -> None:
        self._lock = lock
        self._room = room

    def __enter__(self) -> None:
        self._lock.acquire()
        self._room.pushes = False

    def __exit__(self, *_: object) -> None:
        self._room.pushes = True
        self._lock.release()


def _copy(
    lane: "Lane",
    rejected: "Lane",
    record: "Record",
    reason: "dict[str, Any]",
    make_room: "Callable[[Lane, int], int]",
) -> None:
    import json

    context = record.context
    fields = {
        "lane": lane.name,
        "sequence": record.sequence,
        "reason": reason,
        "recorded_ms": context.wall_ms + record.age_ms,
        "trusted": context.trusted,
        "boot": "".join(["%02x" % byte for byte in context.boot_id]),
    }
    size = lane.spool.size(record.sequence) if lane.spool is not None else 0
    if size <= rejected.settings.quota_bytes // 2:
        _copy_file(lane, rejected, record, make_room)
    else:  # its record alone is kept
        fields["left_out_bytes"] = size
    payload = json.dumps(fields).encode() + b"\n" + record.payload
    try:
        rejected.append(record.kind, payload, context.configuration_id, True)
    except InvalidMessage:
        # Larger than the whole store: its lane must go on, and what is kept says what is missing.
        fields["left_out_bytes"] = len(record.payload)
        payload = json.dumps(fields).encode() + b"\n"
        rejected.append(record.kind, payload, context.configuration_id, True)


def _copy_file(
    source: "Lane", target: "Lane", record: "Record", make_room: "Callable[[Lane, int], int]"
) -> "Copy | None":
    """Give the next record of *target* the file of *record*, by a link where that works."""
    if source.spool is None or target.spool is None:
        return None
    size = source.spool.size(record.sequence)
    if not size:
        return None
    make_room(target, size)
    copy = target.spool.copy(source.spool.path(record.sequence), link=True)
    target.spool.adopt(copy, target.next)
    return copy
