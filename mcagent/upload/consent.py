"""Consent to the loss of mappings that a data model deletes: is it enough, and whom to ask."""

from ..runtime import log

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .lanestate import LaneState

_NAMED = 10  # mappings in a reason; the question has them all
_LOOK_MS = 360_000  # an operator may make mappings again; consent ends the hold at once


def covers(consent: "bool | list[str]", at_risk: "list[str] | None") -> bool:
    """*consent*, True or a list of mappings, is enough to lose *at_risk*, which is logged then.

    *at_risk*: as `PlatformView.not_kept`.
    """
    if consent is not True and consent is not False and at_risk is not None:
        consent = not [one for one in at_risk if one not in consent]
    if consent and at_risk:
        log("warning", "upload", "with consent, a data model deletes: " + _named(at_risk))
    return consent is True or at_risk == []


def objection(question: "dict[str, Any]", state: "LaneState", now_ms: int) -> None:
    """Hold the lane of the models with the words that ask for consent."""
    at_risk = question["mappings"]
    words = "may delete mappings, which the agent has no right to read (scope map.r)"
    if at_risk:
        words = "would delete what was mapped without keepMapping: " + _named(at_risk)
    reason = (
        "data model %s is not sent: it %s. Make them again with keepMapping, or consent: "
        "mcagent model --lose-mappings, or submit(model, lose_mappings=True)"
    ) % (question["model"], words)
    if reason != state.reason:
        log("warning", "upload", reason)
    state.hold(reason, now_ms + _LOOK_MS)
    state.by_view = True


def _named(mappings: "list[str]") -> str:
    more = len(mappings) - _NAMED
    return ", ".join(mappings[:_NAMED]) + (" and %d more" % more if more > 0 else "")
