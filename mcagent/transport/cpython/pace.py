"""How fast bytes may leave: a bucket of tokens, for a link that others use, too."""

from threading import Lock
from time import monotonic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .progress import Progress

_BURST_S = 0.25  # what was not used a moment ago may be used now, no more
_SLICE_S = 0.1  # a piece that leaves at once; smaller ones only cost system calls
_LEAST_SLICE_BYTES = 512
_MOST_SLICE_BYTES = 65_536


class Pace:
    """At most *bytes_per_s* of requests, in all connections of a transport.

    Heads and bodies count; TLS, TCP and what is sent again by them do not, nor do answers.
    """

    def __init__(self, bytes_per_s: float) -> None:
        self.bytes_per_s = bytes_per_s
        self.slice_bytes = max(
            _LEAST_SLICE_BYTES, min(_MOST_SLICE_BYTES, int(bytes_per_s * _SLICE_S))
        )
        self._lock = Lock()
        self._full_s = 0.0  # when the bucket is as full as after the last reservation

    def reserve(self, count: int) -> float:
        """Take *count* bytes out of the bucket; return how long to wait before they may leave."""
        with self._lock:
            now_s = monotonic()
            self._full_s = max(self._full_s, now_s - _BURST_S)
            wait_s = self._full_s - now_s
            self._full_s += count / self.bytes_per_s
        return max(0.0, wait_s)

    def admit(self, count: int, progress: "Progress") -> None:
        """Return when *count* bytes may leave.

        Raises:
            TimeoutError: The deadline of the request comes first.
            ConnectionError: It was broken off.
        """
        until_s = monotonic() + self.reserve(count)
        while (left_s := until_s - monotonic()) > 0:
            progress.nap(min(left_s, progress.wait_s()))
