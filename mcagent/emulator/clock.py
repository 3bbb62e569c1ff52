"""The platform's clock: this machine's, shifted by a settable offset."""

import time
from email.utils import formatdate


class PlatformClock:
    """Tell the platform's time; `offset_s` lets a test make the device's clock look wrong."""

    def __init__(self, offset_s: float = 0.0) -> None:
        self.offset_s = offset_s

    def now_ms(self) -> int:
        return int((time.time() + self.offset_s) * 1000)

    def now_s(self) -> int:
        return self.now_ms() // 1000

    def http_date(self) -> str:
        """Format now as an HTTP date (RFC 9110 section 5.6.7)."""
        return formatdate(self.now_s(), usegmt=True)
