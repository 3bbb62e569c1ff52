"""What the uploader remembers about a lane between two exchanges. No I/O here."""

from ..errors import TransportError
from ..runtime import log
from .backoff import Backoff
from .outcome import LINK_CAP_MS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    from ..buffer import Batch
    from .exchange import Answer

_HOUR_MS = 3_600_000
# A record behind a refused one that stood alone is the proof that was missing. Where it proves
# nothing, because everything is refused, the next one is looked at after twice the time.
_PROOF_MS = 60_000


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
        proof_from: Held for want of proof: a record with this number, or a later one, may bring
            it; 0 otherwise.
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
        self.proof_from = 0
        self._proof_ms = 0  # not before then
        self._unproven = 0  # holds for want of proof since something was accepted
        self.failures = 0
        self.failing_since_ms = 0
        self._failed = 0  # first sequence number of that batch
        self._accepted_ms: "dict[int, int]" = {}  # record kind to the last time
        self._set_aside_ms: "list[int]" = []

    def hold(self, reason: str, until_ms: int) -> None:
        """Nothing of this lane is sent until then, because of *reason*."""
        self.go()
        self.reason = reason
        self.held = True
        self.until_ms = until_ms

    def wait(self, reason: str, until_ms: int) -> None:
        """As `hold`, but nobody has to act."""
        self.hold(reason, until_ms)
        self.held = False

    def wait_for_word(self, answer: "Answer", now_ms: int, hold_ms: int) -> str:
        """What this lane has to know first was not told: *answer* came instead; return the words.

        No other lane needs it, so none waits with this one.

        Raises:
            TransportError: It was not the platform that answered, and nothing else would pass.
        """
        if answer.row.cap_ms == LINK_CAP_MS:  # a captive portal, or a proxy
            raise TransportError(answer.reason, kind="other")
        reason = "the platform does not tell the agent's data model and mappings: "
        reason += answer.reason
        if reason != self.reason:
            log("warning", "upload", reason)
        cap_ms = answer.row.cap_ms
        wait_ms = self.backoff.next_ms(cap_ms, answer.retry_after_ms) if cap_ms else hold_ms
        self.wait(reason, now_ms + wait_ms)
        return reason

    def hold_unproven(self, reason: str, now_ms: int, *, hold_ms: int, next_sequence: int) -> None:
        """As `hold`: a record is refused, and none that was accepted says whose fault it is."""
        self.hold(reason, now_ms + hold_ms)
        self.cautious = True
        self.proof_from = next_sequence
        self._proof_ms = now_ms + min(hold_ms, _PROOF_MS << min(self._unproven, 10))
        self._unproven += 1

    def look_for_proof(self, next_sequence: int, now_ms: int) -> bool:
        """End such a hold where something was recorded since; True where it does."""
        found = self.proof_from < next_sequence and now_ms >= self._proof_ms
        if found:
            self.go()
        return found

    def go(self) -> None:
        """End a wait."""
        self.reason = ""
        self.held = False
        self.by_view = False
        self.unreadable = False
        self.proof_from = 0
        self.until_ms = 0

    def progressed(self) -> None:
        """What is sent in parts went on."""
        self.go()
        self.backoff.reset()
        self.failures = 0

    def accepted(self, batch: "Batch", now_ms: int) -> None:
        """Records of *batch* were answered with 200."""
        self.progressed()
        self.cautious = False
        self._unproven = 0
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
