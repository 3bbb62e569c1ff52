"""What lies in a buffer at one moment: the files of each lane, and the cursor read after them.

In that order a running agent cannot make a hole appear: what is not listed any more was passed by
a cursor that was written before it was removed.

Source: docs/buffer-format.md, "Files".
"""

import errno
import re

from ..buffer.segment import list_segments
from ..buffer.settings import ALL_LANES, SPOOLING
from .cursorview import read_cursor
from .places import ReadOnly, find_buffer, writer_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..buffer.cursor import LaneState
    from ..buffer.segment import Segment
    from .cursorview import CursorView

_DAMAGED = "damaged"
_SEGMENT_NAME = re.compile(r"[0-9]{16}-[0-9a-f]{8}\.seg")


class LaneView:
    """The files of one lane.

    Attributes:
        segments: Those that count, oldest first.
        given_up: Segments of which another with the same first number counts.
        spooled: Sequence number to size of the files that its records may speak of.
        unfinished: Names of spooled files that no record speaks of yet.
        others: Names that belong to somebody else.
        state: What the cursor says.
    """

    def __init__(self, buffer: str, name: str) -> None:
        self.name = name
        self.number = ALL_LANES.index(name) + 1
        self.directory = f"{buffer}/{name}"
        self.segments: "list[Segment]" = []
        self.given_up: "list[Segment]" = []
        self.spooled: "dict[int, int]" = {}
        self.unfinished: "list[str]" = []
        self.others: "list[str]" = []
        self.state: "LaneState"

    def end_of(self, place: int) -> "int | None":
        """The number at which the segment after ``segments[place]`` begins; None for the last."""
        return self.segments[place + 1].first if place + 1 < len(self.segments) else None

    def spool_path(self, sequence: int) -> str:
        return f"{self.directory}/spool/{sequence:016d}"

    @property
    def segment_bytes(self) -> int:
        return sum(segment.size for segment in self.segments + self.given_up)

    @property
    def spool_bytes(self) -> int:
        return sum(self.spooled.values())


class Survey:
    """A buffer, listed.

    Attributes:
        directory: The folder `buffer`, or what stands for it.
        lanes: Name to files, in the order of delivery; the rejected store is the last.
        cursor: How far each lane was delivered.
        damaged: Name to size of the parts that the agent kept aside for people.
        others: Names in the buffer that belong to somebody else.
        writer: True while a process holds the lock, None where that cannot be seen.
    """

    def __init__(self, directory: str) -> None:
        """List *directory*: a state directory, a buffer, or what is left of one.

        Raises:
            ConfigurationError: There is no buffer, or this user may not look.
        """
        self.fs = fs = ReadOnly()
        self.directory = find_buffer(directory, ALL_LANES)
        self.writer = writer_of(self.directory)
        self.lanes = {name: _list_lane(fs, self.directory, name) for name in ALL_LANES}
        self.cursor: "CursorView" = read_cursor(fs, self.directory + "/cursor")
        for name, lane in self.lanes.items():
            lane.state = self.cursor.state(name)
        self.damaged = {
            name: fs.size(f"{self.directory}/{_DAMAGED}/{name}")
            for name in fs.list_dir(f"{self.directory}/{_DAMAGED}")
        }
        known = (*ALL_LANES, _DAMAGED, "cursor", "cursor.reserve", "cursor.kept")
        self.others = [
            printable(name) for name in fs.list_dir(self.directory) if name not in known
        ]
        self.vanished: "list[str]" = []

    def relative(self, path: str) -> str:
        """*path* within the buffer."""
        return path[len(self.directory) + 1 :] if path.startswith(self.directory) else path

    def note(self, path: str, error: OSError) -> None:
        """Remember that *path* is gone (its owner removed it), or cannot be read."""
        if error.errno == errno.ENOENT:
            self.vanished.append(self.relative(path))
        else:
            self.fs.note(path, error)

    def chosen(self, lanes: "list[str] | None") -> "list[LaneView]":
        """Those named, or all."""
        return [lane for name, lane in self.lanes.items() if not lanes or name in lanes]


def printable(text: str) -> str:
    """*text* without what a terminal would obey, and without bytes of no encoding."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


def _list_lane(fs: ReadOnly, buffer: str, name: str) -> LaneView:
    lane = LaneView(buffer, name)
    # A listing that runs while files come and go may have a younger one and not an older one.
    # The second has all that are older than the youngest of the first.
    before = list_segments(fs, lane.directory, lane.number)
    found = list_segments(fs, lane.directory, lane.number)
    youngest = before[-1].first if before else 0
    for place, segment in enumerate(found):
        if place + 1 < len(found) and found[place + 1].first == segment.first:
            lane.given_up.append(segment)
        elif segment.first <= youngest:
            lane.segments.append(segment)
    for entry in fs.list_dir(lane.directory):
        ours = _SEGMENT_NAME.fullmatch(entry) and int(entry[:16])
        if not ours and not (entry == "spool" and name in SPOOLING):
            lane.others.append(printable(entry))
    if name in SPOOLING:
        _list_spool(fs, lane)
    return lane


def _list_spool(fs: ReadOnly, lane: LaneView) -> None:
    directory = lane.directory + "/spool"
    for entry in fs.list_dir(directory):
        if len(entry) == 16 and entry.isascii() and entry.isdigit() and int(entry):
            lane.spooled[int(entry)] = fs.size(f"{directory}/{entry}")
        elif entry.startswith("new-"):
            lane.unfinished.append(printable(entry))
        else:
            lane.others.append("spool/" + printable(entry))
