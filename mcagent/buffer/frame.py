"""How a record stands in a segment: headers, frames, contexts. Bytes in, values out; no I/O.

Source: docs/buffer-format.md, "Segment" and "Frame".
"""

import struct

from ..runtime import Struct, crc32

HEADER_BYTES = 32
FRAME_BYTES = 16  # what a record costs besides its payload
MAX_PAYLOAD_BYTES = 0xFFFFFF
MAX_ORDINAL = 0xFF  # contexts in one segment
MAX_INDEX = 0xFFFFFF  # records in one segment
MAX_AGE_MS = 0x7FFFFFFF  # after 24 days a new context is written; 31 bits spare small ports
CONTEXT = 0x7F  # the kind of a context frame; records use 1 to 0x7E

_MAGIC = b"mcagseg\x01"  # the last byte is the format version
_CONTEXT = "<16sqQB"
_CONTEXT_BYTES = 33
_CONTEXT_COPIES = 2  # one damaged place must not cost a record its context

pack = struct.pack
unpack_from = struct.unpack_from
# The words before a payload (CRC; kind and length; ordinal and index): once for each record.
pack_word = Struct("<I").pack
_WORDS = Struct("<III")
pack_words = _WORDS.pack
unpack_words = _WORDS.unpack_from


class Context:
    """What holds for the records after it: boot, clocks and data model.

    Attributes:
        boot_id: 16 bytes; `monotonic_ms` compares only within one boot.
        wall_ms: The wall clock when the context was written.
        monotonic_ms: The monotonic clock at the same moment.
        trusted: False where the wall clock was certainly or possibly wrong.
        configuration_id: The data model in force; ``""`` for none.
    """

    __slots__ = ("boot_id", "configuration_id", "monotonic_ms", "trusted", "wall_ms")

    def __init__(
        self,
        boot_id: bytes,
        wall_ms: int,
        monotonic_ms: int,
        *,
        trusted: bool,
        configuration_id: str = "",
    ) -> None:
        self.boot_id = boot_id
        self.wall_ms = wall_ms
        self.monotonic_ms = monotonic_ms
        self.trusted = trusted
        self.configuration_id = configuration_id

    def to_bytes(self) -> bytes:
        head = pack(_CONTEXT, self.boot_id, self.wall_ms, self.monotonic_ms, int(self.trusted))
        return head + self.configuration_id.encode()

    @staticmethod
    def parse(payload: bytes) -> "Context":
        boot_id, wall_ms, monotonic_ms, flags = unpack_from(_CONTEXT, payload, 0)
        return Context(
            boot_id,
            wall_ms,
            monotonic_ms,
            trusted=bool(flags & 1),
            configuration_id=payload[_CONTEXT_BYTES:].decode(),
        )

    def __repr__(self) -> str:
        return "<Context %r at %d>" % (self.configuration_id, self.wall_ms)


# Stands in for a context that is damaged: its records count as of untrusted time.
UNKNOWN = Context(bytes(16), 0, 0, trusted=False)


def segment_header(lane_id: int, first: int, nonce: int) -> bytes:
    """The 32 bytes at the start of a segment; every field but the CRC is in its name too."""
    head = pack("<8sIIQ", _MAGIC, lane_id, nonce, first)
    return head + pack("<II", 0, crc32(head))


def segment_seed(lane_id: int, first: int, nonce: int) -> int:
    """Start value of every CRC in the segment.

    It is never read from the segment: a damaged header costs nothing. The nonce in it keeps stale
    bytes of an earlier segment, showing through a preallocated or reused block, from verifying.
    """
    return crc32(pack("<8sIIQ", _MAGIC, lane_id, nonce, first))


def is_foreign(header: bytes, lane_id: int, first: int, nonce: int) -> bool:
    """True where *header* is intact and belongs to something else, or to another version."""
    if len(header) < HEADER_BYTES or header[:7] != _MAGIC[:7]:
        return False  # damaged or not written yet: the name decides
    intact = crc32(header[:24]) == unpack_from("<I", header, 28)[0]
    # What the CRC does not cover says nothing: a bit that flipped there makes nothing foreign.
    return intact and header[:24] != segment_header(lane_id, first, nonce)[:24]


def encode_context(context: Context, word: int, seed: int) -> bytes:
    """The frames that stand before the records of *context*."""
    payload = context.to_bytes()
    body = pack("<III", CONTEXT << 24 | len(payload), word, 0) + payload
    return (pack("<I", crc32(body, seed)) + body) * _CONTEXT_COPIES


def context_bytes(context: Context) -> int:
    """What `encode_context` returns in bytes."""
    size = FRAME_BYTES + _CONTEXT_BYTES + len(context.configuration_id.encode())
    return size * _CONTEXT_COPIES


def encode_records(
    records: "list[tuple[int, int, bytes]]", word: int, seed: int, since_ms: int
) -> "list[bytes]":
    """Frames of consecutive records, to be joined.

    Args:
        records: (kind, monotonic ms, payload).
        word: Context ordinal << 24 | index of the first record in the segment.
        seed: `segment_seed`.
        since_ms: The context's monotonic ms.
    """
    parts: "list[bytes]" = []
    add = parts.append
    crc = crc32  # locals: this loop is the cost of an append
    words, one = pack_words, pack_word
    for kind, now_ms, payload in records:
        head = words(kind << 24 | len(payload), word, now_ms - since_ms)
        add(one(crc(payload, crc(head, seed))))
        add(head)
        add(payload)
        word += 1
    return parts
