"""Taking in a file: copy without the lock, then name and record it under the lock."""

from ..errors import InvalidMessage
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
    make_room: "Callable[[Lane, int], int]",
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
        size = spool.disk_bytes(fs.size(source))
        _require_fit(lane, size)
    else:
        size = 0
    most = lane.settings.quota_bytes  # nobody knows how long a stream is
    with lock:
        make_room(get_lane(), size)
        spool.bytes += size  # others that come meanwhile find it taken
    try:
        copy = spool.copy(source, link=move, max_bytes=min(most, max_bytes or most))
    finally:
        with lock:
            spool.bytes -= size
    stored = False
    try:
        with lock:
            _require_fit(lane, spool.disk_bytes(copy.size))
            make_room(get_lane(), spool.disk_bytes(copy.size))
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


def _require_fit(lane: "Lane", size: int) -> None:
    """Refuse what would push everything else out in vain: its record needs a segment, too."""
    quota_bytes = lane.settings.quota_bytes
    if size + lane.settings.segment_bytes > quota_bytes:
        raise InvalidMessage(
            "a file that takes %d bytes does not fit in the lane %s, whose quota is %d bytes"
            % (size, lane.name, quota_bytes),
            hint="send it in parts, or give the lane a larger quota",
        )
