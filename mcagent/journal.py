"""A service's log: to the journal with levels, to a terminal with times. CPython only.

systemd reads standard error line by line; a line that begins with ``<3>`` is an error to it, and
`journalctl -p warning` finds it. Source: sd-daemon(3), systemd.exec(5) on `JOURNAL_STREAM`.
"""

import logging
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

# Least level of logging -> level of syslog(3).
_LEVELS = (
    (logging.CRITICAL, 2),
    (logging.ERROR, 3),
    (logging.WARNING, 4),
    (logging.INFO, 6),
)
_DEBUG = 7


def log_to_stderr(level: int = logging.INFO) -> None:
    """Write the log of this program to standard error: for a device script, before `Agent.open`.

    >>> mcagent.log_to_stderr()

    In the journal each line has its level, and no time, which the journal notes itself. Harmless
    where the program has set up its log already: then that stays.

    Args:
        level: What is less important is left out, as for `logging`.
    """
    handler = logging.StreamHandler()
    if is_journal(2, os.environ):
        handler.setFormatter(JournalFormatter("%(name)s: %(message)s"))
    else:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=level, handlers=[handler])
    logging.captureWarnings(True)
    sys.excepthook = _log_exception


def is_journal(descriptor: int, environment: "Mapping[str, str]") -> bool:
    """Whether *descriptor* leads to the journal, not to a file that a script was sent to."""
    try:
        stream = os.fstat(descriptor)
    except OSError:
        return False
    return environment.get("JOURNAL_STREAM") == f"{stream.st_dev}:{stream.st_ino}"


class JournalFormatter(logging.Formatter):
    """Begins each line of a record, those of a traceback too, with its level."""

    def format(self, record: logging.LogRecord) -> str:
        prefix = "<%d>" % next(
            (level for least, level in _LEVELS if record.levelno >= least), _DEBUG
        )
        lines = super().format(record).splitlines() or [""]
        return "\n".join(prefix + line for line in lines)


def _log_exception(kind: "type[BaseException]", error: BaseException, trace: object) -> None:
    """What ends the program is the most important line of its log."""
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)  # type: ignore[arg-type]
        return
    logging.getLogger("mcagent").critical(
        "the program ends",
        exc_info=(kind, error, trace),  # type: ignore[arg-type]
    )
