"""The range that `--from`, `--to` and `--last` name."""

import re

from ..errors import InvalidMessage
from .exits import UsageError
from .texts import parse_time

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

_UNITS_MS = {"s": 1000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}
_DURATION = re.compile(r"([0-9]{1,9})(s|min|h|d)")


def read_range(args: "argparse.Namespace", now_ms: int) -> "tuple[int, int]":
    """(start, end) in ms; the end is *now_ms* where none is given.

    Raises:
        UsageError: Start missing, given twice, or no duration.
        InvalidMessage: An end is no time.
    """
    until_ms = now_ms if args.until is None else _time("--to", args.until)
    last = getattr(args, "last", None)
    if (args.after is None) == (last is None):
        raise UsageError(
            "the start of the range is " + ("missing" if last is None else "given twice"),
            hint="--from 2026-01-05T08:00:00Z" + (", or --last 24h" * hasattr(args, "last")),
        )
    if last is None:
        return _time("--from", args.after), until_ms
    return _before(until_ms, last), until_ms


def read_open_range(args: "argparse.Namespace", now_ms: int) -> "tuple[int | None, int | None]":
    """As `read_range`, with None for an end that was not given.

    Raises:
        UsageError: The start is given twice, or no duration.
        InvalidMessage: An end is no time.
    """
    if args.after is None and args.last is None:
        return None, None if args.until is None else _time("--to", args.until)
    after_ms, until_ms = read_range(args, now_ms)
    return after_ms, None if args.until is None else until_ms


def _before(until_ms: int, last: str) -> int:
    match = _DURATION.fullmatch(last)
    if match is None or not int(match.group(1)):
        raise UsageError(f"--last {last[:40]!r} is no length of time", hint="90s, 30min, 24h, 7d")
    return max(0, until_ms - int(match.group(1)) * _UNITS_MS[match.group(2)])


def read_names(text: "str | None") -> "list[str] | None":
    """``a,b`` of an option as names; None where it was not given."""
    if text is None:
        return None
    return [name.strip() for name in text.split(",") if name.strip()]


def _time(option: str, text: str) -> int:
    try:
        return parse_time(text)
    except InvalidMessage as error:
        raise InvalidMessage(f"{option}: {error.message}", hint=error.hint) from error
