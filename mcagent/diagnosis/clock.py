"""The difference between this device's clock and the platform's, measured."""

from ..credentials.platformclock import server_time_ms
from ..credentials.refusals import date_text
from ..runtime import PLAUSIBLE_MS
from .case import Case
from .step import Step, failed, passed, skipped

# The difference at which a refused token is signed again (docs/credentials.md); the platform's
# header counts seconds, so less than one cannot be measured anyway.
TOLERANCE_MS = 30_000
_SET_IT = "set the clock, by NTP best (timedatectl shows whether it is on): the agent signs with "
_REMEDY = _SET_IT + "the platform's time, but samples get this device's"
# Before October 2025: docs/guides/clocks.md.
_NOT_SET = _SET_IT + (
    "the platform's time, and what is recorded until then is corrected on its way out, where the "
    "time becomes known before the device is switched off"
)


def look(case: Case) -> Step:
    now_ms = case.clock.now_ms()
    remedy = _REMEDY if now_ms >= PLAUSIBLE_MS else _NOT_SET
    details = _of_the_service(case)
    if case.answer is not None:
        moment_ms = server_time_ms(case.answer)
        if moment_ms is not None:
            case.offset_ms = moment_ms - now_ms
    if case.offset_ms is None:
        case.offset_ms = case.transport.clock_offset_ms
    if case.offset_ms is None:
        if now_ms < PLAUSIBLE_MS:
            return failed(
                "clock",
                f"this device's clock says {date_text(now_ms)}, which is over; the platform's "
                "time could not be asked for",
                remedy,
                details=details,
            )
        why = "the platform's answer names no time" if case.answer else "the platform was not met"
        words = f"not measured: {why}; this device's clock says {date_text(now_ms)}"
        return skipped(words, details=details)
    facts = {"offset_ms": case.offset_ms}
    both = f"this device's clock says {date_text(now_ms)}, the platform's "
    both += date_text(now_ms + case.offset_ms)
    if abs(case.offset_ms) > TOLERANCE_MS:
        side = "behind" if case.offset_ms > 0 else "ahead"
        measured = f"this device is {_span(abs(case.offset_ms))} {side}: {both}"
        return failed("clock", measured, remedy, details=details, facts=facts)
    words = f"{case.offset_ms / 1000:+.1f} s to the platform: {both}"
    return passed(words, details=details, facts=facts)


def _of_the_service(case: Case) -> "list[str]":
    """What became, or becomes, of samples that were recorded without knowing the time."""
    clock = ((case.live or {}).get("upload") or {}).get("clock") or {}
    lines = []
    if clock.get("unknown"):
        lines.append("the running service holds samples until it knows the time of this start")
    words = [clock[name] for name in ("note", "wrong") if clock.get(name)]
    return lines + [f"the running service: {text}" for text in words]


def _span(duration_ms: int) -> str:
    seconds = duration_ms // 1000
    for length, unit in ((86_400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds} seconds"
