"""Bytes a second for each asset and aspect, kept on this side so that 429 is the exception."""

import threading
from collections import deque

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Hashable

    from ..runtime import Clock

# "The Data Ingest rate throttling limit is 100 KB/s for Asset/Aspect combination" (overview).
BYTES_PER_S = 100_000
# Half a second's worth at once: requests that take unequal times on their way then still arrive
# within the limit of any one second.
_BURST_S = 0.5


class Bucket:
    """Lets bytes through at a rate, each key on its own.

    What was sent drains at *bytes_per_s*; more may go when it fits into half a second's worth, or
    when nothing is left to drain (one record may be larger than that). And no second has more than
    *bytes_per_s*, wherever one begins to count it, unless one body alone is more.

    Args:
        bytes_per_s: None for no limit.
        clock: For its steady time.
        sleep: Waits so many seconds.
    """

    def __init__(
        self, bytes_per_s: "int | None", clock: "Clock", sleep: "Callable[[float], None]"
    ) -> None:
        self.bytes_per_s = bytes_per_s
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        # Thousandths of bytes that are left to drain, and when: no fraction is ever rounded.
        self._levels: "dict[Hashable, tuple[int, int]]" = {}
        # What went within the last second: (when, bytes).
        self._sent: "dict[Hashable, deque[tuple[int, int]]]" = {}

    @property
    def body_bytes(self) -> "int | None":
        """The largest body that goes without waiting for an empty bucket; None for any."""
        return None if self.bytes_per_s is None else int(self.bytes_per_s * _BURST_S)

    def take(self, key: "Hashable", size: int) -> None:
        """Wait until *size* bytes may be sent for *key*, and note them."""
        while True:
            wait_ms = self._try(key, size)
            if wait_ms == 0:
                return
            self._sleep(wait_ms / 1000)

    def _try(self, key: "Hashable", size: int) -> int:
        rate = self.bytes_per_s
        if rate is None:
            return 0
        most = int(rate * _BURST_S) * 1000
        with self._lock:
            now_ms = self._clock.monotonic_ms()
            level, before_ms = self._levels.get(key, (0, now_ms))
            level = max(0, level - rate * (now_ms - before_ms))
            sent = self._sent.setdefault(key, deque())
            while sent and sent[0][0] <= now_ms - 1000:
                sent.popleft()
            too_much = 0 if level == 0 else max(0, min(level, level + size * 1000 - most))
            wait_ms = max(-(-too_much // rate), _until_room(sent, size, rate, now_ms))
            if wait_ms == 0:
                level += size * 1000
                sent.append((now_ms, size))
            self._levels[key] = (level, now_ms)
            return wait_ms


def _until_room(sent: "deque[tuple[int, int]]", size: int, rate: int, now_ms: int) -> int:
    """Milliseconds until *size* bytes fit into one second with what was sent before."""
    left = sum(bytes_ for _at_ms, bytes_ in sent)
    wait_ms = 0
    for at_ms, bytes_ in sent:
        if left + size <= rate:
            break
        left -= bytes_
        wait_ms = at_ms + 1000 - now_ms
    return wait_ms
