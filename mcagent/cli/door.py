"""The way in for a command: the buffer itself, or the inbox of the process that owns it.

A service holds the lock of its state directory for as long as it runs. `record`, `event` and
`file` then leave their message in the inbox, validated against the same data model; the service
takes it in at its next step.
"""

import errno
import time

from ..errors import AgentError, BufferFull, ConfigurationError, InvalidMessage
from .common import open_agent, state_directory

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from typing import Any, Iterator

    from ..agent import Agent
    from ..messages.datamodel import DataModel

# A service that is alive empties a full inbox of 1 000 messages in well under a second; one in
# mid-upload looks at it after its request, and a request may be silent for 60 s.
_INBOX_PATIENCE_S = 90
_INBOX_PAUSE_S = 0.05


class Door:
    """Takes messages in; a context manager.

    Attributes:
        place: ``"buffer"`` or ``"inbox"``.
        owner: Who holds the lock, where that is another process; else ``""``.
        model: The data model that samples are checked against; None before the first.
    """

    place = ""
    owner = ""
    model: "DataModel | None" = None

    def record(
        self, values: "dict[str, Any]", timestamp_ms: "int | None", quality_code: "str | None"
    ) -> None:
        """Store one sample; durable once the door is closed."""
        raise NotImplementedError

    def submit(self, message: "Any") -> None:
        """Store an `Event` or a `File`, durably."""
        raise NotImplementedError

    def flush(self) -> None:
        """Return once everything that was taken in is on the medium."""
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError

    def __enter__(self) -> "Door":
        return self

    def __exit__(self, kind: "type[BaseException] | None", *_: object) -> None:
        try:
            self.close()
        except AgentError:
            if (
                kind is None
            ):  # otherwise the disk is full for the second time: the first tells more
                raise


def open_door(args: "argparse.Namespace") -> Door:
    """The buffer where the state directory is free, else its owner's inbox."""
    try:
        return _BufferDoor(open_agent(args))
    except ConfigurationError:
        directory = state_directory(args).rstrip("/") or "/"
        owner = lock_owner(directory)
        if not owner:
            raise
        return _InboxDoor(directory, owner)


def lock_owner(directory: str) -> str:
    """Who holds the lock of *directory*; ``""`` when it is free."""
    from ..credentials.keystore import StateLock

    lock = StateLock(directory)
    try:
        lock.acquire()
    except ConfigurationError as error:
        return error.message
    except OSError:
        return ""  # the directory is the trouble, not a second process
    lock.release()
    return ""


class _BufferDoor(Door):
    place = "buffer"

    def __init__(self, agent: "Agent") -> None:
        self._agent = agent
        self.model = agent.model

    def record(
        self, values: "dict[str, Any]", timestamp_ms: "int | None", quality_code: "str | None"
    ) -> None:
        self._agent.record(values, timestamp=timestamp_ms, quality_code=quality_code)

    def submit(self, message: "Any") -> None:
        self._agent.submit(message, durable=True)

    def flush(self) -> None:
        self._agent.flush()

    def close(self) -> None:
        self._agent.close()


class _InboxDoor(Door):
    place = "inbox"

    def __init__(self, directory: str, owner: str) -> None:
        from ..inbox import Inbox
        from ..messages.timeseries import SampleEncoder
        from ..modelstore import ModelStore
        from ..runtime import Clock, FileSystem

        fs = FileSystem()
        models = ModelStore(directory, fs)
        models.load()
        self._clock = Clock()
        self._inbox = Inbox(directory, fs, self._clock)
        self.owner = owner
        self.model = models.model
        self._encoder = SampleEncoder(models.model)
        self._last_ms = 0

    def record(
        self, values: "dict[str, Any]", timestamp_ms: "int | None", quality_code: "str | None"
    ) -> None:
        from ..messages.kinds import LANE_OF_KIND, SAMPLE

        if timestamp_ms is None:
            timestamp_ms = self._last_ms = max(self._clock.now_ms(), self._last_ms + 1)
        header = {
            "lane": LANE_OF_KIND[SAMPLE],
            "kind": SAMPLE,
            "configuration_id": "" if self.model is None else self.model.id,
        }
        self._put(header, [self._encoder.encode(values, timestamp_ms, quality_code)])

    def submit(self, message: "Any") -> None:
        from ..messages.kinds import FILE

        if message.kind == FILE:
            self._put_file(message)
            return
        header = {"lane": message.lane, "kind": message.kind, "configuration_id": ""}
        self._put(header, [message.fragment(self._clock.now_ms())])

    def flush(self) -> None:
        pass  # every message was synced when it was put

    def close(self) -> None:
        pass

    def _put_file(self, message: "Any") -> None:
        from ..inbox import MAX_BYTES

        message.require_fit()
        most = min(message.max_bytes, MAX_BYTES)
        if message.size > most:
            raise InvalidMessage(
                f"file {message.name!r} has {message.size} bytes, and the inbox of a running "
                f"service takes {most}",
                hint="submit it in the service itself, or while the service is stopped",
            )
        header = {
            "lane": message.lane,
            "kind": message.kind,
            "configuration_id": "",
            "file": message.details(self._clock.now_ms()),
            "max_bytes": message.max_bytes,
        }
        try:
            with open(message.source, "rb") as file:
                self._put(header, _bounded_pieces(file, most))
        except OSError as error:
            if error.errno != errno.EFBIG:
                raise
            raise InvalidMessage(
                f"file {message.name!r} grew while it was read, beyond the {most} bytes that are "
                "taken here",
                hint="split or compress it, and store it once nobody writes it any more",
            ) from error

    def _put(self, header: "dict[str, Any]", pieces: "Iterator[bytes] | list[bytes]") -> None:
        """Leave one message; while the inbox is full, give its owner time to empty it."""
        give_up = time.monotonic() + _INBOX_PATIENCE_S
        while True:
            try:
                self._inbox.put(header, iter(pieces))
            except BufferFull:  # raised before anything of the message was read
                if time.monotonic() > give_up:
                    raise
                time.sleep(_INBOX_PAUSE_S)
            else:
                return


def _bounded_pieces(file: "Any", max_bytes: int) -> "Iterator[bytes]":
    """The content of *file*; OSError as a file system with that limit would raise it.

    The inbox removes what it wrote of a message when an OSError ends it.
    """
    from ..inbox import read_pieces

    left = max_bytes
    for piece in read_pieces(file):
        left -= len(piece)
        if left < 0:
            raise OSError(errno.EFBIG, "more than is taken")
        yield piece
