"""The state directory: is it there, may this user use it, who else does, are credentials whole?"""

import errno
import os
import stat

from ..errors import ConfigurationError
from ..inspection.places import owner_of
from .case import Case
from .step import Step, failed, passed, skipped

# What a full disk says is the next step's matter.
_FULL = (errno.ENOSPC, errno.EDQUOT)
_PROBE_BYTES = 4096
_NAME_IT = "name the directory that mcagent keeps its state in"


def look(case: Case) -> Step:
    directory = case.directory
    try:
        state = os.stat(directory)
        folder = stat.S_ISDIR(state.st_mode)
    except FileNotFoundError:
        return _not_there(directory)
    except NotADirectoryError:
        return failed("no-directory", f"a folder above {directory} is a file", _NAME_IT)
    except OSError as error:  # a folder above it is closed to this user
        return failed(
            "not-readable",
            f"{directory} cannot be looked at by {_user(os.geteuid())}: {error.strerror}",
            "run this as the user of the service",
        )
    if not folder:
        return failed(
            "no-directory",
            f"{directory} is not a directory",
            _NAME_IT,
        )
    # First of all: where it is, and how far it is onboarded, counts for all other steps.
    try:
        notes = case.read_record()
    except ConfigurationError as error:
        return failed("unusable", error.message, error.hint)
    except OSError as error:
        return failed(
            "not-readable",
            f"the credentials in {directory} cannot be read by {_user(os.geteuid())}: "
            f"{error.strerror}",
            "run this as the user that owns them",
        )
    try:
        _write_probe(directory)
    except OSError as error:
        case.write_error = error
        if error.errno not in _FULL:
            return failed(
                "not-writable",
                f"{directory} cannot be written by {_user(os.geteuid())}: {error.strerror}",
                f"it belongs to {_user(state.st_uid)}: run this as the user of the service, and "
                "see that its file system is mounted for writing",
            )
    if notes and not case.record.client_id:
        return failed(
            "credentials-damaged",
            "; ".join(notes) + "; no copy of it is good either",
            "look at the medium (dmesg, SMART); the agent must be onboarded again, what is "
            "buffered is kept and sent",
        )
    owner = owner_of(directory)
    facts = {"owner": owner, "notes": notes}
    words = f"in use by {owner}" if owner else "no process uses it"
    return passed(f"{directory} can be read and written; {words}", details=notes, facts=facts)


def nearest(directory: str) -> str:
    """*directory*, or the nearest folder above it that exists."""
    path = os.path.abspath(directory)
    while not os.path.exists(path):
        path = os.path.dirname(path)
    return path


def _not_there(directory: str) -> Step:
    above = nearest(directory)
    if not os.access(above, os.W_OK | os.X_OK):
        return failed(
            "not-writable",
            f"{directory} does not exist, and {_user(os.geteuid())} cannot make it in {above}",
            "make it, and give it to the user of the service",
        )
    return skipped(
        f"{directory} does not exist yet; onboarding or the first record makes it", blocks=False
    )


def _write_probe(directory: str) -> None:
    """Write a block and remove it: quotas, read-only mounts and rights show in no figure."""
    path = f"{directory}/doctor-{os.getpid()}.tmp"
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        if os.write(fd, bytes(_PROBE_BYTES)) < _PROBE_BYTES:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(fd)  # some file systems refuse only here
    finally:
        os.close(fd)
        os.unlink(path)


def _user(number: int) -> str:
    import pwd

    try:
        return f"user {pwd.getpwuid(number).pw_name}"
    except KeyError:
        return f"user {number}"
