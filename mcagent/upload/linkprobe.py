"""See that the link is back, while nothing is sent for want of an answer. No I/O of its own.

A connection that is opened and closed again costs less than a request, so it is tried every few
seconds. It ends a wait only when the link was seen down before: where the host takes connections
and does not answer, the back-off goes on as it is.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

# Kinds of a missing answer that a link that is down may leave, and those that prove that it is.
_SUSPECT = ("dns", "connect", "proxy", "tls", "timeout", "closed")
_DOWN = ("dns", "connect")

# Devices that lost the link together find it again together: the longer it was away, the more
# may be waiting, and the more time their first requests are spread over.
_FIRST_MS = 5_000
_LAST_MS = 15_000
_OUTAGE_SHARE = 40
_MOST_MS = 60_000  # after connections that led to no answer, no more often than requests


class LinkProbe:
    """Decides when to try, and what that means.

    Args:
        reach: True where the platform takes a connection, False where not; None where nobody
            can tell.
        random_unit: Uniform in [0, 1).

    Attributes:
        due_ms: When to try next; None for never in this pause.
    """

    def __init__(
        self, reach: "Callable[[], bool | None]", random_unit: "Callable[[], float]"
    ) -> None:
        self.due_ms: "int | None" = None
        self._reach = reach
        self._random_unit = random_unit
        self._down_ms: "int | None" = None  # since then the link has been seen down
        self._outage_ms: "int | None" = None  # since then nothing was answered
        self._resumed_ms: "int | None" = None
        self._vain = 0  # times in a row that a connection led to no answer

    def paused(self, kind: str, now_ms: int, success_ms: "int | None") -> None:
        """A pause begins, because of a missing answer of *kind*; the last success was then."""
        if success_ms is not None and self._outage_ms is not None and success_ms > self._outage_ms:
            self._outage_ms = self._down_ms = None
            self._vain = 0
        elif self._resumed_ms is not None:
            self._vain += 1
        self._resumed_ms = None
        if self._outage_ms is None:
            self._outage_ms = now_ms
        if kind in _DOWN and self._down_ms is None:
            self._down_ms = now_ms
        self.due_ms = self._next_ms(now_ms) if kind in _SUSPECT else None

    def came_back(self, clock_ms: "Callable[[], int]") -> bool:
        """Try, if that is due; True where the link was down and is there again."""
        if self.due_ms is None or clock_ms() < self.due_ms:
            return False
        reached = self._reach()
        now_ms = clock_ms()
        self.due_ms = None
        if reached is None:
            return False
        if not reached:
            self._down_ms = now_ms
            self.due_ms = self._next_ms(now_ms)
            return False
        if self._down_ms is None:
            return False  # it is not the link
        self._down_ms = None
        self._resumed_ms = now_ms
        return True

    def _next_ms(self, now_ms: int) -> int:
        lasts_ms = now_ms - (self._outage_ms or now_ms)
        bound_ms = max(_FIRST_MS, min(_LAST_MS, lasts_ms // _OUTAGE_SHARE))
        bound_ms = min(_MOST_MS, bound_ms << min(self._vain, 6))
        return now_ms + int(bound_ms * (0.5 + self._random_unit()))
