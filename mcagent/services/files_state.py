"""What is known of an upload that is not finished, kept on disk so that it can go on."""

import hashlib
import json
import os
from typing import Any

from ..errors import ConfigurationError
from ..runtime import FileLock, FileSystem
from .files_source import Identity

_VERSION = 1


def default_directory() -> str:
    """Where states of uploads are kept: below ``$XDG_STATE_HOME``, else ``~/.local/state``."""
    base = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
    return os.path.join(base, "mcagent", "uploads")


class UploadState:
    """The state of one upload: one target and one source.

    Attributes:
        parts: Number of each part that arrived to its SHA-256.
        part_bytes: Size of all parts but the last.
        condition: Etag of the file that is being replaced; None for a new one.
        started_ms: When the platform was told; 0 before that.

    Raises:
        ConfigurationError: Its directory cannot be used, or another process has this upload.
    """

    def __init__(self, directory: str, target: "tuple[str, ...]", source: str) -> None:
        key = json.dumps([*target, source], ensure_ascii=True)
        name = hashlib.sha256(key.encode()).hexdigest()[:32]
        self._path = os.path.join(directory, f"{name}.json")
        self._directory = directory
        self._files = FileSystem()
        self._lock = FileLock(os.path.join(directory, f"{name}.lock"))
        self.parts: dict[int, str] = {}
        self.part_bytes = 0
        self.condition: int | None = None
        self.started_ms = 0
        try:
            self._files.make_dir(directory)
            mine = self._lock.acquire()
        except OSError as error:
            raise ConfigurationError(
                f"cannot keep the state of an upload in {directory}: {error.strerror}",
                hint="name a directory that this user may write",
            ) from error
        if not mine:
            raise ConfigurationError(
                f"{source} is being uploaded there already, by {self._lock.owner()}",
                hint="wait until it is done",
            )

    def load(self, identity: Identity, part_bytes: int) -> bool:
        """Take over what an earlier run left, if it is about this very file."""
        try:
            held = json.loads(self._files.read(self._path))
            fits = (
                held["version"] == _VERSION
                and tuple(held["identity"]) == identity
                and held["part_bytes"] == part_bytes
            )
            if not fits:
                return False
            self.parts = {int(number): str(digest) for number, digest in held["parts"].items()}
            self.condition = held["condition"]
            self.started_ms = int(held["started_ms"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return False  # none, or none that can be read: the upload begins anew
        self.part_bytes = part_bytes
        return True

    def save(self, identity: Identity) -> None:
        value: dict[str, Any] = {
            "version": _VERSION,
            "identity": list(identity),
            "part_bytes": self.part_bytes,
            "parts": {str(number): digest for number, digest in self.parts.items()},
            "condition": self.condition,
            "started_ms": self.started_ms,
        }
        try:
            self._files.write_atomic(self._path, json.dumps(value).encode())
        except OSError as error:
            raise ConfigurationError(
                f"cannot keep the state of an upload in {self._directory}: {error.strerror}",
                hint="make room there and call it again: it goes on where it was",
            ) from error

    def forget(self) -> None:
        """The upload is over, one way or the other."""
        self.parts = {}
        self.started_ms = 0
        self._files.remove_if_there(self._path)

    def close(self) -> None:
        self._lock.release()
