"""The least that a drain can cost: read our segments, verify each record, join the payloads.

Nothing is kept of where it stands, nothing is acknowledged, damage is not handled.
"""

from binascii import crc32
from struct import unpack_from

from mcagent.buffer.frame import CONTEXT, FRAME_BYTES, HEADER_BYTES
from mcagent.buffer.segment import list_segments
from mcagent.buffer.settings import ALL_LANES
from mcagent.runtime import FileSystem

from .contestant import LANE


def bare_walk(directory, per):
    """Records, bytes of all bodies and bodies of *per* records each below *directory*."""
    records = size = bodies = 0
    payloads = []
    add = payloads.append
    for segment in list_segments(
        FileSystem(), directory + "/buffer/" + LANE, ALL_LANES.index(LANE) + 1
    ):
        with open(segment.path, "rb") as file:
            data = file.read()
        seed, offset, last = segment.seed, HEADER_BYTES, len(data) - FRAME_BYTES
        while offset < last:
            crc, length = unpack_from("<II", data, offset)
            if not length:
                break
            stop = offset + FRAME_BYTES + (length & 0xFFFFFF)
            if crc32(data[offset + 4 : stop], seed) != crc:
                raise SystemExit("a damaged record in a backlog that was just written")
            if length >> 24 != CONTEXT:
                add(data[offset + FRAME_BYTES : stop])
                if len(payloads) == per:
                    size += len(b",".join(payloads))
                    bodies += 1
                    records += per
                    payloads.clear()
            offset = stop
    if payloads:
        size += len(b",".join(payloads))
        bodies += 1
        records += len(payloads)
    return records, size, bodies
