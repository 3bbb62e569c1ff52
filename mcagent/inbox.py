"""The inbox: how a second process hands messages to the owner of a state directory.

`mcagent record`, `event` and `file` from cron find the service holding the lock; each leaves one
validated message here, by temporary file, sync and rename, and the owner takes it into the buffer
at its next step. A message is one file: a line of JSON, then the payload as the buffer stores it
(for a file: its content). Removed only after the buffer reported it durable, so a crash between
the two repeats a message and never loses one.
"""

from .errors import BufferFull, InvalidMessage
from .runtime import random_bytes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Iterator

    from .runtime import Clock, FileSystem

_SUFFIX = ".msg"
# An owner that is alive empties it within a second; more means that it is not.
MAX_MESSAGES = 1000
MAX_BYTES = 100_000_000
_STALE_MS = 3_600_000  # no command takes an hour to write one message
_PIECE_BYTES = 65536


class InboxMessage:
    """One message: `header` has ``lane``, ``kind``, ``configuration_id`` or ``file``."""

    def __init__(self, path: str, header: "dict[str, Any]", file: "Any") -> None:
        self.path = path
        self.header = header
        self.file = file  # open for reading, placed at the payload


class Inbox:
    """`inbox/` in a state directory; made at the first message."""

    def __init__(self, directory: str, fs: "FileSystem", clock: "Clock") -> None:
        self._directory = directory + "/inbox"
        self._fs = fs
        self._clock = clock
        self._count = 0

    def __len__(self) -> int:
        return len(self._names())

    def put(self, header: "dict[str, Any]", pieces: "Iterator[bytes]") -> str:
        """Leave one message; it survives a power cut once this returns.

        Returns:
            Its path, where it stands until the owner has taken it in.

        Raises:
            BufferFull: Nobody has emptied the inbox for long.
            InvalidMessage: As *pieces* raises it; nothing was left behind.
            OSError: The disk refused it; nothing was left behind.
        """
        import json

        names = self._names()
        size = sum([self._size(name) for name in names])
        if len(names) >= MAX_MESSAGES or size >= MAX_BYTES:
            raise BufferFull(
                "the inbox %s holds %d messages of %d bytes already"
                % (self._directory, len(names), size),
                hint="the process that owns this state directory does not take them in: see "
                "whether the service runs",
            )
        self._fs.make_dir(self._directory)
        unique = "".join("%02x" % byte for byte in random_bytes(4))
        # By time, then by the order of this process, then by chance.
        self._count += 1
        path = "%s/%015d-%06d-%s" % (
            self._directory,
            self._clock.now_ms(),
            self._count % 1_000_000,
            unique,
        )
        file = self._fs.open(path + ".tmp", create=True)
        try:
            offset = 0
            line = json.dumps(dict(header, version=1, **self._clock_note())).encode() + b"\n"
            file.write_at(0, line)
            offset = len(line)
            for piece in pieces:
                file.write_at(offset, piece)
                offset += len(piece)
            file.sync()
        except (OSError, InvalidMessage):  # the disk refuses it, or *pieces* do
            file.close()
            self._fs.remove_if_there(path + ".tmp")
            raise
        file.close()
        self._fs.rename(path + ".tmp", path + _SUFFIX)
        self._fs.sync_dir(self._directory)
        return path + _SUFFIX

    def messages(self, note: "Callable[[str], None]") -> "Iterator[InboxMessage]":
        """Messages in order of arrival. The caller calls `remove` or `refuse` for each.

        Args:
            note: Hears what cannot be read, and stays where it is.
        """
        import json

        try:
            names = self._names()
        except OSError as error:
            note("the inbox cannot be read: %s" % error)
            return
        for name in names:
            path = self._directory + "/" + name
            try:
                opened = open(path, "rb")  # noqa: SIM115 - closed below, and not its errors
            except OSError as error:
                # Another user's, most likely: a command has to run as the owner's user.
                note("a message in the inbox cannot be read: %s" % error)
                continue
            with opened as file:
                line = file.readline()
                try:
                    header = json.loads(line.decode())
                    if header.pop("version") != 1:
                        raise ValueError("version")  # noqa: TRY301 - one way out for every flaw
                except (ValueError, KeyError, AttributeError, TypeError):
                    self.refuse(path)
                    continue
                yield InboxMessage(path, header, file)

    def sweep(self) -> None:
        """Remove what commands that were killed have left half-written."""
        for name in self._fs.list_dir(self._directory):
            began = name.split("-")[0]
            if name.endswith(".tmp") and (
                not began.isdigit() or abs(self._clock.now_ms() - int(began)) > _STALE_MS
            ):
                self._fs.remove_if_there(self._directory + "/" + name)

    def remove(self, path: str) -> None:
        """The message is durable elsewhere."""
        self._fs.remove(path)

    def refuse(self, path: str) -> None:
        """Keep a message that cannot be read, out of the way."""
        self._fs.rename(path, path[: -len(_SUFFIX)] + ".bad")

    def _clock_note(self) -> "dict[str, Any]":
        """Where the clock is not set: which it is. The message may be taken in much later."""
        clock = self._clock
        if clock.trusted():
            return {}
        boot = "".join(["%02x" % byte for byte in clock.boot_id()])
        return {"clock": [boot, clock.now_ms(), clock.monotonic_ms()]}

    def _size(self, name: str) -> int:
        try:
            return self._fs.size(self._directory + "/" + name)
        except OSError:
            return 0  # taken in meanwhile

    def _names(self) -> "list[str]":
        return [name for name in self._fs.list_dir(self._directory) if name.endswith(_SUFFIX)]


def read_pieces(file: "Any") -> "Iterator[bytes]":
    """The rest of an open file, in pieces of constant size."""
    while True:
        piece = file.read(_PIECE_BYTES)
        if not piece:
            return
        yield piece
