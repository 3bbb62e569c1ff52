"""Keep the credentials of a device that sleeps: one call, and what it found."""

from ..credentials.expiry import expiry_warning, secret_days_left
from .session import again

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .session import Session


class KeepaliveResult:
    """How the credentials stand.

    Attributes:
        alive: The platform gave an access token just now.
        rotated: The client secret is a new one.
        secret_expires_ms: When it ends, by the platform's clock; None where that is not known.
        days_left: Until then; negative when it is over.
        warning: What ends soon or was refused, and what to do; ``""``.
        reason: Why it is not alive; ``""``.
        hint: What to do about that; ``""`` where waiting is enough.
        retry_in_s: When trying again makes sense; None when it is alive.
    """

    def __init__(self) -> None:
        self.alive = False
        self.rotated = False
        self.secret_expires_ms: "int | None" = None
        self.days_left: "float | None" = None
        self.warning = ""
        self.reason = ""
        self.hint = ""
        self.retry_in_s: "float | None" = None

    def __bool__(self) -> bool:
        return self.alive

    def __repr__(self) -> str:
        return "<KeepaliveResult %s, %s days left>" % (
            "alive" if self.alive else self.reason or "not alive",
            self.days_left,
        )


def keep_alive(session: "Session", rotate_before_s: "float | None") -> KeepaliveResult:
    """See `Agent.keep_alive`.

    A third by default, more than the 25 hours of a running agent: a device that wakes once a day
    has a second try when the first finds no link.

    Raises:
        CredentialError: An operator has to act.
        OSError: The credentials cannot be saved; nothing was sent that would have to be.
    """
    lifecycle = session.lifecycle
    before = lifecycle.to_state()["current"]
    before_ms = 0 if rotate_before_s is None else int(rotate_before_s * 1000)
    if rotate_before_s is None and before is not None and before["expires_ms"] is not None:
        before_ms = (before["expires_ms"] - before["issued_ms"]) // 3
    failure = session.keep_alive(before_ms)
    now_ms = session.now_ms()
    problem = lifecycle.problem
    if problem is not None and not problem.retryable:
        raise again(problem)
    result = KeepaliveResult()
    result.alive = session.has_token
    result.rotated = before is not None and lifecycle.to_state()["current"] != before
    result.secret_expires_ms = lifecycle.secret_expires_ms
    result.days_left = secret_days_left(lifecycle, now_ms)
    result.warning = lifecycle.warning or expiry_warning(lifecycle, now_ms)
    cause = failure or problem
    if cause is not None or not result.alive:
        result.reason = cause.message if cause is not None else lifecycle.reason
        result.hint = cause.hint if cause is not None else ""
        result.retry_in_s = session.wait_ms / 1000
    if failure is not None:
        result.alive = False  # a young token does not mean that the platform was reached now
    return result
