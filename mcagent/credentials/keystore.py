"""Where credentials live on the disk: two equal files, written atomically, for one user only.

credentials/credentials         0600   two lines: version and CRC, then the state as JSON
credentials/credentials.copy    0600   the same bytes, for the day the medium eats the first
credentials/reserve             0600   zeros: room for the next state on a full disk
credentials/damaged-N           0600   what could not be read, kept for whoever looks into it
lock                                   held by the process that owns the state directory
"""

from ..errors import NO_SPACE, ConfigurationError
from ..runtime import FileLock, FileSystem, crc32

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_VERSION = 1
# Files are padded to whole blocks, so that the next state fits where this one did: a disk that
# was full enough to refuse it would have refused the write-ahead, before anything was sent.
_BLOCK = 4096
_RESERVE_BYTES = 4 * _BLOCK  # a state with three RSA keys
_MAX_DAMAGED = 4  # a medium that dies must not fill itself with its own ruins


class Keystore:
    """The credentials of one agent in a state directory.

    >>> keystore = Keystore("/var/lib/mcagent", FileSystem())
    >>> lifecycle = Lifecycle(keystore.load(), boarding)

    Attributes:
        notes: What was found wrong and worked around, for the log.
    """

    def __init__(self, directory: str, fs: "FileSystem | None" = None) -> None:
        self.directory = directory + "/credentials"
        self._fs = fs or FileSystem()
        self._path = self.directory + "/credentials"
        self._copy = self._path + ".copy"
        self._reserve = self.directory + "/reserve"
        self.notes: "list[str]" = []

    def load(self) -> "dict[str, Any] | None":
        """The state that was saved last; None where there is none that can be read.

        After damage the copy is used: it is the same, or one step older, and by the write-ahead
        rule a state one step older still works.

        Raises:
            ConfigurationError: A newer mcagent wrote it.
            OSError: It cannot be read.
        """
        if not self._fs.exists(self.directory):
            return None
        self._protect()
        found: "dict[str, Any] | None" = None
        good = b""
        stale = []
        for path in (self._path, self._copy):
            there = self._fs.exists(path)
            data = self._fs.read(path) if there else b""
            if found is not None and data == good:
                continue
            state = _decode(data, path)
            if there and state is None:
                self._keep_aside(path)
            if found is None and state is not None:
                found, good = state, data
            else:
                stale.append(path)
        self._settle(stale if found is not None else [], good)
        return found

    def save(self, state: "dict[str, Any]") -> None:
        """Replace what is stored; when this returns, *state* survives a cut.

        Raises:
            OSError: The disk refused; the state before is intact.
        """
        data = _encode(state)
        if not self._fs.exists(self.directory):
            self._fs.make_dir(self.directory)
            self._fs.sync_dir(self.directory[: self.directory.rfind("/")] or "/")
        try:
            self._write(data)
        except OSError as error:
            if error.errno not in NO_SPACE or not self._fs.exists(self._reserve):
                raise
            self._fs.remove(self._reserve)
            self._write(data)

    def keep_room(self) -> None:
        """Put room by for the next `save`, before a request whose answer exists only once.

        The write-ahead found room; somebody else may take the last of it before the answer.

        Raises:
            OSError: There is none: the request must not be sent.
        """
        if not (self._fs.exists(self._reserve) and self._fs.size(self._reserve) >= _RESERVE_BYTES):
            self._fs.write_atomic(self._reserve, bytes(_RESERVE_BYTES))

    def _write(self, data: bytes) -> None:
        # In this order the first file is never the older one.
        self._fs.write_atomic(self._path, data)
        self._fs.write_atomic(self._copy, data)

    def _settle(self, stale: "list[str]", good: bytes) -> None:
        """Make what was found as durable as after `save`: what is sent next relies on it.

        A process that was killed between a rename and its sync left names that this process sees
        and a power cut takes back, and with them the answer to a registration. *stale*: missing,
        damaged or one step older; a second blow must find two files again.
        """
        try:
            self._fs.sync_dir(self.directory[: self.directory.rfind("/")] or "/")
            self._fs.sync_dir(
                self.directory
            )  # before the second rename, so that one at most is open
            for path in stale:
                self._fs.write_atomic(path, good)
        except OSError as error:
            # A full disk must not keep a device from working with what it has.
            self.notes.append("the credentials cannot be written again: %s" % error)

    def _protect(self) -> None:
        for path in (self.directory, self._path, self._copy):
            if self._fs.exists(path) and self._fs.make_private(path):
                self.notes.append(
                    "%s could be read by other users of this device; it is private again" % path
                )

    def _keep_aside(self, path: str) -> None:
        there = [name for name in self._fs.list_dir(self.directory) if "damaged-" in name]
        number = 1
        while "damaged-%d" % number in there:
            number += 1
        if number > _MAX_DAMAGED:
            self._fs.remove(path)
        else:
            self._fs.rename(path, self.directory + "/damaged-%d" % number)
        self.notes.append("%s was damaged and is not used" % path)

    def __repr__(self) -> str:
        return "<Keystore %s>" % self.directory


class StateLock:
    """One process owns a state directory.

    >>> lock = StateLock("/var/lib/mcagent")
    >>> lock.acquire()
    """

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self._lock = FileLock(directory + "/lock")

    def acquire(self) -> None:
        """Take the directory, until `release` or the end of the process.

        Raises:
            ConfigurationError: Another process has it; the message names it.
            OSError: The directory cannot be written.
        """
        if not self._lock.acquire():
            raise ConfigurationError(
                "%s is in use by %s" % (self._directory, self._lock.owner() or "another process"),
                hint="one process owns a state directory: stop that one, or use the commands that "
                "hand over to it (mcagent record, event, file)",
            )

    def release(self) -> None:
        """Give it back; harmless to repeat."""
        self._lock.release()


def _encode(state: "dict[str, Any]") -> bytes:
    import json

    body = json.dumps(state).encode()
    head = '{"version": %d, "crc32": "%08x"}\n' % (_VERSION, crc32(body) & 0xFFFFFFFF)
    data = head.encode() + body
    return data + b" " * (-(len(data) + 1) % _BLOCK) + b"\n"


def _decode(data: bytes, path: str) -> "dict[str, Any] | None":
    """The state; None for damaged bytes."""
    import json

    head, _newline, body = data.partition(b"\n")
    body = body.rstrip()
    try:
        about = json.loads(head.decode())
        if about["version"] > _VERSION:
            raise ConfigurationError(
                "%s was written by a newer release of mcagent (format %d, this one reads %d)"
                % (path, about["version"], _VERSION),
                hint="install that release again; the file was left as it is",
            )
        if about["crc32"] != "%08x" % (crc32(body) & 0xFFFFFFFF):
            return None
        state = json.loads(body.decode())
    except (ValueError, KeyError, TypeError, UnicodeError):
        return None
    return state if isinstance(state, dict) else None
