"""Records → the bodies of writes: one record for one time, every body within its limits. Pure."""

from typing import NamedTuple

from ..errors import InvalidMessage
from .records import as_record, merged, show

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Iterable, Iterator, Sequence

    from .recordencoder import RecordEncoder
    from .records import Given, Record

    Pair = tuple[str, str]  # asset id, aspect

# Source: the platform's IoT Time Series overview; 1 KB and 1 MB counted as 1000, the safe reading.
BODY_MAX_BYTES = 1_000_000
SEVERAL_MAX_BYTES = 100_000
SEVERAL_MAX_RECORDS = 100
SEVERAL_MAX_PAIRS = 5

_HEAD, _TAIL = b'{"timeseries":[', b"]}"


class Merging:
    """Makes one record of all that have one time: the platform replaces a record as a whole.

    Attributes:
        replaced: Values that another one for the same variable and time replaced.
    """

    def __init__(self) -> None:
        self.replaced = 0

    def records(self, given: "Iterable[Given]") -> "Iterator[Record]":
        """The records of *given* in order of time, no time twice.

        A list or tuple is merged whole. Anything else is read once and not held: there, records of
        one time must stand together, and times must not go back.

        Raises:
            InvalidMessage: One is no record, or times go back in what is read once.
        """
        if isinstance(given, (list, tuple)):
            return self._whole(given)
        return self._streamed(given)

    def _whole(self, given: "Sequence[Given]") -> "Iterator[Record]":
        by_time: "dict[int, Record]" = {}
        for item in given:
            record = as_record(item)
            before = by_time.get(record.timestamp_ms)
            by_time[record.timestamp_ms] = (
                record if before is None else self._merge(before, record)
            )
        for timestamp_ms in sorted(by_time):
            yield by_time[timestamp_ms]

    def _streamed(self, given: "Iterable[Given]") -> "Iterator[Record]":
        held: "Record | None" = None
        for item in given:
            record = as_record(item)
            if held is None or record.timestamp_ms > held.timestamp_ms:
                if held is not None:
                    yield held
                held = record
            elif record.timestamp_ms == held.timestamp_ms:
                held = self._merge(held, record)
            else:
                raise InvalidMessage(
                    f"the record of {show(record.timestamp_ms)} comes after that of "
                    f"{show(held.timestamp_ms)}",
                    hint="sort the records by time, or give them as a list: a time that comes "
                    "again later would replace what was written for it",
                )
        if held is not None:
            yield held

    def _merge(self, before: "Record", record: "Record") -> "Record":
        joined, replaced = merged(before, record)
        self.replaced += replaced
        return joined


class Body(NamedTuple):
    """A request's body for one aspect, and what it holds."""

    data: bytes
    records: int
    first_ms: int
    last_ms: int


def bodies(
    records: "Iterable[Record]", encoder: "RecordEncoder", max_bytes: int = BODY_MAX_BYTES
) -> "Iterator[Body]":
    """The bodies of writes to one aspect, each at most *max_bytes* unless one record is more.

    Raises:
        InvalidMessage: A record breaks a rule of its types.
    """
    fragments: "list[bytes]" = []
    size = 2  # brackets
    first_ms = last_ms = 0
    for record in records:
        fragment = encoder.encode(record)
        if not fragment:
            continue
        if fragments and size + len(fragment) + 1 > max_bytes:
            yield _body(fragments, first_ms, last_ms)
            fragments, size = [], 2
        if not fragments:
            first_ms = record.timestamp_ms
        last_ms = record.timestamp_ms
        size += len(fragment) + bool(fragments)
        fragments.append(fragment)
    if fragments:
        yield _body(fragments, first_ms, last_ms)


def _body(fragments: "list[bytes]", first_ms: int, last_ms: int) -> Body:
    return Body(b"[" + b",".join(fragments) + b"]", len(fragments), first_ms, last_ms)


class Part(NamedTuple):
    """What a request to several aspects holds for one of them."""

    asset: str
    aspect: str
    body: Body

    @property
    def entry(self) -> bytes:
        """Its element of the array ``timeseries``."""
        return _entry_head(self.asset, self.aspect) + self.body.data + b"}"


def joined(parts: "Iterable[Part]") -> bytes:
    """The body of a request to several aspects."""
    return _HEAD + b",".join(part.entry for part in parts) + _TAIL


class _Batch:
    """A request to several aspects as it fills."""

    def __init__(self) -> None:
        self._parts: "list[Part]" = []
        self._held: "list[tuple[bytes, int]]" = []  # of the pair that is being filled
        self._pair: "Pair | None" = None
        self._size = len(_HEAD) + len(_TAIL)
        self._records = 0

    def add(self, pair: "Pair", fragment: bytes, timestamp_ms: int) -> bool:
        """Take one more record; False, and nothing taken, where a limit is reached."""
        more = len(fragment)
        pairs = len(self._parts) + bool(self._held)
        if pair == self._pair:
            more += 1  # comma
        else:
            more += len(_entry_head(*pair)) + 3 + bool(pairs)  # brackets, brace; comma
            pairs += 1
        if (
            self._size + more > SEVERAL_MAX_BYTES
            or self._records == SEVERAL_MAX_RECORDS
            or pairs > SEVERAL_MAX_PAIRS
        ):
            return False
        if pair != self._pair:
            self._close_pair()
            self._pair = pair
        self._held.append((fragment, timestamp_ms))
        self._size += more
        self._records += 1
        return True

    def parts(self) -> "list[Part]":
        self._close_pair()
        return self._parts

    def _close_pair(self) -> None:
        if self._held and self._pair is not None:
            data = [fragment for fragment, _time in self._held]
            body = _body(data, self._held[0][1], self._held[-1][1])
            self._parts.append(Part(*self._pair, body))
        self._held = []


def batches(
    pairs: "Iterable[tuple[Pair, Iterable[Record], RecordEncoder]]",
) -> "Iterator[list[Part]]":
    """Requests to several aspects: at most 5 pairs, 100 records and 100 000 bytes each.

    A record that is too large for such a request comes alone, for a request of its own.

    Args:
        pairs: Each pair once, its records in order of time.

    Raises:
        InvalidMessage: A record breaks a rule of its types.
    """
    batch = _Batch()
    for pair, records, encoder in pairs:
        for record in records:
            fragment = encoder.encode(record)
            if not fragment or batch.add(pair, fragment, record.timestamp_ms):
                continue
            if parts := batch.parts():
                yield parts
            batch = _Batch()
            if not batch.add(pair, fragment, record.timestamp_ms):
                yield [Part(*pair, _body([fragment], record.timestamp_ms, record.timestamp_ms))]
    if parts := batch.parts():
        yield parts


def is_large(part: Part) -> bool:
    """Whether a part is too large for a request to several aspects."""
    return len(part.entry) + len(_HEAD) + len(_TAIL) > SEVERAL_MAX_BYTES


def _entry_head(asset: str, aspect: str) -> bytes:
    from ..runtime import json_string

    return (
        '{"entityId":'
        + json_string(asset)
        + ',"propertySetName":'
        + json_string(aspect)
        + ',"data":'
    ).encode()
