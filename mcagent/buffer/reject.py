"""Setting aside, and the way back: a record is durable where it goes before it leaves its place.

Source: docs/buffer-format.md, "Rejected records".
"""

import errno

from ..errors import BufferFull, InvalidMessage
from .batch import new_run
from .settings import REJECTED
from .spool import FILE_KIND, file_payload

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from .batch import Batch, Record, Run
    from .directory import Directory
    from .lane import Lane
    from .spool import Copy

# What can become of a refused record; the last: it and those behind it stay where they are.
REPLAY, DROP, KEEP, STOP = "replay", "drop", "keep", "stop"

_NEVER = 0x3FFFFFFF
_MOST_BYTES = 262144


def set_aside(directory: "Directory", lane: str, sequence: int, reason: "dict[str, Any]") -> bool:
    """Copy the oldest record of *lane*, durably, and go past it; see `Buffer.set_aside`."""
    outlet, rejected = directory.outlet(lane), _store(directory)
    record = outlet.pin_first()  # the copy may need room: this one must not give way for it
    try:
        if record is None or record.sequence != sequence:
            raise ValueError("record %d is not the oldest of %s" % (sequence, outlet.lane.name))
        kept = True
        try:
            _copy(outlet.lane, rejected, record, reason, directory.make_room)
        except (BufferFull, InvalidMessage):
            kept = False  # no room for it there: its lane must go on all the same
    finally:
        outlet.unpin()
    outlet.set_aside(record, kept=kept)
    directory.settle()
    return kept


def resolve(
    directory: "Directory", decide: "Callable[[Record], tuple[str, bytes]]", most: int
) -> "tuple[int, Exception | None]":
    """Take the oldest refused records out of the store, or put them behind the others.

    They are durable where they go before; a cut just then leaves them in both places.

    Args:
        directory: All lanes.
        decide: Record to one of the constants above and the payload that is sent again.
        most: How many at once; as many as have their kind and data model in common.

    Returns:
        How many it was done with, and why not with the next one: BufferFull where something else
        would have to be given up for it; OSError (EIO) where its file is gone or not what it was.

    Raises:
        OSError: The disk refused it. Some may be in both places.
    """
    outlet, room = directory.outlet(REJECTED), directory.room
    batch = outlet.cut(_MOST_BYTES, most, None)
    if batch is None:
        return 0, None
    runs: "list[Run]" = []
    trouble: "Exception | None" = None
    settings = outlet.lane.settings
    each = settings.group_records, settings.group_ms
    try:
        try:
            room.pushes = False
            settings.group_records = settings.group_ms = _NEVER
            for record in batch.records():
                what, payload = decide(record)
                if what == STOP:
                    break
                if what != DROP:
                    _put(directory, record, payload, back=what == REPLAY)
                _add(runs, record)
        except (BufferFull, InvalidMessage) as error:
            trouble = error
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            trouble = error
        finally:
            room.pushes = True
            settings.group_records, settings.group_ms = each
            for lane in directory.lanes.values():
                lane.flush()
    finally:
        # Once more: an exception of the script (Ctrl-C) may come between any two lines.
        room.pushes = True
        settings.group_records, settings.group_ms = each
        outlet.release(batch, again=False)
    if runs:
        outlet.advance(runs[-1].sequence + runs[-1].count, 0, runs, became="set aside")
        directory.settle()
    return sum([run.count for run in runs]), trouble


def _put(directory: "Directory", record: "Record", payload: bytes, *, back: bool) -> None:
    """Store *record* at the end of the lane that it came from, or of the store."""
    import json

    rejected = lane = directory.lane(REJECTED)
    if back:
        lane = directory.lane(json.loads(record.payload.split(b"\n")[0])["lane"])
    copy = _copy_file(rejected, lane, record, directory.make_room)
    stored = False
    try:
        if back and record.kind == FILE_KIND:
            if copy is None or copy.sha256 != json.loads(payload)["sha256"]:
                raise OSError(errno.EIO, "the file of the record %d changed" % record.sequence)
            payload = file_payload(json.loads(payload), copy, lane.next)
        lane.append(record.kind, payload, record.context.configuration_id, False)
        stored = True
    finally:
        if copy is not None and not stored and lane.spool is not None:
            lane.spool.remove(lane.next)


def _add(runs: "list[Run]", record: "Record") -> None:
    if not runs or record.sequence != runs[-1].sequence + runs[-1].count:
        runs.append(new_run(record))
    else:
        runs[-1].count += 1


def pass_by(directory: "Directory", batch: "Batch", reason: "dict[str, Any] | None") -> int:
    """Go past the records of *batch*, which is out.

    Args:
        directory: All lanes.
        batch: Samples, events or custom data.
        reason: The records are copied to the rejected store with it. None gives them up; they are
            counted as lost for their age.

    Returns:
        How many records were passed; fewer than there are where the store has no room for more.
    """
    outlet = directory.outlet(batch.lane)
    count = batch.count
    if reason is None:
        for run in batch.runs:
            last = run.sequence + run.count - 1
            outlet.retention.count("age", run.sequence, last, run.stop - run.offset)
        outlet.ack(batch)
    else:
        runs = _copy_all(_store(directory), batch, reason)
        count = sum([run.count for run in runs])
        outlet.release(batch, again=False)
        if count == batch.count:
            outlet.advance(batch.last + 1, batch.runs[-1].stop, runs, became="set aside")
        elif count:
            outlet.advance(runs[-1].sequence + runs[-1].count, 0, runs, became="set aside")
    directory.settle()
    return count


def _store(directory: "Directory") -> "Lane":
    rejected = directory.lane(REJECTED)
    directory.make(rejected)
    return rejected


def _copy_all(rejected: "Lane", batch: "Batch", reason: "dict[str, Any]") -> "list[Run]":
    """Copy records, in groups of one sync each; those that are durable there, as runs."""
    import json

    runs: "list[Run]" = []
    settings = rejected.settings
    each = settings.group_records, settings.group_ms
    settings.group_records = settings.group_ms = _NEVER
    try:
        for record in batch.records():
            head = json.dumps(_head(batch.lane, record, reason)).encode()
            try:
                rejected.append(
                    record.kind, head + b"\n" + record.payload, batch.configuration_id, False
                )
            except (BufferFull, InvalidMessage):
                break
            _add(runs, record)
    finally:
        settings.group_records, settings.group_ms = each
        rejected.flush()
    return runs


def _head(lane: str, record: "Record", reason: "dict[str, Any]") -> "dict[str, Any]":
    """What is kept with a refused record."""
    context = record.context
    return {
        "lane": lane,
        "sequence": record.sequence,
        "reason": reason,
        "recorded_ms": context.wall_ms + record.age_ms,
        "trusted": context.trusted,
        "boot": "".join(["%02x" % byte for byte in context.boot_id]),
    }


def _copy(
    lane: "Lane",
    rejected: "Lane",
    record: "Record",
    reason: "dict[str, Any]",
    make_room: "Callable[[Lane, int], int]",
) -> None:
    import json

    fields = _head(lane.name, record, reason)
    configuration_id = record.context.configuration_id
    size = lane.spool.size(record.sequence) if lane.spool is not None else 0
    if size <= rejected.settings.quota_bytes // 2:
        _copy_file(lane, rejected, record, make_room)
    else:  # its record alone is kept
        fields["left_out_bytes"] = size
    payload = json.dumps(fields).encode() + b"\n" + record.payload
    try:
        rejected.append(record.kind, payload, configuration_id, True)
    except InvalidMessage:
        # Larger than the whole store: its lane must go on, and what is kept says what is missing.
        fields["left_out_bytes"] = len(record.payload)
        payload = json.dumps(fields).encode() + b"\n"
        rejected.append(record.kind, payload, configuration_id, True)


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
