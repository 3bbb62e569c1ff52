"""Tell the platform what the buffer had to give up: one event a lane, at most one an hour.

The events do not pass through the buffer: "the events lane is full" must not need that lane.
"""

from ..runtime import log
from . import outcome

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..buffer import Buffer
    from ..runtime import Clock
    from .dispatch import Dispatch

_HOUR_MS = 3_600_000
_LOOK_MS = 5_000  # how often the buffer is asked


class LossReport:
    """Events about lost records.

    Args:
        buffer: What has `unreported_losses` and `losses_reported`.
        clock: The hour between two events is measured by its monotonic time, across a restart
            by the wall clock.
        enabled: False keeps losses in `status()` only.
    """

    def __init__(self, buffer: "Buffer", clock: "Clock", *, enabled: bool) -> None:
        self._buffer = buffer
        self._clock = clock
        self._enabled = enabled
        self._look_ms = 0
        self._not_before_ms: "dict[str, int]" = {}
        self._drafts: "list[tuple[str, int, bytes]]" = []  # lane, records in all, event

    def tell(self, dispatch: "Dispatch", monotonic_ms: int, wall_ms: int) -> "int | None":
        """Send what is due; return how long to wait, None where nothing is due."""
        events = self.due(monotonic_ms, wall_ms)
        if not events:
            return None
        answer = dispatch.tell(events)
        if answer.row.outcome in (outcome.WAIT, outcome.SHRINK) and answer.status < 500:
            return dispatch.pause(answer)
        accepted = answer.row.outcome == outcome.ACK
        self.answered(accepted, monotonic_ms)
        if not accepted:
            log("warning", "upload", "the event about lost records: " + answer.reason)
        return 0

    def due(self, monotonic_ms: int, wall_ms: int) -> "list[bytes]":
        """Fragments of the events to send now; the same ones, with their ids, until answered."""
        if self._enabled and not self._drafts and monotonic_ms >= self._look_ms:
            self._look_ms = monotonic_ms + _LOOK_MS
            for loss in self._buffer.unreported_losses():
                if not self._too_soon(loss, monotonic_ms):
                    draft = loss["lane"], loss["records"], _event(loss, wall_ms)
                    self._drafts.append(draft)
        return [event for _lane, _records, event in self._drafts]

    def answered(self, accepted: bool, monotonic_ms: int) -> None:
        """The platform took the events, or does not want them; the next ones in an hour."""
        drafts, self._drafts = self._drafts, []
        for lane, records, _event in drafts:
            self._not_before_ms[lane] = monotonic_ms + _HOUR_MS
            if accepted:
                self._buffer.losses_reported(lane, records)

    def _too_soon(self, loss: "dict[str, Any]", monotonic_ms: int) -> bool:
        if loss["lane"] in self._not_before_ms:
            return monotonic_ms < self._not_before_ms[loss["lane"]]
        reported_ms: int = loss["reported_ms"]
        if not reported_ms or not self._clock.trusted():
            return False
        return 0 <= self._clock.now_ms() - reported_ms < _HOUR_MS


def _event(loss: "dict[str, Any]", wall_ms: int) -> bytes:
    """One event object. Its details are fields of the platform's standard type."""
    from ..messages.event import Event, Severity
    from ..messages.timestamp import format_ms

    losses = loss["losses"]
    reasons = ", ".join(
        ["%s %d" % (reason, losses[reason]["records"]) for reason in sorted(losses)]
    )
    text = "%d records of the lane %s are lost since the last report, %d in all (%s)" % (
        loss["records"] - loss["reported"],
        loss["lane"],
        loss["records"],
        reasons,
    )
    last_ms = max([losses[reason]["until_ms"] for reason in losses])
    if last_ms:
        text += ", the latest on %s" % format_ms(last_ms)
    details = {
        "source": "mcagent",
        "code": "records-lost",
        "component": loss["lane"],
        "acknowledged": False,
    }
    event = Event(text, severity=Severity.WARNING, details=details)
    return event.fragment(wall_ms)
