"""Refused records by name: send some of them again, or drop them; for the owner of the buffer.

The store is a queue. What stands before a chosen record goes behind the others, so that nothing
but the chosen ones leaves it.
"""

import json

from .buffer.reject import DROP, KEEP, REPLAY, STOP
from .buffer.settings import ALL_LANES, REJECTED
from .errors import BufferFull, InvalidMessage
from .messages import kinds
from .runtime import log
from .upload.timecorrection import replayed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from .buffer import Buffer
    from .buffer.batch import Record

    Name = tuple[str, int]  # the lane that it came from, and its number there


_AT_ONCE = 500  # the buffer is held for so many


class Outcome:
    """What became of the chosen records, each by its name.

    Attributes:
        done: Sent again or dropped, as was asked.
        refused: Name and why it cannot be sent again; they are still in the store.
        missing: Not in the store (any more).
        left: Not looked at, because of `trouble`; they are still in the store.
        trouble: Why it went no further: no room; None otherwise.
    """

    def __init__(self) -> None:
        self.done: "list[Name]" = []
        self.refused: "list[tuple[Name, str]]" = []
        self.missing: "list[Name]" = []
        self.left: "list[Name]" = []
        self.trouble: "Exception | None" = None


def resolve(buffer: "Buffer", what: str, names: "list[Name]") -> Outcome:
    """Do *what* ("replay" or "drop") with the refused records *names*.

    A crash leaves each record in one of the two places, or in both.

    Raises:
        OSError: The disk refused it; what is not done is still in the store.
    """
    return _Work(buffer, what, names).run()


class _Work:
    def __init__(self, buffer: "Buffer", what: str, names: "list[Name]") -> None:
        self._buffer = buffer
        self._what = what
        self._names = names
        self._wanted = set(names)
        self._last = buffer.next_sequence(REJECTED) - 1
        self._taken: "list[tuple[str, Name | None]]" = []  # of the present group, in order
        self._outcome = Outcome()

    def run(self) -> Outcome:
        outcome = self._outcome
        while self._wanted and outcome.trouble is None:
            self._taken = []
            count, trouble = self._buffer.resolve_rejected(self._decide, _AT_ONCE)
            outcome.done += [
                name for sequel, name in self._taken[:count] if sequel != KEEP and name is not None
            ]
            failed = self._taken[count:]
            for sequel, name in failed:
                if sequel != KEEP and name is not None:
                    self._wanted.add(name)
            if trouble is not None and not failed:
                raise trouble  # the record itself cannot be read back
            if trouble is not None:
                self._failed(trouble, *failed[-1])
            elif not count:
                break
        rest = [name for name in self._names if name in self._wanted]
        if outcome.trouble is None:
            outcome.missing = rest
        else:
            outcome.left = rest
        return outcome

    def _decide(self, record: "Record") -> "tuple[str, bytes]":
        """What becomes of one record, and what is sent of it."""
        if not self._wanted or record.sequence > self._last:
            return STOP, b""
        name, sequel, payload = name_of(record.payload), KEEP, record.payload
        if name in self._wanted:
            self._wanted.remove(name)
            sequel = self._what
            why = obstacle(record.kind, payload) if sequel == REPLAY else ""
            if why:
                self._outcome.refused.append((name, why))
                if not self._wanted:
                    return STOP, b""
                sequel = KEEP
            elif sequel == REPLAY:
                payload = _as_sent(record)
        self._taken.append((sequel, name))
        return sequel, payload

    def _failed(self, trouble: "Exception", sequel: str, name: "Name | None") -> None:
        """It went no further than the record *name*."""
        outcome = self._outcome
        if isinstance(trouble, OSError) and sequel == REPLAY and name is not None:
            outcome.refused.append((name, str(trouble)))  # its file is not what it was
            self._wanted.remove(name)
        elif isinstance(trouble, OSError):
            raise trouble
        elif sequel == KEEP:
            outcome.trouble = BufferFull(
                "the store of rejected records is full, and %s/%d stands before the chosen ones"
                % (name or ("", 0)),
                hint="take the oldest first: mcagent rejected ls shows them in that order",
            )
        else:
            outcome.trouble = trouble


def _as_sent(record: "Record") -> bytes:
    """The payload that goes back: with the time of the boot that recorded it."""
    head, _line, payload = record.payload.partition(b"\n")
    return replayed(record.kind, json.loads(head), payload)


def obey(
    buffer: "Buffer", header: "dict[str, Any]", payload: bytes, note: "Callable[[str], None]"
) -> None:
    """Do what a command left in the inbox; *note* hears what could not be done.

    Raises:
        InvalidMessage: It is no such message.
    """
    what = header.get("rejected")
    try:
        names = [(str(lane), int(sequence)) for lane, sequence in json.loads(payload)]
    except (ValueError, TypeError) as error:
        raise InvalidMessage("names of rejected records: %s" % error)
    if what not in (REPLAY, DROP):
        raise InvalidMessage("nothing can be done with rejected records by %r" % (what,))
    outcome = resolve(buffer, what, names)
    word = "sent again" if what == REPLAY else "dropped"
    for name in outcome.done:
        log("info", "agent", "the rejected record %s/%d was %s" % (name[0], name[1], word))
    for name, why in outcome.refused:
        note("the rejected record %s/%d was not %s: %s" % (name[0], name[1], word, why))
    if outcome.trouble is not None:
        note("%d rejected records were not %s: %s" % (len(outcome.left), word, outcome.trouble))


def name_of(payload: bytes) -> "Name | None":
    """The lane and number that a rejected record had; None where its first line is not ours."""
    try:
        head = json.loads(payload.partition(b"\n")[0])
        return str(head["lane"]), int(head["sequence"])
    except (ValueError, TypeError, KeyError):
        return None


def obstacle(kind: int, payload: bytes) -> str:
    """Why this rejected record cannot be sent again; ``""`` where it can."""
    name = name_of(payload)
    if name is None or name[0] not in ALL_LANES or name[0] == REJECTED:
        return "nothing says where it came from"
    head, _line, rest = payload.partition(b"\n")
    if not rest or json.loads(head).get("left_out_bytes"):
        return "it was too large for the store, which kept its description alone"
    if kind == kinds.MODEL:
        return "a newer data model replaced it: mcagent model FILE makes one the present model"
    if kinds.LANE_OF_KIND.get(kind) != name[0]:
        return "its kind %d is not one of the lane %s" % (kind, name[0])
    return ""
