"""The errors of the lifecycle: what was refused, why as far as it is known, what to do."""

from ..errors import ClockError, CredentialError, NotOnboarded, OnboardingRefused, RotationFailed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .answers import Verdict

_KINDS = {
    kind.__name__: kind
    for kind in (CredentialError, ClockError, NotOnboarded, OnboardingRefused, RotationFailed)
}
ONBOARD_AGAIN = (
    "an operator offboards agent %s in Insights Hub and hands out a new boarding configuration; "
    "start the agent with that file in the same state directory: what is buffered is kept and sent"
)
SOMEBODY_ROTATED = (
    "the platform refused the client secret before its end, although this device had not rotated "
    "it; it was renewed. Most likely another device works with a copy of this state directory, or "
    "an older one was restored: see that only one device has these credentials"
)


def no_boarding() -> CredentialError:
    return NotOnboarded(
        "there is no boarding configuration and there are no credentials",
        hint="pass the boarding configuration that an operator downloads from Asset Manager",
    )


def register_refused(
    client_id: str,
    verdict: "Verdict",
    *,
    expiration_ms: "int | None",
    lost_ms: int,
    now_ms: int,
) -> CredentialError:
    """The platform refused the initial access token.

    Args:
        client_id: The agent.
        verdict: 400 or 401 with the platform's own words.
        expiration_ms: End of the token's life by the boarding file, if it says so.
        lost_ms: When an earlier attempt with the same token went without an answer; 0 for never.
        now_ms: The platform's time, as well as it is known.
    """
    # Agent API, 3.1: 401 stands for expired, wrong and used alike. What we know ourselves decides.
    if verdict.status != 401:
        cause = "the platform does not accept the registration request"
    elif expiration_ms is not None and now_ms >= expiration_ms:
        cause = "the initial access token is expired: it was good until %s, the time is %s" % (
            date_text(expiration_ms),
            date_text(now_ms),
        )
        if lost_ms:
            cause += "; an attempt of this device at %s got no answer" % date_text(lost_ms)
    elif lost_ms:
        cause = (
            "the initial access token is used: an attempt of this device at %s got no answer, and "
            "most likely took effect" % date_text(lost_ms)
        )
    elif expiration_ms is not None:
        cause = "the initial access token is used or was withdrawn: it would be good until %s" % (
            date_text(expiration_ms)
        )
    else:
        cause = "the initial access token is used or expired"
    return OnboardingRefused(
        "%s (%s)" % (cause, verdict.words),
        hint=ONBOARD_AGAIN % client_id,
    )


def all_refused(
    client_id: str, said: "dict[str, str]", *, expires_ms: "int | None", now_ms: int
) -> CredentialError:
    """The platform refused every token and every rotation.

    Args:
        client_id: The agent.
        said: Operation to status and words of the last refusal.
        expires_ms: End of the client secret's life, None where unknown.
        now_ms: The platform's time, as well as it is known.
    """
    if expires_ms is not None and now_ms >= expires_ms:
        cause = "the client secret expired at %s (the time is %s), and could not be renewed" % (
            date_text(expires_ms),
            date_text(now_ms),
        )
    else:
        cause = (
            "the platform refuses the credentials of this agent: it was offboarded or onboarded "
            "again, or its state directory is an old copy or in use elsewhere"
        )
    words = "; ".join("%s: %s" % (name, said[name]) for name in sorted(said))
    return RotationFailed("%s (%s)" % (cause, words), hint=ONBOARD_AGAIN % client_id)


def clock_unknown(now_ms: int) -> CredentialError:
    return ClockError(
        "the clock of this device says %s, and the platform's answer names no time to correct it"
        % date_text(now_ms),
        hint="set the clock, for example by NTP; nothing else is wrong that could be measured",
    )


def rotation_refused(said: str, expires_ms: "int | None") -> str:
    """A warning, not an error: the current secret still works."""
    until = " until %s" % date_text(expires_ms) if expires_ms is not None else ""
    return (
        "the platform refuses to renew the client secret (%s); it works%s, then the agent must be "
        "onboarded again" % (said, until)
    )


def to_state(error: CredentialError) -> "dict[str, str]":
    """*error* as it is stored, so that `status` can tell it after a restart."""
    return {"kind": type(error).__name__, "message": error.message, "hint": error.hint}


def from_state(state: "dict[str, Any] | None") -> "CredentialError | None":
    if not state:
        return None
    return _KINDS[state["kind"]](state["message"], hint=state["hint"])


def date_text(moment_ms: int) -> str:
    """``2026-11-28 09:15:00 UTC``."""
    from ..messages.timestamp import format_ms

    text = format_ms(max(0, moment_ms))
    return text[:10] + " " + text[11:19] + " UTC"
