"""Where the upload of a file in parts stands, kept on disk over a restart. CPython only."""

import json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..runtime import FileSystem

_VERSION = 1


class UploadNote:
    """`upload.json` in a state directory; without it an upload begins from the start.

    It stays when a file has arrived, and until the next one: its number is never used again.

    Attributes:
        sequence: Record that it is about; 0 for none.
        sha256: Of its file.
        part_bytes: Of all parts but the last.
        parts: How many the platform took, from the first on.
        etag: Of the file that is being replaced; None for a new one.
        completing: The request that makes the file visible may have been sent.
    """

    def __init__(self, directory: str, fs: "FileSystem") -> None:
        self._path = directory + "/upload.json"
        self._fs = fs
        self.etag: "int | None" = None
        self._clear(0, "", 0)

    def load(self, sequence: int, sha256: str) -> bool:
        """Take over what is on disk; False where it is about no file, or another one."""
        try:
            held: "Any" = json.loads(self._fs.read(self._path))
            etag, parts, part_bytes = held["etag"], held["parts"], held["part_bytes"]
            if (
                held["version"] != _VERSION
                or (held["sequence"], held["sha256"]) != (sequence, sha256)
                or type(parts) is not int
                or type(part_bytes) is not int
                or not (etag is None or type(etag) is int)
                or parts < 0
                or part_bytes < 1
            ):
                return False
        except (OSError, ValueError, KeyError, TypeError):
            return False  # none, or damaged: the parts are sent again
        self._clear(sequence, sha256, part_bytes)
        self.parts, self.etag, self.completing = parts, etag, held.get("completing") is True
        return True

    def begin(self, sequence: int, sha256: str, part_bytes: int) -> None:
        """Another file: nothing of it was sent."""
        self._clear(sequence, sha256, part_bytes)

    def restart(self, etag: "int | None") -> None:
        """The same file from its first part on, in the place of the one with *etag*."""
        self.parts, self.etag, self.completing = 0, etag, False

    def save(self) -> None:
        """Write it; durable when this returns."""
        state = {
            "version": _VERSION,
            "sequence": self.sequence,
            "sha256": self.sha256,
            "part_bytes": self.part_bytes,
            "parts": self.parts,
            "etag": self.etag,
            "completing": self.completing,
        }
        self._fs.write_atomic(self._path, json.dumps(state).encode())

    def _clear(self, sequence: int, sha256: str, part_bytes: int) -> None:
        self.sequence = sequence
        self.sha256 = sha256
        self.part_bytes = part_bytes
        self.parts = 0
        self.etag = None
        self.completing = False
