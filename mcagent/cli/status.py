"""`mcagent status`: what a running service says of itself, else what its files tell; no lock."""

import time

from ..inspection.survey import printable
from ..messages.timestamp import format_ms
from ..pulse import KEPT_UP, LAST_MINUTE
from . import statusalive, statusplatform
from .common import add_json_option, count, show, state_directory
from .display import duration, table
from .exits import OK
from .statusrows import clock_rows, said_once, secret_rows, unmapped_rows, vanished_rows

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from typing import Any


def configure(parser: "argparse.ArgumentParser") -> None:
    statusplatform.configure(parser)
    statusalive.configure(parser)
    add_json_option(parser)


def run(args: "argparse.Namespace") -> int:
    directory = state_directory(args).rstrip("/") or "/"
    statusplatform.check(args)
    status, told_by = read(directory)
    status["told_by"] = told_by
    shown = text(status, time.time_ns() // 1_000_000)
    code = OK
    if args.platform:
        part = statusplatform.ask(args, directory)
        status["platform"] = part.value
        shown += "\n" + part.text
        code = part.code
    show(args, status, shown)
    if args.alive is not None:
        why = statusalive.why_not(status, told_by.startswith("the service"), args.alive)
        code = statusalive.complain(why) if why else code
    return code


def read(directory: str) -> "tuple[dict[str, Any], str]":
    """The status of *directory*, and who tells it."""
    from ..inspection.places import owner_of
    from ..live import read_live, why_silent
    from ..observer import read_status

    status = read_live(directory)
    if status is not None:
        return status, f"the service, pid {status['pid']}"
    status = read_status(directory).to_dict()
    owner = owner_of(directory)
    if owner:
        return status, (
            f"its files ({owner} has it; what it holds back and why, its next try, its errors and "
            f"what it recorded in the last seconds are not in them: {why_silent(directory)})"
        )
    return status, "its files (no process has it)"


def text(status: "dict[str, Any]", now_ms: int) -> str:
    """*status* for people."""
    pending = count(status["pending"], "record")
    lines = [f"{printable(status['directory'])}: {pending} pending"]
    lines.append(f"told by {status['told_by']}")
    lanes = status["lanes"]
    rejected = status["buffer"].get("rejected")
    if rejected is not None and rejected["records"]:
        lanes = dict(lanes, **{"set aside": rejected})
    header = ("lane", "records", "bytes", "of", "oldest", "dropped")
    lines.append(table([_lane_row(name, lane, now_ms) for name, lane in lanes.items()], header))
    rows = _next(status)
    rows.append(("data model", status["model"] or "none yet"))
    if status["inbox"]:
        rows.append(("in the inbox", count(status["inbox"], "message")))
    upload = dict(status["upload"])
    rows += clock_rows(upload)
    if "clock" in upload:
        upload["session"] = dict(upload["session"], clock_offset_ms=None)
    rows += secret_rows(status["upload"]["session"], now_ms)
    rows += unmapped_rows(upload) + vanished_rows(upload)
    rows += _rows("", upload, now_ms)
    # Some of the words come from afar: a terminal must not obey them.
    lines.append(table([(name, printable(words)) for name, words in said_once(rows, upload)]))
    lines += ["note: " + printable(note) for note in status["notes"]]
    return "\n".join(lines)


# In rows of their own.
_TOLD = (
    "retry_in_s", "reason", "last_error", "last_error_s", "last_success_s", "clock", "vanished",
    "network", "proxy", "unmapped", "unmapped_why", "secret_expires_ms", "secret_days_left",
)  # fmt: skip


_TROUBLES = 10  # lines; the latest


def _next(status: "dict[str, Any]") -> "list[tuple[str, str]]":
    """What happens next and why, how long it will take, what went wrong last."""
    upload, worker, rows = status["upload"], status["worker"] or {}, []
    if status["pending"] and "retry_in_s" in upload:
        wait_s, reason = upload["retry_in_s"], upload["reason"]
        words = "tries now" if reason else "sends now"
        if wait_s:
            words = f"the next try is in {duration(int(wait_s * 1000))}"
        rows.append(("next", f"{words}: {reason}" if reason else words))
    if worker.get("delivered_per_s") is not None:
        leave, come = worker["delivered_per_s"], worker["recorded_per_s"]
        rows.append(("speed", f"{leave:g} records/s leave, {come:g} come"))
        if status["pending"]:
            left_s = worker["drained_in_s"]
            basis = worker.get("drained_basis", LAST_MINUTE)
            if left_s is None:
                drained = f"nobody can say: {basis}"
            else:
                drained = f"in {duration(int(left_s * 1000))}"
                drained += "" if basis == LAST_MINUTE else f" {basis}"
            rows.append(("all delivered", basis if basis == KEPT_UP else drained))
    if upload.get("last_success_s") is not None:
        rows.append(("last success", f"{duration(upload['last_success_s'] * 1000)} ago"))
    if upload.get("last_error"):
        age_s = upload.get("last_error_s")
        ago = "" if age_s is None else f" ({duration(age_s * 1000)} ago)"
        rows.append(("last error", upload["last_error"] + ago))
    if worker.get("last_error") and worker["last_error"] not in upload.get("last_error", ""):
        rows.append(("last error of the thread", worker["last_error"]))
    proxy = upload.get("session", {}).get("proxy")
    if proxy is not None:
        rows.append(("proxy", proxy or "none"))
    network = upload.get("network") or {}
    for name, words in (("ca_file", "CA file"), ("crl_file", "CRL file")):
        if network.get(name):
            rows.append((words, network[name]))
    rows += _collector_rows(status)
    if status["loop"]:
        rows += [(f"loop: {name}", str(value)) for name, value in status["loop"].items() if value]
    return rows


def _collector_rows(status: "dict[str, Any]") -> "list[tuple[str, str]]":
    """What a collector says of its machine; it runs, or says nothing."""
    rows, link, troubles = [], status.get("link"), status.get("troubles") or []
    if link:
        state = {True: "connected", False: "no connection", None: "not tried yet"}[link["up"]]
        lost = (
            f", lost {count(link['losses'], 'time')}: {link['reason']}" if link["losses"] else ""
        )
        rows.append(("machine", f"{link['name']}: {state}{lost}"))
    for one in troubles[:_TROUBLES]:
        ago = duration(int(one["last_s"] * 1000))
        words = f"{count(one['count'], 'time')}, the last {ago} ago: {one['last']}"
        rows.append((f"trouble: {one['subject']}", words))
    if len(troubles) > _TROUBLES:
        rows.append(("troubles", f"{len(troubles) - _TROUBLES} more: --json shows all"))
    return rows


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
        if name in _TOLD:
            continue
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
