"""Refused records by name: send some of them again, or drop them; for the owner of the buffer.

The store is a queue. What stands before a chosen record goes behind the others, so that nothing
but the chosen ones leaves it.
"""

import errno
import json

from .buffer.reject import DROP, KEEP, REPLAY
from .buffer.settings import ALL_LANES, REJECTED
from .errors import BufferFull, InvalidMessage
from .messages import kinds
from .runtime import log
from .upload.timecorrection import replayed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from .buffer import Buffer

    Name = tuple[str, int]  # the lane that it came from, and its number there


class Outcome:
    """What became of the chosen records, each by its name.

    Attributes:
        done: Sent again or dropped, as was asked.
        refused: Name and why it cannot be sent again; they are still in the store.
        missing: Not in the store (any more).
        left: Not looked at, because of `trouble`; they are still in the store.
        trouble: No room: why; None otherwise.
    """

    def __init__(self) -> None:
        self.done: "list[Name]" = []
        self.refused: "list[tuple[Name, str]]" = []
        self.missing: "list[Name]" = []
        self.left: "list[Name]" = []
        self.trouble: "BufferFull | None" = None


def resolve(buffer: "Buffer", what: str, names: "list[Name]") -> Outcome:
    """Do *what* ("replay" or "drop") with the refused records *names*.

    A crash leaves each record in one of the two places, or in both.

    Raises:
        OSError: The disk refused it; what is not done is still in the store.
    """
    outcome = Outcome()
    wanted = set(names)
    last = buffer.next_sequence(REJECTED) - 1
    while wanted:
        record = buffer.first_record(REJECTED)
        if record is None or record.sequence > last:
            break
        name, sequel = name_of(record.payload), KEEP
        if name in wanted:
            wanted.remove(name)
            sequel = what
            why = obstacle(record.kind, record.payload) if what == REPLAY else ""
            if why:
                outcome.refused.append((name, why))
                sequel = KEEP
        if sequel == KEEP and not wanted:
            break
        try:
            buffer.resolve_rejected(record.sequence, sequel, replayed)
        except BufferFull as error:
            outcome.trouble = error
            if sequel == KEEP:
                outcome.trouble = BufferFull(
                    "the store of rejected records is full, and %s/%d stands before the chosen "
                    "ones" % (name or ("", record.sequence)),
                    hint="take the oldest first: mcagent rejected ls shows them in that order",
                )
            elif name is not None:
                wanted.add(name)
            break
        except OSError as error:
            if error.errno != errno.EIO or sequel == KEEP or name is None:
                raise
            outcome.refused.append((name, str(error)))  # its file is not what it was
            continue
        if sequel == what and name is not None:
            outcome.done.append(name)
    rest = [name for name in names if name in wanted]
    if outcome.trouble is None:
        outcome.missing = rest
    else:
        outcome.left = rest
    return outcome


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
        note(
            "%d rejected records were not %s: %s"
            % (len(outcome.left), word, outcome.trouble.message)
        )


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
