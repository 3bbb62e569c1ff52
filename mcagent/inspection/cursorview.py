"""The cursor as it lies on disk: what holds, and how each of its two slots is.

Source: docs/buffer-format.md, "Cursor".
"""

import struct
import time

from ..buffer.cursor import Cursor
from ..buffer.settings import ALL_LANES
from ..runtime import FileSystem
from ..runtime.cpython import RandomFile

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

WHOLE, EMPTY, MISSING, DAMAGED = "whole", "empty", "missing", "damaged"
FOREIGN, UNREADABLE = "other version", "unreadable"


class Slot:
    """One of the two: where it stands, how it is, and its generation (0 where it is not whole)."""

    def __init__(self, offset: int, state: str, generation: int) -> None:
        self.offset = offset
        self.state = state
        self.generation = generation


class CursorView:
    """A cursor file that was read once; a page that the medium does not give back is None.

    Attributes:
        present: There is such a file.
        trouble: Why it could not be read; ``""`` otherwise.
        known: One slot at least is whole, so `states` say what was delivered.
        generation: Of the slot that holds; 0 without one.
        high_water_ms: The latest trusted wall clock in it; 0 for none.
        slots: Both, in the order of the file.
    """

    def __init__(
        self, pages: "list[bytes | None]", *, present: bool = True, trouble: str = ""
    ) -> None:
        self.present = present
        self.trouble = trouble
        self.slots = [_slot(page, place * _PAGE_BYTES) for place, page in enumerate(pages)]
        data = b"".join([(page or b"").ljust(_PAGE_BYTES, b"\0") for page in pages])
        cursor = Cursor(_OneFile(data), "", len(ALL_LANES))
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
            view = CursorView(_read_pages(fs, path))
        except FileNotFoundError:
            return CursorView([b""] * _SLOTS, present=False)
        except OSError as error:
            return CursorView([b""] * _SLOTS, trouble=error.strerror or str(error))
        if all(slot.state in (WHOLE, EMPTY) for slot in view.slots):
            break
    return view


def _read_pages(fs: "ReadOnly", path: str) -> "list[bytes | None]":
    pages: "list[bytes | None]" = []
    file = fs.open(path)
    try:
        for place in range(_SLOTS):
            try:
                pages.append(file.read_at(place * _PAGE_BYTES, _PAGE_BYTES))
            except OSError:
                pages.append(None)
    finally:
        file.close()
    return pages


def _slot(page: "bytes | None", offset: int) -> Slot:
    if page is None:
        return Slot(offset, UNREADABLE, 0)
    if not page:
        return Slot(offset, MISSING, 0)
    if not page.strip(b"\0"):
        return Slot(offset, EMPTY, 0)  # written for the first time when something is delivered
    # The library decides whether it is whole: it is asked about this slot alone.
    cursor = Cursor(_OneFile(bytes(offset) + page), "", len(ALL_LANES))
    cursor.load()
    if not cursor.damaged:
        return Slot(offset, WHOLE, struct.unpack_from("<Q", page, 8)[0])
    foreign = page[:7] == _MAGIC and page[7:8] != bytes([_VERSION])
    return Slot(offset, FOREIGN if foreign else DAMAGED, 0)


class _Memory(RandomFile):
    """A file that is in memory already."""

    __slots__ = ("_data",)

    def __init__(self, data: bytes) -> None:
        super().__init__("", -1)
        self._data = data

    def read_at(self, offset: int, size: int) -> bytes:
        return self._data[offset : offset + size]

    def close(self) -> None:
        pass


class _OneFile(FileSystem):
    """That file, whatever the name. A cursor of a later version is not put aside: by its owner."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def exists(self, path: str) -> bool:  # noqa: ARG002
        return True

    def open(
        self,
        path: str,  # noqa: ARG002
        *,
        create: bool = False,  # noqa: ARG002
        write: bool = False,  # noqa: ARG002
    ) -> RandomFile:
        return _Memory(self._data)

    def rename(self, source: str, target: str) -> None:
        pass
