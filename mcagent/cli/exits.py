"""What a command ends with: the exit codes, and which error leads to which."""

import errno
import sys

from ..errors import (
    AgentError,
    BufferFull,
    ConfigurationError,
    CredentialError,
    InvalidMessage,
    RemoteError,
    TransportError,
)

OK = 0
INCOMPLETE = 1
USAGE = 2
INVALID = 3
CONFIGURATION = 4
CREDENTIALS = 5
NO_ANSWER = 6
REFUSED = 7
FULL = 8
INTERNAL = 70  # sysexits.h, EX_SOFTWARE
INTERRUPTED = 130  # 128 + SIGINT, as a shell reports it
TERMINATED = 143  # 128 + SIGTERM

# Code -> meaning; docs/cli.md shows this table, and a test compares the two.
MEANING = {
    OK: "done",
    INCOMPLETE: "not complete: something is still held or was set aside, the demo found a "
    "difference, the buffer is damaged, or the service is not well",
    USAGE: "the command line is wrong",
    INVALID: "a value, a row or a file that the platform would refuse; what was valid is kept",
    CONFIGURATION: "boarding configuration, setting, certificate file or state directory unusable",
    CREDENTIALS: "not onboarded, or the platform refuses this agent",
    NO_ANSWER: "no answer, or not now (429, 5xx): everything is kept, try again later",
    REFUSED: "the platform answered no",
    FULL: "no room: quota, inbox or disk; nothing already accepted is lost",
    INTERNAL: "a bug in mcagent",
    INTERRUPTED: "ended by Ctrl-C",
    TERMINATED: "ended by SIGTERM",
}


class UsageError(AgentError):
    """The command line cannot be understood as it is."""


class NotComplete(AgentError):
    """The command did what it could, and something is left."""


# The first class that fits decides, so subclasses stand before their bases.
_CODE_OF_ERROR: "tuple[tuple[type[AgentError], int], ...]" = (
    (UsageError, USAGE),
    (NotComplete, INCOMPLETE),
    (InvalidMessage, INVALID),
    (ConfigurationError, CONFIGURATION),
    (BufferFull, FULL),
    (CredentialError, CREDENTIALS),
    (TransportError, NO_ANSWER),
    (RemoteError, REFUSED),
)


def code_of(error: BaseException) -> int:
    """The exit code for *error*."""
    if isinstance(error, OSError):
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        return FULL if full else CONFIGURATION
    if isinstance(error, RemoteError) and error.retryable:
        return NO_ANSWER
    for kind, code in _CODE_OF_ERROR:
        if isinstance(error, kind):
            return code
    return INTERNAL


def describe(error: BaseException) -> "tuple[str, str]":
    """What happened, and what to do about it (``""`` when there is nothing to add)."""
    if isinstance(error, AgentError):
        return error.message, error.hint
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return (
            f"{where}{error.strerror or error}",
            "see whether the path is right, this user may use it, and the disk has room",
        )
    return (
        f"internal error: {type(error).__name__}: {error}",
        "this is a bug in mcagent; --debug shows where, please report it",
    )


# The library speaks to who writes Python; a shell has other words for the same remedies.
_SHELL_WORDS = (
    ("as the CA file", "with --ca FILE"),
    (", or submit its bytes", ""),
    ("pass the boarding configuration that", "mcagent onboard FILE takes the file that"),
    ("(lose_mappings)", "with --lose-mappings"),
    ("(replace)", "with --replace"),
    ("submit a DataModel", "describe the data points with mcagent model FILE"),
)


def complain(what: str, hint: str = "") -> None:
    """The way every trouble is told: a line on standard error, and what to do about it."""
    sys.stderr.write(f"mcagent: {_one_line(what)}\n")
    if hint:
        sys.stderr.write(f"  hint: {_one_line(hint)}\n")


def sentences(*texts: str) -> str:
    """*texts* in a row, each with one full stop; empty ones are left out."""
    return " ".join(text.rstrip(". ") + "." for text in texts if text)


def _one_line(text: str) -> str:
    text = " ".join(text.split())
    if not text.isprintable():  # the platform's words, or a name: a terminal must not obey them
        from ..inspection.survey import printable

        text = printable(text)
    return in_shell_words(text)


def in_shell_words(text: str) -> str:
    """A remedy of the library, for who types commands."""
    for python, shell in _SHELL_WORDS:
        text = text.replace(python, shell)
    return text
