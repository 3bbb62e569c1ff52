"""What the buffer says of itself: dicts, text and numbers, ready for JSON."""

from .settings import ALL_LANES, REJECTED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .cursor import Cursor
    from .outlet import Outlet
    from .settings import BufferSettings

_DAY_MS = 86_400_000
_RATE_AFTER_MS = 60_000  # less says nothing about a day


def buffer_status(
    settings: "BufferSettings",
    outlets: "dict[str, Outlet]",
    cursor: "Cursor",
    *,
    bytes_written: int,
    uptime_ms: int,
) -> "dict[str, Any]":
    """See `Buffer.status`."""
    lanes = {}
    for name in ALL_LANES:
        lanes[name] = lane_status(outlets.get(name), settings.lanes[name].quota_bytes)
    rejected = lanes.pop(REJECTED)
    a_day = bytes_written * _DAY_MS // uptime_ms if uptime_ms >= _RATE_AFTER_MS else None
    return {
        "lanes": lanes,
        "rejected": rejected,
        "bytes_written": bytes_written,
        "bytes_a_day": a_day,
        "high_water_ms": cursor.high_water_ms,
        "total_quota_bytes": settings.total_quota_bytes,
        "cursor_damaged": cursor.damaged,
    }


def unreported_losses(outlets: "dict[str, Outlet]") -> "list[dict[str, Any]]":
    """What is lost and the platform was not told of.

    Returns:
        Of each lane with something new: ``lane``, ``records`` in all, ``reported`` of them,
        ``reported_ms`` (0 for never), ``losses`` (see `LaneState.losses`).
    """
    found = []
    for name, outlet in outlets.items():
        losses = outlet.state.losses()
        records = sum([loss["records"] for loss in losses.values()])
        if records > outlet.state.reported:
            found.append(
                {
                    "lane": name,
                    "records": records,
                    "reported": outlet.state.reported,
                    "reported_ms": outlet.state.reported_ms,
                    "losses": losses,
                }
            )
    return found


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
