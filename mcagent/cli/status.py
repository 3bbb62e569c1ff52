"""`mcagent status`: what is stored, since when, what happens next and why."""

import time

from .common import add_json_option, show, state_directory
from .display import table
from .exits import OK

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from typing import Any


def configure(parser: "argparse.ArgumentParser") -> None:
    add_json_option(parser)


def run(args: "argparse.Namespace") -> int:
    from ..status import read_status

    status = read_status(state_directory(args)).to_dict()
    show(args, status, _text(status, time.time_ns() // 1_000_000))
    return OK


def _text(status: "dict[str, Any]", now_ms: int) -> str:
    lines = [f"{status['directory']}: {status['pending']} pending"]
    lanes = status["lanes"]
    if lanes:
        header = ("lane", "records", "bytes", "oldest", "dropped")
        lines.append(
            table([_lane_row(name, lanes[name], now_ms) for name in sorted(lanes)], header)
        )
    rows = [("data model", status["model"] or "none yet")]
    if status["inbox"]:
        rows.append(("in the inbox", str(status["inbox"])))
    rows += _plain_rows(status["upload"])
    lines.append(table(rows))
    lines += ["note: " + note for note in status["notes"]]
    return "\n".join(lines)


def _lane_row(name: str, lane: "dict[str, Any]", now_ms: int) -> "tuple[Any, ...]":
    oldest_ms = lane.get("oldest_ms")
    age = "" if oldest_ms is None or not lane["records"] else _age(now_ms - oldest_ms)
    dropped = ", ".join(
        f"{loss['records']} {reason}" for reason, loss in sorted(lane["dropped"].items())
    )
    return name, lane["records"], lane["bytes"], age, dropped


def _age(age_ms: int) -> str:
    seconds = max(0, age_ms) // 1000
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def _plain_rows(upload: "dict[str, Any]") -> "list[tuple[str, str]]":
    """What the uploader says, without what it has nothing to say about."""
    rows = []
    for name, value in sorted(upload.items()):
        if isinstance(value, dict):
            rows += [(f"{name} {key}", str(inner)) for key, inner in sorted(value.items())]
        elif isinstance(value, list):
            rows += [(name, ", ".join(map(str, value)))] if value else []
        elif value not in (None, "", False):
            rows.append((name, str(value)))
    return [(name.replace("_", " "), value) for name, value in rows]
