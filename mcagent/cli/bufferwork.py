"""What the commands about the buffer share: which one, progress on long work, notes at the end."""

import sys
import time

from ..inspection.survey import Survey
from .common import state_directory
from .display import duration

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from ..inspection.entry import Entry
    from .display import Display

_QUIET_S = 0.5  # what is done by then needs no bar
_EVERY_S = 0.25
_MIB = 1024 * 1024


def open_survey(args: "argparse.Namespace") -> Survey:
    """The buffer that ``--state`` or MCAGENT_STATE names."""
    return Survey(state_directory(args))


class Progress:
    """Bytes read of those that are there, on standard error; a context manager.

    Silent unless that is a terminal, and where the result is being written to the same one.
    """

    def __init__(self, survey: Survey, lanes: "list[str] | None", *, output: bool = False) -> None:
        chosen = survey.chosen(lanes)
        self._total = sum(lane.segment_bytes + lane.spool_bytes for lane in chosen) or 1
        self._done = 0
        self._next = time.monotonic() + _QUIET_S
        self._display: "Display | None" = None
        self._shown = sys.stderr.isatty() and not (output and sys.stdout.isatty())

    def advance(self, size: int) -> None:
        """*size* more bytes were read."""
        self._done += size
        if not self._shown or time.monotonic() < self._next:
            return
        self._next = time.monotonic() + _EVERY_S
        if self._display is None:
            from .display import open_display

            self._display = open_display()
            self._display.__enter__()
        # A spooled file is read once to check it and its lane once more: never beyond the end.
        share = min(self._done / self._total, 0.999)
        self._display.progress(share, f"{self._done // _MIB} MiB read")

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *_: object) -> None:
        if self._display is not None:
            self._display.__exit__(None, None, None)


def notes_of(survey: Survey) -> "list[str]":
    """What could not be read, and what its owner took away meanwhile."""
    notes = [f"{survey.relative(path)}: {why}" for path, why in survey.fs.troubles]
    if survey.vanished:
        files = list(dict.fromkeys(survey.vanished))
        more = f" and {len(files) - 1} more" if len(files) > 1 else ""
        notes.append(f"removed meanwhile by the process that owns it: {files[0]}{more}")
    return notes


def tell(notes: "list[str]") -> None:
    """Notes, on standard error."""
    for note in notes:
        sys.stderr.write(f"note: {note}\n")


def time_and_age(entry_time: "str | None", wall_ms: "int | None") -> str:
    if entry_time is None or wall_ms is None:
        return "of unknown time (the clock was not trusted)"
    return f"{entry_time} ({duration(time.time_ns() // 1_000_000 - wall_ms)} ago)"


def age(entry: "Entry") -> str:
    """``2026-01-05T08:00:00.000Z (3 h ago)``."""
    return time_and_age(entry.time, entry.wall_ms)
