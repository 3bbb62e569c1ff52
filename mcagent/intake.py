"""The way in: checks messages against the data model and puts them into the buffer."""

from .errors import BufferFull, InvalidMessage
from .limits import EXCHANGE_MAX_BYTES
from .messages.datamodel import DataModel
from .messages.kinds import FILE, LANE_OF_KIND, MODEL, SAMPLE
from .messages.timeseries import TIMESTAMP_BYTES, TIMESTAMP_OFFSET, SampleEncoder
from .messages.timestamp import parse_text, to_ms
from .runtime import new_lock
from .upload.modelrecord import join_model, split_model

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Iterable

    from .buffer import Buffer
    from .buffer.receipt import Receipt
    from .inbox import Inbox, InboxMessage
    from .modelstore import ModelStore
    from .runtime import Clock

_PART_ROWS = 100  # rows of a list that are stored at once
# A default timestamp may run ahead of the clock by this much, because the platform replaces a
# record that has the time of another: a burst of 1 000 samples, then 1 000 a second.
MAX_LEAD_MS = 1000


class Intake:
    """What `Agent.record` and `Agent.submit` do; from any thread.

    Every method raises `OSError` where the disk refuses; nothing was stored then.
    """

    def __init__(self, buffer: "Buffer", models: "ModelStore", *, clock: "Clock") -> None:
        self._buffer = buffer
        self._models = models
        self._clock = clock
        self._taken: "set[str]" = set()  # messages of the inbox that could not be removed
        self._lock = new_lock()  # timestamps, encoder and model
        self._taking = new_lock()  # the inbox: two threads would take a message twice
        self._last_now_ms = 0
        buffer.boots.look_quietly()  # a script that only records leaves it to nobody else
        self._adopt_pending_model()
        self._encoder = SampleEncoder(models.model)
        self._configuration_id = "" if models.model is None else models.model.id
        self._last_ms = self._last_timestamp_ms()

    @property
    def empty_strings(self) -> int:
        """Empty strings left out of samples so far; the platform ignores them."""
        return self._encoder.empty_strings

    def record(
        self,
        values: "dict[str, Any]",
        timestamp_ms: "int | None",
        quality_code: "Any",
        durable: bool,
    ) -> "Receipt":
        """Store one sample."""
        with self._lock:
            if timestamp_ms is None:
                timestamp_ms = self._next_ms()
            payload = self._encoder.encode(values, timestamp_ms, quality_code)
            sequence = self._buffer.append(
                "timeseries",
                SAMPLE,
                payload,
                configuration_id=self._configuration_id,
                durable=durable,
            )
        return self._buffer.receipt("timeseries", sequence)

    def record_many(
        self, rows: "Iterable[tuple[Any, dict[str, Any]]]", quality_code: "Any"
    ) -> int:
        """Store rows of (timestamp, values); see `Agent.record_many`."""
        count = 0
        for part in _parts(rows):
            # The lock is not held between parts: *rows* may be a generator that records, too.
            with self._lock:
                count += self._record_part(part, quality_code, count)
        return count

    def _record_part(
        self, rows: "Iterable[tuple[Any, dict[str, Any]]]", quality_code: "Any", before: int
    ) -> int:
        """Store *rows*, or those before an invalid one; *before* is the number of the first."""
        payloads: "list[bytes]" = []
        encode = self._encoder.encode
        stored_before = self._buffer.next_sequence("timeseries")
        try:
            try:
                for row in rows:
                    try:
                        timestamp, values = row
                    except (TypeError, ValueError):
                        raise InvalidMessage(
                            "a %s is not (timestamp, values)" % type(row).__name__,
                            hint="give pairs; one sample alone goes to record()",
                        )
                    timestamp_ms = timestamp if type(timestamp) is int else to_ms(timestamp)
                    payloads.append(encode(values, timestamp_ms, quality_code))
            finally:
                place = before + len(payloads)
                self._buffer.append_many(
                    "timeseries", SAMPLE, payloads, configuration_id=self._configuration_id
                )
        except InvalidMessage as error:
            stored = self._buffer.next_sequence("timeseries") - stored_before
            place = min(place, before + stored)
            raise InvalidMessage("row %d: %s" % (place, error.message), hint=error.hint)
        return len(payloads)

    def submit(
        self, message: "Any", durable: bool, consent: "bool | list[str]" = False
    ) -> "Receipt":
        """Store any message; see `Agent.submit`."""
        kind = getattr(message, "kind", None)
        if kind is None:
            raise InvalidMessage(
                "cannot submit %s" % type(message).__name__,
                hint="submit a TimeSeries, Event, File, DataModel or CustomData; a dict of values "
                "goes to record()",
            )
        if kind == SAMPLE:
            return self.record(message.values, message.timestamp_ms, message.quality_code, durable)
        if kind == FILE:
            message.require_fit()
            # Without the lock: copying may take a while.
            sequence = self._buffer.append_file(
                message.details(self._clock.now_ms()),
                message.source,
                move=message.move,
                max_bytes=message.max_bytes,
            )
        elif kind == MODEL:
            with self._lock:
                sequence = self._submit_model(message, consent)
        else:
            payload = message.fragment(self._clock.now_ms())
            sequence = self._buffer.append(message.lane, kind, payload, durable=durable)
        return self._buffer.receipt(message.lane, sequence)

    def take(self, inbox: "Inbox", note: "Callable[[str], None]") -> None:
        """Take in what other processes left in *inbox*; *note* hears what could not be."""
        with self._taking:
            self._take_all(inbox, note)

    # -- private ----------------------------------------------------------------------------

    def _take_all(self, inbox: "Inbox", note: "Callable[[str], None]") -> None:
        for message in inbox.messages(note):
            if message.path in self._taken:
                continue  # it could not be removed
            try:
                try:
                    self._take(message, note)
                except (InvalidMessage, ValueError, TypeError, KeyError) as error:
                    note("a message in the inbox was refused: %s" % error)
                    inbox.refuse(message.path)
                    continue
                self._taken.add(message.path)
                inbox.remove(message.path)
                self._taken.remove(message.path)
            except (BufferFull, OSError) as error:
                note("the inbox waits: %s" % error)
                return

    def _take(self, message: "InboxMessage", note: "Callable[[str], None]") -> None:
        header = message.header
        if "rejected" in header:
            from .rejected import obey

            obey(self._buffer, header, message.file.read(EXCHANGE_MAX_BYTES), note)
            return
        if "consent" in header:
            self._consent(header["consent"], header.get("model"), note)
            return
        kind, lane = header.get("kind"), header.get("lane")
        if kind not in LANE_OF_KIND or LANE_OF_KIND[kind] != lane or kind == MODEL:
            raise InvalidMessage("kind %r in lane %r" % (kind, lane))
        if kind == FILE:
            if not _is_file_meta(header.get("file")):
                raise InvalidMessage("a file without name, type and time")
            most = header.get("max_bytes")
            if not isinstance(most, int) or most < 0:
                most = EXCHANGE_MAX_BYTES
            self._buffer.append_file(header["file"], message.file, max_bytes=most)
            return
        payload = message.file.read(EXCHANGE_MAX_BYTES + 1)
        if len(payload) > EXCHANGE_MAX_BYTES:
            raise InvalidMessage("more than %d bytes" % EXCHANGE_MAX_BYTES)
        if kind == SAMPLE:
            _time_of(payload)
        payload = self._dated(kind, payload, header.get("clock"))
        self._buffer.append(
            lane,
            kind,
            payload,
            configuration_id=str(header.get("configuration_id") or ""),
            durable=True,
        )

    def _dated(self, kind: int, payload: bytes, clock: "Any") -> bytes:
        """*payload* from a process whose clock was not set, with its true time where it is known.

        Raises:
            InvalidMessage: A sample of an earlier start, whose time nobody knows.
        """
        if not isinstance(clock, list) or len(clock) != 3:
            return payload
        from binascii import unhexlify

        from .buffer.batch import Record
        from .buffer.frame import Context
        from .upload.timecorrection import shift_of, shifted

        boot_id = unhexlify(clock[0])
        context = Context(boot_id, clock[1], clock[2], trusted=False)
        boots = self._buffer.boots
        shift_ms = shift_of(Record(0, kind, payload, 0, context), boots)
        if shift_ms is None and kind == SAMPLE and boot_id != boots.present:
            raise InvalidMessage(
                "a sample of an earlier start of this device, whose clock was not set: nobody "
                "knows when it was recorded"
            )
        return shifted(kind, payload, shift_ms or 0)

    def _submit_model(self, model: "DataModel", consent: "bool | list[str]") -> int:
        if consent is not True and consent is not False and not isinstance(consent, list):
            raise InvalidMessage(
                "lose_mappings is a %s" % type(consent).__name__,
                hint='True, or the list status().upload["consent"]["mappings"]',
            )
        if model == self._models.model:
            # Lengths may differ: they are not sent. Consent that was given stays.
            self._adopt(model, self._models.sequence, consent or self._models.consent)
            return self._models.sequence
        # The barrier is a sequence number of the time series: it must not be given again to a
        # sample recorded under the new model, so what is before it is made durable first.
        self._buffer.flush("timeseries")
        payload = join_model(self._buffer.next_sequence("timeseries"), model.fragment())
        sequence = self._buffer.append("models", MODEL, payload, durable=True)
        self._adopt(model, sequence, consent)
        return sequence

    def _consent(self, consent: "Any", sequence: "Any", note: "Callable[[str], None]") -> None:
        """An operator's consent to what the model with *sequence* deletes, by the inbox."""
        with self._lock:
            model = self._models.model
            if model is None or sequence != self._models.sequence:
                note("a consent to lose mappings came too late: there is another data model")
            else:
                self._submit_model(model, consent)

    def _adopt(self, model: "DataModel", sequence: int, consent: "bool | list[str]") -> None:
        """Check samples against *model* from now on, also after a restart."""
        present = self._models.model
        if (
            present is not None
            and present.to_state() == model.to_state()
            and consent == self._models.consent
        ):
            return
        self._models.save(model, sequence, consent)
        empty_strings = self._encoder.empty_strings
        self._encoder = SampleEncoder(model)
        self._encoder.empty_strings = empty_strings
        self._configuration_id = model.id

    def _adopt_pending_model(self) -> None:
        """A cut between the models lane and model.json: the lane is right."""
        sequence = self._buffer.next_sequence("models") - 1
        if sequence <= self._models.sequence:
            return
        payload = self._buffer.last_payload("models")
        if payload is not None:
            try:
                model = DataModel.parse(split_model(payload)[1])
            except (InvalidMessage, ValueError):
                return  # not written by this library
            self._models.save(model, sequence)

    def _next_ms(self) -> int:
        now_ms = self._clock.now_ms()
        if now_ms < self._last_now_ms - MAX_LEAD_MS:
            self._last_ms = 0  # the clock was set back: follow it, do not run ahead for an hour
        self._last_now_ms = now_ms
        timestamp_ms = now_ms if now_ms > self._last_ms else self._last_ms + 1
        if timestamp_ms - now_ms > MAX_LEAD_MS:
            raise InvalidMessage(
                "more than 1 000 samples a second need explicit timestamps: this one would be "
                "%d ms ahead of the clock" % (timestamp_ms - now_ms),
                hint="give timestamp=…, or put values of one moment into one record() call",
            )
        self._last_ms = timestamp_ms
        return timestamp_ms

    def _last_timestamp_ms(self) -> int:
        """Time of the last sample, unless the clock was set back since: then follow the clock."""
        if not self._clock.trusted() and not self._buffer.boots.resumed:
            return 0  # 1970 begins anew with each boot: what stood there before says nothing
        last_ms = self._buffer.high_water_ms
        payload = self._buffer.last_payload("timeseries")
        if payload is not None:
            try:
                last_ms = max(last_ms, _time_of(payload))
            except (InvalidMessage, ValueError):
                pass  # not written by this library
        return last_ms if last_ms <= self._clock.now_ms() + MAX_LEAD_MS else 0


def _time_of(sample: bytes) -> int:
    """Timestamp of a sample's fragment, ms."""
    return parse_text(sample[TIMESTAMP_OFFSET : TIMESTAMP_OFFSET + TIMESTAMP_BYTES].decode())


def _is_file_meta(meta: "Any") -> bool:
    return (
        isinstance(meta, dict)
        and isinstance(meta.get("name"), str)
        and isinstance(meta.get("type"), str)
        and isinstance(meta.get("created_ms"), int)
    )


def _parts(rows: "Iterable[Any]") -> "Iterable[list[Any] | tuple[Any, ...]]":
    """A list in parts; of anything else, which may take its time, each row at once."""
    if not isinstance(rows, (list, tuple)):
        for row in rows:
            yield (row,)
        return
    for place in range(0, len(rows), _PART_ROWS):
        yield rows[place : place + _PART_ROWS]
