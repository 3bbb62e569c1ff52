"""`mcagent status`: rows that say more than a member and its value."""

from ..messages.timestamp import format_ms
from .display import duration

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Rows = list[tuple[str, str]]

_LONG = 60  # a short reason is as quickly read as "as above"


def clock_rows(upload: "dict[str, Any]") -> "Rows":
    """What the clock is worth; nothing where only files told, which do not know it."""
    clock = upload.get("clock")
    if clock is None:
        return []
    rows = [
        ("clock", clock.get("wrong") or _words(clock, upload["session"].get("clock_offset_ms")))
    ]
    if clock["note"]:
        rows.append(("kept for their time", clock["note"]))
    return rows


def secret_rows(session: "dict[str, Any]", now_ms: int) -> "Rows":
    """Until when the secret is good, by the platform's clock; nothing of one that is refused."""
    if session.get("problem"):
        return [("what to do", "mcagent doctor says it")]
    expires_ms = session.get("secret_expires_ms")
    if expires_ms is None:
        return []
    left_ms = expires_ms - now_ms - (session.get("clock_offset_ms") or 0)
    left = f"in {duration(left_ms)}" if left_ms > 0 else "over"
    return [("secret expires", f"{format_ms(expires_ms)} ({left})")]


def unmapped_rows(upload: "dict[str, Any]") -> "Rows":
    """Data points without a valid mapping, and what becomes of their values."""
    reasons = upload.get("unmapped_why") or {}
    if not reasons:
        return []
    words = "; ".join(f"{point}: {why}" for point, why in sorted(reasons.items()))
    if "timeseries" in upload.get("held", {}):
        return [("not mapped", words)]
    return [("not mapped", f"{words}. The platform drops their values, and answers 200")]


def vanished_rows(upload: "dict[str, Any]") -> "Rows":
    """Mappings that ended between two looks, when nobody could see it."""
    rows = []
    for point, times in sorted(upload.get("vanished", {}).items()):
        before, after = [format_ms(max(0, time_ms)) for time_ms in times]
        words = (
            f"ended, or became invalid, between {before} and {after}: values that were delivered "
            "meanwhile may have been dropped; mcagent status --platform shows what the platform "
            "kept of them"
        )
        rows.append((f"mapping of {point}", words))
    return rows


def said_once(rows: "Rows", upload: "dict[str, Any]") -> "Rows":
    """*rows*, where a long reason that stands in several of them is said in the first alone."""
    session = upload.get("session", {})
    texts = [upload.get("reason"), upload.get("last_error"), session.get("problem")]
    texts += [*upload.get("held", {}).values(), *upload.get("waiting", {}).values()]
    # The longest first: a reason holds the problem that it is about.
    long = sorted({text for text in texts if text and len(text) > _LONG}, key=len, reverse=True)
    told: "set[str]" = set()
    once = []
    for name, words in rows:
        new = [text for text in long if text in words and text not in told]
        shown = words
        for text in [text for text in long if text in told]:
            shown = shown.replace(text, "as above")
        for text in new:
            told.update(part for part in long if part in text)
        once.append((name, shown))
    return once


def _words(clock: "dict[str, Any]", offset_ms: "int | None") -> str:
    if clock["unknown"]:
        return (
            "not set, and the platform has not told the time yet: samples wait until one of the "
            "two is known, and are corrected then"
        )
    if not clock["trusted"]:
        return "not set; the platform told the time, and samples are corrected on their way out"
    if offset_ms is None:
        return "set; not compared with the platform's yet"
    return f"set; the platform's is {offset_ms / 1000:+.1f} s"
