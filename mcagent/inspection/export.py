"""Every record as an `Entry`, in the order of delivery; and the content of its files copied out.

The memory that it needs is one window of a segment, whatever the size of the buffer.
"""

import os
import re

from ..buffer.settings import REJECTED, SPOOLING
from .entry import KEPT, WAITING, Entry, States
from .finding import numbers
from .spooled import check_file
from .summary import count_waiting, is_damage
from .walk import SegmentWalk

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, BinaryIO, Callable, Iterator

    from ..buffer.batch import Record
    from .survey import LaneView, Survey
    from .walk import Damage

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_NAME_MAX = 100


class Export:
    """One pass over a buffer.

    Attributes:
        records, files: What was handed out; of files, those that were copied.
        damage: What is missing in it and why, a line each.
    """

    def __init__(
        self,
        survey: "Survey",
        advance: "Callable[[int], None]",
        *,
        everything: bool = False,
        folder: "str | None" = None,
    ) -> None:
        """Prepare.

        Args:
            survey: What to read.
            advance: Hears the bytes that were read.
            everything: Also what is done with and still on disk.
            folder: Where the spooled files are copied to; None leaves them.
        """
        self._survey = survey
        self._advance = advance
        self._everything = everything
        self._folder = folder
        self.records = self.files = 0
        self.damage: "list[str]" = []
        if not survey.cursor.known and any(lane.segments for lane in survey.lanes.values()):
            self.damage.append(
                "there is no whole cursor: what was delivered is not known, and all counts as "
                "waiting"
            )

    def entries(self, lanes: "list[str] | None" = None, first: int = 0) -> "Iterator[Entry]":
        """What is left in *lanes*, from the sequence number *first* on."""
        for lane in self._survey.chosen(lanes):
            states = States(self._survey, lane)
            copied: "set[int]" = set()
            for record in self._records(lane, first):
                state = states.of(record.sequence)
                if not self._everything and state != wanted_state(lane):
                    continue
                entry = Entry(lane, record, state)
                if self._folder is not None and entry.file is not None:
                    copied.add(record.sequence)
                    self._copy(lane, entry)
                self.records += 1
                yield entry
            if self._folder is not None and lane.name in SPOOLING:
                self._copy_orphans(lane, copied)

    # -- private ----------------------------------------------------------------------------

    def _records(self, lane: "LaneView", first: int) -> "Iterator[Record]":
        survey = self._survey
        first = max(first, 0 if self._everything else lane.state.head)
        for place, segment in enumerate(lane.segments):
            end = lane.end_of(place)
            if end is not None and end <= first:
                self._advance(segment.size)
                continue
            done = 0
            try:
                with SegmentWalk(survey, lane, place) as walk:
                    if walk.foreign:
                        self._note(segment.path, "of another version: not read")
                    for record in walk.records(first):
                        yield record
                        if walk.offset - done > 65536:
                            self._advance(walk.offset - done)
                            done = walk.offset
                    for damage in walk.damage:
                        self._note_damage(lane, segment.path, damage)
            except FileNotFoundError as error:
                survey.note(segment.path, error)
            except OSError as error:
                survey.note(segment.path, error)
                self._note(segment.path, f"cannot be read: {error.strerror or error}")
            self._advance(max(0, segment.size - done))

    def _note_damage(self, lane: "LaneView", path: str, damage: "Damage") -> None:
        """Say what is missing of that which was asked for."""
        lost = count_waiting(lane, damage.first, damage.last)
        if damage.missing > 0 and (lost or (self._everything and is_damage(lane, damage))):
            self._note(path, f"{numbers(damage.first, damage.last)} cannot be read")
        if damage.open_end:
            self._note(path, f"{damage.size} bytes at the end are torn")

    def _note(self, path: str, what: str) -> None:
        self.damage.append(f"{self._survey.relative(path)}: {what}")

    def _copy(self, lane: "LaneView", entry: Entry) -> None:
        assert entry.file is not None
        assert self._folder is not None
        entry.file["copy"] = None
        source = lane.spool_path(entry.sequence)
        if entry.sequence not in lane.spooled and lane.name == REJECTED:
            return  # the store keeps the record alone of a file that is too large for it
        name = f"{lane.name}-{entry.sequence:016d}-{safe_name(str(entry.file['name']))}"
        target = os.path.join(self._folder, name)
        wrong = self._copy_content(source, target, entry.file, entry.state == wanted_state(lane))
        if wrong is None:
            return
        entry.file["copy"] = target
        if wrong:
            self._note(source, wrong + ": copied as it is")

    def _copy_content(
        self, source: str, target: str, described: "dict[str, Any]", wanted: bool
    ) -> "str | None":
        """What is wrong with the content; None where there is none to copy."""
        try:
            with _create(target) as copy:
                wrong = check_file(self._survey, source, described, self._advance, copy)
        except OSError as error:
            if error.filename != source:
                raise  # the folder that it is copied to is full, or not ours
            os.unlink(target)
            if wanted:
                self._note(source, f"cannot be copied: {error.strerror}")
            return None
        self.files += 1
        return wrong

    def _copy_orphans(self, lane: "LaneView", copied: "set[int]") -> None:
        """Content whose record is damaged: it is all that is left of it."""
        assert self._folder is not None
        for sequence in lane.spooled:
            if sequence in copied or not count_waiting(lane, sequence, sequence):
                continue
            source = lane.spool_path(sequence)
            target = os.path.join(self._folder, f"{lane.name}-{sequence:016d}-without-record")
            if self._copy_content(source, target, {}, True) is not None:
                self._note(source, "no intact record speaks of it: copied without its name")


def wanted_state(lane: "LaneView") -> str:
    """The state of what is neither delivered nor given up."""
    return KEPT if lane.name == REJECTED else WAITING


def safe_name(name: str) -> str:
    """*name* without what could lead out of a folder, or be read as an option."""
    return _UNSAFE.sub("_", name.replace("\\", "/").rpartition("/")[2])[-_NAME_MAX:].lstrip("-.")


def _create(path: str) -> "BinaryIO":
    """A file for this user alone, as the buffer's are; one that is there is replaced."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    return os.fdopen(fd, "wb")
