"""The whole examination: each step in its order, with what it needs."""

from . import (
    aftermath,
    clock,
    credentials,
    delivery,
    exchange,
    mapping,
    naming,
    platform,
    reach,
    service,
    space,
    statedir,
    token,
)
from .case import Case
from .step import FAIL, SKIPPED, Step, skipped

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

# (name, steps that it needs, what it does). A step whose needs did not pass is skipped, so the
# first one that failed is the cause, and what follows from it is not reported as more trouble.
STEPS: "tuple[tuple[str, tuple[str, ...], Callable[[Case], Step]], ...]" = (
    ("state directory", (), statedir.look),
    ("space", ("state directory",), space.look),
    ("service", ("state directory",), service.look),
    ("proxy", (), reach.which_proxy),
    ("dns", ("proxy",), naming.look),
    ("tcp", ("dns",), reach.connect),
    ("tunnel", ("tcp",), reach.tunnel),
    ("tls", ("tcp", "tunnel"), platform.tls),
    ("platform", ("tls",), platform.answer),
    ("clock", (), clock.look),
    ("credentials", ("state directory",), credentials.look),
    ("token", ("platform",), token.ask),
    ("model", (), mapping.models),
    ("mappings", ("token", "model"), mapping.mappings),
    ("exchange", ("token",), exchange.dry_run),
    ("stored", ("token",), aftermath.look),
    ("delivery", (), delivery.look),
)


class Report:
    """What an examination found.

    Attributes:
        directory: The state directory.
        steps: All, in their order.
    """

    def __init__(self, directory: str, steps: "list[Step]") -> None:
        self.directory = directory
        self.steps = steps

    @property
    def cause(self) -> "Step | None":
        """The first step that failed; None where none did."""
        return next((step for step in self.steps if step.verdict == FAIL), None)

    def __getitem__(self, name: str) -> Step:
        return next(step for step in self.steps if step.name == name)

    def to_dict(self) -> "dict[str, Any]":
        """Ready for JSON."""
        cause = self.cause
        return {
            "directory": self.directory,
            "healthy": cause is None,
            "cause": None if cause is None else {"step": cause.name, "cause": cause.cause},
            "steps": [step.to_dict() for step in self.steps],
        }


def examine(case: Case, *, told: "Callable[[Step], None]" = lambda _step: None) -> Report:
    """Take every step.

    Args:
        case: The device.
        told: Hears of each step when it was taken.
    """
    done: "dict[str, Step]" = {}
    try:
        for name, needs, look in STEPS:
            missing = next((done[need] for need in needs if _is_missing(done[need])), None)
            step = look(case) if missing is None else skipped(_why(missing))
            step.name = name
            done[name] = step
            case.verdicts[name] = step.verdict
            told(step)
    finally:
        case.transport.close()
    return Report(case.directory, list(done.values()))


def _is_missing(step: Step) -> bool:
    return step.verdict == FAIL or (step.verdict == SKIPPED and step.blocks)


def _why(step: Step) -> str:
    if step.verdict == FAIL:
        return f"needs {step.name}, which failed"
    return step.measured if step.measured.startswith("needs ") else f"needs {step.name}"
