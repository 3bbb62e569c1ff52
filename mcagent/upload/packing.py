"""How much fits into one exchange: arithmetic only, exact to the byte. No I/O here.

Order is strict in a lane: the first record that does not fit ends its lane's part of the body,
and no later, smaller one overtakes it. (Siemens' C client fills by first fit.)
"""

from ..limits import CONFIGURATION_ID_MAX_CHARACTERS
from ..messages.multipart import CLOSE_BYTES, JSON, item_overhead, timeseries_metadata

# A time series item without its payload, for the longest configuration id: a character takes up
# to six bytes as an escape. Which id it will be is known only after the samples were cut.
_TIMESERIES_BYTES = item_overhead(
    len(timeseries_metadata("")) + 6 * CONFIGURATION_ID_MAX_CHARACTERS, len(JSON)
)
_BRACKETS = 2  # samples go as one array
# After a body was too large, so many accepted ones pass before a larger one is tried again.
GROW_CEILING_AFTER = 50
_SMALLEST_LIMIT = 1000  # one record is sent whatever its size: there is nothing smaller
# Where nothing is known yet: the slowest link that is still used, 5 kbit/s with some loss.
SLOWEST_BYTES_PER_S = 500
_REQUEST_MS = 300_000  # a transport gives a request so long, and its body's time at that speed
_BODY_MS = 120_000
_SMALLEST_BYTES_PER_S = _SMALLEST_LIMIT * 1000 // _BODY_MS
_HEAD_BYTES = 1_500  # of a request: most of it the access token
_TELLING_MS = 5_000  # several round trips of a bad link: what took longer was being carried
_GROWTH = 4  # with each success; a link that lets the first kilobytes pass fast may be shaped


class Room:
    """What is left of one exchange while it is filled.

    Args:
        max_bytes: Of the whole body.
        max_timeseries_bytes: Of the time series payload in it.
    """

    def __init__(self, max_bytes: int, max_timeseries_bytes: int) -> None:
        self.free = max_bytes - CLOSE_BYTES
        self._free_timeseries = max_timeseries_bytes
        self._empty = True

    @property
    def samples(self) -> int:
        """Bytes of joined samples that may still fit; `take` has the last word."""
        return min(self._free_timeseries, self.free - _TIMESERIES_BYTES) - _BRACKETS

    def take(self, size: int, timeseries: int = 0) -> bool:
        """Use *size* bytes, *timeseries* of them payload of samples, if they are there.

        The first item is always taken: what is too large alone is refused at the door, and what
        is still too large for the platform is its to refuse.
        """
        if not self._empty and (size > self.free or timeseries > self._free_timeseries):
            return False
        self._empty = False
        self.free -= size
        self._free_timeseries -= timeseries
        return True


class BodyLimit:
    """How large the next body may be: learned from what passed, died by time, or was too large.

    A body is as large as goes out in two minutes, so that the head, the round trips and the token
    of a request (some 2 kB) are a small part of it even at 5 kbit/s, and a link that breaks costs
    a minute on the average. A transport allows several times as long.

    Args:
        most: Never more than this.

    Attributes:
        bytes_per_s: What the link is believed to carry.
    """

    def __init__(self, most: int) -> None:
        self.bytes_per_s = SLOWEST_BYTES_PER_S
        self._most = most
        self._ceiling = most
        self._accepted = 0
        self._measured = False
        self._time_ms = _BODY_MS  # for which the last body was made

    @property
    def bytes(self) -> int:
        """The next body, for a caller with time."""
        return self._carried_in(_BODY_MS)

    @property
    def measured_bytes_per_s(self) -> int:
        """What the link carries, 0 while no body was large enough for it to tell."""
        return self.bytes_per_s if self._measured else 0

    def within(self, left_ms: "int | None") -> int:
        """The next body, for a caller who has *left_ms*; None for no hurry."""
        time_ms = _BODY_MS
        if left_ms is not None:
            time_ms = max(1000, min(time_ms, left_ms * 4 // 5))
        self._time_ms = time_ms
        return self._carried_in(time_ms)

    def hopeless(self, size: int, left_ms: "int | None") -> bool:
        """True where *size* bytes are known to take longer than *left_ms*, or than any request."""
        bound_ms = _REQUEST_MS + size * 1000 // SLOWEST_BYTES_PER_S
        if left_ms is not None:
            bound_ms = min(bound_ms, left_ms)
        return self._measured and (size + _HEAD_BYTES) * 1000 > self.bytes_per_s * bound_ms

    def too_large(self, size: int) -> None:
        """A body of *size* bytes was refused for its size: half of it, and not more soon."""
        self._ceiling = max(_SMALLEST_LIMIT, min(size, self._ceiling) // 2)
        self._accepted = 0

    def too_slow(self, size: int, took_ms: int) -> None:
        """A body of *size* bytes did not get through in *took_ms*: half of it."""
        slower = (
            min((size + _HEAD_BYTES) * 1000 // max(took_ms, self._time_ms), self.bytes_per_s) // 2
        )
        self._measured = self._measured or took_ms >= _BODY_MS  # less may have been an outage
        self.bytes_per_s = max(_SMALLEST_BYTES_PER_S, slower)

    def accepted(self, size: int, took_ms: int) -> None:
        """A body of *size* bytes got through in *took_ms*."""
        self._accepted += 1
        if self._accepted >= GROW_CEILING_AFTER and self._ceiling < self._most:
            self._ceiling = min(self._most, self._ceiling * 2)
            self._accepted = 0
        speed = (size + _HEAD_BYTES) * 1000 // max(1, took_ms)
        # Of a small body most of the time was not spent on carrying it: the link is faster, and
        # not slower, than that. One that took long tells both.
        if speed > self.bytes_per_s:
            speed = min(speed, self.bytes_per_s * _GROWTH)
        elif took_ms < _TELLING_MS:
            return
        self._measured = self._measured or took_ms >= _TELLING_MS
        self.bytes_per_s = max(_SMALLEST_BYTES_PER_S, speed)

    def _carried_in(self, time_ms: int) -> int:
        carried = self.bytes_per_s * time_ms // 1000 - _HEAD_BYTES
        return max(_SMALLEST_LIMIT, min(self._ceiling, carried))
