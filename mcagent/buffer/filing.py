"""Taking in a file: copy without the lock, then name and record it under the lock."""

from .spool import FILE_KIND, file_payload

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from .lane import Lane


def append_file(
    get_lane: "Callable[[], Lane]",
    meta: "dict[str, Any]",
    source: "Any",
    *,
    lock: "Any",
    make_room: "Callable[[Lane, int], None]",
    move: bool,
    max_bytes: "int | None",
) -> int:
    """See `Buffer.append_file`. *get_lane* is asked each time that the lock was taken: the buffer
    may be closed by then, and its directory another process's."""
    with lock:
        lane = get_lane()
    spool, fs = lane.spool, lane.fs
    assert spool is not None
    if isinstance(source, str) and fs.exists(source):
        size = fs.size(source)
        with lock:
            make_room(get_lane(), size)
    copy = spool.copy(source, link=move, max_bytes=max_bytes)
    stored = False
    try:
        with lock:
            make_room(get_lane(), copy.size)
            sequence = lane.next
            spool.adopt(copy, sequence)
            try:
                lane.append(FILE_KIND, file_payload(meta, copy, sequence), "", True)
                stored = True
            finally:
                if not stored:
                    spool.remove(sequence)
    finally:
        if not stored:
            spool.discard(copy)
    if move and isinstance(source, str):
        fs.remove_if_there(source)
    return sequence
