"""What `mcagent diag` collects, made so that no part holds a secret, and scrubbed behind that.

Never read: `credentials/` beyond what the examination tells of it, the content of spooled files.
Only when asked for: payloads.
"""

import json
import os

from ..errors import AgentError
from ..inspection.export import Export
from ..inspection.places import owner_of
from ..inspection.stats import read_stats
from ..inspection.survey import Survey, printable
from ..live import read_live
from ..modelstore import ModelStore
from ..observer import read_status
from .scrub import scrubber_for
from .surroundings import PROXY_VARIABLES, listing, mount_of, settings, versions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from .case import Case
    from .examination import Report

_PAYLOADS = 100  # of each lane; `mcagent buffer export` takes all
_LOG_BYTES = 1_000_000
_ABOUT = """\
What mcagent found on this device, for whoever looks into it.

doctor.json     each step to the platform: what was measured, what failed, what to do
status.json     what is buffered, held, lost and refused; of the running service where one answers
versions.json   of mcagent, Python, OpenSSL and the packages that take part
settings.json   options, the variables of the environment that count, name servers, mount
files.txt       the state directory: names, sizes, modes, times
buffer.json     figures of each lane
refused.json    what the platform refused: lane, number, status, time
model.json      the data points and their types
log.txt         the last lines of the log that was given
payloads.jsonl  values that were recorded; only with --with-payloads
trouble.txt     what could not be collected, and why

Left out: credentials, boarding configuration, tokens, private keys, passwords of proxies, and
the values that were recorded. Not left out: names of this machine, of hosts and of users,
addresses, the agent's id, names of data points, and the platform's words about what it dropped.
"""


class Bundle:
    """The parts, by name of their file.

    Attributes:
        parts: Name to text.
        trouble: What could not be collected, a line each.
        found: What the doctor found, in one line.
    """

    def __init__(self) -> None:
        self.found = "nothing is wrong that could be measured"
        self.parts: "dict[str, str]" = {"README.txt": _ABOUT}
        self.trouble: "list[str]" = []


def collect(
    case: "Case",
    report: "Report",
    *,
    options: "dict[str, Any]",
    payloads: bool = False,
    log: "bytes | None" = None,
) -> Bundle:
    """Collect everything about *case*, whose examination is *report*.

    Args:
        case: The device.
        report: What the doctor found.
        options: Of the command, for the settings.
        payloads: Also the oldest records of each lane, with what is in them.
        log: The end of a log.
    """
    proxies = [os.environ[name] for name in PROXY_VARIABLES if name in os.environ]
    if case.proxy_setting:
        proxies.append(case.proxy_setting)
    scrubber = scrubber_for(case, proxies)
    directory = case.directory
    makers: "dict[str, Callable[[], Any]]" = {
        "doctor.json": report.to_dict,
        "status.json": lambda: read_live(directory) or read_status(directory).to_dict(),
        "versions.json": versions,
        "settings.json": lambda: {
            **settings(options),
            "mount": mount_of(directory),
            "owner": owner_of(directory),
        },
        "files.txt": lambda: listing(directory),
        "buffer.json": lambda: read_stats(Survey(directory), None, lambda _size: None),
        "refused.json": lambda: _refused(directory),
        "model.json": lambda: _model(case),
    }
    if log is not None:
        text = log[-_LOG_BYTES:].decode("utf-8", "replace")
        makers["log.txt"] = text.splitlines
    if payloads:
        makers["payloads.jsonl"] = lambda: _payloads(directory)
    bundle = Bundle()
    if report.cause is not None:
        found = f"the doctor found: {report.cause.name}: {report.cause.measured}"
        bundle.found = printable(scrubber.scrub(found))
    for name, make in makers.items():
        try:
            made = make()
        except (AgentError, OSError) as error:
            bundle.trouble.append(scrubber.scrub(f"{name}: {error}"))
            continue
        # Values that were asked for stay as they are; they may be what was refused.
        clean = made if name == "payloads.jsonl" else scrubber.scrub_all(made)
        bundle.parts[name] = "\n".join(clean) + "\n" if isinstance(clean, list) else _json(clean)
    if bundle.trouble:
        bundle.parts["trouble.txt"] = "\n".join(bundle.trouble) + "\n"
    return bundle


def _json(value: "Any") -> str:
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"


def _refused(directory: str) -> "dict[str, Any]":
    """Without payloads, and without the platform's words, which can quote a value."""
    survey = Survey(directory)
    found = []
    for entry in Export(survey, lambda _size: None).entries(["rejected"]):
        about = entry.rejected or {}
        reason = about.get("reason")
        status = reason.get("status") if isinstance(reason, dict) else None
        found.append(
            {
                "lane": about.get("lane"),
                "sequence": about.get("sequence"),
                "kind": entry.kind,
                "time": entry.time,
                "status": status,
                "bytes": len(entry.payload),
            }
        )
    return {"records": found}


def _model(case: "Case") -> "dict[str, Any]":
    """Ids and types; descriptions and custom data are the owner's."""
    store = ModelStore(case.directory, case.fs)
    note = store.load()
    if store.model is None:
        return {"model": None, "note": note}
    points = {point.id: [point.type, point.unit] for point in store.model.points.values()}
    return {"model": store.model.id, "points": points, "note": note}


def _payloads(directory: str) -> "list[str]":
    """The oldest records of each lane, in the form of `mcagent buffer export`."""
    survey = Survey(directory)
    lines = []
    for lane in survey.lanes:
        entries = Export(survey, lambda _size: None).entries([lane])
        for _ in range(_PAYLOADS):
            entry = next(entries, None)
            if entry is None:
                break
            lines.append(entry.to_line())
    return lines
