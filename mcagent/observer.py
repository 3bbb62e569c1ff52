"""Read a state directory that another process may own: no lock, and nothing is written."""

import errno

from .buffer import Buffer
from .credentials.keystore import Keystore
from .credentials.lifecycle import Lifecycle
from .errors import ConfigurationError
from .inbox import Inbox
from .modelstore import ModelStore
from .runtime import Clock, FileSystem
from .status import Status
from .upload.session import credentials_status

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_TRIES = 3  # the owner may remove a segment between our listing and our reading of it


def read_status(directory: str) -> Status:
    """The status of *directory* as its files tell it.

    What only the owner knows (the next retry, what is held and why) is missing in `upload`, and
    what the owner holds in memory for its group window does not count yet.

    Raises:
        ConfigurationError: There is no such directory, or it cannot be read.
    """
    directory = directory.rstrip("/") or "/"
    fs = ReadOnlyFileSystem()
    if not fs.exists(directory):
        raise ConfigurationError(
            "there is no state directory %s" % directory,
            hint="is the path right? `mcagent onboard` and the first record make it",
        )
    for attempt in range(_TRIES):
        try:
            return _read(directory, fs)
        except OSError as error:
            if error.errno != errno.ENOENT or attempt + 1 == _TRIES:
                raise ConfigurationError(
                    "cannot read the state directory %s: %s" % (directory, error),
                    hint="run this as the user that owns it",
                )
    raise AssertionError("the loop returns or raises")


def _read(directory: str, fs: "ReadOnlyFileSystem") -> Status:
    clock = Clock()
    keystore = Keystore(directory, fs)
    lifecycle = Lifecycle(keystore.load(), None)
    buffer = Buffer(directory + "/buffer", fs=fs, clock=clock)
    buffer.open()
    models = ModelStore(directory, fs)
    note = models.load()
    try:
        return Status(
            directory=directory,
            buffer=buffer.status(),
            upload={"session": credentials_status(lifecycle, clock.now_ms())},
            model=models.model,
            inbox=len(Inbox(directory, fs, clock)),
            notes=[note] if note else [],
        )
    finally:
        buffer.close()


class ReadOnlyFileSystem(FileSystem):
    """Whatever would change something does nothing: the owner does it, or the next start."""

    def open(
        self,
        path: str,
        *,
        create: bool = False,
        write: bool = True,  # noqa: ARG002 - nobody may
    ) -> "Any":
        if create:
            raise OSError(errno.EROFS, "read only")
        return super().open(path, write=False)

    def write_atomic(self, path: str, data: bytes) -> None:  # noqa: ARG002
        raise OSError(errno.EROFS, "read only")

    def make_private(self, path: str) -> bool:  # noqa: ARG002
        return False

    def make_dir(self, path: str) -> None:
        pass

    def remove(self, path: str) -> None:
        pass

    def remove_if_there(self, path: str) -> None:
        pass

    def rename(self, source: str, target: str) -> None:
        pass

    def sync_dir(self, path: str) -> None:
        pass
