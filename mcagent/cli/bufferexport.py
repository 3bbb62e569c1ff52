"""`mcagent buffer export`: one JSON object a line, in UTF-8, in the order of delivery."""

import os
import sys

from ..inspection.export import Export
from .bufferwork import Progress, notes_of, open_survey, tell
from .common import count
from .exits import INCOMPLETE, OK, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from typing import Any, Callable

    from ..inspection.survey import Survey

_STDOUT = "-"


def run_export(args: "argparse.Namespace") -> int:
    survey = open_survey(args)
    for option, path in (("--output", args.output), ("--files", args.files)):
        if path not in (None, _STDOUT):
            _require_outside(survey, option, path)
    if args.files is not None:
        os.makedirs(args.files, mode=0o700, exist_ok=True)
    with Progress(survey, args.lane, output=args.output == _STDOUT) as progress:
        export = Export(survey, progress.advance, everything=args.all, folder=args.files)
        if args.output == _STDOUT:
            _write(export, args.lane, _standard_output())
            sys.stdout.flush()
        else:
            with open(args.output, "wb", opener=_private) as file:
                _write(export, args.lane, file.write)
    if args.output != _STDOUT:
        sys.stdout.write(f"exported {count(export.records, 'record')} to {args.output}\n")
    if args.files is not None:
        sys.stderr.write(f"copied {count(export.files, 'file')} to {args.files}\n")
    notes = notes_of(survey)
    tell(notes)
    for line in export.damage:
        sys.stderr.write(f"damage: {line}\n")
    return INCOMPLETE if export.damage or survey.fs.troubles else OK


def _write(export: Export, lanes: "list[str] | None", write: "Callable[[bytes], Any]") -> None:
    for entry in export.entries(lanes):
        write((entry.to_line() + "\n").encode("utf-8", "backslashreplace"))


def _standard_output() -> "Callable[[bytes], Any]":
    """UTF-8 whatever the locale says: these lines are for programs."""
    binary = getattr(sys.stdout, "buffer", None)
    if binary is not None:
        write: "Callable[[bytes], Any]" = binary.write
        return write
    return lambda line: sys.stdout.write(line.decode())


def _require_outside(survey: "Survey", option: str, path: str) -> None:
    """A file in the state directory would be taken for one of the agent's."""
    inside = os.path.realpath(survey.directory)
    if os.path.basename(inside) == "buffer":
        inside = os.path.dirname(inside)
    if os.path.commonpath([inside, os.path.realpath(path)]) == inside:
        raise UsageError(
            f"{option} {path} lies in the state directory, in which only the agent writes",
            hint="name a place elsewhere",
        )


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)  # what is in the buffer is for its owner alone
