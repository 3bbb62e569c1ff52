"""What one step of an examination found."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..errors import TransportError

PASS, FAIL, SKIPPED = "pass", "fail", "skipped"


class Step:
    """One thing that was looked at.

    Attributes:
        name: What was looked at; `examination.STEPS` fills it in.
        verdict: ``"pass"``, ``"fail"`` or ``"skipped"``.
        measured: What was measured, or why it was skipped.
        cause: One word for programs where it failed; docs/guides/find-out-what-is-wrong.md has
            them all.
        remedy: What to do where it failed; ``""`` otherwise.
        details: More of what was measured, a line each.
        facts: The same for programs: text, numbers, lists.
        blocks: Steps that need this one are skipped, too, where it was skipped.
    """

    def __init__(
        self,
        verdict: str,
        measured: str,
        *,
        cause: str = "",
        remedy: str = "",
        details: "list[str] | None" = None,
        facts: "dict[str, Any] | None" = None,
    ) -> None:
        self.name = ""
        self.verdict = verdict
        self.measured = measured
        self.cause = cause
        self.remedy = remedy
        self.details = details or []
        self.facts = facts or {}
        self.blocks = True

    def to_dict(self) -> "dict[str, Any]":
        """Ready for JSON."""
        return {
            "step": self.name,
            "verdict": self.verdict,
            "measured": self.measured,
            "cause": self.cause,
            "remedy": self.remedy,
            "details": self.details,
            "facts": self.facts,
        }

    def __repr__(self) -> str:
        return f"<Step {self.name} {self.verdict}: {self.measured}>"


def passed(
    measured: str, *, details: "list[str] | None" = None, facts: "dict[str, Any] | None" = None
) -> Step:
    return Step(PASS, measured, details=details, facts=facts)


def failed(
    cause: str,
    measured: str,
    remedy: str,
    *,
    details: "list[str] | None" = None,
    facts: "dict[str, Any] | None" = None,
) -> Step:
    return Step(FAIL, measured, cause=cause, remedy=remedy, details=details, facts=facts)


def no_answer(error: "TransportError", *, details: "list[str] | None" = None) -> Step:
    """A request without an answer."""
    remedy = error.hint or (
        "look at what stands between this device and the platform (a proxy, a firewall, a VPN), "
        "and whether large requests pass there; the agent tries again by itself"
    )
    return failed(f"no-answer-{error.kind}", error.message, remedy, details=details)


def skipped(why: str, *, blocks: bool = True, details: "list[str] | None" = None) -> Step:
    """*blocks*: what needs this step cannot be taken either."""
    step = Step(SKIPPED, why, details=details)
    step.blocks = blocks
    return step
