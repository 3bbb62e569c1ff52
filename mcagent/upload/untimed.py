"""Samples whose time nobody knows: the device ended before it had a clock.

Sent as they are they would land in 1970, and those of one start would replace those of another.
docs/adr/0016 argues what becomes of them.
"""

from ..messages.timestamp import format_ms
from ..runtime import log

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..buffer import Batch, Buffer
    from ..runtime import Clock
    from .lanestate import LaneState
    from .settings import UploadSettings
    from .timecorrection import TimeCorrection

_AT_ONCE = 100  # for one sync of the rejected store; nothing is recorded meanwhile
_LOOK_MS = 60_000  # how soon the disk, which had no room, is asked again
_MANY_BYTES = 1 << 30
_WHY = "recorded in an earlier start of this device, before its clock was set: nobody knows when"


class Untimed:
    """Deals with those at the front of the samples, as `UploadSettings.unknown_time` says.

    Args:
        buffer: What has `cut`, `release` and `pass_by`.
        times: Tells which they are.
        clock: To say what it says.
        settings: Their `unknown_time`, ``"hold"`` or ``"drop"``; with ``"send"`` there are none.

    Attributes:
        kept: How many went to the rejected store since the start.
    """

    def __init__(
        self, buffer: "Buffer", times: "TimeCorrection", clock: "Clock", settings: "UploadSettings"
    ) -> None:
        self.kept = 0
        self._buffer = buffer
        self._times = times
        self._clock = clock
        self._drop = settings.unknown_time == "drop"
        self._told = b""

    def deal(self, state: "LaneState", max_sequence: "int | None", now_ms: int) -> None:
        """Go past some of them; or hold their lane, with a word. Raises `OSError`."""
        reason = self._pass_some(max_sequence)
        if reason:
            log("warning", "upload", reason)
            state.hold(reason, now_ms + _LOOK_MS)

    @property
    def note(self) -> str:
        """For `status()`; ``""`` while there were none."""
        if not self.kept:
            return ""
        return (
            "%d samples were %s. They are kept in the rejected store (mcagent rejected); "
            'UploadSettings(unknown_time="send") sends such samples as they are'
            % (self.kept, _WHY)
        )

    # -- private ----------------------------------------------------------------------------

    def _pass_some(self, max_sequence: "int | None") -> str:
        """Why they have to wait; ``""`` where they do not."""
        count = _AT_ONCE
        for _ in range(2):
            batch = self._buffer.cut(
                "timeseries", max_bytes=_MANY_BYTES, max_records=count, max_sequence=max_sequence
            )
            if batch is None:
                return ""
            try:
                count = self._times.lost(batch)
                if count == 0:
                    return self._why_wait()
                if count == batch.count:
                    return self._pass(batch)
            finally:
                self._buffer.release(batch, again=False)
        return ""  # the quota dropped the front meanwhile

    def _pass(self, batch: "Batch") -> str:
        keep = not self._drop
        reason = {"status": 0, "reason": _WHY, "correlation_id": ""} if keep else None
        passed = self._buffer.pass_by(batch, reason)
        if not passed:
            return (
                "samples were %s; the rejected store has no room for them: make room on the disk"
                % _WHY
            )
        self.kept += passed if keep else 0
        boot_id = batch.contexts[0].boot_id
        if boot_id != self._told:
            self._told = boot_id
            became = "kept in the rejected store" if keep else "given up"
            log("warning", "upload", "samples were %s: they are %s" % (_WHY, became))
        return ""

    def _why_wait(self) -> str:
        if self._times.trouble:
            return "the time of the oldest samples cannot be noted: " + self._times.trouble
        return (
            "the time of the oldest samples is not known yet: this device's clock says %s, and no "
            'answer of the platform named a time; set the clock, or unknown_time="send"'
            % format_ms(max(0, self._clock.now_ms()))
        )
