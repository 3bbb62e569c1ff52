"""What the status of an uploader says of its lanes: plain values."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .dispatch import Dispatch


def dispatch_status(dispatch: "Dispatch", now_ms: int, reason: str) -> "dict[str, Any]":
    """See `Uploader.status`."""
    states = sorted(dispatch.lanes.items())
    waits = [dispatch.pause_until_ms - now_ms]
    if waits[0] <= 0:
        waits = [state.until_ms - now_ms for _, state in states if state.until_ms > now_ms]
    success_ms, error_ms = dispatch.last_success_ms, dispatch.last_error_ms
    held = {lane: state.reason for lane, state in states if state.held}
    if dispatch.held:
        held["everything"] = dispatch.pause_reason
    return {
        "retry_in_s": min(waits) / 1000 if waits else 0,
        "reason": reason,
        "held": held,
        "waiting": {
            lane: state.reason for lane, state in states if state.reason and not state.held
        },
        "body_limit": dispatch.limit.bytes,
        "consent": dispatch.barrier.question,
        "searching": dispatch.poison.searching,
        "sending": dispatch.files.sending,
        "requests": dispatch.requests,
        "delivered": dispatch.delivered,
        "set_aside": dispatch.poison.set_aside,
        "last_success_s": None if success_ms is None else (now_ms - success_ms) // 1000,
        "last_error": dispatch.last_error,
        "last_error_s": None if error_ms is None else (now_ms - error_ms) // 1000,
    }
