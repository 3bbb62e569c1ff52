"""A lane on a full disk: something older is given up for the new, and not all of it in vain."""

from ..errors import NO_SPACE, QUOTA_USED_UP

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

_PATIENCE_MS = 60_000


class Pressure:
    """Room is measured before a segment begins, but not every file system reserves it.

    Args:
        give_way: Gives up the oldest that the lane may push out; False where nothing is. Told
            whether it is certain that this would help: a user's quota is used up.
        monotonic_ms: The clock.
    """

    def __init__(
        self, give_way: "Callable[[bool], bool]", monotonic_ms: "Callable[[], int]"
    ) -> None:
        self._give_way = give_way
        self._monotonic_ms = monotonic_ms
        self._until_ms = 0

    @property
    def may_push(self) -> bool:
        """False for a minute after something was given up in vain: somebody else took it."""
        return self._monotonic_ms() >= self._until_ms

    def relieve(self, action: "Callable[[], Any]") -> "Any":
        """Do *action*; on a full disk give up something older for it, and do it again."""
        certain = False  # a user's quota cannot be asked; what it refuses twice, it does refuse
        while True:
            try:
                return action()
            except OSError as error:
                if error.errno not in NO_SPACE or not self.may_push:
                    raise
                if error.errno == QUOTA_USED_UP and not certain:
                    certain = True
                    continue
                self._until_ms = self._monotonic_ms() + _PATIENCE_MS
                if not self._give_way(certain):
                    raise
                break
        result = action()
        self._until_ms = 0
        return result
