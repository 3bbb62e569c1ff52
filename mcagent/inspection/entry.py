"""One record as people and programs get it: named kind, readable time, state, payload."""

import binascii
import json
import struct

from ..buffer.settings import REJECTED
from ..errors import InvalidMessage
from ..messages import kinds
from ..messages.customdata import split as split_custom
from ..messages.timestamp import format_ms
from ..upload.modelrecord import split_model
from .walk import SegmentWalk

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..buffer.batch import Record
    from .survey import LaneView, Survey

KIND_NAMES = {
    kinds.SAMPLE: "sample",
    kinds.EVENT: "event",
    kinds.EVENT_1: "event 1.0",
    kinds.MODEL: "model",
    kinds.FILE: "file",
    kinds.CUSTOM: "custom",
}

WAITING, DELIVERED, DROPPED, KEPT = "waiting", "delivered", "dropped", "rejected"
UNKNOWN = "delivered or dropped"


def _refuse(word: str) -> "Any":
    raise ValueError(word)  # NaN and Infinity are Python's, not JSON's


# Made once: `json.dumps` and `json.loads` make one for each call that has an option.
_encode = json.JSONEncoder(ensure_ascii=False).encode
_decode = json.JSONDecoder(parse_constant=_refuse).decode


def kind_name(kind: int) -> str:
    """A word; of a kind that this version does not know, its number."""
    return KIND_NAMES.get(kind, f"kind {kind}")


def time_text(record: "Record | None") -> "str | None":
    """When it was made; None where the clock was not trusted, or says what no calendar has."""
    if record is None or record.wall_ms is None:
        return None
    try:
        return format_ms(record.wall_ms)
    except InvalidMessage:
        return None


class Entry:
    """A record with what the buffer knows of it.

    Attributes:
        lane, sequence, kind: Where it is, and what; *kind* is a word.
        time: ISO 8601 in UTC; None where it cannot be trusted.
        monotonic_ms, boot: The clock that counts since the start of the device, and which start.
        configuration_id: The data model in force; None for none.
        state: ``waiting``, ``delivered``, ``dropped``, ``rejected``, or ``delivered or dropped``
            where the cursor cannot tell.
        kind_number, whole: The kind and the payload as they are stored.
        payload: The bytes as they are sent: of a rejected record without its first line, of a
            data model without its place, of custom data without its type.
        rejected: Of a rejected record: from which ``lane``, which ``sequence``, ``reason``.
        file: Of a file: ``name``, ``size``, ``sha256``, ``spool`` (its path in the buffer).
        more: Of a data model ``before_sample``, the sample that is sent after it; of custom data
            ``metadata`` and ``content_type``.
    """

    def __init__(self, lane: "LaneView", record: "Record", state: str) -> None:
        self.lane = lane.name
        self.sequence = record.sequence
        self.kind = kind_name(record.kind)
        self.kind_number = record.kind
        self.whole = record.payload
        self.time = time_text(record)
        self.wall_ms = record.wall_ms if self.time is not None else None
        self.monotonic_ms = record.monotonic_ms
        self.boot = record.context.boot_id.hex()
        self.configuration_id = record.context.configuration_id or None
        self.state = state
        self.payload = record.payload
        self.rejected: "dict[str, Any] | None" = None
        if lane.name == REJECTED:
            self._take_reason()
        self.file: "dict[str, Any] | None" = None
        self.more: "dict[str, Any]" = {}
        if record.kind == kinds.FILE:
            self._take_file(lane)
        elif record.kind in (kinds.MODEL, kinds.CUSTOM):
            self._take_head(record.kind)

    def fields(self) -> "dict[str, Any]":
        """Everything but the payload, ready for JSON."""
        fields: "dict[str, Any]" = {
            "lane": self.lane,
            "sequence": self.sequence,
            "kind": self.kind,
            "timestamp": self.time,
            "trusted": self.time is not None,
        }
        if self.time is None:
            fields.update(monotonic_ms=self.monotonic_ms, boot=self.boot)
        fields.update(state=self.state, configuration_id=self.configuration_id)
        if self.rejected is not None:
            fields["rejected"] = self.rejected
        if self.file is not None:
            fields["file"] = self.file
        fields.update(self.more)
        return fields

    def to_line(self) -> str:
        """One JSON object on one line. A JSON payload stands in it as it is, digit by digit."""
        head = _encode(self.fields())[:-1]
        text = json_text(self.payload)
        if text is None:
            coded = binascii.b2a_base64(self.payload, newline=False).decode()
            return f'{head}, "payload": null, "payload_base64": "{coded}"}}'
        return f'{head}, "payload": {text}}}'

    def _take_reason(self) -> None:
        head, feed, rest = self.payload.partition(b"\n")
        try:
            reason = json.loads(head)
        except ValueError:
            return
        if feed and isinstance(reason, dict):
            self.rejected, self.payload = reason, rest

    def _take_head(self, kind: int) -> None:
        """What stands before the part of the payload that is sent as it is."""
        try:
            if kind == kinds.MODEL:
                position, self.payload = split_model(self.payload)
                self.more = {"before_sample": position}
            else:
                metadata, content_type, body = split_custom(self.payload)
                self.more = {"metadata": json.loads(metadata), "content_type": content_type}
                self.payload = body
        except (ValueError, IndexError, struct.error):
            pass  # not written by this library: shown as it is

    def _take_file(self, lane: "LaneView") -> None:
        try:
            described = json.loads(self.payload)
        except ValueError:
            return
        if isinstance(described, dict):
            self.file = {name: described.get(name) for name in ("name", "size", "sha256")}
            # In the rejected store the file has the number of the rejected record.
            held = self.sequence in lane.spooled
            self.file["spool"] = f"{lane.name}/spool/{self.sequence:016d}" if held else None


class States:
    """What became of the records of one lane, as far as the cursor tells."""

    def __init__(self, survey: "Survey", lane: "LaneView") -> None:
        self._lane = lane
        state = lane.state
        self._head = state.head
        self._hole = state.hole_first, state.hole_last
        self._losses = [(loss["first"], loss["last"]) for loss in state.losses().values()]
        self._set_aside: "set[int]" = set()
        if lane.name != REJECTED and lane.segments and lane.segments[0].first < state.head:
            self._set_aside = _set_aside(survey, lane)

    def of(self, sequence: int) -> str:
        if self._hole[0] and self._hole[0] <= sequence <= self._hole[1]:
            return DROPPED
        if self._lane.name == REJECTED:
            return KEPT if sequence >= self._head else DROPPED
        if sequence >= self._head:
            return WAITING
        if sequence in self._set_aside:
            return KEPT
        # The range of the losses is all that is known of them.
        if any(first <= sequence <= last for first, last in self._losses):
            return UNKNOWN
        return DELIVERED


def json_text(payload: bytes) -> "str | None":
    """*payload* as JSON text on one line, otherwise as it is; None where it is no JSON."""
    try:
        text = payload.decode()
        _decode(text)
    except (ValueError, RecursionError):
        return None
    # Between the values: a line feed inside a string is escaped.
    return text.replace("\n", " ").replace("\r", " ")


def _set_aside(survey: "Survey", lane: "LaneView") -> "set[int]":
    """Numbers of *lane* that are in the rejected store and may still be on disk in the lane."""
    found = set()
    rejected = survey.lanes[REJECTED]
    for place in range(len(rejected.segments)):
        try:
            with SegmentWalk(survey, rejected, place) as walk:
                for record in walk.records():
                    reason = Entry(rejected, record, KEPT).rejected or {}
                    sequence = reason.get("sequence")
                    if reason.get("lane") != lane.name or not isinstance(sequence, int):
                        continue
                    if lane.segments[0].first <= sequence < lane.state.head:
                        found.add(sequence)
        except OSError as error:
            survey.note(rejected.segments[place].path, error)
    return found
