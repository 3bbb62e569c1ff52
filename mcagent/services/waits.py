"""Whether and when a request is repeated, and the end of all patience. No requests here."""

import logging

from ..credentials.answers import retry_after_ms
from ..errors import TransportError
from ..upload.backoff import Backoff

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    from ..runtime import Clock
    from ..transport.http import Request, Response

_log = logging.getLogger("mcagent.services")

# Not a byte of the request reached the host: nothing can have happened.
_NOTHING_SENT = ("dns", "connect", "tls", "proxy")
_WORTH_REPEATING = (*_NOTHING_SENT, "timeout", "closed")
_BUSY = (429,)  # refused before anything happened: good for any method
_TROUBLE = (408, 500, 502, 503, 504)  # something may have happened: for what may be repeated
_LONGEST_WAIT_MS = 60_000  # services API 1.9: doubling from 1 s to 60 s
_SILENCE_S = 30.0


class Deadline:
    """The end of one call, by the steady clock."""

    def __init__(self, clock: "Clock", timeout_s: float) -> None:
        self._clock = clock
        self.end_ms = clock.monotonic_ms() + int(timeout_s * 1000)

    @property
    def left_s(self) -> float:
        return (self.end_ms - self._clock.monotonic_ms()) / 1000

    def limit(self, request: "Request") -> "Request":
        left_s = max(0.05, self.left_s)
        request.total_s = left_s
        request.timeout_s = min(left_s, request.timeout_s or _SILENCE_S)
        return request


class Waits:
    """Decides whether a request is worth repeating, and waits before it is."""

    def __init__(
        self,
        deadline: Deadline,
        doing: str,
        *,
        attempts: int,
        sleep: "Callable[[float], None]",
        random: "Callable[[], float]",
    ) -> None:
        self._deadline = deadline
        self._doing = doing
        self._left = attempts - 1
        self._sleep = sleep
        self._backoff = Backoff(random)

    def after(self, answer: "Response | TransportError", *, repeatable: bool, now_ms: int) -> bool:
        """Wait, and say True, where the request should be sent once more."""
        wished_ms = 0
        if isinstance(answer, TransportError):
            kinds = _WORTH_REPEATING if repeatable else _NOTHING_SENT
            worth = answer.kind in kinds
            what = answer.kind
        else:
            worth = answer.status in _BUSY or (repeatable and answer.status in _TROUBLE)
            what = str(answer.status)
            wished_ms = retry_after_ms(answer, now_ms)
        if not worth or self._left <= 0:
            return False
        wait_ms = self._backoff.next_ms(_LONGEST_WAIT_MS, wished_ms)
        if wait_ms / 1000 >= self._deadline.left_s:
            return False
        self._left -= 1
        _log.info("repeated in %d ms after %s: %s", wait_ms, what, self._doing)
        self._sleep(wait_ms / 1000)
        return True
