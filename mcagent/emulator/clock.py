"""The platform's clock: this machine's, shifted by a settable offset."""

import time
from contextvars import ContextVar
from email.utils import formatdate

# What a fault rule adds for one request: whoever answers it sees it, and nobody else.
_SHIFT_S: ContextVar[float] = ContextVar("shift of the platform's clock", default=0.0)


class PlatformClock:
    """Tell the platform's time; `offset_s` lets a test make the device's clock look wrong."""

    def __init__(self, offset_s: float = 0.0) -> None:
        self.offset_s = offset_s

    def now_ms(self) -> int:
        return int((time.time() + self.offset_s + _SHIFT_S.get()) * 1000)

    def now_s(self) -> int:
        return self.now_ms() // 1000

    def http_date(self) -> str:
        """Format now as an HTTP date (RFC 9110 section 5.6.7)."""
        return formatdate(self.now_s(), usegmt=True)

    def shift(self, offset_s: float) -> None:
        """Add *offset_s* in the present task only, instead of what it added before."""
        _SHIFT_S.set(offset_s)
