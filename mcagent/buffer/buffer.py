"""Buffer: the lanes of one state directory behind one lock.

The lock guards append, cut and acknowledgement; it is held during a sync, never during network
I/O or while a file is copied. Records leave at least once: the head moves only when the caller
says that a batch was answered.
"""

from ..errors import InvalidMessage
from ..runtime import Clock, FileSystem, new_lock
from .boots import Boots
from .directory import Directory, each_of
from .filing import append_file
from .frame import CONTEXT
from .lane import Lane
from .receipt import Receipt
from .reject import pass_by, resolve, set_aside
from .report import buffer_status, unreported_losses
from .settings import BufferSettings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from .batch import Batch, Record
    from .spool import SpooledFile


class Buffer:
    """Bounded lanes of records on disk.

    Args:
        directory: Made at the first record; one process at a time may write in it.
        fs: Every file operation goes through it.
        clock: The device's clocks.
        settings: Quotas, policies, durability.

    Attributes:
        boots: What is known of the time in boots that began without a clock.

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
        self._clock = clock or Clock()
        self._settings = settings or BufferSettings()
        self._lock = new_lock()
        self._copying = new_lock()
        fs = fs or FileSystem()
        self._files = Directory(directory, fs=fs, clock=self._clock, settings=self._settings)
        self.boots = Boots(directory, fs, self._clock)
        self._lanes = self._files.lanes
        self._outlets = self._files.outlets
        self._opened_ms = 0

    def open(self) -> None:
        """Take up what is there. Reads the cursor and the end of each lane, and repairs nothing
        that it could lose.

        Raises:
            OSError: The directory itself cannot be read.
        """
        self._opened_ms = self._clock.monotonic_ms()
        self._files.open()
        self.boots.open([each.tail[3] for each in self._lanes.values() if each.tail is not None])

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
        if not 0 < kind < CONTEXT or type(payload) is not bytes:
            raise _invalid(kind)
        with self._lock:
            try:
                target = self._lanes[lane]
            except KeyError:
                target = self._files.lane(lane)
            return target.append(kind, payload, configuration_id or "", durable)

    def append_many(
        self,
        lane: str,
        kind: int,
        payloads: "list[bytes]",
        *,
        configuration_id: "str | None" = None,
    ) -> int:
        """Store records in order, as `append` would one by one; the fast way in.

        Returns:
            Sequence number of the last one, 0 for none.

        Raises:
            BufferFull, InvalidMessage, OSError: As `append`; the records before the one that was
                refused are stored. Their number is what `next_sequence` grew by.
        """
        if not 0 < kind < CONTEXT or set(map(type, payloads)) - {bytes}:
            raise _invalid(kind)
        with self._lock:
            target = self._files.lane(lane)
            return target.append_many(kind, payloads, configuration_id or "")

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
        # One path at a time: what is being copied cannot give way to others.
        with self._copying if isinstance(source, str) else new_lock():
            return append_file(
                self._files_lane,
                meta,
                source,
                lock=self._lock,
                make_room=self._files.make_room,
                move=move,
                max_bytes=max_bytes,
            )

    def flush(self, lane: "str | None" = None) -> None:
        """Make everything durable, or what is in *lane*.

        Raises:
            OSError: Something is not; it stays in memory for the next try.
        """
        with self._lock:
            lanes = [each for each in self._lanes.values() if lane is None or lane == each.name]
            each_of(lanes, Lane.flush)

    def tick(self) -> "int | None":
        """Close the group windows that are over; call it often, it costs a compare.

        Returns:
            Milliseconds until the next one is over; None when nothing waits.
        """
        least: "int | None" = None
        due = []
        with self._lock:
            for lane in self._lanes.values():
                left = lane.due_in_ms()
                if left is None:
                    continue
                if left <= 0:
                    due.append(lane)
                elif least is None or left < least:
                    least = left
            each_of(due, Lane.flush)
        return least

    def abandon(self) -> None:
        """Close without a flush: the buffer belongs to another process, the parent of this one."""
        self._lock = new_lock()  # a thread that does not exist here may hold the old one
        self._copying = new_lock()
        self._files.closed = True
        self._lanes.clear()

    def close(self) -> None:
        """Flush and close. Repeatable; nothing can be appended afterwards."""
        with self._lock:
            if not self._files.closed:
                self.boots.look_quietly()
            self._files.close()

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
            self._files.require_open()
            outlet = self._outlets.get(lane)
            if outlet is None:
                return None
            if outlet.batch is not None:
                outlet.release(outlet.batch, again=True)
            if outlet.expire():
                self._files.settle()
            # What is pinned cannot give way to what comes in: leave half of the lane free.
            max_bytes = min(max_bytes, outlet.lane.settings.quota_bytes // 2)
            batch = outlet.cut(max_bytes, max_records, max_sequence)
            if batch is not None:
                self._files.cursor.write(sync=False)
            return batch

    def ack(self, batches: "Batch | list[Batch]") -> None:
        """The platform accepted *batches*: one sync for all of them, then their space is freed.

        Raises:
            OSError: The cursor could not be written. They are not cut again before a restart.
        """
        with self._lock:
            for batch in batches if isinstance(batches, list) else [batches]:
                self._files.outlet(batch.lane).ack(batch)
            self._files.settle()

    def release(self, batch: "Batch", *, again: bool = True) -> None:
        """Not accepted: the records are cut again next time.

        Args:
            batch: From `cut`.
            again: The platform may have received it, so the next batch ends where this one did,
                or before. False where it was not sent, or was answered.
        """
        with self._lock:
            if self._files.closed:
                return  # the next process cuts it again
            self._files.outlet(batch.lane).release(batch, again=again)
            if not again:
                self._files.cursor.write(sync=False)

    def set_aside(self, lane: str, sequence: int, reason: "dict[str, Any]") -> bool:
        """Move the oldest record of *lane* to the rejected store, with the *reason* as JSON.

        The copy is durable before the lane goes past the record.

        Returns:
            False where the store had no room that it could make: the record is counted as lost.

        Raises:
            ValueError: *sequence* is not the oldest record.
        """
        with self._lock:
            return set_aside(self._files, lane, sequence, reason)

    def resolve_rejected(
        self, decide: "Callable[[Record], tuple[str, bytes]]", most: int
    ) -> "tuple[int, Exception | None]":
        """Let the oldest refused records go where *decide* says; see `reject.resolve`."""
        with self._lock:
            return resolve(self._files, decide, most)

    def pass_by(self, batch: "Batch", reason: "dict[str, Any] | None") -> int:
        """Go past *batch*, which cannot be sent as it is; see `reject.pass_by`."""
        with self._lock:
            return pass_by(self._files, batch, reason)

    def first_record(self, lane: str) -> "Record | None":
        """The oldest durable record that is not acknowledged; nothing is pinned."""
        with self._lock:
            self._files.require_open()
            outlet = self._outlets.get(lane)
            return outlet.first_record() if outlet is not None else None

    def last_payload(self, lane: str) -> "bytes | None":
        """The newest record's payload while it is still there."""
        with self._lock:
            target = self._lanes.get(lane)
            return target.last_payload() if target is not None else None

    def open_spool(self, record: "Record") -> "SpooledFile":
        """The file that a FILE record speaks of: `length` and `chunks()`."""
        spool = self._files.lane("files").spool
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
        with self._lock:
            return self._outlets[lane].retention.state_of(sequence)

    @property
    def high_water_ms(self) -> int:
        """The latest wall time that was written down; 0 for none."""
        return self._files.cursor.high_water_ms

    @property
    def bytes_written(self) -> int:
        """Bytes given to the file system since `open`."""
        return self._files.cursor.writes + sum(
            [lane.bytes_written for lane in self._lanes.values()]
        )

    def status(self) -> "dict[str, Any]":
        """What is there, as dicts, text and numbers.

        Returns:
            ``lanes``: name to ``records``, ``bytes`` (on disk, the open segment in full),
            ``quota_bytes``, ``next_sequence``, ``durable_sequence``, ``acked_sequence``,
            ``oldest_sequence`` and ``oldest_ms`` (None without one, or with untrusted time),
            ``dropped``: reason to ``records, bytes, first, last, since_ms, until_ms``;
            ``rejected``: the same for what was set aside; ``bytes_written``, ``high_water_ms``,
            ``bytes_a_day`` at the rate since `open` (None in its first minute),
            ``total_quota_bytes``, ``cursor_damaged``.
        """
        with self._lock:
            return buffer_status(
                self._settings,
                self._outlets,
                self._files.cursor,
                bytes_written=self.bytes_written,
                uptime_ms=self._clock.monotonic_ms() - self._opened_ms,
            )

    def unreported_losses(self) -> "list[dict[str, Any]]":
        """Lanes whose losses the platform was not told of; see `report.unreported_losses`."""
        with self._lock:
            return unreported_losses(self._outlets)

    def losses_reported(self, lane: str, records: int) -> None:
        """The platform was told that *records* of *lane* are lost in all."""
        with self._lock:
            state = self._files.outlet(lane).state
            state.reported = records
            state.reported_ms = self._clock.now_ms() if self._clock.trusted() else 0
            self._files.settle()

    # -- private ----------------------------------------------------------------------------

    def _files_lane(self) -> "Lane":
        lane = self._files.lane("files")
        self._files.make(lane)
        return lane


def _invalid(kind: int) -> InvalidMessage:
    return InvalidMessage(
        "a record of kind %r, or a payload that is not bytes, cannot be stored" % (kind,),
        hint="kind 1 to 126, and bytes",
    )
