"""Which contents were handed to the agent as files: each once, whoever is killed. CPython only.

A line is written before a file is handed over and completed afterwards. A line that was not
completed is in doubt: the record in the buffer, which names the SHA-256 of its file, decides.
"""

import contextlib
import copy
import hashlib
import re
import threading

from .errors import InvalidMessage, storage_error
from .messages.file import File
from .runtime import FileSystem, log

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from .agent import Agent

# Key, SHA-256 of the bytes that are sent, first number that their record may have; and when it was
# taken in, the file's name.
_BEGUN = re.compile(rb"([0-9a-f]{64}) ([0-9a-f]{64}) ([0-9]+) ")
_PIECE_BYTES = 1024 * 1024
_MOST = 10_000  # contents: more than a folder of rotated logs ever has; a megabyte and a half
_SHA256 = re.compile(r"[0-9a-f]{64}")


class Ledger:
    """Hands files to an agent, and none twice.

    >>> ledger = Ledger(agent)
    >>> ledger.submit(File("report.pdf"))
    True
    >>> ledger.submit(File("report.pdf"))
    False

    It stands in the agent's state directory, because it speaks of the numbers in its buffer. Open
    it before the agent uploads. A file that gives way to others in a full buffer counts as handed
    over: give the lane of files the policy ``"reject"`` where that must not be. The ledger of a
    script that never calls `forget_all_but` grows by some 200 bytes a file.

    Args:
        agent: An open agent.
        name: Of the file in its state directory.

    Raises:
        AgentError: The ledger cannot be read or written.
    """

    def __init__(
        self, agent: "Agent", name: str = "ledger.txt", *, fs: "FileSystem | None" = None
    ) -> None:
        self._agent = agent
        self._fs = fs or FileSystem()
        self._path = agent.directory + "/" + name
        self._lock = threading.Lock()
        self._known: "dict[str, bytes]" = {}  # key to line, oldest first
        self._end = 0  # of the last complete line
        self._certain = False  # nothing in the file is in doubt
        with self._lock:
            self._settle()

    def __contains__(self, key: str) -> bool:
        """True where the content *key* was handed over; see `submit`."""
        return key in self._known

    def __len__(self) -> int:
        return len(self._known)

    def submit(self, file: File, *, sha256: str = "", key: str = "") -> bool:
        """Hand *file* over, unless its content was handed over before.

        The agent has it on the medium when this returns. After a kill in between, the next start
        finds out by the buffer whether it has. Where the buffer cannot tell any more, because its
        segment was damaged or removed, the file is sent again, with a line in the log.

        Args:
            file: To send; the original stays, also with ``move``. An object that is read must
                stand at its beginning.
            sha256: Of its bytes, 64 hexadecimal digits, where the caller knows it; other bytes
                are refused then. Without it the file is read twice.
            key: What the content is known by instead: the SHA-256 of what a compressed file holds.

        Returns:
            False where that content was handed over before.

        Raises:
            InvalidMessage: The file changed while it was read, or cannot be sent.
            BufferFull: There is no room; the same call may be made again.
        """
        with self._lock, _opened(file) as source:
            sha256 = sha256 or _sha256_of(source)
            key = key or sha256
            for text in (sha256, key):
                if not _SHA256.fullmatch(text):
                    raise InvalidMessage(f"{text!r} is not a SHA-256", hint="64 digits, a to f")
            self._settle()
            if key in self._known:
                return False
            begun = f"{key} {sha256} {self._next_sequence()} ".encode()
            # Whatever is raised from here on: the doubt is settled before anything else is done.
            self._certain = False
            self._write(begun)
            checked = copy.copy(file)
            checked.move = False
            checked.source = _Checked(source, sha256)
            self._agent.submit(checked)
            self._complete(key, begun + file.name.encode("utf-8", "backslashreplace"))
        return True

    def forget_all_but(self, keys: "set[str]") -> None:
        """Forget contents that are not in *keys*, once there are more than 10 000.

        For a folder that is searched again and again: what is not in it any more does not come
        back. The newest half of them is kept all the same.

        Raises:
            AgentError: It cannot be written; nothing is forgotten.
        """
        with self._lock:
            if len(self._known) <= _MOST or len(keys) >= len(self._known):
                return
            self._settle()
            newest = set(list(self._known)[-_MOST // 2 :])
            kept = {key: line for key, line in self._known.items() if key in keys or key in newest}
            try:
                self._fs.write_atomic(self._path, b"".join(line + b"\n" for line in kept.values()))
            except OSError as error:
                raise storage_error(self._agent.directory, error)
            finally:
                self._certain = False  # whichever of the two is there is read at the next call

    # -- private ----------------------------------------------------------------------------

    def _settle(self) -> None:
        """Read the file where something in it is in doubt, and decide."""
        if self._certain:
            return
        try:
            if not self._fs.exists(self._path):
                self._fs.open(self._path, create=True).close()
                self._fs.sync_dir(self._agent.directory)
            data = self._fs.read(self._path)
        except OSError as error:
            raise storage_error(self._agent.directory, error)
        lines = data.split(b"\n")
        rest = lines.pop()
        self._known = {}
        damaged = 0
        for line in lines:
            begun = _BEGUN.match(line)
            if begun:
                self._known[begun[1].decode()] = line
            else:
                damaged += 1
        if damaged:
            log("warning", "ledger", f"{self._path}: {damaged} lines say nothing: damaged?")
        self._end = len(data) - len(rest)
        begun = _BEGUN.match(rest)
        if begun and self._has_taken(begun[2].decode(), int(begun[3])):
            self._complete(begun[1].decode(), begun[0] + b"(found in the buffer)")
        elif rest:
            self._write(b"")
        self._certain = True

    def _complete(self, key: str, line: bytes) -> None:
        self._write(line + b"\n")
        self._end += len(line) + 1
        self._known[key] = line
        self._certain = True

    def _write(self, line: bytes) -> None:
        """Let *line*, on the medium, be what follows the complete lines."""
        try:
            file = self._fs.open(self._path)
            try:
                # Over what is there, never cut off first: a kill would forget what is begun.
                if line:
                    file.write_at(self._end, line)
                file.truncate(self._end + len(line))
                file.sync()
            finally:
                file.close()
        except OSError as error:
            raise storage_error(self._agent.directory, error)

    def _next_sequence(self) -> int:
        number: int = self._agent.status().lanes["files"]["next_sequence"]
        return number

    def _has_taken(self, sha256: str, first: int) -> bool:
        """Whether one of the records from *first* on is a file of these bytes."""
        end = self._next_sequence()
        if end <= first:
            return False
        from .inspection.export import Export
        from .inspection.survey import Survey

        def ignore(_size: int) -> None:
            pass

        found = Export(Survey(self._agent.directory), ignore, everything=True)
        seen = 0
        for entry in found.entries(["files"], first):
            seen += 1
            if entry.file is not None and entry.file["sha256"] == sha256:
                return True
        if seen < end - first:
            log(
                "warning",
                "ledger",
                f"the buffer does not tell whether it had taken the file {sha256[:12]}… before "
                "the last stop: it is sent, perhaps again",
            )
        return False


class _Checked:
    """What is read from *source*; its end is an error where it has not the SHA-256 *sha256*."""

    def __init__(self, source: "BinaryIO", sha256: str) -> None:
        self._source = source
        self._sha256 = sha256
        self._digest = hashlib.sha256()

    def read(self, size: int) -> bytes:
        piece = self._source.read(size)
        self._digest.update(piece)
        if not piece and self._digest.hexdigest() != self._sha256:
            raise ValueError("it changed while it was read")
        return piece


@contextlib.contextmanager
def _opened(file: File) -> "Iterator[BinaryIO]":
    if not isinstance(file.source, str):
        yield file.source
        return
    try:
        source = open(file.source, "rb")  # noqa: SIM115
    except OSError as error:
        raise InvalidMessage(
            f"cannot read file {file.source}: {error.strerror}", hint="it was there a moment ago"
        )
    with source:
        yield source


def _sha256_of(source: "BinaryIO") -> str:
    digest = hashlib.sha256()
    try:
        place = source.tell()
        while piece := source.read(_PIECE_BYTES):
            digest.update(piece)
        source.seek(place)
    except OSError as error:  # io.UnsupportedOperation is one
        raise InvalidMessage(f"a file cannot be read twice: {error}", hint="give sha256=…")
    return digest.hexdigest()
