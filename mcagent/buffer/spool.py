"""Spooled files: copies that outlive their originals, named by the record that speaks of them.

Source: docs/buffer-format.md, "Spooled files".
"""

import errno

from ..errors import InvalidMessage
from ..runtime import MICROPYTHON, json_string, new_sha256, random_bytes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterator

    from ..runtime.cpython import FileSystem
    from .batch import Record
    from .cursor import LaneState

FILE_KIND = 5  # messages.kinds.FILE; a layer below may not import it
_PIECE_BYTES = 2048 if MICROPYTHON else 65536
_TEMPORARY = "new-"  # and sixteen hexadecimal digits
_NAME_DIGITS = 16


class Copy:
    """A file in the spool that no record speaks of yet."""

    def __init__(self, path: str, size: int, sha256: str) -> None:
        self.path = path
        self.size = size
        self.sha256 = sha256


class SpooledFile:
    """The content of a FILE record: `length` bytes, yielded by `chunks`."""

    def __init__(self, fs: "FileSystem", path: str, meta: "dict[str, Any]") -> None:
        self._fs = fs
        self._path = path
        self.meta = meta
        self.length = int(meta["size"])

    def chunks(self) -> "Iterator[bytes]":
        """The bytes in pieces; the last one only when size and SHA-256 are right.

        Raises:
            OSError: They are not those that were spooled (EIO), or cannot be read.
        """
        return self.part(0, self.length, self.meta["sha256"])

    def part(self, offset: int, length: int, sha256: str) -> "Iterator[bytes]":
        """As `chunks`, of *length* bytes from *offset* on, whose SHA-256 is to be *sha256*."""
        digest = new_sha256()
        end = offset + length
        file = self._fs.open(self._path, write=False)
        try:
            while offset < end:
                piece = file.read_at(offset, min(_PIECE_BYTES, end - offset))
                digest.update(piece)
                offset += len(piece)
                if not piece or (offset == end and _hex(digest) != sha256):
                    raise OSError(errno.EIO, "the spooled file %s changed" % self._path)
                yield piece
        finally:
            file.close()


class Spool:
    """The folder of spooled files.

    Attributes:
        bytes: What they take, without those that no record speaks of yet.
        orphans: Paths that `recover` found and `sweep` removes.
    """

    def __init__(self, fs: "FileSystem", directory: str, *, block_bytes: int) -> None:
        self._fs = fs
        self._directory = directory
        self._block_bytes = block_bytes
        self._made = False
        self._sizes: "dict[int, int]" = {}
        self.orphans: "list[str]" = []
        self.bytes = 0
        self.bytes_written = 0

    def recover(self, state: "LaneState", next_sequence: int) -> None:
        """Keep what a record that is not done with can speak of; `sweep` removes the rest."""
        for name in self._fs.list_dir(self._directory):
            path = self._directory + "/" + name
            sequence = _sequence_of(name)
            in_hole = state.hole_first <= sequence <= state.hole_last
            if state.head <= sequence < next_sequence and not in_hole:
                try:
                    self._add(sequence, self._fs.size(path))
                except OSError:
                    self._add(sequence, 0)  # who sends it hears what is wrong with it
            elif sequence or _is_temporary(name):
                self.orphans.append(path)

    def copy(self, source: "Any", *, link: bool = False, max_bytes: "int | None" = None) -> Copy:
        """Copy *source* (a path, or an object with `read`) and sync it.

        Args:
            source: Where the bytes come from.
            link: Take the file itself where the file system has hard links.
            max_bytes: More than this is refused.

        Raises:
            InvalidMessage: It cannot be read, or is too long.
            OSError: The disk refused the copy; nothing is left behind.
        """
        self._make()
        unique = "".join(["%02x" % byte for byte in random_bytes(8)])
        path = self._directory + "/" + _TEMPORARY + unique
        linked = link and isinstance(source, str) and self._link(source, path)
        done = False
        try:
            digest = new_sha256()
            size = 0
            file = self._fs.open(path, create=not linked, write=not linked)
            try:
                # Of what was taken, not of what has the source's name by now.
                for piece in _pieces(self._fs, path if linked else source):
                    if max_bytes is not None and size + len(piece) > max_bytes:
                        raise InvalidMessage(
                            "the file is longer than %d bytes" % max_bytes,
                            hint="send it in parts, or give the lane files a larger quota",
                        )
                    digest.update(piece)
                    if not linked:
                        file.write_at(size, piece)
                        self.bytes_written += len(piece)
                    size += len(piece)
                file.sync()
            finally:
                file.close()
            done = True
        finally:
            if not done:  # whatever it was: a stream may raise anything
                self._fs.remove_if_there(path)
        return Copy(path, size, _hex(digest))

    def adopt(self, copy: Copy, sequence: int) -> None:
        """Name *copy* after its record-to-be; durable when this returns."""
        path = self.path(sequence)
        self._fs.rename(copy.path, path)
        if path in self.orphans:
            self.orphans.remove(path)  # what had this name is replaced
        self._add(sequence, copy.size)
        self._fs.sync_dir(self._directory)

    def discard(self, copy: Copy) -> None:
        self._fs.remove_if_there(copy.path)

    def forget(self, sequence: int) -> None:
        """The record is done with: its file takes no room, and is removed next."""
        self.bytes -= self._sizes.pop(sequence, 0)

    def remove(self, sequence: int) -> None:
        self.forget(sequence)
        self._fs.remove_if_there(self.path(sequence))

    def disk_bytes(self, size: int) -> int:
        """What a file of *size* bytes takes: whole blocks, and one where it is empty."""
        block_bytes = self._block_bytes
        return max(1, (size + block_bytes - 1) // block_bytes) * block_bytes

    def size(self, sequence: int) -> int:
        """What its file takes on disk; 0 for none."""
        return self._sizes.get(sequence, 0)

    def open(self, record: "Record") -> SpooledFile:
        """The file that *record* speaks of."""
        import json

        return SpooledFile(self._fs, self.path(record.sequence), json.loads(record.payload))

    def path(self, sequence: int) -> str:
        return "%s/%016d" % (self._directory, sequence)

    def _add(self, sequence: int, size: int) -> None:
        size = self.disk_bytes(size)
        self.bytes += size - self._sizes.get(sequence, 0)
        self._sizes[sequence] = size

    def _make(self) -> None:
        if not self._made:
            # Where it is there, a killed process may have made it and not come to sync its name.
            self._fs.make_dir(self._directory)
            self._fs.sync_dir(self._directory[: self._directory.rfind("/")])
            self._made = True

    def _link(self, source: str, path: str) -> bool:
        try:
            self._fs.link(source, path)
        except OSError:
            return False  # another file system, or one without links: copy
        return True


def file_payload(meta: "dict[str, Any]", copy: Copy, sequence: int) -> bytes:
    """The payload of a FILE record: JSON with sorted keys, so that it is equal everywhere."""
    fields = dict(meta)
    fields.update({"size": copy.size, "sha256": copy.sha256, "spool": "%016d" % sequence})
    parts = []
    for key in sorted(fields):
        value = fields[key]
        text = json_string(value) if isinstance(value, str) else "%d" % value
        parts.append(json_string(key) + ":" + text)
    return ("{" + ",".join(parts) + "}").encode()


def _pieces(fs: "FileSystem", source: "Any") -> "Iterator[bytes]":
    if not isinstance(source, str):
        while True:
            piece = _read(source)
            if not piece:
                return
            yield piece
    try:
        file = fs.open(source, write=False)
    except OSError as error:
        raise InvalidMessage(
            "cannot read %s: %s" % (source, error), hint="the file must exist and be readable"
        )
    try:
        offset = 0
        while True:
            piece = file.read_at(offset, _PIECE_BYTES)
            if not piece:
                return
            yield piece
            offset += len(piece)
    finally:
        file.close()


def _read(source: "Any") -> bytes:
    try:
        piece = source.read(_PIECE_BYTES)
    except Exception as error:  # noqa: BLE001 - the caller's object: its errors are not the disk's
        raise InvalidMessage(
            "the stream failed: %s: %s" % (type(error).__name__, error),
            hint="nothing was stored; open it again",
        )
    if not isinstance(piece, (bytes, bytearray, memoryview)):
        raise InvalidMessage(
            "the stream gave a %s, not bytes" % type(piece).__name__,
            hint="open it in binary mode, and blocking",
        )
    return bytes(piece)


def _sequence_of(name: str) -> int:
    """The record that a spooled file belongs to; 0 for a name that is not ours."""
    if len(name) == _NAME_DIGITS and not name.strip("0123456789"):
        return int(name)
    return 0


def _is_temporary(name: str) -> bool:
    unique = name[len(_TEMPORARY) :]
    return (
        name.startswith(_TEMPORARY)
        and len(unique) == _NAME_DIGITS
        and not unique.strip("0123456789abcdef")
    )


def _hex(digest: "Any") -> str:
    return "".join(["%02x" % byte for byte in digest.digest()])
