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
    """How large the next body may be: learned from what did not pass.

    Args:
        most: Never more than this.
    """

    def __init__(self, most: int) -> None:
        self.bytes = most
        self._most = most
        self._ceiling = most
        self._accepted = 0

    def too_large(self, size: int) -> None:
        """A body of *size* bytes was refused for its size: half of it, and not more soon."""
        self.too_slow(size)
        self._ceiling = self.bytes
        self._accepted = 0

    def too_slow(self, size: int) -> None:
        """A body of *size* bytes did not get through in time: half of it."""
        self.bytes = max(_SMALLEST_LIMIT, min(size, self.bytes) // 2)

    def accepted(self) -> None:
        """A body got through."""
        self._accepted += 1
        if self._accepted >= GROW_CEILING_AFTER and self._ceiling < self._most:
            self._ceiling = min(self._most, self._ceiling * 2)
            self._accepted = 0
        self.bytes = min(self._ceiling, self.bytes * 2)
