"""Taking in a file: copy without the lock, then name and record it under the lock."""

from ..errors import BufferFull, InvalidMessage
from .spool import FILE_KIND, file_payload

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from .lane import Lane


def append_file(
    lane: "Lane",
    meta: "dict[str, Any]",
    source: "Any",
    *,
    lock: "Any",
    make_room: "Callable[[Lane, int], None]",
    move: bool,
    max_bytes: "int | None",
) -> int:
    """See `Buffer.append_file`."""
    spool, fs = lane.spool, lane.fs
    assert spool is not None
    if isinstance(source, str) and fs.exists(source):
        with lock:
            make_room(lane, fs.size(source))
    copy = spool.copy(source, link=move, max_bytes=max_bytes)
    try:
        with lock:
            make_room(lane, copy.size)
            sequence = lane.next
            spool.adopt(copy, sequence)
            try:
                lane.append(FILE_KIND, file_payload(meta, copy, sequence), "", True)
            except (OSError, BufferFull, InvalidMessage):
                spool.remove(sequence)
                raise
    except (OSError, BufferFull, InvalidMessage):
        spool.discard(copy)
        raise
    if move and isinstance(source, str):
        fs.remove_if_there(source)
    return sequence
