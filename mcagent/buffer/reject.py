"""Setting aside: a refused record is copied to the rejected store before its lane goes past it."""

from ..errors import BufferFull, InvalidMessage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from .batch import Record
    from .lane import Lane
    from .outlet import Outlet


def set_aside(
    outlet: "Outlet",
    rejected: "Lane",
    sequence: int,
    reason: "dict[str, Any]",
    make_room: "Callable[[Lane, int], int]",
) -> bool:
    """Copy the oldest record of *outlet*, durably, and go past it; the caller writes the cursor.

    Where the store has no room that it could make, the record counts as lost: False.

    Source: docs/buffer-format.md, "Rejected records".
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


def _copy(
    lane: "Lane",
    rejected: "Lane",
    record: "Record",
    reason: "dict[str, Any]",
    make_room: "Callable[[Lane, int], int]",
) -> None:
    import json

    sequence = record.sequence
    head = json.dumps({"lane": lane.name, "sequence": sequence, "reason": reason}).encode()
    _keep_file(lane, rejected, record, make_room)
    try:
        rejected.append(record.kind, head + b"\n" + record.payload, "", True)
    except InvalidMessage:
        # Larger than the whole store: its lane must go on, and what is kept says what is missing.
        reason = dict(reason, left_out_bytes=len(record.payload))
        head = json.dumps({"lane": lane.name, "sequence": sequence, "reason": reason}).encode()
        rejected.append(record.kind, head + b"\n", "", True)


def _keep_file(
    lane: "Lane", rejected: "Lane", record: "Record", make_room: "Callable[[Lane, int], int]"
) -> None:
    """Give the next rejected record the file of *record*, by a link where that works."""
    if lane.spool is None or rejected.spool is None:
        return
    size = lane.spool.size(record.sequence)
    if size and size <= rejected.settings.quota_bytes // 2:  # else its record alone is kept
        make_room(rejected, size)
        copy = rejected.spool.copy(lane.spool.path(record.sequence), link=True)
        rejected.spool.adopt(copy, rejected.next)
