"""Receipts: what became of a record."""

from ..errors import storage_error
from ..runtime import sleep_ms

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .buffer import Buffer

_POLL_MS = 20


class Receipt:
    """Tells what became of one record; it asks the buffer each time.

    ``delivered`` means accepted by the platform with a 200, and no more.

    >>> receipt = agent.record({"temperature": 21.4})
    >>> receipt.durable
    """

    __slots__ = ("_buffer", "lane", "sequence")

    def __init__(self, buffer: "Buffer", lane: str, sequence: int) -> None:
        self._buffer = buffer
        self.lane = lane
        self.sequence = sequence

    @property
    def state(self) -> str:
        """``"buffered"`` (in memory: a kill may take it), ``"durable"``, ``"delivered"``,
        ``"set aside"`` (refused by the platform and kept) or ``"dropped"`` (lost and counted).
        """
        return self._buffer.state_of(self.lane, self.sequence)

    @property
    def durable(self) -> bool:
        """True once a power cut cannot take it: also for what was delivered or set aside."""
        return self.state in ("durable", "delivered", "set aside")

    @property
    def delivered(self) -> bool:
        """True once the platform answered 200 for it."""
        return self.state == "delivered"

    def wait_durable(self) -> bool:
        """Sync now where that is still to do.

        Raises:
            BufferFull, ConfigurationError: The disk does not take it; it stays in memory.
        """
        if self.state == "buffered":
            try:
                self._buffer.flush(self.lane)
            except OSError as error:
                raise storage_error(self._buffer.directory, error)
        return self.durable

    def wait_delivered(self, timeout_s: float) -> bool:
        """Wait until another thread delivered it, or until *timeout_s* is over."""
        left_ms = int(timeout_s * 1000)
        while left_ms > 0 and self.state in ("buffered", "durable"):
            try:
                self._buffer.tick()
            except OSError:
                pass  # the disk does not take something now: the same in a moment
            sleep_ms(_POLL_MS)
            left_ms -= _POLL_MS
        return self.delivered

    def __repr__(self) -> str:
        return "<Receipt %s %d: %s>" % (self.lane, self.sequence, self.state)
