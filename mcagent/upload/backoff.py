"""How long to wait after a failure: full jitter, and the platform's own wish. No I/O here."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

# A proxy that says "come back tomorrow" must not silence a device until tomorrow: the request
# after these minutes costs little, and a platform that still means it says so again.
RETRY_AFTER_CAP_MS = 300_000

_MONTHS = "JanFebMarAprMayJunJulAugSepOctNovDec"


class Backoff:
    """Counts failures in a row and draws the wait after each.

    Args:
        random_unit: Uniform in [0, 1).
        base_ms: Upper bound of the first wait.
    """

    def __init__(self, random_unit: "Callable[[], float]", *, base_ms: int = 1000) -> None:
        self._random_unit = random_unit
        self._base_ms = base_ms
        self.failures = 0

    def next_ms(self, cap_ms: int, retry_after_ms: "int | None" = None) -> int:
        """Count one more failure; return how long to wait, in ms.

        Args:
            cap_ms: Upper bound of the random wait.
            retry_after_ms: What the platform asked for. It is a lower bound: the random part
                comes on top, or all devices that were told the same would come back together.
        """
        # AWS architecture blog, "Exponential backoff and jitter": full jitter. The jitter comes
        # after the cap, else all devices that reached it would wait equally long.
        bound_ms = self._base_ms
        for _ in range(self.failures):
            if bound_ms >= cap_ms:
                break
            bound_ms *= 2
        self.failures += 1
        wait_ms = int(self._random_unit() * min(cap_ms, bound_ms))
        if retry_after_ms is not None:
            wait_ms += max(0, min(retry_after_ms, RETRY_AFTER_CAP_MS))
        return wait_ms

    def reset(self) -> None:
        """Something succeeded. Nothing else resets: a link that comes and goes is not well."""
        self.failures = 0


def retry_after_ms(value: str, date: str, now_ms: int) -> "int | None":
    """The platform's wish in ms; None where it is absent or makes no sense.

    Args:
        value: Header ``Retry-After``, seconds or an HTTP date (RFC 9110, 10.2.3).
        date: Header ``Date`` of the same answer: the difference of the two does not depend on
            this device's clock.
        now_ms: Used where *date* is missing.
    """
    value = value.strip()
    if value.isdigit():
        return int(value) * 1000
    until_ms = http_date_ms(value)
    if until_ms is None:
        return None
    from_ms = http_date_ms(date)
    return max(0, until_ms - (now_ms if from_ms is None else from_ms))


def http_date_ms(text: str) -> "int | None":
    """Parse ``Sun, 06 Nov 1994 08:49:37 GMT``; None for anything else.

    The two older forms of RFC 9110, 5.6.7 have not been sent by any server for decades.
    """
    parts = text.split()
    if len(parts) != 6 or parts[5] != "GMT":
        return None
    month = _MONTHS.find(parts[2]) // 3 + 1 if len(parts[2]) == 3 else 0
    numbers = (parts[1] + ":" + parts[3] + ":" + parts[4]).split(":")
    if month < 1 or len(numbers) != 5 or not all(number.isdigit() for number in numbers):
        return None
    day, year, hour, minute, second = [int(number) for number in numbers]
    # Howard Hinnant, "chrono-compatible low-level date algorithms": days_from_civil.
    year -= month <= 2
    era_day = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    days = year * 365 + year // 4 - year // 100 + year // 400 + era_day - 719_468
    return (((days * 24 + hour) * 60 + minute) * 60 + second) * 1000
