"""An access token with the stored secret: what the agent itself would ask for next.

Nothing is used up by it: a token changes none of the platform's two slots, and the one that the
service has stays good. No registration and no rotation is ever sent from here, and nothing is
stored: the token lives as long as the examination.
"""

from ..credentials import table
from ..credentials.answers import judge, read_token
from ..credentials.composer import Composer
from ..credentials.refusals import ONBOARD_AGAIN, date_text
from ..errors import AgentError, TransportError
from .case import Case
from .step import Step, failed, no_answer, passed, skipped

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..credentials.answers import Verdict


def ask(case: Case) -> Step:
    """Ask once for all steps of an examination."""
    if case.asked is None:
        case.asked = _ask(case)
    return case.asked


def _ask(case: Case) -> Step:
    if case.record.current is None:
        return skipped("not asked for: this device is not onboarded")
    verdict = _request(case)
    if isinstance(verdict, Step):
        return verdict
    if verdict.said == table.NO:
        # A service may have rotated between our reading and our asking.
        secret = case.record.current["secret"]
        case.read_record()
        if case.record.current is not None and case.record.current["secret"] != secret:
            verdict = _request(case)
            if isinstance(verdict, Step):
                return verdict
    if verdict.said != table.NO:
        return failed("no-token", verdict.reason, "wait: the agent tries again by itself")
    return _refused(case, verdict.words)


def _request(case: Case) -> "Step | Verdict":
    """The step, or what the answer says where it was no token."""
    try:
        request = Composer(case.record, new_key=None, signer_for=None).build(
            ("token", "current"), case.platform_now_ms()
        )
    except AgentError as error:  # RSA_3072 without its libraries
        return failed("cannot-sign", error.message, error.hint)
    try:
        answer = case.transport.send(request)
    except TransportError as error:
        return no_answer(error)
    verdict = judge("token", answer, case.record.secrets())
    token = read_token(answer) if verdict.said == table.TAKEN else None
    if token is None:
        return verdict
    case.token = token[0]
    return passed(
        f"the platform gives an access token, good for {token[1] // 60_000} min",
        facts={"life_ms": token[1]},
    )


def _refused(case: Case, words: str) -> Step:
    record, now_ms = case.record, case.platform_now_ms()
    again = ONBOARD_AGAIN % record.client_id
    current = record.current or {}
    expires_ms = current.get("expires_ms")
    if expires_ms is not None and expires_ms <= now_ms:
        return failed(
            "secret-expired",
            f"the platform refuses the client secret ({words}), which expired at "
            f"{date_text(expires_ms)}; the time is {date_text(now_ms)}",
            again,
        )
    if record.state == table.ROTATING:
        return failed(
            "rotation-open",
            f"the platform refuses the client secret ({words}); an answer to a rotation is "
            "missing",
            "start the service, or mcagent keepalive: the agent repeats the rotation by itself",
        )
    return failed(
        "credentials-refused",
        f"the platform refuses the client secret ({words}) before its end: the agent was "
        "offboarded or onboarded again, or a copy of this state directory rotated it",
        "start the service, or mcagent keepalive, which try to renew it; where that is refused, "
        + again,
    )
