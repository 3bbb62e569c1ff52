"""One lane's way in: framing in groups, durable when it says so, and recovery of its end.

Invariant: what was written is synced. Records that are not durable are in memory, so a failed
write or sync loses none of them.

Source: docs/buffer-format.md, "Writing" and "Recovery".
"""

from ..errors import BufferFull, InvalidMessage
from .frame import (
    FRAME_BYTES,
    HEADER_BYTES,
    MAX_PAYLOAD_BYTES,
    Context,
    context_bytes,
    segment_header,
)
from .present import Present
from .pressure import Pressure
from .recovery import open_reader, recover
from .segment import Segment, SegmentWriter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    from ..runtime.cpython import Clock, FileSystem
    from .cursor import LaneState
    from .reader import SegmentReader
    from .settings import LaneSettings
    from .spool import Spool

_ALL = 0x3FFFFFFF
_NOT_ITS_FAULT = (12, 23, 24, 30)  # ENOMEM, ENFILE, EMFILE, EROFS: the segment waits for us
_LOOK_MS = 1000


class Lane:
    """Segments of one kind of message.

    `_records` is one value: an exception (Ctrl-C, an alarm) may come between any two statements.

    Attributes:
        segments: Those on disk, oldest first.
        spool: The files that its records speak of; None in other lanes.
    """

    def __init__(
        self,
        name: str,
        number: int,
        directory: str,
        settings: "LaneSettings",
        state: "LaneState",
        *,
        fs: "FileSystem",
        clock: "Clock",
        ram_bytes: int,
        make_room: "Callable[..., int]",
        give_way: "Callable[[Lane, bool], bool]",
    ) -> None:
        self.name = name
        self.number = number
        self.directory = directory
        self.settings = settings
        self.state = state
        self.segments: "list[Segment]" = []
        self.spool: "Spool | None" = None
        # The last durable sequence number, and what follows: kind, monotonic ms, payload.
        self._records: "tuple[int, list[tuple[int, int, bytes]]]" = (0, [])
        self._bytes_written = 0
        self.fs = fs
        self.clock = clock
        self._monotonic_ms = clock.monotonic_ms
        self._ram_bytes = ram_bytes
        self._make_room = make_room
        self._pressure = Pressure(lambda certain: give_way(self, certain), self._monotonic_ms)
        self._left = -1  # bytes that the group may still grow; negative while there is none
        self._full_at = 0  # sequence number that completes it
        self._due_ms = 0
        self._present = Present(clock)
        self._look_ms = 0  # when it is asked whether the context still holds
        self._configuration_id = ""
        self._writer: "SegmentWriter | None" = None
        self.tail: "tuple[int, int, int, Context] | None" = None  # see `Found`; until a record
        self._settled = True  # everything recovered is known to be synced
        self._begun = (0, 0)  # first sequence number and attempt of the newest segment

    # -- in ---------------------------------------------------------------------------------

    def append(self, kind: int, payload: bytes, configuration_id: str, durable: bool) -> int:
        """Store one record; see `Buffer.append`."""
        now_ms = self._monotonic_ms()
        left = self._left - len(payload) - FRAME_BYTES
        if (
            left < 0
            or not payload
            or configuration_id != self._configuration_id
            or (now_ms >= self._look_ms and self._is_outdated(now_ms))
        ):
            left = self._begin(len(payload), now_ms, configuration_id)
        self._left = left
        last, pending = self._records
        pending.append((kind, now_ms, payload))
        sequence = last + len(pending)
        if durable or sequence >= self._full_at or now_ms >= self._due_ms:
            try:
                self.flush()
            except OSError:
                # The caller hears that nothing was stored; those before it were accepted.
                pending = self._records[1]
                pending.pop()
                self._left = left + len(payload) + FRAME_BYTES if pending else -1
                raise
        return sequence

    def append_many(self, kind: int, payloads: "list[bytes]", configuration_id: str) -> int:
        """Store records in order; see `Buffer.append_many`."""
        sequence = place = 0
        while place < len(payloads):
            now_ms = self._monotonic_ms()
            # As many as fit if they are alike; the last of a group goes the long way, which may
            # flush and fail.
            most = min(
                self._left // (len(payloads[place]) + FRAME_BYTES), self._full_at - self.next
            )
            chunk = payloads[place : place + max(0, most)]
            need = sum(map(len, chunk)) + FRAME_BYTES * len(chunk)
            fits = need <= self._left and configuration_id == self._configuration_id
            if fits and now_ms < min(self._due_ms, self._look_ms) and chunk and all(chunk):
                self._left -= need
                self._records[1].extend([(kind, now_ms, payload) for payload in chunk])
                sequence = self.next - 1
            else:
                chunk = [payloads[place]]
                sequence = self.append(kind, chunk[0], configuration_id, False)
            place += len(chunk)
        return sequence

    def flush(self) -> None:
        """Make every record durable.

        Raises:
            OSError: None of those in memory is; they stay there for the next try.
        """
        if self._records[1]:
            self._pressure.relieve(self._flush)

    def _flush(self) -> None:
        self._take_up()
        pending = self._records[1]
        context = self._present.context
        if not pending or context is None:
            return
        if self._writer is None:
            # The last write failed and its segment was given up.
            need = sum([len(record[2]) + FRAME_BYTES for record in pending])
            try:
                size = self._room_for(context, need)
            except BufferFull:
                size = self._least_for(context, need)  # accepted: rather too many than without
            self._create(size)
        writer = self._writer
        assert writer is not None
        try:
            self._bytes_written += writer.write(context, pending)
        except OSError:
            if not writer.usable:
                self._give_up(writer)
            raise
        self._take_up()

    def _take_up(self) -> None:
        """What the segment holds is durable, and not pending any more."""
        writer = self._writer
        if writer is None:
            return
        durable, pending = self._records
        written = writer.segment.first + writer.index - 1 - durable
        if written > 0:
            self._settled = True  # one sync covers the whole file
            writer.segment.used = writer.end
            self._records = durable + written, pending[written:]
            self._left = -1

    def due_in_ms(self) -> "int | None":
        """Milliseconds until the group window closes; None where nothing waits."""
        return self._due_ms - self._monotonic_ms() if self._records[1] else None

    def close(self) -> None:
        """Flush and close; what is reserved stays, so that a restart goes on in the same file."""
        try:
            self.flush()
        finally:
            writer, self._writer = self._writer, None
            if writer is not None:
                writer.close(give_back=False)

    # -- about ------------------------------------------------------------------------------

    @property
    def durable(self) -> int:
        """The last sequence number that survives a power cut."""
        return self._records[0]

    @property
    def next(self) -> int:
        """Sequence number that the next record gets."""
        durable, pending = self._records
        return durable + len(pending) + 1

    @property
    def active(self) -> "Segment | None":
        """The segment that more records go to."""
        if self._writer is None and self.tail is None:
            return None
        return self.segments[-1]

    @property
    def disk_bytes(self) -> int:
        """What the lane takes on disk; the open segment counts in full."""
        size = sum([segment.size for segment in self.segments])
        return size + (self.spool.bytes if self.spool is not None else 0)

    @property
    def bytes_written(self) -> int:
        """Bytes given to the file system by this process."""
        return self._bytes_written + (self.spool.bytes_written if self.spool is not None else 0)

    def last_of(self, place: int) -> int:
        """The last durable record of ``segments[place]``, which ends where the next begins."""
        last = self.durable
        if place + 1 < len(self.segments):
            last = self.segments[place + 1].first - 1
        if self.segments[place].first < self.state.hole_first <= last:
            last = self.state.hole_first - 1
        return last

    def last_payload(self) -> "bytes | None":
        """The newest record's payload while it is still there."""
        pending = self._records[1]
        if pending:
            return pending[-1][2]
        for segment in reversed(self.segments):
            reader = self.open_reader(segment, self.durable - segment.first + 1)
            payload = None
            try:
                while reader.peek():
                    payload = reader.read()[1]
                    reader.take(1, _ALL)
            finally:
                reader.file.close()
            if payload is not None:
                return payload
        return None

    # -- recovery ---------------------------------------------------------------------------

    def recover(self) -> None:
        """Take up what is on the disk; see recovery.py."""
        found = recover(self.fs, self.directory, self.number, self.state)
        self.segments = found.segments
        self._records = found.next - 1, []
        self.tail = found.tail
        if found.segments:
            self._settled = False
            self._begun = found.segments[-1].first, found.segments[-1].nonce >> 24

    def settle(self) -> None:
        """Sync what recovery found: a killed process may have left it in the page cache only."""
        if not self._settled and self.segments:
            try:
                file = self.fs.open(self.segments[-1].path, write=False)
            except OSError:
                return  # nothing of it can be read either
            try:
                file.sync()
            finally:
                file.close()
            self.fs.sync_dir(self.directory)
            self._settled = True

    def open_reader(self, segment: Segment, limit_index: int = _ALL) -> "SegmentReader":
        """Read *segment* from its start."""
        return open_reader(self.fs, self.directory, self.number, segment, limit_index)

    # -- private ----------------------------------------------------------------------------

    def _begin(self, size: int, now_ms: int, configuration_id: str) -> int:
        """Have a place for a new group whose first record has *size* bytes; the new `_left`."""
        if not size:
            raise InvalidMessage("a record of 0 bytes has nothing to say")
        need = size + FRAME_BYTES
        if size > MAX_PAYLOAD_BYTES or need + HEADER_BYTES > self.settings.quota_bytes:
            raise InvalidMessage(
                "a record of %d bytes does not fit in the lane %s, whose quota is %d bytes"
                % (size, self.name, self.settings.quota_bytes),
                hint="send less at a time, or give the lane a larger quota",
            )
        self.flush()
        context = self._present.at(now_ms, configuration_id)
        self._configuration_id = configuration_id
        if self.tail is not None:
            context = self._resume(context)
        writer = self._writer
        if writer is None or writer.space(context) < need:
            gave = 0
            if writer is not None:
                self._writer = None
                gave = writer.segment.size
                writer.close(give_back=True)
                gave -= writer.segment.size
            size = self._room_for(context, need, gave)
            writer = self._pressure.relieve(lambda: self._create(size))
        # What does not fit in memory for long is written at once.
        self._look_ms = now_ms + _LOOK_MS
        self._due_ms = now_ms if need > self._ram_bytes else now_ms + self.settings.group_ms
        self._full_at = self.next + self.settings.group_records - 1
        return max(0, min(self._ram_bytes, writer.space(context)) - need)

    def _is_outdated(self, now_ms: int) -> bool:
        """In a long group: the clock was set since it began."""
        self._look_ms = now_ms + _LOOK_MS
        return self._present.is_outdated(now_ms)

    def _create(self, size: int) -> SegmentWriter:
        first, attempt = self._begun
        attempt = min(attempt + 1, 0xFF) if first == self.durable + 1 else 0
        first = self.durable + 1
        # Noted before it is tried: what a failed try leaves behind must not count as the newer.
        self._begun = (first, attempt)
        if not self.segments:
            self.fs.make_dir(self.directory)
            self.fs.sync_dir(self.directory[: self.directory.rfind("/")])
        writer = SegmentWriter.create(
            self.fs,
            self.directory,
            self.number,
            first=first,
            attempt=attempt,
            size=size,
        )
        self._bytes_written += HEADER_BYTES
        self.segments.append(writer.segment)
        self._writer = writer
        return writer

    def _resume(self, present: Context) -> Context:
        """Go on in the segment that recovery found, and in its last context where that fits."""
        assert self.tail is not None
        segment = self.segments[-1]
        offset, index, ordinal, context = self.tail
        try:
            file = self.fs.open(segment.path)
        except OSError as error:
            if error.errno in _NOT_ITS_FAULT:
                raise
            self.tail = None  # gone or unreadable since it was found: a new one begins
            return present
        if not self._settled:
            self.fs.sync_dir(self.directory)  # its name may be in the page cache only, too
        size = max(segment.size, self.settings.segment_bytes)
        try:  # it may have been cut back when it was left
            self._make_room(self, size - segment.size, may_push=self._pressure.may_push)
        except BufferFull:
            size = segment.size
        except OSError:
            file.close()
            raise
        writer = SegmentWriter(segment, file, size)
        writer.resume(end=offset, index=index, ordinal=ordinal, context=context)
        if not index:  # a cut may have come before its header was written
            file.write_at(0, segment_header(self.number, segment.first, segment.nonce))
        segment.size = size
        self._writer = writer
        self.tail = None
        return self._present.go_on(present, context)

    def _give_up(self, writer: SegmentWriter) -> None:
        self._writer = None
        try:
            writer.close(give_back=False)
        except OSError:
            pass  # its sync failed already
        segment = writer.segment
        if not writer.index:
            self.segments.pop()
            self.fs.remove_if_there(segment.path)
        elif self.fs.exists(segment.path):
            segment.size = self.fs.size(segment.path)  # it may have been cut back

    def _room_for(self, context: Context, need: int, gave: int = 0) -> int:
        """Have room for a new segment whose first group takes *need*; its size."""
        least = self._least_for(context, need)
        size = max(self.settings.segment_bytes, least)
        push = self._pressure.may_push
        return self._make_room(self, size, least=least, gave=gave, may_push=push)

    def _least_for(self, context: Context, need: int) -> int:
        return HEADER_BYTES + context_bytes(context) + need
