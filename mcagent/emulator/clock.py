"""The platform's clock: this machine's, shifted by a settable offset."""

import time
from contextvars import ContextVar
from email.utils import formatdate

from .names import shown

# What a fault rule adds for one request: whoever answers it sees it, and nobody else.
_SHIFT_S: ContextVar[float] = ContextVar("shift of the platform's clock", default=0.0)

# A time after it, a life of 100 years later, can still be written: years have four digits.
_END_S = 250_000_000_000


def check_offset(offset_s: object) -> None:
    """Refuse what is no offset of a clock.

    Raises:
        ValueError: Not a number, or the clock would leave the years 1970 to 9891.
    """
    if not isinstance(offset_s, (int, float)) or isinstance(offset_s, bool):
        raise ValueError(f"clock offset is {shown(offset_s)}; it must be a number of seconds")  # noqa: TRY004 - bad input
    if not -_END_S < offset_s < _END_S or not 0 <= time.time() + offset_s < _END_S:
        raise ValueError(
            f"clock offset is {shown(offset_s)}; it must leave the clock in the years 1970 to 9891"
        )


class PlatformClock:
    """Tell the platform's time; `offset_s` lets a test make the device's clock look wrong."""

    def __init__(self, offset_s: float = 0.0) -> None:
        self.offset_s = offset_s

    def now_ms(self) -> int:
        now_s = time.time() + self.offset_s + _SHIFT_S.get()
        return int(min(max(now_s, 0), _END_S) * 1000)

    def now_s(self) -> int:
        return self.now_ms() // 1000

    def http_date(self) -> str:
        """Format now as an HTTP date (RFC 9110 section 5.6.7)."""
        return formatdate(self.now_s(), usegmt=True)

    def shift(self, offset_s: float) -> None:
        """Add *offset_s* in the present task only, instead of what it added before."""
        _SHIFT_S.set(offset_s)
