"""What the stored credentials say by themselves; whether refused ones are refused still."""

from ..credentials import refusals, table
from ..credentials.expiry import expiry_warning, secret_days_left
from ..credentials.lifecycle import Lifecycle
from ..credentials.refusals import date_text
from . import token
from .case import Case
from .step import PASS, Step, failed, passed, skipped

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_IAT_USED = "iat-used"


def look(case: Case) -> Step:
    record, now_ms = case.record, case.platform_now_ms()
    facts: "dict[str, Any]" = {
        "state": record.state,
        "client_id": case.client_id,
        "profile": record.profile,
    }
    if not case.client_id:
        return skipped("not onboarded: there is no boarding configuration yet")
    if record.state in (table.REFUSED, table.LOST):
        problem = refusals.from_state(record.refusal)
        assert problem is not None, "a refusal is stored with its reason"
        if _works_again(case):
            return failed(
                "refused-before",
                "the platform gives an access token for them now, and refused them when the agent "
                f"asked last: {problem.message}",
                "nobody has to onboard it again: the agent asks again by itself, once an hour or "
                "so; the start of the service, or mcagent keepalive without one, does it at once",
                facts=facts,
            )
        return failed(_cause(case, now_ms), problem.message, problem.hint, facts=facts)
    if record.state in table.UNREGISTERED:
        return _unregistered(case, now_ms)
    lifecycle = Lifecycle(record.to_state(), None)
    facts["secret_expires_ms"] = lifecycle.secret_expires_ms
    facts["secret_days_left"] = secret_days_left(lifecycle, now_ms)
    details = []
    warning = expiry_warning(lifecycle, now_ms)
    if warning:
        details.append(warning)
    if record.state == table.ROTATING:
        details.append("an answer to a rotation is missing; the agent repeats it by itself")
    if lifecycle.secret_expires_ms is not None and lifecycle.secret_expires_ms <= now_ms:
        return failed(
            "secret-expired",
            f"the client secret expired at {date_text(lifecycle.secret_expires_ms)}; the time is "
            f"{date_text(now_ms)}{_measured(case)}",
            "the agent tries once to renew it by itself; where the platform refuses that, "
            + refusals.ONBOARD_AGAIN % record.client_id,
            details=details,
            facts=facts,
        )
    until = "has no known end"
    if lifecycle.secret_expires_ms is not None:
        until = f"is good until {date_text(lifecycle.secret_expires_ms)}"
    measured = f"agent {record.client_id}, {record.profile}; the client secret {until}"
    return passed(measured, details=details, facts=facts)


def _works_again(case: Case) -> bool:
    """What is stored is older than what the platform says now: a gateway may have been ill."""
    met = case.verdicts.get("platform") == PASS
    return case.record.state == table.LOST and met and token.ask(case).verdict == PASS


def _unregistered(case: Case, now_ms: int) -> Step:
    """A boarding configuration waits: whether it still works, only registering could tell."""
    stored = case.record.boarding or {}
    expires_ms = stored.get("expiration_ms")
    asked_ms = case.record.asked_ms
    if not stored and case.boarding is not None:
        expires_ms = case.boarding.expiration_ms
    if expires_ms is not None and expires_ms <= now_ms:
        return failed(
            "iat-expired",
            f"the boarding configuration was good until {date_text(expires_ms)}; the time is "
            f"{date_text(now_ms)}{_measured(case)}",
            "an operator hands out a new boarding configuration",
        )
    if asked_ms:
        return skipped(
            f"a registration was sent at {date_text(asked_ms)}, and its answer never came: the "
            "agent tries again by itself, and says so if the platform has used up the boarding "
            "configuration"
        )
    until = "has no known end" if expires_ms is None else f"is good until {date_text(expires_ms)}"
    return skipped(
        f"agent {case.client_id} is not onboarded yet; the boarding configuration {until} "
        "(whether it was used elsewhere, only onboarding can tell, which is not done here)"
    )


def _cause(case: Case, now_ms: int) -> str:
    record = case.record
    if record.state == table.REFUSED:
        expires_ms = (record.boarding or {}).get("expiration_ms")
        return "iat-expired" if expires_ms is not None and expires_ms <= now_ms else _IAT_USED
    expires_ms = (record.current or {}).get("expires_ms")
    if expires_ms is not None and expires_ms <= now_ms:
        return "secret-expired"
    return "credentials-refused"


def _measured(case: Case) -> str:
    return " by the platform's clock" if case.offset_ms is not None else " by this device's clock"
