"""Files: checked here, copied into the buffer by the buffer, streamed from there."""

import errno
import io
import os

from ..errors import InvalidMessage
from ..limits import EXCHANGE_MAX_BYTES, FILE_PART_MIN_BYTES, FILE_PARTS_MAX
from ..limits import FILE_TEXT_MAX_CHARACTERS as _TEXT_MAX
from ..runtime import MICROPYTHON
from .kinds import FILE, LANE_OF_KIND
from .multipart import file_metadata, max_file_bytes
from .text import require_text, shorten
from .timestamp import to_ms

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_SOURCE = "MindConnect API, exchange"
# Parts of ten times the least size: each is one request, and a transfer takes a minute at most.
SERVICE_MAX_BYTES = 10 * FILE_PART_MIN_BYTES * FILE_PARTS_MAX
# st_mode; MicroPython has no `stat` module.
_FORMAT_BITS, _DIRECTORY, _REGULAR = 0xF000, 0x4000, 0x8000


class File:
    """A file for the agent's asset.

    >>> File("report.pdf")
    >>> File(b"t;v\\r\\n0;21.4\\r\\n", name="run-17.csv", type="text/csv")

    The content is copied when the file is submitted; what happens to the original afterwards does
    not matter. What is too large for an exchange goes by the IoT File service, in parts (CPython).

    Args:
        source: Path, bytes, or an object opened for reading in binary mode.
        name: The name on the platform, without ``/``; None takes that of *source*.
        type: MIME type or extension, free text; ``""`` for none.
        created: Aware `datetime` or int ms since 1970 UTC; None is the time of submission.
        move: Take the original away instead of copying it (a path on the same file system).

    Raises:
        InvalidMessage: A field is invalid, or the file cannot be read.

    Attributes:
        size: Bytes, None where that is not known before reading.
        exchange_bytes: The largest content that fits into an exchange, with this name and type.
        max_bytes: The largest content at all; a lane's quota comes on top.
        source: A path, or an object to read from.
    """

    lane = LANE_OF_KIND[FILE]
    kind = FILE

    def __init__(
        self,
        source: "Any",
        *,
        name: "str | None" = None,
        type: str = "",  # noqa: A002 - the field's name
        created: "Any" = None,
        move: bool = False,
    ) -> None:
        if hasattr(source, "__fspath__"):
            source = source.__fspath__()
        is_path = isinstance(source, str)
        self.name = _checked_name(source if name is None else name, is_given=name is not None)
        self.type = require_text("file type", type, EXCHANGE_MAX_BYTES, _SOURCE, empty=True)
        self.created_ms = None if created is None else to_ms(created)
        self.exchange_bytes = max_file_bytes(self.name, self.type)
        self.max_bytes = self.exchange_bytes if self._obstacle() else SERVICE_MAX_BYTES
        self.move = move
        if move and not is_path:
            raise InvalidMessage(
                "file %s has no path to move from" % shorten(self.name), hint="leave out move"
            )
        self.size: "int | None" = None
        if is_path:
            self.size = _size_of(source)
        elif isinstance(source, (bytes, bytearray)):
            self.size = len(source)
            source = io.BytesIO(source)
        elif not hasattr(source, "read"):
            raise InvalidMessage(
                "a file cannot be read from %s" % shorten(source),
                hint="give a path, bytes, or an object opened in mode 'rb'",
            )
        elif isinstance(source.read(0), str):
            raise InvalidMessage(
                "file %s is open in text mode" % shorten(self.name), hint="open it in mode 'rb'"
            )
        self.source = source

    def require_fit(self) -> None:
        """Refuse what is known to be too large to be sent, before anything is copied.

        Raises:
            InvalidMessage: `size` is larger than `max_bytes`.
        """
        if self.size is not None and self.size > self.max_bytes:
            why = self._obstacle() or "the IoT File service takes %d parts of %d bytes" % (
                FILE_PARTS_MAX,
                self.max_bytes // FILE_PARTS_MAX,
            )
            raise InvalidMessage(
                "file %s has %d bytes; at most %d can be sent: %s"
                % (shorten(self.name), self.size, self.max_bytes, why),
                hint="split or compress it, or take another name and type",
            )

    def _obstacle(self) -> str:
        """Why the IoT File service cannot take what does not fit into an exchange; ``""``."""
        if MICROPYTHON:
            return "files go by the exchange alone (MicroPython)"
        if self.name in (".", "..") or len(self.name) > _TEXT_MAX:
            return "the IoT File service takes no such name"
        # In a header of HTTP, which carries nothing else.
        if len(self.type) > _TEXT_MAX or any(not " " <= one <= "~" for one in self.type):
            return "the IoT File service takes a type of at most %d ASCII characters" % _TEXT_MAX
        return ""

    def details(self, now_ms: int) -> "dict[str, Any]":
        """What the buffer keeps beside the content: ``name``, ``type``, ``created_ms``."""
        created_ms = now_ms if self.created_ms is None else self.created_ms
        return {"name": self.name, "type": self.type, "created_ms": created_ms}

    def metadata(self, now_ms: int) -> bytes:
        """The metadata part on the wire.

        Source: agent API, 6.4.3.
        """
        details = self.details(now_ms)
        return file_metadata(details["name"], details["type"], details["created_ms"])

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, File)
            and self.details(0) == other.details(0)
            and self.created_ms == other.created_ms
            and self.source == other.source
        )

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return "<File %s>" % shorten(self.name)


def _checked_name(name: "Any", *, is_given: bool) -> str:
    if not is_given:
        name = name if isinstance(name, str) else getattr(name, "name", None)
        if not isinstance(name, str):  # bytes, or a file descriptor's number
            raise InvalidMessage("the file has no name", hint="give name=…")
        name = name.split("/")[-1]
    checked: str = require_text("file name", name, EXCHANGE_MAX_BYTES, _SOURCE)
    # Whether "/" makes a folder is unknown (agent API, 6.4.3), and control characters break lists.
    if "/" in checked or any(one < " " or one == "\x7f" for one in checked):
        raise InvalidMessage(
            "file name %s holds '/' or a control character" % shorten(checked),
            hint="give the name alone, without a folder",
        )
    return checked


def _size_of(path: str) -> int:
    try:
        info = os.stat(path)
        if info[0] & _FORMAT_BITS == _DIRECTORY:
            raise InvalidMessage("%s is a directory" % path, hint="submit its files one by one")
        # Opening a pipe may wait for ever, and reading a device may never end.
        if info[0] & _FORMAT_BITS != _REGULAR:
            raise InvalidMessage(
                "%s is not a regular file but a pipe, a socket or a device" % path,
                hint="write what it gives to a file first, or submit its bytes",
            )
        open(path, "rb").close()
    except OSError as error:
        # MicroPython has the number alone.
        reason = getattr(error, "strerror", None) or errno.errorcode.get(error.errno or 0)
        raise InvalidMessage(
            "cannot read file %s: %s" % (path, reason or error.errno),
            hint="see whether the path is right and this user may read the file",
        )
    return info[6]
