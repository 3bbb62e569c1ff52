"""How long to wait after a failure: full jitter, and the platform's own wish. No I/O here."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable


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

    def next_ms(self, cap_ms: int, retry_after_ms: int = 0) -> int:
        """Count one more failure; return how long to wait, in ms.

        Args:
            cap_ms: Upper bound of the random wait.
            retry_after_ms: What the platform asked for (`credentials.answers.retry_after_ms`
                bounds it). It is a lower bound: the random part comes on top, or all devices
                that were told the same would come back together.
        """
        # AWS architecture blog, "Exponential backoff and jitter": full jitter. The jitter comes
        # after the cap, else all devices that reached it would wait equally long.
        bound_ms = self._base_ms
        for _ in range(self.failures):
            if bound_ms >= cap_ms:
                break
            bound_ms *= 2
        self.failures += 1
        return retry_after_ms + int(self._random_unit() * min(cap_ms, bound_ms))

    def reset(self) -> None:
        """Something succeeded. Nothing else resets: a link that comes and goes is not well."""
        self.failures = 0
