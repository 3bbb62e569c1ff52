"""Small files of the data directory: keys and certificates, and the lock on it."""

import errno
import fcntl
import os

_LOCK = "hub.lock"


def read_file(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def write_file(path: str, content: bytes, *, mode: int) -> None:
    """Write a file that never exists with other permissions, and never half (rename).

    Raises:
        OSError: It cannot be written, as on a full disk; nothing of it is left.
    """
    fresh = f"{path}.new"
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    try:
        with open(descriptor, "wb") as file:
            file.write(content)
        os.replace(fresh, path)
    except OSError as error:
        os.unlink(fresh)  # it may hold a key
        raise OSError(error.errno, error.strerror, path) from error


def damaged(path: str) -> OSError:
    """Make the error for a file that is not what the hub wrote."""
    words = "is no key or certificate of a hub; without it the hub makes a new one"
    return OSError(errno.EINVAL, words, path)


def lock_directory(directory: str) -> int:
    """Keep *directory* for this hub, until the descriptor that is given is closed.

    The kernel lets go of it when the process ends, however it does.

    Raises:
        OSError: Another hub has it.
    """
    path = os.path.join(directory, _LOCK)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            raise OSError(errno.EBUSY, "another hub runs on it", directory) from error
        raise OSError(error.errno, error.strerror, path) from error
    return descriptor
