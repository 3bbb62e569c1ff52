"""Buffer: the lanes of one state directory behind one lock.

The lock guards append, cut and acknowledgement; it is held during a sync, never during network
I/O or while a file is copied. Records leave at least once: the head moves only when the caller
says that a batch was answered.
"""

import errno

from ..runtime import Clock, FileSystem, new_lock
from .cursor import Cursor
from .filing import append_file
from .lane import Lane
from .outlet import Outlet
from .receipt import Receipt
from .reject import set_aside
from .report import lane_status
from .room import Room
from .settings import ALL_LANES, REJECTED, SPOOLING, BufferSettings
from .spool import Spool

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .batch import Batch, Record
    from .spool import SpooledFile


class Buffer:
    """Bounded lanes of records on disk.

    Args:
        directory: Made at the first record; one process at a time may write in it.
        fs: Every file operation goes through it.
        clock: The device's clocks.
        settings: Quotas, policies, durability.

    >>> buffer = Buffer("/var/lib/mcagent/buffer")
    >>> buffer.open()
    >>> buffer.append("events", 2, b'{"typeId":"…"}')
    1
    """

    def __init__(
        self,
        directory: str,
        *,
        fs: "FileSystem | None" = None,
        clock: "Clock | None" = None,
        settings: "BufferSettings | None" = None,
    ) -> None:
        self.directory = directory
        self._fs = fs or FileSystem()
        self._clock = clock or Clock()
        self._settings = settings or BufferSettings()
        self._lock = new_lock()
        self._lanes: "dict[str, Lane]" = {}
        self._outlets: "dict[str, Outlet]" = {}
        self._cursor = Cursor(self._fs, directory + "/cursor", len(ALL_LANES))
        self._room = Room(self._outlets, self._settings.total_quota_bytes)
        self._made = False
        self._closed = True

    def open(self) -> None:
        """Take up what is there. Reads the cursor and the end of each lane, and repairs nothing
        that it could lose.

        Raises:
            OSError: The directory itself cannot be read.
        """
        self._cursor.load()
        self._closed = False
        for place, name in enumerate(ALL_LANES):
            used = self._cursor.states[place].head > 1
            if used or self._fs.list_dir(self.directory + "/" + name):
                self._begin(name)
        self._cursor.settle()  # what it says is done with is removed now
        for outlet in self._outlets.values():
            outlet.retention.sweep_old()

    # -- in ---------------------------------------------------------------------------------

    def append(
        self,
        lane: str,
        kind: int,
        payload: bytes,
        *,
        configuration_id: "str | None" = None,
        durable: bool = False,
    ) -> int:
        """Store one record at the end of *lane*.

        Args:
            lane: ``"models"``, ``"events"``, ``"timeseries"`` or ``"files"``.
            kind: 1 to 126; a batch holds one kind.
            payload: Wire fragment, 1 byte or more; stored as given.
            configuration_id: Data model in force; a batch holds one.
            durable: True returns only after it is synced; otherwise that happens within the
                lane's group window, if the buffer is called by then (`tick`).

        Returns:
            Sequence number: 1 or more, increasing, never reused once durable.

        Raises:
            BufferFull: The lane is full and its policy is ``"reject"``.
            InvalidMessage: It is empty, or longer than the lane's quota.
            OSError: The disk refused it; nothing was stored.

        Source: docs/buffer-format.md, "Frame".
        """
        with self._lock:
            try:
                target = self._lanes[lane]
            except KeyError:
                target = self._begin(lane)
            return target.append(kind, payload, configuration_id or "", durable)

    def append_file(
        self,
        meta: "dict[str, Any]",
        source: "Any",
        *,
        move: bool = False,
        max_bytes: "int | None" = None,
    ) -> int:
        """Spool a file and store its record; both are durable when this returns.

        Args:
            meta: Text and int fields of the record; size, SHA-256 and spool name are added.
            source: A path, or an object with `read`.
            move: Take the file itself (by hard link where that works) and remove *source* after.
            max_bytes: More than this is refused.

        Raises:
            BufferFull, InvalidMessage, OSError: As `append`; nothing was stored.
        """
        with self._lock:
            lane = self._lane("files")
            self._make_dirs(lane)
        return append_file(
            lane,
            meta,
            source,
            lock=self._lock,
            make_room=self._make_room,
            move=move,
            max_bytes=max_bytes,
        )

    def flush(self, lane: "str | None" = None) -> None:
        """Make everything durable, or what is in *lane*.

        Raises:
            OSError: Something is not; it stays in memory for the next try.
        """
        with self._lock:
            for each in self._lanes.values():
                if lane is None or lane == each.name:
                    each.flush()

    def tick(self) -> "int | None":
        """Close the group windows that are over; call it often, it costs a compare.

        Returns:
            Milliseconds until the next one is over; None when nothing waits.
        """
        least: "int | None" = None
        with self._lock:
            for lane in self._lanes.values():
                left = lane.due_in_ms()
                if left is None:
                    continue
                if left <= 0:
                    lane.flush()
                elif least is None or left < least:
                    least = left
        return least

    def abandon(self) -> None:
        """Close without a flush: the buffer belongs to another process, the parent of this one."""
        self._lock = new_lock()  # a thread that does not exist here may hold the old one
        self._closed = True
        self._lanes = {}

    def close(self) -> None:
        """Flush and close. Repeatable; nothing can be appended afterwards."""
        with self._lock:
            self._closed = True
            lanes, self._lanes = self._lanes, {}
            try:
                for lane in lanes.values():
                    lane.close()
            finally:
                for outlet in self._outlets.values():
                    outlet.close()
                self._cursor.close()

    # -- out --------------------------------------------------------------------------------

    def cut(
        self, lane: str, *, max_bytes: int, max_records: int, max_sequence: "int | None" = None
    ) -> "Batch | None":
        """The oldest records that are not acknowledged, of one kind and one data model.

        Only durable records; what waits in memory is synced first if nothing else is left. The
        batch is pinned until `ack` or `release`; one a lane is out at most. After a kill the
        same batch is cut again; after a power cut it may end elsewhere.

        Args:
            lane: Where from.
            max_bytes: Payloads and a comma between each; the first record is taken even if it
                is longer.
            max_records: At most so many.
            max_sequence: Not beyond this record.

        Returns:
            None where there is nothing to send.
        """
        with self._lock:
            outlet = self._outlets.get(lane)
            if outlet is None:
                return None
            if outlet.batch is not None:
                outlet.release(outlet.batch, again=True)
            # What is pinned cannot give way to what comes in: leave half of the lane free.
            max_bytes = min(max_bytes, outlet.lane.settings.quota_bytes // 2)
            batch = outlet.cut(max_bytes, max_records, max_sequence)
            if batch is not None:
                self._cursor.write(sync=False)
            return batch

    def ack(self, batches: "Batch | list[Batch]") -> None:
        """The platform accepted *batches*: one sync for all of them, then their space is freed.

        Raises:
            OSError: The cursor could not be written. They are not cut again before a restart.
        """
        with self._lock:
            for batch in batches if isinstance(batches, list) else [batches]:
                self._outlet(batch.lane).ack(batch)
            self._settle()

    def release(self, batch: "Batch", *, again: bool = True) -> None:
        """Not accepted: the records are cut again next time.

        Args:
            batch: From `cut`.
            again: The platform may have received it, so the next batch ends where this one did,
                or before. False where it was not sent, or was answered.
        """
        with self._lock:
            self._outlet(batch.lane).release(batch, again=again)
            if not again:
                self._cursor.write(sync=False)

    def set_aside(self, lane: str, sequence: int, reason: "dict[str, Any]") -> None:
        """Move the oldest record of *lane* to the rejected store, with the *reason* as JSON.

        The copy is durable before the lane goes past the record.

        Raises:
            ValueError: *sequence* is not the oldest record.
        """
        with self._lock:
            rejected = self._lane(REJECTED)
            self._make_dirs(rejected)
            set_aside(self._outlet(lane), rejected, sequence, reason, self._make_room)
            self._settle()

    def first_record(self, lane: str) -> "Record | None":
        """The oldest durable record that is not acknowledged; nothing is pinned."""
        with self._lock:
            outlet = self._outlets.get(lane)
            return outlet.first_record() if outlet is not None else None

    def last_payload(self, lane: str) -> "bytes | None":
        """The newest record's payload while it is still there."""
        with self._lock:
            target = self._lanes.get(lane)
            return target.last_payload() if target is not None else None

    def open_spool(self, record: "Record") -> "SpooledFile":
        """The file that a FILE record speaks of: `length` and `chunks()`."""
        spool = self._lane("files").spool
        assert spool is not None
        return spool.open(record)

    # -- about ------------------------------------------------------------------------------

    def next_sequence(self, lane: str) -> int:
        """The number that the next record of *lane* gets."""
        target = self._lanes.get(lane)
        return target.next if target is not None else 1

    def receipt(self, lane: str, sequence: int) -> Receipt:
        return Receipt(self, lane, sequence)

    def state_of(self, lane: str, sequence: int) -> str:
        """See `Receipt.state`."""
        return self._outlets[lane].retention.state_of(sequence)

    @property
    def high_water_ms(self) -> int:
        """The latest wall time that was written down; 0 for none."""
        return self._cursor.high_water_ms

    @property
    def bytes_written(self) -> int:
        """Bytes given to the file system since `open`."""
        return self._cursor.writes + sum([lane.bytes_written for lane in self._lanes.values()])

    def status(self) -> "dict[str, Any]":
        """What is there, as dicts, text and numbers.

        Returns:
            ``lanes``: name to ``records``, ``bytes`` (on disk, the open segment in full),
            ``quota_bytes``, ``next_sequence``, ``durable_sequence``, ``acked_sequence``,
            ``oldest_sequence`` and ``oldest_ms`` (None without one, or with untrusted time),
            ``dropped``: reason to ``records, bytes, first, last, since_ms, until_ms``;
            ``rejected``: the same for what was set aside; ``bytes_written``, ``high_water_ms``,
            ``total_quota_bytes``, ``cursor_damaged``.
        """
        with self._lock:
            lanes = {}
            for name in ALL_LANES:
                quota_bytes = self._settings.lanes[name].quota_bytes
                lanes[name] = lane_status(self._outlets.get(name), quota_bytes)
        rejected = lanes.pop(REJECTED)
        return {
            "lanes": lanes,
            "rejected": rejected,
            "bytes_written": self.bytes_written,
            "high_water_ms": self.high_water_ms,
            "total_quota_bytes": self._settings.total_quota_bytes,
            "cursor_damaged": self._cursor.damaged,
        }

    # -- private ----------------------------------------------------------------------------

    def _make_room(self, lane: Lane, need: int) -> None:
        self._make_dirs(lane)
        try:
            self._room.make(lane, need)
        finally:
            if self._room.dropped:
                self._room.dropped = False
                self._settle()

    def _settle(self) -> None:
        """Write the cursor; what it is past may go then."""
        if self._clock.trusted():
            self._cursor.high_water_ms = max(self._cursor.high_water_ms, self._clock.now_ms())
        self._cursor.write()
        for outlet in self._outlets.values():
            outlet.retention.sweep()

    def _make_dirs(self, lane: Lane) -> None:
        if not self._made:
            self._fs.make_dir(lane.directory)
            self._cursor.create()
            self._fs.sync_dir(self.directory)
            self._fs.sync_dir(self.directory[: self.directory.rfind("/")] or "/")
            self._made = True

    def _begin(self, name: str) -> Lane:
        """A lane that is used for the first time; memory is for those that are."""
        if self._closed or name not in ALL_LANES:
            raise OSError(errno.EBADF, "the buffer is closed, or has no lane " + name)
        place = ALL_LANES.index(name)
        lane = Lane(
            name,
            place + 1,
            self.directory + "/" + name,
            self._settings.lanes[name],
            self._cursor.states[place],
            fs=self._fs,
            clock=self._clock,
            ram_bytes=self._settings.ram_bytes,
            make_room=self._make_room,
        )
        if name in SPOOLING:
            lane.spool = Spool(self._fs, lane.directory + "/spool")
        lane.recover()
        self._lanes[name] = lane
        self._outlets[name] = Outlet(lane)
        return lane

    def _lane(self, name: str) -> Lane:
        return self._lanes[name] if name in self._lanes else self._begin(name)

    def _outlet(self, name: str) -> Outlet:
        self._lane(name)
        return self._outlets[name]
