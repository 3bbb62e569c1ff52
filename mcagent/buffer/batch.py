"""A batch: records on their way out, cut from one lane and pinned until they are answered.

Both passes over it, the cut and then `chunks`, see the same bytes: a difference is an error before
the last piece is handed out, never other bytes in a whole body.
"""

import errno

from ..runtime import crc32
from .frame import FRAME_BYTES, Context, unpack_from, unpack_words
from .reader import WINDOW_BYTES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Generator, Iterator

    from ..runtime.cpython import FileSystem, RandomFile


class Record:
    """One stored record.

    Attributes:
        sequence: Its number in the lane, 1 or more.
        kind: As given to `append`.
        payload: As given to `append`.
        age_ms: Monotonic ms between its context and itself.
        context: Boot, clocks and data model at that time.
    """

    __slots__ = ("age_ms", "context", "kind", "payload", "sequence")

    def __init__(
        self, sequence: int, kind: int, payload: bytes, age_ms: int, context: Context
    ) -> None:
        self.sequence = sequence
        self.kind = kind
        self.payload = payload
        self.age_ms = age_ms
        self.context = context

    @property
    def wall_ms(self) -> "int | None":
        """Wall clock when it was appended; None where that clock was not trusted."""
        return self.context.wall_ms + self.age_ms if self.context.trusted else None

    @property
    def monotonic_ms(self) -> int:
        """Monotonic clock when it was appended, in the boot of its context."""
        return self.context.monotonic_ms + self.age_ms

    def __repr__(self) -> str:
        return "<Record %d kind=%d %d bytes>" % (self.sequence, self.kind, len(self.payload))


class Run:
    """Consecutive intact frames of one kind and one context in one segment."""

    __slots__ = (
        "context",
        "count",
        "crc",
        "kind",
        "offset",
        "path",
        "payloads",
        "seed",
        "sequence",
        "stop",
        "word",
    )

    def __init__(
        self,
        path: str,
        seed: int,
        kind: int,
        context: Context,
        *,
        offset: int,
        word: int,
        sequence: int,
    ) -> None:
        self.path = path
        self.seed = seed
        self.kind = kind
        self.context = context
        self.offset = offset
        self.word = word
        self.sequence = sequence
        self.count = 0
        self.stop = offset
        self.crc = 0  # of its bytes from `offset` to `stop`; unless the payloads are held
        self.payloads: "list[bytes] | None" = None


def new_run(record: Record) -> Run:
    """*record* alone, for counting: it says nothing about where it stands."""
    run = Run("", 0, record.kind, record.context, offset=0, word=0, sequence=record.sequence)
    run.count = 1
    return run


class Batch:
    """Records first to last of one lane, of one kind and under one data model.

    Attributes:
        lane: Where they are from.
        first, last: Sequence numbers, both included; there may be gaps where damage was passed.
        count: Records.
        kind, configuration_id: Of all of them.
        payload_bytes: What `chunks` yields in all: the payloads and one comma between each two.
        contexts: Their contexts in order.
        runs: Where they stand; for the buffer.
    """

    def __init__(
        self,
        fs: "FileSystem",
        lane: str,
        runs: "list[Run]",
        *,
        payload_bytes: int,
    ) -> None:
        self._fs = fs
        self.runs = runs
        self.lane = lane
        self.first = runs[0].sequence
        self.last = runs[-1].sequence + runs[-1].count - 1
        self.count = sum([run.count for run in runs])
        self.kind = runs[0].kind
        self.configuration_id = runs[0].context.configuration_id
        self.payload_bytes = payload_bytes
        self.contexts = [run.context for run in runs]

    def chunks(self) -> "Iterator[bytes]":
        """The payloads, joined by commas, in pieces of about 64 KiB (MicroPython: 4 KiB).

        Raises:
            OSError: The bytes are not those that were cut (EIO), or cannot be read.
        """
        lead: "list[bytes]" = []
        for run in self.runs:
            for payloads, continued in self._pieces(run):
                yield b",".join(payloads if continued else lead + payloads)
                lead = [b""]  # a comma before every piece but the first

    def records(self) -> "Generator[Record, None, None]":
        """Each record by itself, verified like `chunks`."""
        for run in self.runs:
            sequence = run.sequence
            file = self._fs.open(run.path, write=False)
            try:
                offset = run.offset
                while offset < run.stop:
                    frame = _frame(file, run, offset, sequence - run.sequence)
                    _crc, size, _word, age_ms = unpack_from("<IIII", frame, 0)
                    payload = frame[FRAME_BYTES:]
                    yield Record(sequence, size >> 24, payload, age_ms, run.context)
                    offset += len(frame)
                    sequence += 1
            finally:
                file.close()

    def __repr__(self) -> str:
        return "<Batch %s %d to %d>" % (self.lane, self.first, self.last)

    def _pieces(self, run: Run) -> "Iterator[tuple[list[bytes], bool]]":
        """(payloads, False), or (a further part of a long payload, True)."""
        if run.payloads is not None:
            yield run.payloads, False
            return
        file = self._fs.open(run.path, write=False)
        try:
            yield from _read_run(file, run)
        finally:
            file.close()


def _read_run(file: "RandomFile", run: Run) -> "Iterator[tuple[list[bytes], bool]]":
    """As `Batch._pieces`. One CRC over the whole run, compared before its last piece leaves:
    a peer that was promised more bytes than it gets throws all of them away."""
    held: "tuple[list[bytes], bool]" = [], False
    offset, word, crc = run.offset, run.word, 0
    while offset < run.stop:
        data = file.read_at(offset, min(WINDOW_BYTES, run.stop - offset))
        payloads, used = _payloads(data, 0, run, word)
        if payloads:
            crc = crc32(data if used == len(data) else data[:used], crc)
            word += len(payloads)
            offset += used
            if held[0]:
                yield held
            held = payloads, False
            continue
        # One payload that is longer than the window.
        stop = _stop_of(data, offset, run)
        data = data[: stop - offset]
        part = data[FRAME_BYTES:]
        continued = False
        while True:
            crc = crc32(data, crc)
            offset += len(data)
            if held[0]:
                yield held
            held = [part], continued
            continued = True
            if offset >= stop:
                break
            data = part = file.read_at(offset, min(WINDOW_BYTES, stop - offset))
            if not data:
                raise _changed(run)
        word += 1
    if crc != run.crc or offset != run.stop or word != run.word + run.count:
        raise _changed(run)
    yield held


def _payloads(data: bytes, offset: int, run: Run, word: int) -> "tuple[list[bytes], int]":
    """The payloads of the whole frames in *data* from *offset*, and where they end."""
    payloads: "list[bytes]" = []
    add = payloads.append
    unpack = unpack_words
    shift = (run.kind << 24) - FRAME_BYTES
    end = len(data)
    last_header = end - FRAME_BYTES
    for expected in range(word, run.word + run.count):
        if offset >= last_header:
            break
        _crc, size, found = unpack(data, offset)
        stop = offset + size - shift
        if stop > end:
            break
        if found != expected or stop <= offset:
            raise _changed(run)
        add(data[offset + FRAME_BYTES : stop])
        offset = stop
    return payloads, offset


def _stop_of(head: bytes, offset: int, run: Run) -> int:
    if len(head) > FRAME_BYTES:
        stop = offset + FRAME_BYTES + (unpack_from("<I", head, 4)[0] & 0xFFFFFF)
        if offset + FRAME_BYTES < stop <= run.stop:
            return int(stop)
    raise _changed(run)


def _frame(file: "RandomFile", run: Run, offset: int, place: int) -> bytes:
    """The frame at *offset*, which is the run's record number *place*."""
    head = file.read_at(offset, min(FRAME_BYTES + 1, run.stop - offset))
    frame = file.read_at(offset, _stop_of(head, offset, run) - offset)
    expected, _size, word, _age = unpack_from("<IIII", frame, 0)
    if word != run.word + place or crc32(frame[4:], run.seed) != expected:
        raise _changed(run)
    return frame


def _changed(run: Run) -> OSError:
    return OSError(errno.EIO, "records in %s changed after they were cut" % run.path)
