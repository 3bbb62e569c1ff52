"""Times from a clock that was not set: corrected in the outgoing copy, never in the buffer.

A record carries what the device's clock said. Where that clock was not trusted, and the boot's
true time became known later (`buffer.boots`), the same number of milliseconds is added to each of
the context's times. A time that the clock of that boot cannot have shown was given by the script,
from a better clock, and stays as it is.

docs/adr/0016 argues the rules.
"""

from ..calendar import parse_utc
from ..messages.kinds import EVENT, EVENT_1, FILE, SAMPLE
from ..messages.multipart import PIECE_BYTES
from ..messages.timeseries import TIMESTAMP_BYTES, TIMESTAMP_OFFSET
from ..messages.timestamp import MAX_MS, MIN_MS, format_ms
from ..runtime import PLAUSIBLE_MS, log

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Iterator

    from ..buffer import Batch, Buffer, Record
    from ..buffer.boots import Boots
    from ..runtime import Clock
    from .lanestate import LaneState
    from .session import Session
    from .settings import UploadSettings
    from .untimed import Untimed

_EVENT_TIME = b'"timestamp":"'  # no text before it can hold this: quotes in texts are escaped
# A default timestamp runs ahead of the clock by a second at most (`intake.MAX_LEAD_MS`).
_LEAD_MS = 1000
# So far off, the platform's word counts (`buffer.boots`); its header counts seconds.
_WRONG_MS = 30_000
# Where the steady clock begins with the script (MicroPython): what was read before that.
_BEFORE_MS = 600_000
_NO_BOOT = bytes(16)


class TimeCorrection:
    """What becomes of a record's time on its way out.

    Args:
        buffer: Its `boots` are what is known of each boot.
        session: Its `platform_steady_ms` is the platform's clock minus the steady one.
        clock: The device's.
        settings: Their `unknown_time`.

    Attributes:
        trouble: Why what is known cannot be used; ``""``.
        wrong: The clock that samples are recorded with is off, and by how much; ``""``.
    """

    def __init__(
        self, buffer: "Buffer", session: "Session", *, clock: "Clock", settings: "UploadSettings"
    ) -> None:
        self.trouble = self.wrong = ""
        self._buffer = buffer
        self._boots = buffer.boots
        self._session = session
        self._clock = clock
        self._settings = settings
        self._unknown = 0 if settings.unknown_time == "send" else None
        self._untimed: "Untimed | None" = None

    def look(self) -> bool:
        """Settle this boot's time where it is known by now; True in that moment. Cheap."""
        unknown = self._boots.unknown
        self.trouble = ""
        try:
            self._boots.look(self._session.platform_steady_ms)
        except OSError as error:
            self.trouble = str(error)  # the other lanes need no time
        wrong = self._wrong()
        if wrong and not self.wrong:
            log("warning", "upload", wrong)
        self.wrong = wrong
        return unknown and not self._boots.unknown

    @property
    def unknown(self) -> bool:
        """This boot needs its time, and nobody has told it yet."""
        return self._boots.unknown

    def deal(self, state: "LaneState", max_sequence: "int | None", now_ms: int) -> None:
        """See `Untimed.deal`, which most agents never need."""
        if self._untimed is None:
            from .untimed import Untimed

            self._untimed = Untimed(self._buffer, self, self._clock, self._settings)
        self._untimed.deal(state, max_sequence, now_ms)

    def status(self) -> "dict[str, Any]":
        """What is known of the time, as plain values."""
        untimed = self._untimed
        return {
            "trusted": self._clock.trusted(),
            "unknown": self.unknown,
            "kept": untimed.kept if untimed else 0,
            "note": untimed.note if untimed else "",
            "wrong": self.wrong,
        }

    def shift_ms(self, record: "Record") -> "int | None":
        """What is added to the time of *record*; None where its time is not known."""
        shift_ms = shift_of(record, self._boots)
        return self._unknown if shift_ms is None else shift_ms

    def payload(self, record: "Record") -> bytes:
        """The payload of *record* as it goes out."""
        return shifted(record.kind, record.payload, self.shift_ms(record) or 0)

    def file(self, record: "Record", details: "dict[str, Any]") -> "dict[str, Any]":
        """The *details* of a file's record as they go out."""
        shift_ms = self.shift_ms(record)
        if shift_ms:
            details["created_ms"] += shift_ms
        return details

    def chunks_of(self, batch: "Batch") -> "Callable[[], Iterator[bytes]]":
        """What yields the payloads of *batch* as they go out, joined by commas."""
        if _is_trusted(batch):
            return batch.chunks
        return lambda: self._corrected(batch)

    def known(self, batch: "Batch") -> int:
        """How many samples at the front of *batch* have a time that is known."""
        if _is_trusted(batch):
            return batch.count
        return self._leading(batch, lambda record: self.shift_ms(record) is not None)

    def lost(self, batch: "Batch") -> int:
        """How many samples at the front of *batch* are of an unknown time that stays unknown."""
        boot_id = self._boots.present
        return self._leading(
            batch,
            lambda record: record.context.boot_id != boot_id and self.shift_ms(record) is None,
        )

    # -- private ----------------------------------------------------------------------------

    def _wrong(self) -> str:
        """A clock that may be right is followed (docs/adr/0016); somebody has to be told."""
        clock, platform_ms = self._clock, self._session.platform_steady_ms
        if platform_ms is None or not clock.trusted():
            return ""
        off_ms = clock.now_ms() - clock.monotonic_ms() - platform_ms
        if abs(off_ms) <= _WRONG_MS:
            return ""
        return (
            "this device's clock is %d s (%.1f days) %s the platform's, and samples carry its "
            "times: set it, by NTP best"
            % (
                abs(off_ms) // 1000,
                abs(off_ms) / 86_400_000,
                "behind" if off_ms < 0 else "ahead of",
            )
        )

    def _leading(self, batch: "Batch", is_so: "Callable[[Record], bool]") -> int:
        count = 0
        records = batch.records()
        try:
            for record in records:
                if not is_so(record):
                    break
                count += 1
        finally:
            records.close()
        return count

    def _corrected(self, batch: "Batch") -> "Iterator[bytes]":
        gathered: "list[bytes]" = []
        size = 0
        for record in batch.records():
            gathered.append(self.payload(record))
            size += len(record.payload)
            if size >= PIECE_BYTES:
                yield b",".join(gathered)
                gathered = [b""]  # a comma before the next piece
                size = 0
        if size:
            yield b",".join(gathered)


def shift_of(record: "Record", boots: "Boots") -> "int | None":
    """What is added to the time of *record*, by what *boots* know; None where that is nothing."""
    context = record.context
    if context.trusted:
        return 0
    time_ms = _time_of(record)
    if time_ms is None or not _is_own(record, time_ms):
        return 0
    difference_ms = boots.difference_ms(context.boot_id)
    if difference_ms is None:
        return None
    shift_ms = difference_ms + context.monotonic_ms - context.wall_ms
    return shift_ms if MIN_MS <= time_ms + shift_ms <= MAX_MS else 0


def shifted(kind: int, payload: bytes, shift_ms: int) -> bytes:
    """*payload* with *shift_ms* added to its time; as long as before."""
    place = _place_of(kind, payload)
    if not shift_ms or not place:
        return payload
    end = place + TIMESTAMP_BYTES
    time_ms = parse_utc(payload[place:end].decode())
    if time_ms is None:
        return payload
    return payload[:place] + format_ms(time_ms + shift_ms).encode() + payload[end:]


def replayed(kind: int, head: "dict[str, Any]", payload: bytes) -> bytes:
    """The payload of a refused record that goes back to its lane, where every time is trusted.

    Args:
        kind: Of the record.
        head: What was kept with it: its ``shift_ms`` was noted when it was set aside.
        payload: As the device's clock had it.
    """
    reason = head.get("reason")
    shift_ms = reason.get("shift_ms") if isinstance(reason, dict) else None
    if type(shift_ms) is not int:
        return payload
    if kind == FILE:
        import json

        details = json.loads(payload.decode())
        details["created_ms"] += shift_ms
        return json.dumps(details).encode()
    return shifted(kind, payload, shift_ms)


def _is_trusted(batch: "Batch") -> bool:
    for context in batch.contexts:  # noqa: SIM110 - a generator costs as much as a sample
        if not context.trusted:
            return False
    return True


def _place_of(kind: int, payload: bytes) -> int:
    """Where the 24 characters of its time stand; 0 where it has none."""
    if kind == SAMPLE:
        return TIMESTAMP_OFFSET
    if kind in (EVENT, EVENT_1):
        return payload.find(_EVENT_TIME) + len(_EVENT_TIME)
    return 0


def _time_of(record: "Record") -> "int | None":
    """The time that *record* carries; None for none, or one that mcagent did not write."""
    if record.kind == FILE:
        import json

        created_ms = json.loads(record.payload.decode()).get("created_ms")
        return created_ms if isinstance(created_ms, int) else None
    place = _place_of(record.kind, record.payload)
    if not place:
        return None
    text = record.payload[place : place + TIMESTAMP_BYTES]
    try:
        return parse_utc(text.decode()) if len(text) == TIMESTAMP_BYTES else None
    except UnicodeError:
        return None


def _is_own(record: "Record", time_ms: int) -> bool:
    """The device's clock can have shown *time_ms* in the boot of *record*, before it was made."""
    context = record.context
    if context.boot_id == _NO_BOOT:  # its context is damaged: nothing else is known of that clock
        return time_ms < PLAUSIBLE_MS
    start_ms = context.wall_ms - context.monotonic_ms
    end_ms = context.wall_ms + record.age_ms
    return start_ms - _BEFORE_MS <= time_ms <= end_ms + _LEAD_MS
