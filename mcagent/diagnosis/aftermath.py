"""What the platform made of this agent's samples after its 200, in the platform's own words.

Mappings and their validity, recoverable records (what was dropped, and why), diagnostic messages.
Source: specification of the agent API, 7 and 8.
"""

import json

from ..errors import CredentialError, NotOnboarded, RemoteError, TransportError
from ..inspection.survey import printable
from ..modelstore import ModelStore
from ..upload.platformview import Configuration, PlatformView
from . import clock, token
from .case import Case
from .platformlists import Lists, remote_error
from .recordedpoints import recorded_points
from .step import FAIL, Step, failed, no_answer, passed, skipped

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..messages import DataModel

SHOWN = 20  # records, and messages, newest first
READ = 200  # messages: most of them say that all went well

_FACTS = ("records", "records_total", "diagnostics", "messages", "informed", "unread")

ON, OFF, NEVER = "on", "off", "never switched on"


class Aftermath:
    """What was read; ready for JSON by `to_dict`.

    Attributes:
        mappings_read: Data model and mappings are known.
        configuration_id: Of the platform's data model; ``""`` where it has none.
        local_id: Of the data model here; ``""`` where there is none.
        points: How many data points were looked at.
        unmapped: Data points whose values the platform drops, to why.
        not_kept: Mappings that end when the device sends another data model.
        recorded: Data points that wait in the buffer, to the number of samples.
        records: The newest recoverable records: ``time``, ``reason``, ``correlation_id``, ``id``.
        records_total: How many there are; None where they could not be read.
        diagnostics: `ON`, `OFF` or `NEVER`; ``""`` where that could not be read.
        messages: The newest diagnostic messages that are more than information: ``time``,
            ``severity``, ``state``, ``source``, ``text``, ``correlation_id``.
        informed: How many messages besides those, of the last `READ`, are information.
        unread: What could not be read: why, and what to do, a line each.
    """

    def __init__(self) -> None:
        self.mappings_read = False
        self.configuration_id = ""
        self.local_id = ""
        self.points = 0
        self.unmapped: "dict[str, str]" = {}
        self.not_kept: "list[str]" = []
        self.recorded: "dict[str, int]" = {}
        self.records: "list[dict[str, str]]" = []
        self.records_total: "int | None" = None
        self.diagnostics = ""
        self.messages: "list[dict[str, str]]" = []
        self.informed = 0
        self.unread: "list[str]" = []

    @property
    def is_well(self) -> bool:
        """Everything was read, every point has its mapping, and nothing was dropped."""
        mapped = self.mappings_read and self.configuration_id and not self.unmapped
        return bool(mapped) and not (self.unread or self.records_total or self.messages)

    def to_dict(self) -> "dict[str, Any]":
        return dict(vars(self), is_well=self.is_well)

    def lines(self) -> "list[str]":
        """For people, what has to be done first."""
        lines = list(self.unread)
        if self.mappings_read:
            lines += self._mapping_lines()
        if self.records_total:
            lines.append(
                "uploads that it accepted and then dropped, whole or in part, for an operator to "
                "replay: %d; the newest:" % self.records_total
            )
            lines += ["  %(time)s  %(reason)s" % record for record in self.records]
        elif self.records_total == 0:
            lines.append("the platform keeps no upload that it dropped")
        if self.diagnostics:
            lines.append(
                "diagnostic messages: %s; %d say that all went well, %d do not"
                % (self.diagnostics, self.informed, len(self.messages))
            )
            lines += [
                "  %(time)s  %(severity)s %(source)s: %(text)s" % message
                for message in self.messages
            ]
        # The words come from afar: a terminal must not obey them.
        return [printable(line) for line in lines]

    def _mapping_lines(self) -> "list[str]":
        if not self.configuration_id:
            return ["the platform has no data model of this agent, and would drop its samples"]
        lines = []
        for point, why in sorted(self.unmapped.items()):
            waiting = self.recorded.get(point)
            held = " (waiting samples with it: %d)" % waiting if waiting else ""
            lines.append("it drops values of %s: %s%s" % (point, why, held))
        if lines and self.local_id not in ("", self.configuration_id):
            lines.append(
                "the data model here is %s, the platform's is %s: where the one here waits, it "
                "goes out before its samples" % (self.local_id, self.configuration_id)
            )
        if not self.unmapped:
            lines.append("each of the %d data points has a valid mapping" % self.points)
        if self.not_kept:
            lines.append(
                "made without keepMapping, so that another data model would delete them: "
                + ", ".join(self.not_kept)
            )
        return lines


def take_token(case: Case) -> None:
    """Get an access token for `read_aftermath`, where no examination has got one before.

    Raises:
        NotOnboarded: There are no credentials in the state directory.
        TransportError: No answer, or not now.
        CredentialError: The platform refuses the present secret.
    """
    case.read_record()
    if case.record.current is None:
        raise NotOnboarded(
            f"there are no credentials in {case.directory} to ask the platform with",
            hint="mcagent onboard agentconfig.json",
        )
    case.reach()
    clock.look(case)
    step = token.ask(case)
    if step.verdict == FAIL:
        kind = step.cause.partition("no-answer-")[2]
        if kind or step.cause == "no-token":
            raise TransportError(step.measured, kind=kind or "other", hint=step.remedy)
        raise CredentialError(step.measured, hint=step.remedy)


def look(case: Case) -> Step:
    """Was anything dropped after its 200?"""
    try:
        found = read_aftermath(case, mappings=False)
    except TransportError as error:
        return no_answer(error)
    except RemoteError as error:
        return failed("odd-answer", error.message, "wait and try again")
    facts = {name: found.to_dict()[name] for name in _FACTS}
    lines = found.lines()
    if found.records_total is None:
        return skipped("; ".join(found.unread), blocks=False, details=lines)
    if not found.records_total:
        return passed("the platform keeps no upload that it dropped", details=lines, facts=facts)
    newest = found.records[0] if found.records else {"time": "", "reason": ""}
    return failed(
        "dropped",
        printable(
            "uploads that the platform answered with 200 and then dropped, whole or in part: "
            f"{found.records_total}; the newest, {newest['time']}: {newest['reason']}"
        ),
        "an operator maps what is missing and replays them, or deletes them (recoverable records)",
        details=lines,
        facts=facts,
    )


def read_aftermath(case: Case, *, switch_on: bool = False, mappings: bool = True) -> Aftermath:
    """Ask the platform with the case's token, which sees the agent's own things.

    Args:
        case: The device.
        mappings: Read data model and mappings, too.
        switch_on: Switch diagnostics on, for the hour that the platform allows, before reading.

    Raises:
        TransportError: No answer.
        RemoteError: The platform is in trouble, or busy; nothing of this is about the agent.
    """
    found = Aftermath()
    if mappings:
        _read_mappings(case, found)
    lists = Lists(case)
    _read_records(lists, found)
    _read_messages(lists, found, switch_on=switch_on)
    return found


def _read_mappings(case: Case, report: Aftermath) -> None:
    view = PlatformView(case, unmapped="hold")  # type: ignore[arg-type]
    for read in (view.read_configuration, view.read_mappings):
        trouble = read()
        if trouble is not None:
            raise remote_error(case, trouble, "the agent's data model and mappings")
        if view.note:
            report.unread.append(view.note)
            return
    report.mappings_read = True
    report.not_kept = view.not_kept or []
    if view.model is None:
        return
    report.configuration_id = view.model.id
    store = ModelStore(case.directory, case.fs)
    store.load()
    report.local_id = "" if store.model is None else store.model.id
    report.recorded = recorded_points(case.directory)
    kinds = recorded_kinds(view.model, store.model, report.recorded)
    report.points = len(kinds)
    for point, kind in kinds.items():
        why = view.fault(point, kind)
        if why:
            report.unmapped[point] = why


def recorded_kinds(
    platforms: Configuration, local: "DataModel | None", recorded: "dict[str, int]"
) -> "dict[str, str]":
    """Data points that the device records, to their types; ``""`` where no model says it."""
    kinds = dict.fromkeys(recorded, "")
    if local is None:
        kinds.update(dict.fromkeys(platforms.points, ""))
    else:
        points = Configuration(json.loads(local.fragment())).points
        kinds.update((point, kind) for point, (kind, _unit) in points.items())
    return kinds


def _read_records(lists: Lists, report: Aftermath) -> None:
    page = lists.newest("recoverableRecords", "requestTime", SHOWN)
    if page.refused:
        report.unread.append("recoverable records " + page.refused + "; grant it the scope rec.r")
        return
    report.records_total = page.total
    members = {
        "time": "requestTime",
        "reason": "dropReason",
        "correlation_id": "correlationId",
        "id": "id",
    }
    report.records = [_texts(row, members) for row in page.rows]


def _read_messages(lists: Lists, report: Aftermath, *, switch_on: bool) -> None:
    page = lists.get("diagnosticActivations", size=2000)
    if page.refused:
        report.unread.append("diagnostics " + page.refused + "; grant it the scope da.r")
        return
    mine = [row for row in page.rows if row.get("agentId") == lists.agent]
    if switch_on:
        activation, refused = lists.switch_on(mine[0] if mine else None)
        mine = [activation] if activation is not None else mine
        if refused:
            report.unread.append("diagnostics cannot be switched on: " + refused)
    if not mine:
        report.diagnostics = NEVER
        return
    report.diagnostics = ON if mine[0].get("status") == "ACTIVE" else OFF
    path = "diagnosticActivations/%s/messages" % mine[0].get("id")
    page = lists.newest(path, "timestamp", READ)
    if page.refused:
        report.unread.append("diagnostic messages " + page.refused + "; grant it the scope da.m.r")
        return
    members = {
        "time": "timestamp",
        "severity": "severity",
        "state": "state",
        "source": "source",
        "text": "message",
        "correlation_id": "correlationId",
    }
    others = [row for row in page.rows if row.get("severity") != "INFO"]
    report.informed = len(page.rows) - len(others)
    report.messages = [_texts(row, members) for row in others[:SHOWN]]


def _texts(row: "dict[str, Any]", members: "dict[str, str]") -> "dict[str, str]":
    return {name: str(row.get(theirs) or "") for name, theirs in members.items()}
