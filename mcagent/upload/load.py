"""What one exchange carries: pinned batches of the buffer, as items of a body."""

from ..messages.customdata import split as split_custom
from ..messages.kinds import CUSTOM, EVENT_1, FILE, MODEL, SAMPLE
from ..messages.multipart import (
    ExchangeBody,
    custom_item,
    event_item,
    file_item,
    model_item,
    timeseries_item,
)
from .modelrecord import split_model
from .parcel import Parcel, is_parcel

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Generator, Iterator

    from ..buffer import Batch, Buffer, Record
    from ..messages.multipart import Item
    from .packing import Room
    from .timecorrection import TimeCorrection

_ANY_BYTES = 1 << 30


class Load:
    """Filled by `add`; afterwards `body` is what to send and `batches` what to acknowledge.

    Args:
        buffer: Where batches come from. They stay pinned until `release` or its `ack`.
        room: What still fits.
        configuration_id: From the id that samples were recorded under to the one to send.
        times: Corrects what a clock that was not set has said; stays an attribute.
        parcels: Files that are too large for an exchange go by another way.
    """

    def __init__(
        self,
        buffer: "Buffer",
        room: "Room",
        configuration_id: "Callable[[str], str]",
        times: "TimeCorrection",
        *,
        parcels: bool = False,
    ) -> None:
        self.parcel: "Parcel | None" = None  # it is alone in its load then
        self.batches: "list[Batch]" = []
        self.left_out: "list[str]" = []  # lanes that had a record, but not the room
        self.records = 0
        self.untimed = False  # samples of unknown time stand at the front: none was taken
        self.full = False  # there is probably more than went in
        self.sequence = 0  # of the record, where it is only one
        self.partial = False  # the batch holds more than that record
        self._buffer = buffer
        self._room = room
        self._configuration_id = configuration_id
        self.times = times
        self._parcels = parcels
        self._items: "list[Item]" = []
        self._readers: "list[_Reader]" = []

    def add(
        self, lane: str, *, max_records: int, max_sequence: "int | None" = None
    ) -> "Batch | None":
        """Take what fits from the front of *lane*; None where nothing was taken.

        Args:
            lane: Its name.
            max_records: At most so many.
            max_sequence: Nothing beyond.
        """
        max_bytes = self._room.samples if lane == "timeseries" else self._room.free
        batch = self._cut(lane, max_bytes, max_records, max_sequence)
        if batch is not None and batch.kind == SAMPLE:
            batch = self._timed(batch, max_bytes, max_sequence)
        if batch is None:
            return None
        reader = _Reader(batch)
        self._readers.append(reader)
        try:
            items = self._fitting(batch, reader)
        except OSError:
            self._buffer.release(batch, again=False)
            raise
        if not items:
            self._buffer.release(batch, again=False)
            self.left_out.append(lane)
            return None
        if batch.kind != SAMPLE and len(items) < batch.count:
            self._buffer.release(batch, again=False)
            self.left_out.append(lane)
            first = batch.first
            batch = self._cut(lane, max_bytes, len(items), max_sequence)
            if batch is None:
                return None
            if batch.first != first or batch.count != len(items):
                # The quota dropped the front of the lane meanwhile.
                self._buffer.release(batch, again=False)
                return None
            reader.batch = batch
        self._items += items
        self._took(batch, batch.count)
        if batch.count >= max_records or self._room.samples < batch.payload_bytes // 10:
            self.full = True
        return batch

    def add_single(self, lane: str, index: int, window: int) -> "Batch | None":
        """Take only record *index* of the first *window* of *lane*; the batch covers them all.

        None where no record of the same kind and configuration stands there.
        """
        batch = self._cut(lane, _ANY_BYTES, window, None)
        if batch is None:
            return None
        if batch.count <= index:
            self._buffer.release(batch, again=False)
            return None
        try:
            record = _Reader(batch).record(index)
        except OSError:
            self._buffer.release(batch, again=False)
            raise
        if record.kind == SAMPLE and self.times.shift_ms(record) is None:
            self._buffer.release(batch, again=False)
            return None
        if record.kind == FILE:
            self._take_file(record)
        else:
            payload = self.times.payload(record)
            self._items.append(self.item(record.kind, payload, batch.configuration_id))
        self.partial = batch.count > 1
        self._took(batch, 1)
        self.sequence = record.sequence
        return batch

    def keeps(self, configuration_id: str) -> bool:
        """True where samples recorded under *configuration_id* go under just that one."""
        return self._configuration_id(configuration_id) == configuration_id

    def add_again(self, kind: int, payload: bytes, configuration_id: str) -> None:
        """Take something that the buffer does not hold, or not any more."""
        self._items.append(self.item(kind, payload, configuration_id))

    @property
    def body(self) -> ExchangeBody:
        return ExchangeBody(self._items)

    @property
    def empty(self) -> bool:
        return not self._items and self.parcel is None

    def release(self, *, again: bool = False) -> None:
        """Give everything back to the buffer.

        Args:
            again: It was sent and not answered: what the platform may have is sent again alike.
        """
        for batch in self.batches:
            self._buffer.release(batch, again=again)

    def close(self) -> None:
        """Close the files that the body was read from; another pass opens them again.

        Items know their load and the load its items: left to the collector of cycles, a file would
        stay open for each exchange, for hours in a process that does little else.
        """
        for reader in self._readers:
            reader.close()

    # -- items ------------------------------------------------------------------------------

    def item(self, kind: int, payload: bytes, configuration_id: str) -> "Item":
        """The exchange item of one record."""
        if kind == SAMPLE:
            return timeseries_item(
                self._configuration_id(configuration_id), len(payload), lambda: iter((payload,))
            )
        if kind == CUSTOM:
            metadata, content_type, body = split_custom(payload)
            return custom_item(metadata, content_type, body)
        if kind == MODEL:
            return model_item(split_model(payload)[1])
        return event_item(payload, "1.0" if kind == EVENT_1 else "2.0")

    def _fitting(self, batch: "Batch", reader: "_Reader") -> "list[Item]":
        items: "list[Item]" = []
        if batch.kind == SAMPLE:
            item = timeseries_item(
                self._configuration_id(batch.configuration_id),
                batch.payload_bytes,
                self.times.chunks_of(batch),
            )
            if self._room.take(item.size, item.length):
                items.append(item)
            return items
        for index, record in enumerate(batch.records()):
            if self._parcels and batch.kind == FILE and is_parcel(self._details(record)):
                break
            item = self._file(record) if batch.kind == FILE else self._lazy(record, reader, index)
            if not self._room.take(item.size):
                break
            items.append(item)
        return items

    def _lazy(self, record: "Record", reader: "_Reader", index: int) -> "Item":
        """An item that does not keep its payload in memory."""
        item = self.item(record.kind, record.payload, "")

        def chunks() -> "Iterator[bytes]":
            again = reader.record(index)
            return self.item(again.kind, self.times.payload(again), "").chunks()

        item.chunks = chunks
        return item

    def _details(self, record: "Record") -> "dict[str, Any]":
        import json

        return self.times.file(record, json.loads(record.payload.decode()))

    def _take_file(self, record: "Record") -> None:
        details = self._details(record)
        if self._parcels and is_parcel(details):
            self.parcel = Parcel(record.sequence, details, self._buffer.open_spool(record))
        else:
            self._items.append(self._file(record))

    def _file(self, record: "Record") -> "Item":
        details = self._details(record)
        return file_item(
            details, details["size"], lambda: self._buffer.open_spool(record).chunks()
        )

    def _timed(self, batch: "Batch", max_bytes: int, max_sequence: "int | None") -> "Batch | None":
        """*batch*, or as much of its front as has a time that is known."""
        try:
            count = self.times.known(batch)
        except OSError:
            self._buffer.release(batch, again=False)
            raise
        if count == batch.count:
            return batch
        self._buffer.release(batch, again=False)
        self.untimed = count == 0
        if count == 0:
            return None
        first = batch.first
        again = self._cut("timeseries", max_bytes, count, max_sequence)
        if again is not None and again.first != first:
            self._buffer.release(again, again=False)  # the quota dropped the front meanwhile
            return None
        return again

    def _cut(
        self, lane: str, max_bytes: int, max_records: int, max_sequence: "int | None"
    ) -> "Batch | None":
        return self._buffer.cut(
            lane, max_bytes=max(1, max_bytes), max_records=max_records, max_sequence=max_sequence
        )

    def _took(self, batch: "Batch", records: int) -> None:
        self.batches.append(batch)
        self.records += records
        self.sequence = batch.first if self.records == 1 else 0


class _Reader:
    """Records of a batch by position, without going back while they are asked for in order."""

    def __init__(self, batch: "Batch") -> None:
        self.batch = batch
        self._position = -1
        self._records: "Generator[Record, None, None] | None" = None

    def close(self) -> None:
        records, self._records = self._records, None
        if records is not None:
            records.close()

    def record(self, index: int) -> "Record":
        if self._records is None or index <= self._position:
            self.close()
            self._records = self.batch.records()
            self._position = -1
        while True:
            record = next(self._records)
            self._position += 1
            if self._position == index:
                return record
