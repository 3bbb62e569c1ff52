"""`mcagent buffer peek`: records as they would be sent, for people."""

import collections
import json
import sys

from ..inspection.entry import Entry, States, json_text
from ..inspection.export import Export
from ..inspection.survey import printable
from ..inspection.walk import SegmentWalk
from .bufferwork import age, notes_of, open_survey, tell
from .exits import OK, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from typing import Any, Iterator

    from ..buffer.batch import Record
    from ..inspection.survey import LaneView, Survey

_SHORT_BYTES = 400
_REJECTED = "rejected"


def run_peek(args: "argparse.Namespace") -> int:
    if args.raw and (args.json or args.payload):
        raise UsageError(
            "--raw is the payloads alone", hint="give it without --payload and without --json"
        )
    if args.newest and args.sequence:
        raise UsageError("--newest and --sequence are two places", hint="give one of them")
    survey = open_survey(args)
    # What was refused is not sent again: it is shown when it is asked for.
    lanes = args.lane or [name for name in survey.lanes if name != _REJECTED]
    found = []
    shown = 0
    for lane in survey.chosen(lanes):
        for entry in _entries(survey, lane, args):
            if args.json:
                found.append(json.loads(entry.to_line()))
            else:
                _show(entry, args)
            shown += 1
    if not shown and not args.json:
        sys.stderr.write("nothing waits in " + ", ".join(lanes) + "\n")
    if args.json:
        sys.stdout.write(json.dumps({"records": found}, ensure_ascii=False) + "\n")
    sys.stdout.flush()
    tell(notes_of(survey))
    return OK


def _entries(survey: "Survey", lane: "LaneView", args: "argparse.Namespace") -> "Iterator[Entry]":
    if args.newest:
        states = States(survey, lane)
        for record in _newest(survey, lane, args.count):
            yield Entry(lane, record, states.of(record.sequence))
        return
    export = Export(survey, _ignore, everything=args.sequence is not None)
    entries = export.entries([lane.name], args.sequence or 0)
    for _ in range(args.count):
        entry = next(entries, None)
        if entry is None:
            return
        yield entry


def _newest(survey: "Survey", lane: "LaneView", count: int) -> "list[Record]":
    """The last records of the lane, oldest first; segments are read from the youngest back."""
    found: "list[Record]" = []
    for place in range(len(lane.segments) - 1, -1, -1):
        try:
            with SegmentWalk(survey, lane, place) as walk:
                found[:0] = collections.deque(walk.records(), maxlen=count - len(found))
        except OSError as error:
            survey.note(lane.segments[place].path, error)
        if len(found) >= count:
            break
    return found


def _show(entry: Entry, args: "argparse.Namespace") -> None:
    out = getattr(sys.stdout, "buffer", None)
    if args.raw:
        if out is None:
            sys.stdout.write(entry.payload.decode("utf-8", "replace") + "\n")
        else:
            out.write(entry.payload + b"\n")
        return
    lines = [f"{entry.lane} {entry.sequence}: {entry.kind}, {entry.state}, {age(entry)}"]
    if entry.configuration_id:
        lines[0] += f", data model {entry.configuration_id}"
    if entry.rejected is not None:
        lines += _reason(entry.rejected)
    if entry.file is not None:
        held = entry.file["spool"] or "its content is not here"
        lines.append(f"  {entry.file['name']}: {entry.file['size']} bytes, {held}")
    lines += ["  " + line for line in _payload(entry.payload, whole=args.payload)]
    sys.stdout.write("".join([printable(line) + "\n" for line in lines]))


def _reason(rejected: "dict[str, Any]") -> "list[str]":
    reason = rejected.get("reason")
    words = json.dumps(reason, ensure_ascii=False)
    if isinstance(reason, dict):
        words = ", ".join(f"{name} {value}" for name, value in reason.items())
    return [f"  was {rejected.get('lane')} {rejected.get('sequence')}; refused: {words}"]


def _payload(payload: bytes, *, whole: bool) -> "list[str]":
    """Readable where it is JSON; shortened unless *whole*."""
    text = json_text(payload)
    if text is None:
        shown = payload if whole else payload[:_SHORT_BYTES]
        lines = [repr(shown)[1:]]
    elif whole:
        lines = json.dumps(json.loads(text), ensure_ascii=False, indent=2).splitlines()
    else:
        lines = [text[:_SHORT_BYTES]]
    if not whole and len(payload) > _SHORT_BYTES:
        lines.append(f"… {len(payload)} bytes in all: --payload shows them")
    return lines


def _ignore(_size: int) -> None:
    """A few records need no progress."""
