"""`mcagent status`: what the files of a state directory tell to who does not hold its lock."""

import time

from ..messages.timestamp import format_ms
from .common import add_json_option, count, show, state_directory
from .display import duration, table
from .exits import OK

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from typing import Any


def configure(parser: "argparse.ArgumentParser") -> None:
    add_json_option(parser)


def run(args: "argparse.Namespace") -> int:
    from ..observer import read_status

    status = read_status(state_directory(args)).to_dict()
    show(args, status, _text(status, time.time_ns() // 1_000_000))
    return OK


def _text(status: "dict[str, Any]", now_ms: int) -> str:
    lines = [f"{status['directory']}: {count(status['pending'], 'record')} pending"]
    lanes = status["lanes"]
    rejected = status["buffer"].get("rejected")
    if rejected is not None and rejected["records"]:
        lanes = dict(lanes, **{"set aside": rejected})
    header = ("lane", "records", "bytes", "of", "oldest", "dropped")
    lines.append(table([_lane_row(name, lane, now_ms) for name, lane in lanes.items()], header))
    rows = [("data model", status["model"] or "none yet")]
    if status["inbox"]:
        rows.append(("in the inbox", count(status["inbox"], "message")))
    rows += _rows("", status["upload"], now_ms)
    lines.append(table(rows))
    lines += ["note: " + note for note in status["notes"]]
    return "\n".join(lines)


def _lane_row(name: str, lane: "dict[str, Any]", now_ms: int) -> "tuple[Any, ...]":
    oldest_ms = lane["oldest_ms"]
    age = "" if oldest_ms is None else duration(now_ms - oldest_ms)
    dropped = ", ".join(
        f"{loss['records']} ({reason})" for reason, loss in sorted(lane["dropped"].items())
    )
    return name, lane["records"], lane["bytes"], lane["quota_bytes"], age, dropped


def _rows(prefix: str, part: "dict[str, Any]", now_ms: int) -> "list[tuple[str, str]]":
    """What the uploader and the credentials say, without what they have nothing to say about."""
    rows = []
    for name, value in part.items():
        words = f"{prefix}{name}".replace("_", " ")
        if isinstance(value, dict):
            # `session` only groups; lanes under `held` and `waiting` need the word before them.
            rows += _rows("" if name == "session" else words + " ", value, now_ms)
        elif isinstance(value, list):
            rows += [(words, ", ".join(map(str, value)))] if value else []
        elif value is not None and value != "":
            rows.append(_row(words, value, now_ms))
    return rows


def _row(words: str, value: "Any", now_ms: int) -> "tuple[str, str]":
    if isinstance(value, bool):
        return words, "yes" if value else "no"
    if words.endswith("expires ms"):
        left = f"in {duration(value - now_ms)}" if value > now_ms else "over"
        return words[:-3], f"{format_ms(value)} ({left})"
    return words, str(value)
