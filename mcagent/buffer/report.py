"""What `Buffer.status` says of a lane: dicts, text and numbers, ready for JSON."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .outlet import Outlet


def lane_status(outlet: "Outlet | None", quota_bytes: int) -> "dict[str, Any]":
    """See `Buffer.status`; None is a lane that has never held a record."""
    status: "dict[str, Any]" = {
        "records": 0,
        "bytes": 0,
        "quota_bytes": quota_bytes,
        "oldest_sequence": None,
        "oldest_ms": None,
        "next_sequence": 1,
        "durable_sequence": 0,
        "acked_sequence": 0,
        "dropped": {},
    }
    if outlet is not None:
        lane = outlet.lane
        status["records"] = outlet.records
        status["bytes"] = lane.disk_bytes
        status["next_sequence"] = lane.next
        status["durable_sequence"] = lane.durable
        status["acked_sequence"] = outlet.state.head - 1
        status["dropped"] = outlet.state.losses()
        try:
            oldest = outlet.first_record() if outlet.records else None
        except OSError:
            oldest = None  # damaged meanwhile: the next cut passes it and counts it
        if oldest is not None:
            status["oldest_sequence"] = oldest.sequence
            status["oldest_ms"] = oldest.wall_ms
    return status
