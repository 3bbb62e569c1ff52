"""`mcagent rejected ls` and `show`: refused records, for people and programs; only reads."""

import binascii
import json
import sys

from ..errors import InvalidMessage
from ..inspection.entry import json_text
from ..inspection.export import Export
from ..inspection.survey import printable
from ..messages.timestamp import format_ms
from .bufferwork import notes_of, open_survey, tell, time_and_age
from .common import count, show
from .display import table
from .exits import INCOMPLETE, OK, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from typing import Any

    from ..inspection.entry import Entry
    from ..inspection.survey import Survey

_REJECTED = "rejected"
_HEADER = ("record", "kind", "recorded", "refused", "status", "the platform's words")
_UNKNOWN_ORIGIN = "?"


class Refused:
    """One refused record.

    Attributes:
        lane, sequence: Where it came from; ``"?"`` and its number in the store where its first
            line does not say.
        status: HTTP status; None for none.
        words: The platform's, or the transport's.
        recorded, refused: When, ISO 8601 in UTC; None where no clock is to be trusted.
        shift_ms: What `recorded` was corrected by, of a device that did not know the time then;
            None where nothing was.
        device_time: When, by that device's clock; ``""`` likewise.
        obstacle: Why it cannot be sent again; ``""`` where it can.
    """

    def __init__(self, entry: "Entry", obstacle: str) -> None:
        head = entry.rejected or {}
        reason = head.get("reason")
        reason = reason if isinstance(reason, dict) else {}
        self.entry = entry
        self.lane = str(head.get("lane", _UNKNOWN_ORIGIN))
        sequence = head.get("sequence")
        self.sequence = sequence if isinstance(sequence, int) else entry.sequence
        self.status = reason.get("status") or None
        self.words = str(reason.get("reason") or "")
        self.correlation_id = str(reason.get("correlation_id") or "")
        said_ms = head.get("recorded_ms")
        self.recorded_ms = said_ms if head.get("trusted") else None
        self.shift_ms = reason.get("shift_ms")
        self.device_time = ""
        if isinstance(self.shift_ms, int) and isinstance(said_ms, int):
            self.recorded_ms = said_ms + self.shift_ms
            self.device_time = _time(said_ms) or ""
        self.refused_ms = reason.get("time_ms") or entry.wall_ms
        self.recorded = _time(self.recorded_ms)
        self.refused = _time(self.refused_ms)
        self.left_out_bytes = head.get("left_out_bytes")
        self.obstacle = obstacle

    @property
    def name(self) -> str:
        return f"{self.lane}/{self.sequence}"

    def fields(self) -> "dict[str, Any]":
        """Everything but the payload, ready for JSON."""
        fields: "dict[str, Any]" = {
            "record": self.name,
            "lane": self.lane,
            "sequence": self.sequence,
            "kind": self.entry.kind,
            "recorded": self.recorded,
            "refused": self.refused,
            "status": self.status,
            "reason": self.words,
            "correlation_id": self.correlation_id,
            "configuration_id": self.entry.configuration_id,
            "obstacle": self.obstacle,
        }
        if self.device_time:
            fields["shift_ms"] = self.shift_ms
        if self.left_out_bytes:
            fields["left_out_bytes"] = self.left_out_bytes
        if self.entry.file is not None:
            fields["file"] = self.entry.file
        fields.update(self.entry.more)
        return fields

    def with_payload(self) -> "dict[str, Any]":
        fields = self.fields()
        text = json_text(self.entry.payload)
        fields["payload"] = None if text is None else json.loads(text)
        if text is None:
            coded = binascii.b2a_base64(self.entry.payload, newline=False)
            fields["payload_base64"] = coded.decode()
        return fields


def read_refused(survey: "Survey", *, payloads: bool = False) -> "tuple[list[Refused], list[str]]":
    """Every refused record, oldest first, and what is damaged; with *payloads* those, too."""
    from ..rejected import obstacle

    found = []
    export = Export(survey, lambda _size: None)
    for entry in export.entries([_REJECTED]):
        why = obstacle(entry.kind_number, entry.whole)
        if not why and entry.file is not None and entry.file["spool"] is None:
            why = "its content is not in the store"
        entry.whole = b""
        if not payloads:
            entry.payload = b""  # a list of a full store fits into little memory
        found.append(Refused(entry, why))
    return found, export.damage


def choose(found: "list[Refused]", args: "argparse.Namespace") -> "list[Refused]":
    """Those that *args* name.

    Raises:
        UsageError: None is named, or one is not there, or it is not plain which one is meant.
    """
    if args.lane:
        found = [record for record in found if record.lane in args.lane]
    if args.all:
        if args.records:
            raise UsageError("--all and records are two choices", hint="give one of them")
        return found
    if not args.records:
        raise UsageError(
            "no record was named",
            hint="name records as mcagent rejected ls shows them, or give --all",
        )
    chosen: "list[Refused]" = []
    for text in args.records:
        same = [record for record in found if text in (record.name, str(record.sequence))]
        names = list(dict.fromkeys([record.name for record in same]))
        if not names:
            raise UsageError(
                f"there is no refused record {text[:60]!r}", hint="mcagent rejected ls shows them"
            )
        if len(names) > 1:
            raise UsageError(
                f"{text!r} may be " + " or ".join(names), hint="name it with its lane"
            )
        chosen += [record for record in same if record not in chosen]
    return chosen


def run_ls(args: "argparse.Namespace") -> int:
    survey = open_survey(args)
    found, damage = read_refused(survey)
    if args.lane:
        found = [record for record in found if record.lane in args.lane]
    notes = notes_of(survey)
    for reason, loss in survey.lanes[_REJECTED].state.losses().items():
        notes.append(f"{count(loss['records'], 'refused record')} gone from the store ({reason})")
    value = {"records": [record.fields() for record in found], "notes": notes + damage}
    text = "nothing is refused"
    if found:
        rows = [
            (
                record.name,
                record.entry.kind,
                record.recorded,
                record.refused,
                record.status,
                printable(record.words),
            )
            for record in found
        ]
        text = table(rows, _HEADER)
    show(args, value, text)
    tell(notes)
    return _code(damage)


def run_show(args: "argparse.Namespace") -> int:
    survey = open_survey(args)
    found, damage = read_refused(survey, payloads=True)
    chosen = choose(found, args)
    value = {"records": [record.with_payload() for record in chosen]}
    show(args, value, "\n".join([_text(record) for record in chosen]))
    tell(notes_of(survey))
    return _code(damage)


def _code(damage: "list[str]") -> int:
    for line in damage:
        sys.stderr.write(f"damage: {line}\n")
    return INCOMPLETE if damage else OK


def _text(record: Refused) -> str:
    entry = record.entry
    lines = [f"{record.name}: {entry.kind}"]
    lines.append(f"  recorded: {time_and_age(record.recorded, record.recorded_ms)}")
    if record.device_time:
        lines.append(
            f"  corrected: by {record.shift_ms} ms; the payload has {record.device_time}, which "
            "the clock of the device said before it was set"
        )
    if entry.configuration_id:
        lines.append(f"  data model: {entry.configuration_id}")
    lines.append(f"  refused: {time_and_age(record.refused, record.refused_ms)}")
    lines.append(f"  status: {record.status or 'none'}")
    lines.append(f"  words: {record.words}")
    if record.correlation_id:
        lines.append(f"  correlation id: {record.correlation_id}")
    if entry.file is not None:
        held = entry.file["spool"] or "its content is not here"
        lines.append(f"  file: {entry.file['name']}, {entry.file['size']} bytes, {held}")
    if record.obstacle:
        lines.append(f"  cannot be sent again: {record.obstacle}")
    lines = [printable(line) for line in lines]
    text = json_text(entry.payload)
    if text is None:
        payload = [repr(entry.payload)[1:]]
    else:
        payload = json.dumps(json.loads(text), ensure_ascii=False, indent=2).splitlines()
    return "\n".join(lines + ["  payload:"] + ["    " + printable(line) for line in payload])


def count_of(records: "list[Refused]") -> str:
    return count(len(records), "refused record")


def _time(time_ms: "Any") -> "str | None":
    if not isinstance(time_ms, int):
        return None
    try:
        return format_ms(time_ms)
    except InvalidMessage:
        return None
