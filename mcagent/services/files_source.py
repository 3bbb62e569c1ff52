"""The local file of an upload: read in parts, and noticed when it changes on the way."""

import hashlib
import os
import stat
from typing import BinaryIO, Callable, Iterator, NamedTuple

from ..errors import InvalidMessage
from ..transport.http import Body

_READ_BYTES = 262_144
_PIECE_BYTES = 65_536


class FileChanged(InvalidMessage):
    """The file is not the one any more that the upload began with."""


class Identity(NamedTuple):
    """What the file system says of a file; another value is another file."""

    size: int
    mtime_ns: int
    inode: int


class Source:
    """One regular file.

    Args:
        path: Where it is.

    Raises:
        InvalidMessage: It is none, or cannot be read.
    """

    def __init__(self, path: "str | os.PathLike[str]") -> None:
        self.path = os.path.realpath(os.fspath(path))
        self._shown = os.fspath(path)
        self.identity = self._look()

    @property
    def size(self) -> int:
        return self.identity.size

    def check(self) -> None:
        """Compare the file with the one that the upload began with.

        Raises:
            FileChanged: It is another one.
        """
        now = self._look()
        if now != self.identity:
            what = (
                f"from {self.identity.size} to {now.size} bytes"
                if now.size != self.identity.size
                else "its content"
            )
            raise self.changed(what)

    def changed(self, what: str) -> FileChanged:
        return FileChanged(
            f"{self._shown} changed while it was uploaded ({what}); nothing of it is visible on "
            "the platform",
            hint="upload a copy, or wait until nobody writes to it",
        )

    def part(self, offset: int, length: int, on_sent: "Callable[[int], None]") -> "Part":
        return Part(self.path, offset, length, on_sent)

    def snapshot(self) -> "Snapshot":
        """The whole of a small file, in RAM.

        Raises:
            FileChanged: It changed while it was read.
        """
        with self._open() as file:
            data = file.read(self.size + 1)
        self.check()
        return Snapshot(data)

    def digests(self, part_bytes: int) -> "tuple[str, list[str]]":
        """SHA-256 of the whole file and of each of its parts, in one pass."""
        whole = hashlib.sha256()
        parts: list[str] = []
        with self._open() as file:
            while True:
                one, left = hashlib.sha256(), part_bytes
                while left and (data := file.read(min(left, _READ_BYTES))):
                    one.update(data)
                    whole.update(data)
                    left -= len(data)
                if left == part_bytes:
                    return whole.hexdigest(), parts
                parts.append(one.hexdigest())

    def _open(self) -> "BinaryIO":
        try:
            return open(self.path, "rb")
        except OSError as error:
            raise self._unreadable(error) from error

    def _unreadable(self, error: OSError) -> InvalidMessage:
        return InvalidMessage(
            f"cannot read {self._shown}: {error.strerror}",
            hint="is the path right, and may this user read it?",
        )

    def _look(self) -> Identity:
        try:
            state = os.stat(self.path)
        except OSError as error:
            raise self._unreadable(error) from error
        if not stat.S_ISREG(state.st_mode):
            raise InvalidMessage(
                f"{self._shown} is not a file", hint="a directory is uploaded file by file"
            )
        return Identity(state.st_size, state.st_mtime_ns, state.st_ino)


class Snapshot(Body):
    """Bytes in RAM, sent in small pieces: a slow link is not a silent one."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.length = len(data)
        self.sha256 = hashlib.sha256(data).hexdigest()

    def chunks(self) -> "Iterator[bytes]":
        for start in range(0, self.length, _PIECE_BYTES):
            yield self._data[start : start + _PIECE_BYTES]


class Part(Body):
    """A stretch of a file, streamed; `sha256` of what was sent last.

    Args:
        path: The file.
        offset: Where it begins.
        length: How long it is.
        on_sent: Told how many bytes of it are on their way.
    """

    def __init__(
        self, path: str, offset: int, length: int, on_sent: "Callable[[int], None]"
    ) -> None:
        self._path = path
        self._offset = offset
        self._on_sent = on_sent
        self.length = length
        self.sha256 = ""

    def chunks(self) -> "Iterator[bytes]":
        digest, sent = hashlib.sha256(), 0
        with open(self._path, "rb") as file:
            file.seek(self._offset)
            while sent < self.length:
                data = file.read(min(_PIECE_BYTES, self.length - sent))
                if not data:
                    return  # it is shorter now: the transport breaks the request off
                digest.update(data)
                sent += len(data)
                self._on_sent(sent)
                yield data
        self.sha256 = digest.hexdigest()
