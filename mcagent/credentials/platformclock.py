"""The platform's clock as seen from here: measured at every answer, used to sign."""

from ..calendar import utc_ms, whole_number
from ..runtime import PLAUSIBLE_MS
from ..transport.http import Response

_MONTHS = "JanFebMarAprMayJunJulAugSepOctNovDec"


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
        return self.offset_ms is None and now_ms < PLAUSIBLE_MS


def server_time_ms(response: "Response") -> "int | None":
    """The platform's time by ``Server-Time`` (oauth/token only) or ``Date``; None without one.

    The middle of the second that the headers name.
    """
    if response.is_html():
        return None  # a captive portal's clock is nobody's
    text = response.header("server-time").strip()
    seconds = whole_number(text)
    moment_ms = http_date_ms(response.header("date")) if seconds is None else seconds * 1000
    if moment_ms is None or moment_ms < PLAUSIBLE_MS:
        return None
    return moment_ms + 500


def http_date_ms(text: str) -> "int | None":
    """Parse ``Sun, 06 Nov 1994 08:49:37 GMT`` (RFC 9110, 5.6.7); None for anything else."""
    parts = text.split()
    if len(parts) != 6 or parts[5] != "GMT" or len(parts[2]) != 3:
        return None
    month, odd = divmod(_MONTHS.find(parts[2]), 3)
    fields = (parts[1] + ":" + parts[3] + ":" + parts[4]).split(":")
    if month < 0 or odd or len(fields) != 5:
        return None
    day, year, hour, minute, second = [whole_number(field) for field in fields]
    return utc_ms([year, month + 1, day, hour, minute, second, 0])
