"""What `Buffer.status` says of a lane: dicts, text and numbers, ready for JSON."""

from .cursor import REASONS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .outlet import Outlet


def lane_status(outlet: "Outlet") -> "dict[str, Any]":
    """See `Buffer.status`."""
    lane, state = outlet.lane, outlet.state
    oldest = outlet.first_record() if outlet.records else None
    losses = {name: state.losses[name].to_dict() for name in REASONS if state.losses[name].records}
    return {
        "records": outlet.records,
        "bytes": lane.disk_bytes,
        "quota_bytes": lane.settings.quota_bytes,
        "oldest_sequence": oldest.sequence if oldest is not None else None,
        "oldest_ms": oldest.wall_ms if oldest is not None else None,
        "next_sequence": lane.next,
        "durable_sequence": lane.durable,
        "acked_sequence": state.head - 1,
        "dropped": losses,
    }
