"""What ends when, and a word about it while there is time to do something."""

from .refusals import date_text
from .table import UNREGISTERED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .lifecycle import Lifecycle

_DAY_MS = 86_400_000
# Where the life is not known: what the platform's clients are built for (agent API, 3.3).
_USUAL_LIFE_MS = 7 * _DAY_MS
_ROTATE_MARGIN_MS = 25 * 3_600_000


def secret_days_left(lifecycle: "Lifecycle", now_ms: int) -> "float | None":
    """Days until the client secret ends, negative afterwards; None where it has no known end."""
    expires_ms = lifecycle.secret_expires_ms
    return None if expires_ms is None else round((expires_ms - now_ms) / _DAY_MS, 1)


def expiry_warning(lifecycle: "Lifecycle", now_ms: int) -> str:
    """What ends soon, when, and what to do; ``""`` while there is nothing to do.

    From a third of the life left on. An agent that has an access token renews in time by itself:
    there it is said when that is overdue.

    Args:
        lifecycle: Whose credentials.
        now_ms: The platform's time, as well as it is known.
    """
    if lifecycle.problem is not None:
        return ""  # it says more
    state = lifecycle.to_state()
    if state["state"] in UNREGISTERED:
        boarding = state["boarding"]
        if boarding is None or not boarding["iat"] or boarding["expiration_ms"] is None:
            return ""
        left_ms = boarding["expiration_ms"] - now_ms
        if left_ms > _USUAL_LIFE_MS // 3:
            return ""
        return (
            "the initial access token of the boarding configuration %s; unless the agent reaches "
            "the platform before, an operator has to hand out a new one"
            % _ends(boarding["expiration_ms"], left_ms)
        )
    current = state["current"]
    if current is None or current["expires_ms"] is None:
        return ""
    left_ms = current["expires_ms"] - now_ms
    life_ms = current["expires_ms"] - current["issued_ms"]
    if life_ms <= 0:
        life_ms = _USUAL_LIFE_MS
    until_ms = lifecycle.token_expires_ms  # by the device's clock
    awake = until_ms is not None and until_ms + (lifecycle.clock_offset_ms or 0) > now_ms
    if left_ms > (min(_ROTATE_MARGIN_MS, life_ms // 4) * 3 // 4 if awake else life_ms // 3):
        return ""
    again = "an operator has to onboard the agent again"
    if left_ms <= 0:
        remedy = "the agent tries to renew them; else " + again
    elif awake:
        remedy = "renewing them did not succeed yet; after that " + again
    else:
        remedy = (
            "a service that reaches the platform, or mcagent keepalive, renews them; after that "
            + again
        )
    return "the client secret with its registration access token %s; %s" % (
        _ends(current["expires_ms"], left_ms),
        remedy,
    )


def _ends(at_ms: int, left_ms: int) -> str:
    if left_ms <= 0:
        return "ended at " + date_text(at_ms)
    return "ends at %s, in %.1f days" % (date_text(at_ms), left_ms / _DAY_MS)
