"""Does the running service deliver? Asked last: what was measured before names a better cause."""

from ..inspection.survey import printable
from .case import Case
from .step import FAIL, PASS, Step, failed, passed, skipped

_WAITS = "it tries again by itself"


def look(case: Case) -> Step:
    live = case.live
    if live is None:
        return skipped("no service tells what it does", blocks=False)
    if FAIL in case.verdicts.values():
        return skipped("the cause is one of the failures before", blocks=False)
    upload = live.get("upload") or {}
    held = [printable(f"{lane}: {why}") for lane, why in (upload.get("held") or {}).items()]
    if held:
        return failed(
            "held",
            "the running service holds back, and nothing of it can be measured from here: "
            + "; ".join(held),
            "mend what it names; it looks again by itself, within twenty minutes",
        )
    reason = printable(upload.get("reason") or "")
    if not reason or not live["pending"]:
        return passed(f"the running service delivers; {live['pending']} records pending")
    words = f"the running service waits, {upload['retry_in_s']:.0f} s more: {reason}"
    if case.other_way:
        return failed(
            "waits",
            f"{words}; it goes another way than this examination: {case.other_way}",
            f"mend that: from here each step works; {_WAITS}",
        )
    if case.verdicts.get("exchange") == PASS:
        return passed(f"{words}; from here each step works now, and {_WAITS}")
    return failed(
        "waits", words, f"what could be measured from here is well: mend what it names; {_WAITS}"
    )
