# portable
"""One segment: what a cut or damage leaves of it. tests of frame.py, reader.py and segment.py."""

from mcagent.buffer.frame import (
    FRAME_BYTES,
    HEADER_BYTES,
    Context,
    context_bytes,
    encode_context,
    encode_records,
    segment_header,
    segment_seed,
)
from mcagent.buffer.reader import SegmentReader
from mcagent.buffer.segment import SegmentWriter, list_segments
from tests.buffer.memoryfs import Inode, MemoryFile, MemoryFileSystem

CONTEXT = Context(b"b" * 16, 1_767_600_000_000, 7, trusted=True, configuration_id="m-1")
PAYLOADS = [b"a", b"bb" * 20, b"{}", b"\0\1" * 15, b"e" * 9]


def build(payloads=PAYLOADS):
    """A segment of *payloads*, and the offset at which each record ends."""
    seed = segment_seed(3, 1, 9)
    data = segment_header(3, 1, 9) + encode_context(CONTEXT, 1 << 24, seed)
    ends = []
    for index, payload in enumerate(payloads):
        data += b"".join(encode_records([(1, 10, payload)], 1 << 24 | index, seed, 7))
        ends.append(len(data))
    return data, ends, seed


def read(data, seed):
    """(index, payload, context) of every record that a reader finds, and the reader."""
    fs = MemoryFileSystem()
    inode = Inode()
    inode.data = bytearray(data)
    reader = SegmentReader(MemoryFile(fs, "x", inode, False), seed, limit=len(data))
    found = []
    while reader.peek():
        age_ms, payload = reader.read()
        assert age_ms == 3
        found.append((reader.index, payload, reader.context))
        assert reader.take(1, 1 << 20) == 1
    return found, reader


def test_every_prefix_recovers_exactly_its_whole_records():
    """Cut anywhere, all whole records are there, no other, and torn is what it says."""
    data, ends, seed = build()
    for size in range(HEADER_BYTES, len(data) + 1):
        for padding in (b"", bytes(100)):
            found, reader = read(data[:size] + padding, seed)
            whole = len([end for end in ends if end <= size])
            assert [payload for _index, payload, _context in found] == PAYLOADS[:whole], size
            if size in ends:
                assert not reader.torn


def test_a_flipped_bit_anywhere_costs_at_most_the_record_it_hits():
    """Each bit pattern at each byte: no wrong payload, no second loss, order kept."""
    data, ends, seed = build()
    records_start = HEADER_BYTES + context_bytes(CONTEXT)
    for place in range(HEADER_BYTES, len(data)):
        for flip in (0x01, 0x80, 0xFF):
            damaged = bytearray(data)
            damaged[place] ^= flip
            found, _reader = read(bytes(damaged), seed)
            hit = len([end for end in ends if end <= place]) if place >= records_start else -1
            expected = [(index, PAYLOADS[index]) for index in range(len(PAYLOADS)) if index != hit]
            assert [(index, payload) for index, payload, _c in found] == expected, (place, flip)
            for _index, _payload, context in found:
                # The context is written twice, so one damaged place never costs it.
                assert context.configuration_id == "m-1"
                assert context.trusted


def test_a_lost_context_makes_its_records_untrusted():
    """Both copies damaged: the records are there, without a time and a model."""
    data, _ends, seed = build()
    damaged = bytearray(data)
    for place in range(HEADER_BYTES, HEADER_BYTES + context_bytes(CONTEXT)):
        damaged[place] = 0
    found, _reader = read(bytes(damaged), seed)
    assert [payload for _index, payload, _context in found] == PAYLOADS
    for _index, _payload, context in found:
        assert not context.trusted
        assert context.configuration_id == ""


def test_bytes_of_another_segment_do_not_verify():
    """Stale bytes showing through a reused block are damage, not records."""
    data, _ends, _seed = build()
    found, _reader = read(data, segment_seed(3, 1, 10))
    assert found == []


def test_zeros_and_ff_are_no_records():
    """crc32(b"") is 0 and a length of 0 verifies in a naive format."""
    seed = segment_seed(3, 1, 9)
    for fill in (b"\0", b"\xff"):
        assert read(segment_header(3, 1, 9) + fill * 3000, seed)[0] == []


def test_damage_of_a_page_costs_the_records_in_it():
    """4 KiB of zeros in the middle: what is before and behind is found."""
    payloads = [b"%06d" % number * 8 for number in range(400)]
    data, ends, seed = build(payloads)
    for start in (HEADER_BYTES + 200, 5000, 9001):
        damaged = data[:start] + bytes(4096) + data[start + 4096 :]
        found, reader = read(damaged, seed)
        hit = [
            index
            for index in range(400)
            if ends[index] > start and ends[index] - FRAME_BYTES - 48 < start + 4096
        ]
        kept = [(index, payloads[index]) for index in range(400) if index not in hit]
        assert [(index, payload) for index, payload, _context in found] == kept
        assert len(reader.damage) == 1


def test_a_record_longer_than_the_window_is_read():
    """Frames are verified piece by piece where they are long."""
    payloads = [b"x" * 10, b"y" * 200_000, b"z" * 10]
    data, _ends, seed = build(payloads)
    found, _reader = read(data, seed)
    assert [payload for _index, payload, _context in found] == payloads


def test_a_writer_makes_one_write_and_one_sync_a_group():
    """Preallocated once; then each group costs a write and a sync, nothing else."""
    fs = MemoryFileSystem(remember=True)
    writer = SegmentWriter.create(fs, "/d", 3, first=5, attempt=0, size=16384)
    operations = len(fs.log)
    writer.write(CONTEXT, [(1, 10, b"one"), (1, 11, b"two")])
    writer.write(CONTEXT, [(1, 12, b"three")])
    kinds = [operation[0] for operation in fs.log[operations:]]
    assert kinds == ["write", "sync", "write", "sync"]
    assert [operation[0] for operation in fs.log[:operations]] == [
        "entry",
        "preallocate",
        "write",
        "sync_dir",
    ]
    (segment,) = list_segments(fs, "/d", 3)
    assert (segment.first, segment.size) == (5, 16384)


def test_foreign_names_are_no_segments():
    """Only names that we would write are ours."""
    fs = MemoryFileSystem()
    writer = SegmentWriter.create(fs, "/d", 3, first=5, attempt=0, size=16384)
    for name in ("x", "0000000000000005-0000000g.seg", "0000000000000000-00000001.seg", "5-1.seg"):
        fs.open("/d/" + name, create=True)
    assert [segment.path for segment in list_segments(fs, "/d", 3)] == [writer.segment.path]
