"""The service that runs with this state directory, and what it says of itself."""

from ..inspection.places import owner_of
from ..live import why_silent
from .case import Case
from .following import follow_service
from .step import Step, failed, passed, skipped

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def look(case: Case) -> Step:
    followed = follow_service(case)
    live = case.live
    if live is None:
        owner = owner_of(case.directory)
        if not owner:
            return skipped("no service runs with this state directory")
        return skipped(
            f"{owner} has the directory, and does not tell its status nor the way it takes: "
            f"{why_silent(case.directory)}; its CA file, CRL file and proxy are not known here"
        )
    details = [f"examined by its way: {line}" for line in followed] + _details(live)
    measured = f"pid {live['pid']} runs; {live['pending']} records pending"
    worker = live["worker"] or {}
    if not worker.get("alive", True):
        return failed(
            "no-worker",
            f"pid {live['pid']} runs, but its background thread has ended: {worker['last_error']}",
            "restart the service; this is worth a report",
            details=details,
        )
    return passed(measured, details=details, facts={"status": live})


def _details(live: "dict[str, Any]") -> "list[str]":
    upload = live["upload"]
    found = [f"held, {lane}: {why}" for lane, why in upload.get("held", {}).items()]
    found += [f"waiting, {lane}: {why}" for lane, why in upload.get("waiting", {}).items()]
    if upload.get("reason") and live["pending"]:
        found.append(f"next try in {upload['retry_in_s']:.0f} s: {upload['reason']}")
    if upload.get("last_error"):
        found.append(f"last error: {upload['last_error']}")
    worker = live["worker"] or {}
    if worker.get("last_error") and worker["last_error"] != upload.get("last_error"):
        found.append(f"last error of the background thread: {worker['last_error']}")
    return found
