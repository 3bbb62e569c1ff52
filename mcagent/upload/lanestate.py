"""What the uploader remembers about a lane between two exchanges. No I/O here."""

from .backoff import Backoff

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    from ..buffer import Batch

_HOUR_MS = 3_600_000


class LaneState:
    """Holds, failures and proof of one lane. Times are monotonic ms.

    Attributes:
        reason: Why the lane waits; ``""`` while it does not.
        held: It waits for somebody to act.
        until_ms: It waits until then.
        by_view: It is held for what the platform knows, not for what it answered.
        unreadable: It waits because the disk did not give its records.
        cautious: After a hold for want of proof: a few records are enough to see whether it is
            over.
        failures: In a row, of the batch at its front.
        failing_since_ms: Since the first of them.
    """

    def __init__(self, random_unit: "Callable[[], float]", base_ms: int) -> None:
        self.backoff = Backoff(random_unit, base_ms=base_ms)
        self.reason = ""
        self.held = False
        self.by_view = False
        self.unreadable = False
        self.until_ms = 0
        self.cautious = False
        self.failures = 0
        self.failing_since_ms = 0
        self._failed = 0  # first sequence number of that batch
        self._accepted_ms: "dict[int, int]" = {}  # record kind to the last time
        self._set_aside_ms: "list[int]" = []

    def hold(self, reason: str, until_ms: int) -> None:
        """Nothing of this lane is sent until then, because of *reason*."""
        self.reason = reason
        self.held = True
        self.by_view = False
        self.unreadable = False
        self.until_ms = until_ms

    def wait(self, reason: str, until_ms: int) -> None:
        """As `hold`, but nobody has to act."""
        self.hold(reason, until_ms)
        self.held = False

    def go(self) -> None:
        """End a wait."""
        self.reason = ""
        self.held = False
        self.by_view = False
        self.unreadable = False
        self.until_ms = 0

    def accepted(self, batch: "Batch", now_ms: int) -> None:
        """Records of *batch* were answered with 200."""
        self.go()
        self.backoff.reset()
        self.cautious = False
        self.failures = 0
        self._accepted_ms[batch.kind] = now_ms

    def failed(self, batch: "Batch", now_ms: int) -> None:
        """The platform was in trouble with *batch*."""
        if self._failed != batch.first:
            self._failed = batch.first
            self.failures = 0
            self.failing_since_ms = now_ms
        self.failures += 1

    # -- proof ------------------------------------------------------------------------------

    def recently_accepted(self, kind: int, now_ms: int) -> bool:
        """One of *kind* was accepted within the last hour."""
        accepted_ms = self._accepted_ms.get(kind)
        return accepted_ms is not None and now_ms - accepted_ms <= _HOUR_MS

    def set_aside(self, count: int, now_ms: int) -> None:
        self._set_aside_ms = self._recent(now_ms) + [now_ms] * count

    def may_set_aside(self, now_ms: int, per_hour: int) -> int:
        """How many more records may be set aside in this hour."""
        return max(0, per_hour - len(self._recent(now_ms)))

    def _recent(self, now_ms: int) -> "list[int]":
        return [at_ms for at_ms in self._set_aside_ms if now_ms - at_ms < _HOUR_MS]
