"""What an agent holds, what it will do next and why: a value for people and for programs."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .messages import DataModel


class Status:
    """A snapshot; every attribute is made of dicts, lists, text and numbers.

    Attributes:
        directory: The state directory.
        lanes: Lane to ``records``, ``bytes``, ``oldest_ms``, ``dropped`` … (`Buffer.status`).
        buffer: What holds for the whole buffer: ``bytes_written``, quota, damage.
        upload: What the uploader does next and why: ``retry_in_s``, ``reason``, ``held``,
            ``unmapped``, ``last_error``, and in ``session`` the clock's offset, the proxy, token
            and secret expiry. docs/guides/watch-a-device.md has all members.
        model: Configuration id of the data model that samples are checked against; ``""``.
        inbox: Messages of other processes not taken in yet.
        worker: The background thread, None without one: ``alive``, ``errors``, ``last_error``, and
            of the last minute ``recorded_per_s``, ``delivered_per_s``, ``drained_in_s``.
        loop: The service loop's counters, None outside `Agent.run`.
        empty_strings: Empty strings left out of samples since the start (the platform ignores
            them).
        notes: What was found wrong and worked around since the start.
    """

    def __init__(
        self,
        *,
        directory: str,
        buffer: "dict[str, Any]",
        upload: "dict[str, Any]",
        model: "DataModel | None",
        inbox: int,
        worker: "dict[str, Any] | None" = None,
        loop: "dict[str, Any] | None" = None,
        empty_strings: int = 0,
        notes: "list[str] | None" = None,
    ) -> None:
        self.directory = directory
        self.buffer = dict(buffer)
        self.lanes: "dict[str, Any]" = self.buffer.pop("lanes")
        self.upload = upload
        self.model = "" if model is None else model.id
        self.inbox = inbox
        self.worker = worker
        self.loop = loop
        self.empty_strings = empty_strings
        self.notes = notes or []

    @property
    def pending(self) -> int:
        """Records in all lanes that the platform has not accepted yet."""
        return sum(lane["records"] for lane in self.lanes.values())

    def to_dict(self) -> "dict[str, Any]":
        """Everything, ready for JSON."""
        return {
            "directory": self.directory,
            "pending": self.pending,
            "lanes": self.lanes,
            "buffer": self.buffer,
            "upload": self.upload,
            "model": self.model,
            "inbox": self.inbox,
            "worker": self.worker,
            "loop": self.loop,
            "empty_strings": self.empty_strings,
            "notes": self.notes,
        }

    def __repr__(self) -> str:
        return "<Status %s: %d pending>" % (self.directory, self.pending)
