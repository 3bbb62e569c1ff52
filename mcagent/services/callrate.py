"""Keep documented call rates: wait before a call that would be one too many."""

from collections import deque
from typing import Callable

from ..runtime import Clock

# Requests an hour of one tenant, for each operation on mappings (agent API 8).
MAPPING_CALLS = ((1050, 3600),)
# Of the smallest tenants, as far as the platform's table could be read (agent API 11.3).
AGENT_LISTS = ((10, 30), (40, 180))
AGENT_DELETIONS = ((10, 30), (20, 180))


class CallRate:
    """So many calls in any stretch of so many seconds.

    What other clients of the tenant call is not seen here: the platform's 429 has the last word.

    >>> CallRate(((1050, 3600),), Clock(), time.sleep).take()

    Args:
        windows: (calls, seconds) each; all of them hold.
        clock: Its steady clock counts.
        sleep: Waits so many seconds.
        on_wait: Told the seconds before a wait of more than a second.
    """

    def __init__(
        self,
        windows: "tuple[tuple[int, int], ...]",
        clock: Clock,
        sleep: "Callable[[float], None]",
        *,
        on_wait: "Callable[[float], None] | None" = None,
    ) -> None:
        self._windows = windows
        self._clock = clock
        self._sleep = sleep
        self._on_wait = on_wait
        self._times: deque[int] = deque(maxlen=max(calls for calls, _ in windows))

    def take(self) -> None:
        """Return when one more call is within the rate, and count it."""
        while True:
            now_ms = self._clock.monotonic_ms()
            wait_ms = max(
                self._wait_ms(calls, seconds, now_ms) for calls, seconds in self._windows
            )
            if wait_ms <= 0:
                self._times.append(now_ms)
                return
            if self._on_wait is not None and wait_ms > 1000:
                self._on_wait(wait_ms / 1000)
            self._sleep(wait_ms / 1000)

    def _wait_ms(self, calls: int, seconds: int, now_ms: int) -> int:
        if len(self._times) < calls:
            return 0
        return self._times[-calls] + seconds * 1000 - now_ms
