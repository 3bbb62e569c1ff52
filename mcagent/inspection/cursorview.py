"""The cursor as it lies on disk: what holds, and how each of its two slots is.

Source: docs/buffer-format.md, "Cursor".
"""

import os
import struct
import time

from ..buffer.cursor import Cursor
from ..buffer.settings import ALL_LANES
from ..runtime import FileSystem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..buffer.cursor import LaneState
    from .places import ReadOnly

_PAGE_BYTES = 4096  # a slot begins on each
_SLOTS = 2
_MAGIC = b"mcagcur"
_VERSION = 1
# A slot is written in one call; to see half of it we must have read in that very moment.
_TRIES = 5
_PAUSE_S = 0.02

WHOLE, EMPTY, MISSING, DAMAGED, FOREIGN = "whole", "empty", "missing", "damaged", "other version"


class Slot:
    """One of the two: where it stands, how it is, and its generation (0 where it is not whole)."""

    def __init__(self, offset: int, state: str, generation: int) -> None:
        self.offset = offset
        self.state = state
        self.generation = generation


class CursorView:
    """A cursor file that was read once.

    Attributes:
        present: There is such a file.
        trouble: Why it could not be read; ``""`` otherwise.
        known: One slot at least is whole, so `states` say what was delivered.
        generation: Of the slot that holds; 0 without one.
        high_water_ms: The latest trusted wall clock in it; 0 for none.
        slots: Both, in the order of the file.
    """

    def __init__(self, data: bytes, *, present: bool, trouble: str = "") -> None:
        self.present = present
        self.trouble = trouble
        self.slots = [_slot(data, place * _PAGE_BYTES) for place in range(_SLOTS)]
        cursor = Cursor(_Bytes(data), "", len(ALL_LANES))
        cursor.load()
        self.known = present and not cursor.damaged
        self.generation = max(slot.generation for slot in self.slots)
        self.high_water_ms = cursor.high_water_ms
        self._states = cursor.states

    def state(self, lane: str) -> "LaneState":
        """How far *lane* is; as at the start where nothing is known."""
        return self._states[ALL_LANES.index(lane)]


def read_cursor(fs: "ReadOnly", path: str) -> CursorView:
    """The cursor at *path*; one that is missing or cannot be read knows nothing."""
    for attempt in range(_TRIES):
        if attempt:
            time.sleep(_PAUSE_S)
        try:
            view = CursorView(fs.read(path), present=True)
        except FileNotFoundError:
            return CursorView(b"", present=False)
        except OSError as error:
            return CursorView(b"", present=True, trouble=os.strerror(error.errno or 0))
        if all(slot.state in (WHOLE, EMPTY) for slot in view.slots):
            break
    return view


def _slot(data: bytes, offset: int) -> Slot:
    page = data[offset : offset + _PAGE_BYTES]
    if not page:
        return Slot(offset, MISSING, 0)
    if not page.strip(b"\0"):
        return Slot(offset, EMPTY, 0)  # written for the first time when something is delivered
    # The library decides whether it is whole: it is asked about this slot alone.
    cursor = Cursor(_Bytes(bytes(offset) + page), "", len(ALL_LANES))
    cursor.load()
    if not cursor.damaged:
        return Slot(offset, WHOLE, struct.unpack_from("<Q", page, 8)[0])
    foreign = page[:7] == _MAGIC and page[7] != _VERSION
    return Slot(offset, FOREIGN if foreign else DAMAGED, 0)


class _Bytes(FileSystem):
    """One file in memory, whatever its name."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def exists(self, path: str) -> bool:  # noqa: ARG002
        return True

    def read(self, path: str) -> bytes:  # noqa: ARG002
        return self._data

    def rename(self, source: str, target: str) -> None:
        pass  # a cursor of a later version is put aside by its owner, not by us
