"""When each kind of request may be sent again."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

_BASE_MS = 1000
# The same bounds as for uploads: a dead link is tried cheaply, a service in trouble needs rest.
LINK_CAP_MS = 60_000
SERVICE_CAP_MS = 300_000
# A rotation has a day to succeed and nobody waits for it; at its own, slower pace it also never
# stands in front of the token that the agent needs now.
ROTATE_BASE_MS = 60_000
ROTATE_CAP_MS = 3_600_000
# After a refusal. The platform meant it, most likely; but a gateway that refused everything for
# an hour must not have cost a visit, so every credential is tried again at this pace.
REFUSED_BASE_MS = 300_000
REFUSED_CAP_MS = 3_600_000


class Waits:
    """Full-jitter back-off by operation.

    Args:
        random_unit: Uniform in [0, 1).
    """

    def __init__(self, random_unit: "Callable[[], float]") -> None:
        self._random_unit = random_unit
        self._until_ms: "dict[str, int]" = {}
        self._failures: "dict[str, int]" = {}

    def until_ms(self, operation: str) -> int:
        """Before this time *operation* must not be sent."""
        return self._until_ms.get(operation, 0)

    def postpone(
        self,
        operation: str,
        now_ms: int,
        *,
        base_ms: int = _BASE_MS,
        cap_ms: int,
        at_least_ms: int = 0,
    ) -> None:
        """One more failure of *operation*: wait at random, up to twice as long as the last time.

        *at_least_ms* is what the platform asked for, or what must come first; jitter is added.
        """
        failures = self._failures.get(operation, 0)
        self._failures[operation] = failures + 1
        bound_ms = min(cap_ms, base_ms * 2 ** min(failures, 20))
        wait_ms = at_least_ms + int(self._random_unit() * bound_ms)
        self._until_ms[operation] = max(self.until_ms(operation), now_ms + wait_ms)

    def hurry(self, operation: str, until_ms: int) -> None:
        """*operation* is needed now: wait no longer than until *until_ms*."""
        self._until_ms[operation] = min(self.until_ms(operation), until_ms)

    def answered(self, operation: str) -> None:
        """*operation* got an answer that means something: the next failure is a first one."""
        self._failures[operation] = 0
        self._until_ms[operation] = 0

    def clear(self) -> None:
        """Forget all waits; the counts stay."""
        self._until_ms = {}
