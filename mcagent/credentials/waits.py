"""When each kind of request may be sent again.

Kinds: the operations "register", "token" and "rotate"; "link" for all of them while nobody
answers; "retry" after everything was refused; "renewal" for a rotation in good time.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

_BASE_MS = 1000
# The same bounds as for uploads: a dead link is tried cheaply, a service in trouble needs rest.
_LINK_CAP_MS = 60_000
_SERVICE_CAP_MS = 300_000
# A rotation in good time has a day to succeed and nobody waits for it.
_PATIENT_BASE_MS = 60_000
_PATIENT_CAP_MS = 3_600_000
# After a refusal. The platform meant it, most likely; but a gateway that refused everything for
# an hour must not have cost a visit, so every credential is tried again at this pace.
_REFUSED_BASE_MS = 300_000
_REFUSED_CAP_MS = 3_600_000


class Waits:
    """Full-jitter back-off by kind.

    Args:
        random_unit: Uniform in [0, 1).
    """

    def __init__(self, random_unit: "Callable[[], float]") -> None:
        self._random_unit = random_unit
        self._until_ms: "dict[str, int]" = {}
        self._failures: "dict[str, int]" = {}

    def until_ms(self, kind: str) -> int:
        """Before this time *kind* must not be sent."""
        return self._until_ms.get(kind, 0)

    def no_answer(self, operation: str, now_ms: int, *, patient: bool = False) -> None:
        """Nobody answered *operation*. *patient*: nothing waits for it."""
        self._postpone("link", now_ms, _BASE_MS, _LINK_CAP_MS)
        if patient:
            # After the link's own wait: a proxy that swallows PUT must not keep a token away.
            self._postpone(operation, now_ms + _LINK_CAP_MS, _PATIENT_BASE_MS, _PATIENT_CAP_MS)

    def service(
        self, operation: str, now_ms: int, *, at_least_ms: int = 0, patient: bool = False
    ) -> None:
        """The platform could not answer *operation*, and asked for *at_least_ms* of rest."""
        if patient:
            self._postpone(operation, now_ms + at_least_ms, _PATIENT_BASE_MS, _PATIENT_CAP_MS)
        else:
            self._postpone(operation, now_ms + at_least_ms, _BASE_MS, _SERVICE_CAP_MS)

    def refused(self, kind: str, now_ms: int) -> None:
        """The platform refused all there is."""
        self._postpone(kind, now_ms + _REFUSED_BASE_MS, _REFUSED_BASE_MS, _REFUSED_CAP_MS)

    def hold(self, kind: str, until_ms: int) -> None:
        """*kind* waits until *until_ms* at least."""
        self._until_ms[kind] = max(self.until_ms(kind), until_ms)

    def hurry_rotation(self, now_ms: int) -> None:
        """A rotation in good time has become urgent."""
        urgent_ms = now_ms + _SERVICE_CAP_MS
        self._until_ms["rotate"] = min(self.until_ms("rotate"), urgent_ms)

    def answered(self, kind: str) -> None:
        """*kind* got an answer that means something: the next failure is a first one."""
        self._failures[kind] = 0
        self._until_ms[kind] = 0

    def clear(self) -> None:
        """Forget all waits; the counts stay."""
        self._until_ms = {}

    def _postpone(self, kind: str, from_ms: int, base_ms: int, cap_ms: int) -> None:
        failures = self._failures.get(kind, 0)
        self._failures[kind] = failures + 1
        bound_ms = min(cap_ms, base_ms * 2 ** min(failures, 20))
        self.hold(kind, from_ms + int(self._random_unit() * bound_ms))
