"""The platform's clock as seen from here: measured at every answer, used to sign."""

from ..boarding import days_since_1970
from ..transport.http import Response

_MONTHS = "JanFebMarAprMayJunJulAugSepOctNovDec"
_PLAUSIBLE_MS = 1_760_000_000_000  # 2025-10-09: no release is older, so no true clock is before


class PlatformClock:
    """The difference of two clocks.

    Attributes:
        offset_ms: The platform's clock minus the device's; None before it was measured.
    """

    def __init__(self) -> None:
        self.offset_ms: "int | None" = None

    def measure(self, answer: "Response | Exception | None", now_ms: int) -> bool:
        """Learn from any answer of the platform; False where there is none, or no time in it."""
        server_ms = server_time_ms(answer) if isinstance(answer, Response) else None
        if server_ms is None:
            return False
        self.offset_ms = server_ms - now_ms
        return True

    def at(self, now_ms: int) -> int:
        """The platform's time when the device's clock says *now_ms*, as well as it is known."""
        return now_ms + (self.offset_ms or 0)

    def is_hopeless(self, now_ms: int) -> bool:
        """The device's clock is certainly wrong, and the platform's was never seen."""
        return self.offset_ms is None and now_ms < _PLAUSIBLE_MS


def server_time_ms(response: "Response") -> "int | None":
    """The platform's time by ``Server-Time`` (oauth/token only) or ``Date``; None without one.

    The middle of the second that the headers name.
    """
    if response.is_html():
        return None  # a captive portal's clock is nobody's
    text = response.header("server-time").strip()
    moment_ms = int(text) * 1000 if text.isdigit() else http_date_ms(response.header("date"))
    if moment_ms is None or moment_ms < _PLAUSIBLE_MS:
        return None
    return moment_ms + 500


def http_date_ms(text: str) -> "int | None":
    """Parse ``Sun, 06 Nov 1994 08:49:37 GMT`` (RFC 9110, 5.6.7); None for anything else."""
    parts = text.split()
    if len(parts) != 6 or parts[5] != "GMT" or len(parts[2]) != 3:
        return None
    month, odd = divmod(_MONTHS.find(parts[2]), 3)
    fields = (parts[1] + ":" + parts[3] + ":" + parts[4]).split(":")
    if month < 0 or odd or len(fields) != 5 or not all(field.isdigit() for field in fields):
        return None
    day, year, hour, minute, second = [int(field) for field in fields]
    days = days_since_1970(year, month + 1, day)
    return ((days * 24 + hour) * 3600 + minute * 60 + second) * 1000
