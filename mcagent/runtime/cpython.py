"""CPython: files through descriptors, `flock`, real fsync."""

import _thread
import errno
import os
import time
from binascii import b2a_base64, crc32
from struct import Struct

from .clock import Clock

__all__ = [
    "Clock",
    "FileLock",
    "FileSystem",
    "Struct",
    "base64url",
    "crc32",
    "float_text",
    "hmac_sha256",
    "json_string",
    "log",
    "new_lock",
    "new_sha256",
    "random_bytes",
    "random_unit",
    "sleep_ms",
]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

try:
    import fcntl
except ImportError:  # Windows: messages can be made, the buffer needs os.pread as well
    fcntl = None  # type: ignore[assignment]


_FILE_TYPE, _REGULAR = 0o170000, 0o100000  # of st_mode; the module stat is not worth importing


class RandomFile:
    """A file read and written at offsets. Every method raises `OSError` at most."""

    __slots__ = ("_fd", "path")

    def __init__(self, path: str, fd: int) -> None:
        self.path = path
        self._fd = fd

    def write_at(self, offset: int, data: "bytes | bytearray | memoryview") -> None:
        """Write all of *data*; a short write is continued or raises."""
        written = os.pwrite(self._fd, data, offset)
        while written < len(data):
            more = os.pwrite(self._fd, memoryview(data)[written:], offset + written)
            if more == 0:
                raise OSError(errno.EIO, "write returned 0")
            written += more

    def read_at(self, offset: int, size: int) -> bytes:
        """Up to *size* bytes; fewer only at the end of the file."""
        data = os.pread(self._fd, size, offset)
        if len(data) == size or not data:
            return data
        parts = [data]
        missing = size - len(data)
        while missing:
            data = os.pread(self._fd, missing, offset + size - missing)
            if not data:
                break
            parts.append(data)
            missing -= len(data)
        return b"".join(parts)

    def sync(self) -> None:
        """Return once every byte written so far is on the medium, under a name.

        Raises:
            OSError: It is not; ENOENT where the file was removed: nobody would find the bytes.
        """
        if self._fd < 0:
            raise OSError(errno.EBADF, "the file is closed", self.path)
        try:
            _fdatasync(self._fd)
        except OSError as error:
            # A pipe by that name: nothing was written to it.
            if error.errno != errno.EINVAL or os.fstat(self._fd).st_mode & _FILE_TYPE == _REGULAR:
                raise
        if self._is_removed():
            raise OSError(errno.ENOENT, "the file was removed", self.path)

    def _is_removed(self) -> bool:
        # Whoever asks for a file's status makes Linux (6.13) give the next write a time of its
        # own, which the next sync has to store, too: a third more for each record. Its name in
        # /proc costs nothing; elsewhere there is none.
        try:
            if not os.readlink("/proc/self/fd/%d" % self._fd).endswith(" (deleted)"):
                return False
        except OSError:
            pass
        return not os.fstat(self._fd).st_nlink

    def size(self) -> int:
        return os.fstat(self._fd).st_size

    def preallocate(self, size: int) -> bool:
        """Reserve *size* bytes that read as zeros. False where the file system cannot."""
        if not hasattr(os, "posix_fallocate"):
            return False
        try:
            os.posix_fallocate(self._fd, 0, size)
        except OSError as error:
            if error.errno in (errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS, errno.ENODEV):
                return False
            raise
        return True

    def truncate(self, size: int) -> bool:
        """Cut the file to *size* bytes. False where the platform cannot."""
        os.ftruncate(self._fd, size)
        return True

    def close(self) -> None:
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)


class FileSystem:
    """The operations that a state directory needs. A test's recording file system has the same.

    Attributes:
        keeps_unsynced: What was written and not synced is there after the process was killed.
    """

    keeps_unsynced = True

    def open(self, path: str, *, create: bool = False, write: bool = True) -> RandomFile:
        """Open for reading and writing at offsets.

        Args:
            path: The file.
            create: The file must not exist yet; its directory entry is durable only after
                `sync_dir`. Mode 0600.
            write: False opens for reading only.
        """
        flags = os.O_RDWR if write else os.O_RDONLY
        if create:
            flags |= os.O_CREAT | os.O_EXCL
        flags |= getattr(os, "O_NONBLOCK", 0)  # a pipe by that name must not stop us
        return RandomFile(path, os.open(path, flags | getattr(os, "O_CLOEXEC", 0), 0o600))

    def read(self, path: str) -> bytes:
        """The whole (small) file."""
        with open(path, "rb") as file:
            return file.read()

    def write_atomic(self, path: str, data: bytes) -> None:
        """Replace *path* by *data* so that after any cut it holds the old or the new bytes."""
        # litestream's ritual: temporary file beside the target, sync, rename, sync the directory.
        temporary = path + ".tmp"
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(fd, view) :]
            os.fsync(fd)
        except OSError:
            os.close(fd)
            self.remove_if_there(temporary)
            raise
        os.close(fd)
        os.replace(temporary, path)
        self.sync_dir(os.path.dirname(path))

    def make_dir(self, path: str) -> None:
        """Make *path* and its parents, 0700; harmless where it exists."""
        os.makedirs(path, 0o700, exist_ok=True)

    def make_private(self, path: str) -> bool:
        """Take all rights to *path* from other users. True where they had any."""
        mode = os.stat(path).st_mode & 0o777
        if os.name != "posix" or not mode & 0o077:
            return False
        os.chmod(path, mode & 0o700)
        return True

    def list_dir(self, path: str) -> "list[str]":
        """Names in *path*, sorted; empty where it does not exist."""
        try:
            return sorted(os.listdir(path))
        except FileNotFoundError:
            return []

    def exists(self, path: str) -> bool:
        return os.path.exists(path)

    def size(self, path: str) -> int:
        return os.stat(path).st_size

    def free(self, path: str) -> "tuple[int, int, int, int] | None":
        """What the file system of *path* has left: free and all bytes, free and all files.

        The files are 0 and 0 where it does not count them. None where it cannot be known.
        """
        try:
            space = os.statvfs(path)
        except (OSError, AttributeError):  # Windows has none
            return None
        unit = space.f_frsize
        return space.f_bavail * unit, space.f_blocks * unit, space.f_favail, space.f_files

    def remove(self, path: str) -> None:
        os.unlink(path)

    def remove_if_there(self, path: str) -> None:
        try:
            os.unlink(path)
        except FileNotFoundError:
            pass

    def rename(self, source: str, target: str) -> None:
        """Give *source* the name *target*, replacing what is there."""
        os.replace(source, target)

    def link(self, source: str, target: str) -> None:
        """Hard link of a file that has one name, so that nothing else leads to it afterwards.

        Raises:
            OSError: It is a symbolic link, or has other names, or the file system has no links.
        """
        state = os.lstat(source)
        if state.st_mode & _FILE_TYPE != _REGULAR or state.st_nlink != 1:
            raise OSError(errno.EPERM, "not a file with one name", source)
        os.link(source, target)

    def sync_dir(self, path: str) -> None:
        """Return once names created, renamed and removed in *path* are durable."""
        fd = os.open(path or ".", os.O_RDONLY)
        try:
            os.fsync(fd)
        except OSError as error:
            if error.errno != errno.EINVAL:  # some network and FUSE file systems
                raise
        finally:
            os.close(fd)


class FileLock:
    """An exclusive lock on a state directory, held until `release` or the process ends."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._fd = -1

    def acquire(self) -> bool:
        """True when the lock is ours; False when another process holds it."""
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
        if fcntl is not None:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                os.close(fd)
                if error.errno in (errno.EAGAIN, errno.EACCES):
                    return False
                raise
        self._fd = fd
        owner = f"pid {os.getpid()} on {os.uname().nodename}"
        try:
            os.ftruncate(fd, 0)
            os.pwrite(fd, owner.encode(), 0)
        except OSError:
            pass  # a full disk must not keep the owner out; the name is only for people
        return True

    def owner(self) -> str:
        """Who holds the lock, for a message; ``""`` when nobody wrote a name."""
        try:
            with open(self._path, "rb") as file:
                return file.read(200).decode("utf-8", "replace")
        except OSError:
            return ""

    def release(self) -> None:
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)


def new_lock() -> "Any":
    """A mutual exclusion lock: a context manager with `acquire` and `release`."""
    return (
        _thread.allocate_lock()
    )  # `threading` costs milliseconds at import and adds nothing here


def new_sha256() -> "Any":
    """A running SHA-256 with `update` and `digest` (call `digest` once)."""
    import hashlib

    return hashlib.sha256()


def hmac_sha256(key: bytes, data: bytes) -> bytes:
    import hmac

    return hmac.digest(key, data, "sha256")


def random_bytes(size: int) -> bytes:
    return os.urandom(size)


def random_unit() -> float:
    """Uniform in [0, 1)."""
    return int.from_bytes(os.urandom(4), "big") / 4_294_967_296


def base64url(data: bytes) -> str:
    """RFC 4648 section 5, without padding."""
    text = b2a_base64(data, newline=False).decode().rstrip("=")
    return text.replace("+", "-").replace("/", "_")


def sleep_ms(duration_ms: int) -> None:
    time.sleep(duration_ms / 1000)


# The shortest text that reads back as the same float. Not `repr`: subclasses (numpy.float64)
# have one of their own.
float_text = float.__repr__


def json_string(text: str) -> str:
    """*text* as a JSON string literal: UTF-8 as it is, control characters escaped.

    The same bytes on every interpreter. The caller has refused lone surrogates.
    """
    if text.isprintable() and '"' not in text and "\\" not in text:
        return '"' + text + '"'
    try:
        from ujson import dumps
    except ImportError:
        from json.encoder import encode_basestring

        return encode_basestring(text)
    return dumps(text, ensure_ascii=False, escape_forward_slashes=False)


def log(level: str, area: str, text: str) -> None:
    """One line for the operator. *level* is ``"info"``, ``"warning"`` or ``"error"``."""
    import logging

    getattr(logging.getLogger("mcagent." + area), level)("%s", text)


_fdatasync = getattr(os, "fdatasync", os.fsync)
