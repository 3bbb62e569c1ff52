"""A bare log: what a plain design costs and nothing more. Not a peer.

One growing file, a length and a CRC before each record, a cursor in two slots. No bounds, no
preallocation, no recovery, no handling of damage or of a full disk: it is a floor to compare with.
"""

import os
import struct
from binascii import crc32

from .contestant import Contestant

_HEAD = struct.Struct("<II")  # CRC, length
_SLOT = struct.Struct("<QQI")  # generation, offset, CRC
_WINDOW_BYTES = 65536


class RawLog(Contestant):
    name = "rawlog (floor)"

    def __init__(self, directory, group):
        self._log = os.open(directory + "/log", os.O_RDWR | os.O_CREAT)
        self._cursor = os.open(directory + "/cursor", os.O_RDWR | os.O_CREAT)
        self._end = os.fstat(self._log).st_size
        slots = [os.pread(self._cursor, _SLOT.size, place) for place in (0, 4096)]
        whole = [_SLOT.unpack(slot)[:2] for slot in slots if _is_whole(slot)]
        self._generation, self._head = max(whole, default=(0, 0))

    def put_each(self, payloads):
        for payload in payloads:
            self.put_group([payload])

    def put_group(self, payloads):
        parts = []
        for payload in payloads:
            parts += (_HEAD.pack(crc32(payload, 1), len(payload)), payload)
        data = b"".join(parts)
        os.pwrite(self._log, data, self._end)
        os.fdatasync(self._log)
        self._end += len(data)

    def drain(self, per):
        base, data, offset = self._head, b"", 0
        while True:
            payloads = []
            while len(payloads) < per:
                body = offset + _HEAD.size
                stop = body + (_HEAD.unpack_from(data, offset)[1] if body <= len(data) else 0)
                if stop > len(data) or body > len(data):
                    base += offset
                    data, offset = os.pread(self._log, _WINDOW_BYTES, base), 0
                    if not data:
                        break
                    continue
                payload = data[body:stop]
                if crc32(payload, 1) != _HEAD.unpack_from(data, offset)[0]:
                    break
                payloads.append(payload)
                offset = stop
            if not payloads:
                return
            yield len(payloads), b",".join(payloads)
            self._acknowledge(base + offset)

    def _acknowledge(self, head):
        self._generation += 1
        slot = struct.pack("<QQ", self._generation, head)
        os.pwrite(
            self._cursor, slot + struct.pack("<I", crc32(slot, 1)), self._generation % 2 * 4096
        )
        os.fdatasync(self._cursor)
        self._head = head
        if head == self._end:
            os.ftruncate(self._log, 0)
            self._head = self._end = 0

    def close(self):
        os.close(self._log)
        os.close(self._cursor)


def _is_whole(slot):
    return len(slot) == _SLOT.size and crc32(slot[:16], 1) == _SLOT.unpack(slot)[2]
