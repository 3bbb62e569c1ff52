"""Where the buffer is, who writes in it, and a file system that only reads."""

import errno
import os
import stat

from ..errors import ConfigurationError
from ..runtime import FileSystem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..runtime.cpython import RandomFile

# What mcagent keeps beside the buffer: a directory with one of them is a state directory.
_NEIGHBOURS = ("lock", "model.json", "credentials", "inbox")
_GONE = (errno.ENOENT, errno.ENOTDIR)


class ReadOnly(FileSystem):
    """Reads and lists. Whatever would change something raises.

    Attributes:
        troubles: (path, what) of each thing that could not be read; a vanished file is none.
    """

    def __init__(self) -> None:
        self.troubles: "list[tuple[str, str]]" = []

    def open(self, path: str, *, create: bool = False, write: bool = False) -> "RandomFile":
        """Open a regular file for reading; a pipe or device of that name would hold us up."""
        if create or write:
            raise OSError(errno.EROFS, "read only", path)
        flags = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0)
        fd = os.open(path, flags)
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            os.close(fd)
            raise OSError(errno.EINVAL, "not a regular file", path)
        from ..runtime.cpython import RandomFile

        return RandomFile(path, fd)

    def list_dir(self, path: str) -> "list[str]":
        """Names in *path*, sorted; empty, and noted, where it cannot be read."""
        try:
            return sorted(os.listdir(path))
        except OSError as error:
            self.note(path, error)
            return []

    def size(self, path: str) -> int:
        """0 for what went away since it was listed."""
        try:
            return os.stat(path).st_size
        except OSError as error:
            self.note(path, error)
            return 0

    def taken(self, path: str) -> int:
        """Bytes of the medium that *path* takes: reserved ones count, holes do not."""
        try:
            return os.stat(path).st_blocks * 512
        except OSError:
            return 0

    def read(self, path: str) -> bytes:
        file = self.open(path)
        try:
            return file.read_at(0, file.size())
        finally:
            file.close()

    def note(self, path: str, error: OSError) -> None:
        """Remember that *path* cannot be read; something that is not there is no trouble."""
        trouble = (path, error.strerror or str(error))
        if error.errno not in _GONE and trouble not in self.troubles:
            self.troubles.append(trouble)

    def write_atomic(self, path: str, data: bytes) -> None:  # noqa: ARG002
        raise OSError(errno.EROFS, "read only", path)

    def make_dir(self, path: str) -> None:
        raise OSError(errno.EROFS, "read only", path)

    def make_private(self, path: str) -> bool:
        raise OSError(errno.EROFS, "read only", path)

    def remove(self, path: str) -> None:
        raise OSError(errno.EROFS, "read only", path)

    def remove_if_there(self, path: str) -> None:
        raise OSError(errno.EROFS, "read only", path)

    def rename(self, source: str, target: str) -> None:  # noqa: ARG002
        raise OSError(errno.EROFS, "read only", source)

    def link(self, source: str, target: str) -> None:  # noqa: ARG002
        raise OSError(errno.EROFS, "read only", source)


def find_buffer(directory: str, lanes: "tuple[str, ...]") -> str:
    """The buffer of a state directory, or *directory* itself where it is one.

    A state directory that holds no record yet has none: the path is returned all the same.

    Raises:
        ConfigurationError: There is neither, or this user may not look.
    """
    directory = directory.rstrip("/") or "/"
    inner = directory + "/buffer"
    try:
        names = os.listdir(inner if os.path.isdir(inner) else directory)
    except OSError as error:
        if error.errno in _GONE:
            raise ConfigurationError(
                f"there is no state directory {directory}",
                hint="name the directory that mcagent keeps its state in, its folder `buffer`, "
                "or a copy of either",
            ) from error
        raise ConfigurationError(
            f"cannot read {error.filename}: {error.strerror}",
            hint="run this as the user that owns it",
        ) from error
    if os.path.isdir(inner):
        return inner
    if "cursor" in names or any(os.path.isdir(f"{directory}/{lane}") for lane in lanes):
        return directory
    if any(name in names for name in _NEIGHBOURS):
        return inner
    raise ConfigurationError(
        f"{directory} holds no buffer: neither a cursor nor the folder of a lane",
        hint="name the state directory, its folder `buffer`, or a copy of either",
    )


def writer_of(buffer: str) -> "bool | None":
    """True while a process holds the lock of the state directory around *buffer*.

    The lock is not touched: to take it even for a moment could turn a starting service away.

    Returns:
        None where the kernel does not tell (not Linux), or where there is no lock file.
    """
    try:
        lock = os.stat(os.path.join(os.path.dirname(buffer) or ".", "lock"))
        with open("/proc/locks", encoding="ascii", errors="replace") as file:
            lines = file.read().splitlines()
    except OSError:
        return None
    inode = str(lock.st_ino)
    for line in lines:
        # 1: FLOCK  ADVISORY  WRITE 708 08:01:5767325 0 EOF; device numbers differ on some
        # file systems (btrfs, overlay), so the inode alone decides.
        fields = line.split()
        if len(fields) > 5 and fields[1] == "FLOCK" and fields[5].split(":")[-1] == inode:
            return True
    return False


def owner_of(directory: str) -> str:
    """Who holds the lock of the state directory; ``""`` where nobody does, or nobody can tell."""
    if not writer_of(directory + "/buffer"):
        return ""
    try:
        with open(directory + "/lock", encoding="utf-8", errors="replace") as file:
            return file.read(200) or "a process that left no name"
    except OSError:
        return "a process that left no name"
