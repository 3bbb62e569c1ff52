"""Write a PNG smaller: Chromium compresses for speed, and flat areas compress best unfiltered."""

import struct
import zlib


def shrunk(png):
    """Give the same picture (8 bits, RGB or RGBA, as Chromium writes it), compressed as far as zlib can."""
    chunks, at = [], 8
    while at < len(png):
        (length,) = struct.unpack_from(">I", png, at)
        chunks.append((png[at + 4 : at + 8], png[at + 8 : at + 8 + length]))
        at += 12 + length
    head = dict(chunks)[b"IHDR"]
    width, height, depth, colour = struct.unpack_from(">IIBB", head)
    assert (depth, colour) in ((8, 2), (8, 6))
    pixel = 3 if colour == 2 else 4
    raw = zlib.decompress(b"".join(data for kind, data in chunks if kind == b"IDAT"))
    rows = b"".join(b"\0" + row for row in _rows(raw, width * pixel, height, pixel))
    kept = [(b"IHDR", head), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b"")]
    return png[:8] + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in kept
    )


def _rows(raw, length, height, pixel):
    """Undo the filters (PNG specification, section 9)."""
    above = bytes(length)
    for number in range(height):
        start = number * (length + 1)
        kind, row = raw[start], bytearray(raw[start + 1 : start + 1 + length])
        if kind == 2:
            row = bytearray((a + b) & 255 for a, b in zip(row, above))
        elif kind:
            for i in range(length):
                left = row[i - pixel] if i >= pixel else 0
                corner = above[i - pixel] if i >= pixel else 0
                guess = (left, 0, (left + above[i]) // 2, _paeth(left, above[i], corner))[kind - 1]
                row[i] = (row[i] + guess) & 255
        yield bytes(row)
        above = row


def _paeth(left, up, corner):
    a, b, c = abs(up - corner), abs(left - corner), abs(left + up - 2 * corner)
    if a <= b and a <= c:
        return left
    return up if b <= c else corner
