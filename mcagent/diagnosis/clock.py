"""The difference between this device's clock and the platform's, measured."""

from ..credentials.platformclock import server_time_ms
from ..credentials.refusals import date_text
from ..runtime import PLAUSIBLE_MS
from .case import Case
from .step import Step, failed, passed, skipped

# The difference at which a refused token is signed again (docs/credentials.md); the platform's
# header counts seconds, so less than one cannot be measured anyway.
TOLERANCE_MS = 30_000
_REMEDY = (
    "set the clock, by NTP best (timedatectl shows whether it is on): the agent signs with the "
    "platform's time, but samples get this device's"
)


def look(case: Case) -> Step:
    now_ms = case.clock.now_ms()
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
                _REMEDY,
            )
        why = "the platform's answer names no time" if case.answer else "the platform was not met"
        return skipped(f"not measured: {why}; this device's clock says {date_text(now_ms)}")
    facts = {"offset_ms": case.offset_ms}
    both = f"this device's clock says {date_text(now_ms)}, the platform's "
    both += date_text(now_ms + case.offset_ms)
    if abs(case.offset_ms) > TOLERANCE_MS:
        side = "behind" if case.offset_ms > 0 else "ahead"
        measured = f"this device is {_span(abs(case.offset_ms))} {side}: {both}"
        return failed("clock", measured, _REMEDY, facts=facts)
    return passed(f"{case.offset_ms / 1000:+.1f} s to the platform: {both}", facts=facts)


def _span(duration_ms: int) -> str:
    seconds = duration_ms // 1000
    for length, unit in ((86_400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds} seconds"
