"""Which request is next, and when: a pure function of what is known."""

from . import table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .platformclock import PlatformClock
    from .record import Record
    from .rounds import Round
    from .settings import LifecycleSettings
    from .token import AccessToken
    from .waits import Waits

_NEVER_MS = 2**53


class Schedule:
    """Reads what the lifecycle knows; changes none of it."""

    def __init__(
        self,
        record: "Record",
        token: "AccessToken",
        *,
        attempts: "Round",
        waits: "Waits",
        clock: "PlatformClock",
        settings: "LifecycleSettings",
    ) -> None:
        self._record = record
        self._token = token
        self._round = attempts
        self._waits = waits
        self._clock = clock
        self._settings = settings

    def choose(
        self, now_ms: int, *, renew: bool = False, rotate: bool = False
    ) -> "tuple[tuple[str, str] | None, int | None]":
        """The step to take now and 0, or None and when there is one again (None: never)."""
        if self._record.state in table.UNREGISTERED:
            steps = [table.REGISTER] if self._record.boarding is not None else []
            later_ms = None
        else:
            broken = self._round.broken
            token_due_ms = 0 if self._round.prove else self._token.due_ms(now_ms)
            rotate_due_ms = self.rotate_due_ms()
            interrupted = self._record.state == table.ROTATING
            wanted = {
                "token": renew or broken or now_ms >= token_due_ms,
                "rotate": rotate or broken or interrupted or now_ms >= rotate_due_ms,
            }
            steps = [step for step in self._round.left(self._record) if wanted[step[0]]]
            # What is due and waits counts by its wait.
            later_ms = min(
                _NEVER_MS if wanted["token"] else token_due_ms,
                _NEVER_MS if wanted["rotate"] else rotate_due_ms,
            )
        for step in steps:
            ready_ms = self._ready_ms(step, asked_for=rotate)
            if ready_ms <= now_ms:
                return step, 0
            later_ms = ready_ms if later_ms is None else min(later_ms, ready_ms)
        return None, later_ms

    def rotate_due_ms(self) -> int:
        """When the secret is due for rotation, by the device's clock."""
        current = self._record.current
        if current is None or current["expires_ms"] is None:
            return _NEVER_MS
        life_ms = current["expires_ms"] - current["issued_ms"]
        # Where our clock was ahead at the issue, the life is unknown: the margin alone counts.
        margin_ms = self._settings.rotate_before_ms
        if life_ms > 0:
            margin_ms = min(margin_ms, life_ms // 4)
        due_ms: int = current["expires_ms"] - margin_ms - (self._clock.offset_ms or 0)
        return due_ms

    def _ready_ms(self, step: "tuple[str, str]", *, asked_for: bool) -> int:
        names = [step[0], "link"]
        if self._record.state in (table.REFUSED, table.LOST):
            names.append("retry")
        elif step[0] == "rotate" and not (self._round.broken or asked_for):
            names.append("renewal")
        return max([self._waits.until_ms(name) for name in names])
