"""The lanes of one directory, their cursor and their bounds: what the buffer's lock guards.

Nothing here takes the lock; every method may be called by its holder only.
"""

import errno

from .cursor import Cursor
from .lane import Lane
from .outlet import Outlet
from .room import Room
from .settings import ALL_LANES, SPOOLING
from .spool import Spool

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    from ..runtime.cpython import Clock, FileSystem
    from .settings import BufferSettings


class Directory:
    """Lanes begin with their first record: memory and files are for those that are used.

    Attributes:
        lanes: Name to the way in, of lanes in use; empty after `close`.
        outlets: Name to the way out.
        cursor: How far each lane is, and what it lost.
        room: Who gives way to whom.
    """

    def __init__(
        self, path: str, *, fs: "FileSystem", clock: "Clock", settings: "BufferSettings"
    ) -> None:
        self.path = path
        self.lanes: "dict[str, Lane]" = {}
        self.outlets: "dict[str, Outlet]" = {}
        self.cursor = Cursor(fs, path + "/cursor", len(ALL_LANES))
        self.closed = True
        self._fs = fs
        self._clock = clock
        self._settings = settings
        self.room = Room(self.outlets, fs, settings)
        self._made = False

    def open(self) -> None:
        """Take up what is there; see `Buffer.open`."""
        self.cursor.load()
        self.closed = False
        for place, name in enumerate(ALL_LANES):
            state = self.cursor.states[place]
            used = state.head > 1 or state.hole_first or state.losses()
            if used or self._fs.list_dir(self.path + "/" + name):
                self._begin(name)
        for outlet in self.outlets.values():
            outlet.retention.find_old()
        if not any(outlet.retention.waiting for outlet in self.outlets.values()):
            return  # and the cursor is synced before it is written next: a start costs no sync
        try:
            self.cursor.settle()  # what it says is done with is removed now
            for outlet in self.outlets.values():
                outlet.retention.sweep()
        except OSError:
            pass  # a disk that is ill or read-only for now: the next acknowledgement removes it

    def lane(self, name: str) -> Lane:
        """The way into lane *name*.

        Raises:
            OSError: The directory is closed, or there is no such lane (EBADF).
        """
        return self.lanes[name] if name in self.lanes else self._begin(name)

    def outlet(self, name: str) -> Outlet:
        """The way out of lane *name*; see `lane`."""
        self.lane(name)
        return self.outlets[name]

    def make_room(
        self,
        lane: Lane,
        need: int,
        *,
        least: "int | None" = None,
        gave: int = 0,
        may_push: bool = True,
    ) -> int:
        """Have *need* bytes for *lane*, or *least*; see `Room.make`."""
        self.make(lane)
        # Where the cursor could not be written, nothing was removed: giving up more would be in
        # vain. littlefs and btrfs need room to write over a file.
        self._settle_dropped()
        try:
            return self.room.make(lane, need, least, gave=gave, may_push=may_push)
        finally:
            self._settle_dropped()

    def give_way(self, lane: Lane, certain: bool) -> bool:
        """The disk is full: give up something older for *lane*; see `Room.give_way`."""
        try:
            self._settle_dropped()
            found = self.room.give_way(lane, certain)
            self._settle_dropped()
        except OSError:
            return False
        return found

    def _settle_dropped(self) -> None:
        if self.room.dropped:
            self.settle()
            self.room.dropped = False

    def settle(self) -> None:
        """Write the cursor; what it is past may go then."""
        if self._clock.trusted():
            self.cursor.high_water_ms = max(self.cursor.high_water_ms, self._clock.now_ms())
        self.cursor.write()
        for outlet in self.outlets.values():
            outlet.retention.sweep()
        self.cursor.keep_reserve()

    def make(self, lane: Lane) -> None:
        """Make the folders and the cursor, durably."""
        if not self._made:
            self._fs.make_dir(lane.directory)
            self.cursor.create()
            self._fs.sync_dir(self.path)
            self._fs.sync_dir(self.path[: self.path.rfind("/")] or "/")
            self._made = True

    def close(self) -> None:
        """Flush and close; repeatable."""
        self.closed = True
        lanes = list(self.lanes.values())
        self.lanes.clear()
        try:
            each_of(lanes, Lane.close)
        finally:
            for outlet in self.outlets.values():
                outlet.close()
            self.cursor.close()

    def require_open(self) -> None:
        """Raise EBADF where another process may own the directory by now."""
        if self.closed:
            raise OSError(errno.EBADF, "the buffer is closed")

    def _begin(self, name: str) -> Lane:
        self.require_open()
        if name not in ALL_LANES:
            raise OSError(errno.EBADF, "the buffer has no lane " + name)
        place = ALL_LANES.index(name)
        lane = Lane(
            name,
            place + 1,
            self.path + "/" + name,
            self._settings.lanes[name],
            self.cursor.states[place],
            fs=self._fs,
            clock=self._clock,
            ram_bytes=self._settings.ram_bytes,
            make_room=self.make_room,
            give_way=self.give_way,
        )
        if name in SPOOLING:
            block_bytes = self._settings.lanes[name].block_bytes
            lane.spool = Spool(self._fs, lane.directory + "/spool", block_bytes=block_bytes)
        lane.recover()
        self.outlets[name] = Outlet(lane)
        self.lanes[name] = lane  # last: a lane that is here has an outlet
        return lane


def each_of(lanes: "list[Lane]", action: "Callable[[Lane], None]") -> None:
    """Do *action* for each; what fails for one is no reason to leave the others.

    Raises:
        OSError: The first that there was, at the end.
    """
    first = None
    for lane in lanes:
        try:
            action(lane)
        except OSError as error:
            first = first or error
    if first is not None:
        raise first
