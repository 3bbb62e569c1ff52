"""Parts of a spooled file: their SHA-256, and bodies that send them. CPython only."""

import hashlib

from ..transport.http import Body

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Iterator

    from ..buffer.spool import SpooledFile


def digests(file: "SpooledFile", part_bytes: int) -> "list[str]":
    """SHA-256 of each part of a file, after a look at whether the whole is what was spooled.

    Raises:
        OSError: It is not, or cannot be read.
    """
    found: "list[str]" = []
    digest, left = hashlib.sha256(), part_bytes
    for data in file.chunks():
        rest = data
        while rest:
            taken, rest = rest[:left], rest[left:]
            digest.update(taken)
            left -= len(taken)
            if not left:
                found.append(digest.hexdigest())
                digest, left = hashlib.sha256(), part_bytes
    if left < part_bytes:
        found.append(digest.hexdigest())
    return found


class FilePart(Body):
    """*length* bytes from *offset* on; the last of them leaves only where *sha256* is theirs."""

    def __init__(self, file: "SpooledFile", offset: int, length: int, sha256: str) -> None:
        self._file = file
        self._place = offset, length, sha256
        self.length = length

    def chunks(self) -> "Iterator[bytes]":
        return self._file.part(*self._place)
