"""Room: bytes and files of the file system, quotas of users and of lanes."""

import errno
import os

from ..errors import AgentError
from ..observer import read_status
from .case import Case
from .statedir import nearest
from .step import Step, failed, passed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# What the buffer leaves to others by default: `BufferSettings.min_free_bytes`.
_FREE_SHARE, _FREE_MAX_BYTES, _FREE_MAX_FILES = 16, 16 * 1024 * 1024, 100
_NEARLY_FULL = 0.9
_REMEDY = (
    "free some: the buffer stops growing there and gives up its oldest samples; what has been "
    "recorded stays readable and is sent all the same"
)


def look(case: Case) -> Step:
    lanes = _lanes(case)
    details = [_lane_text(name, lane) for name, lane in lanes.items() if lane["records"]]
    free = case.fs.free(nearest(case.directory))
    facts: "dict[str, Any]" = {
        "lanes": {name: [lane["bytes"], lane["quota_bytes"]] for name, lane in lanes.items()}
    }
    measured = "how much is free cannot be known here"
    keep_bytes = keep_files = 0
    if free is not None:
        free_bytes, all_bytes, free_files, all_files = free
        keep_bytes = min(all_bytes // _FREE_SHARE, _FREE_MAX_BYTES)
        keep_files = min(all_files // _FREE_SHARE, _FREE_MAX_FILES)
        measured = f"{size(free_bytes)} of {size(all_bytes)} free"
        if all_files:
            measured += f", {free_files} of {all_files} files"
        facts.update(free_bytes=free_bytes, all_bytes=all_bytes)
        facts.update(free_files=free_files, all_files=all_files)
    refused = case.write_error
    if refused is not None and refused.errno == errno.EDQUOT:
        return failed(
            "user-quota",
            f"the quota of this user is used up ({refused.strerror}); {measured}",
            "raise the quota of the user; until then the buffer gives up its oldest samples",
            details=details,
            facts=facts,
        )
    if free is not None and all_files and free_files <= keep_files:
        return failed("no-inodes", measured, _REMEDY, details=details, facts=facts)
    full = refused is not None and refused.errno == errno.ENOSPC
    if full or (free is not None and free_bytes <= keep_bytes):
        measured += f", of which the buffer leaves {size(keep_bytes)} to others"
        if full:
            measured = f"a file of 4 KiB cannot be written: the disk is full; {measured}"
        return failed("disk-full", measured, _REMEDY, details=details, facts=facts)
    return passed(measured, details=details, facts=facts)


def size(number: int) -> str:
    """``12.3 MiB``."""
    amount = float(number)
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if amount < 1024 or unit == "GiB":
            break
        amount /= 1024
    return f"{number} bytes" if unit == "bytes" else f"{amount:.1f} {unit}"


def _lanes(case: Case) -> "dict[str, Any]":
    """Of the service where it tells: the bounds are its settings, which no file knows."""
    if not os.path.isdir(case.directory + "/buffer"):
        return {}
    try:
        status = case.ask_service() or read_status(case.directory).to_dict()
    except AgentError:
        return {}  # the steps before and after say why
    lanes: "dict[str, Any]" = status["lanes"]
    return lanes


def _lane_text(name: str, lane: "dict[str, Any]") -> str:
    text = (
        f"{name}: {lane['records']} records, {size(lane['bytes'])} of {size(lane['quota_bytes'])}"
    )
    if lane["bytes"] >= _NEARLY_FULL * lane["quota_bytes"]:
        text += ", nearly full: the oldest give way"
    for reason, loss in sorted(lane["dropped"].items()):
        text += f"; {loss['records']} lost ({reason})"
    return text
