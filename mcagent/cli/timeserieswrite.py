"""`mcagent timeseries write`: the rows of a file, all of them or the good ones."""

import os
import shutil
import sys
import tempfile

from ..errors import InvalidMessage
from ..services.bucket import BYTES_PER_S
from ..services.records import show as show_time
from .common import count, show
from .csvform import add_csv_options, csv_form
from .csvrows import BadRow
from .exits import INCOMPLETE, INVALID, OK, NotComplete, UsageError, complain
from .halfway import told_when_interrupted
from .pace import Pace
from .platformnames import asset_id
from .platformsession import open_session
from .recordrows import FORMATS, CountedLines, RecordRows, form_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from typing import Any, Iterator, Mapping, TextIO

    from ..services.aspects import Variable
    from ..services.records import Record
    from ..services.timeseries import TimeSeries
    from ..services.written import Written

_SHOWN_BAD_ROWS = 10


def configure(_name: str, parser: "argparse.ArgumentParser") -> None:
    parser.add_argument(
        "file", metavar="FILE", help="CSV (_time,rpm,rpm_qc …) or NDJSON; '-': standard input"
    )
    parser.add_argument(
        "--format", choices=FORMATS, help="csv or ndjson (default: by the file's ending, else csv)"
    )
    parser.add_argument(
        "--time-column",
        metavar="NAME",
        help="the column of times (default: timestamp, time or _time; NDJSON: _time)",
    )
    add_csv_options(parser)
    parser.add_argument(
        "--keep-good",
        action="store_true",
        help="write the good rows where some are bad (default: nothing is written then)",
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="check every row, and write nothing"
    )
    parser.add_argument(
        "--wait",
        metavar="S",
        type=float,
        help="wait at most so many seconds until the last record can be read",
    )
    parser.add_argument(
        "--bytes-per-s",
        metavar="N",
        type=int,
        default=BYTES_PER_S,
        help=f"most bytes written a second (default: {BYTES_PER_S}, the platform's limit for an "
        "asset and aspect; 0: no limit)",
    )


def run_write(args: "argparse.Namespace") -> int:
    from ..services.timeseries import TimeSeries

    form = form_of(args.file, args.format)
    args.delimiter, args.decimal = csv_form(args, is_csv=form == "csv")
    if args.bytes_per_s < 0:
        raise UsageError("--bytes-per-s is less than 0", hint="0 is for no limit")
    taken: "list[int]" = []
    with (
        told_when_interrupted(lambda: _so_far(args, taken)),
        open_session(args) as session,
        _Source(args) as source,
    ):
        args.asset = asset_id(session, args.asset)
        series = TimeSeries(session, bytes_per_s=args.bytes_per_s or None)
        variables = series.aspects.variables(args.asset, args.aspect)
        bad: "list[BadRow]" = []
        if args.dry_run or not args.keep_good:
            good = sum(1 for _ in _good(args, source, variables, bad, verb="checked"))
            if args.dry_run:
                return _report_dry(args, good, bad)
            if bad:
                _complain(bad)
                raise InvalidMessage(
                    f"nothing was written: {count(len(bad), 'bad row')} of {good + len(bad)}",
                    hint="mend them, or write the others with --keep-good",
                )
        written, last = _write(args, source, series, variables, bad, taken=taken)
        seen = True
        if args.wait is not None and last is not None:
            seen = series.wait_visible(args.asset, args.aspect, [last], timeout_s=args.wait)
    _report(args, written, bad, visible=seen if args.wait is not None else None)
    if bad:
        return INVALID
    return OK if seen else INCOMPLETE


def _write(
    args: "argparse.Namespace",
    source: "_Source",
    series: "TimeSeries",
    variables: "Mapping[str, Variable] | None",
    bad: "list[BadRow]",
    *,
    taken: "list[int]",
) -> "tuple[Written, Record | None]":
    last: "list[Record]" = []

    def records() -> "Iterator[Record]":
        for record in _good(args, source, variables, bad, verb="written"):
            last[:] = [record]
            yield record
            if bad and not args.keep_good:
                # It was good a moment ago.
                raise InvalidMessage(f"{args.file} changed: {bad[0].message}", hint=bad[0].hint)

    before = source.mark()
    taken.append(0)
    written = series.write(args.asset, args.aspect, records(), progress=taken.append)
    if source.mark() != before:
        raise NotComplete(
            f"{args.file} changed while it was written: {count(written.records, 'record')} "
            "were written as they were read",
            hint="write it again: a record that is written twice replaces itself",
        )
    return written, last[0] if last else None


def _good(
    args: "argparse.Namespace",
    source: "_Source",
    variables: "Mapping[str, Variable] | None",
    bad: "list[BadRow]",
    *,
    verb: str,
) -> "Iterator[Record]":
    """The records of the good rows; the bad ones are collected."""
    bad.clear()
    with source.open() as file, Pace(verb) as pace:
        lines = CountedLines(file)
        try:
            rows = RecordRows(
                lines,
                args.aspect,
                variables,
                form=form_of(args.file, args.format),
                time_column=args.time_column,
                delimiter=args.delimiter,
                decimal=args.decimal,
            )
        except InvalidMessage as error:
            raise InvalidMessage(f"{args.file}: {error.message}", hint=error.hint) from error
        number = 0
        for row in rows:
            if isinstance(row, BadRow):
                bad.append(row)
                continue
            number += 1
            if number % 500 == 0:
                pace.show(lines.share, number)
            yield row[1]


def _so_far(args: "argparse.Namespace", taken: "list[int]") -> "tuple[str, str]":
    """What Ctrl-C leaves behind; the last of *taken* is the number of records so far."""
    if not taken:
        return "interrupted: nothing was written", ""
    done = f"interrupted: {count(taken[-1], 'record')} of {args.file} were written"
    return (
        done + ", and perhaps those of the request that was under way",
        "write it again: a record that is written twice replaces itself",
    )


class _Source:
    """The file, as often as it is read; standard input is kept in a temporary file."""

    def __init__(self, args: "argparse.Namespace") -> None:
        self._path: str = args.file
        self._temporary = ""

    def __enter__(self) -> "_Source":
        if self._path == "-":
            with tempfile.NamedTemporaryFile(prefix="mcagent-", delete=False) as file:
                self._temporary = self._path = file.name
                shutil.copyfileobj(sys.stdin.buffer, file)
        return self

    def __exit__(self, *exc: object) -> None:
        if self._temporary:
            os.remove(self._temporary)

    def open(self) -> "TextIO":
        try:
            # What is not UTF-8 becomes lone surrogates, which are refused by row and column.
            return open(self._path, encoding="utf-8-sig", errors="surrogateescape", newline="")
        except OSError as error:
            raise InvalidMessage(
                f"cannot read {self._path}: {error.strerror}", hint="is the path right?"
            ) from error

    def mark(self) -> "tuple[int, int, int]":
        """Differs where the file was changed."""
        about = os.stat(self._path)
        return about.st_ino, about.st_size, about.st_mtime_ns


def _report(
    args: "argparse.Namespace",
    written: "Written",
    bad: "list[BadRow]",
    *,
    visible: "bool | None",
) -> None:
    value: "dict[str, Any]" = {
        "written": written.records,
        "requests": written.requests,
        "bytes": written.body_bytes,
        "last": None if written.last_ms is None else show_time(written.last_ms),
        "empty_strings": written.empty_strings,
        "replaced": written.replaced,
        "bad_rows": _bad_values(bad),
    }
    if visible is not None:
        value["visible"] = visible
    text = f"{count(written.records, 'record')} written in {count(written.requests, 'request')}"
    if written.replaced:
        text += f"; {count(written.replaced, 'value')} replaced by a later row of the same time"
    if written.empty_strings:
        text += f"; {count(written.empty_strings, 'empty string')} left out"
    show(args, value, text)
    _complain(bad)
    if visible is False:
        complain("not to be read yet", "the platform queues writes: read it again later")


def _report_dry(args: "argparse.Namespace", good: int, bad: "list[BadRow]") -> int:
    value = {"written": 0, "good": good, "bad_rows": _bad_values(bad)}
    show(args, value, f"nothing written: {count(good, 'good row')}, {count(len(bad), 'bad row')}")
    _complain(bad)
    return INVALID if bad else OK


def _complain(bad: "list[BadRow]") -> None:
    for row in bad[:_SHOWN_BAD_ROWS]:
        complain(row.message, row.hint)
    if len(bad) > _SHOWN_BAD_ROWS:
        complain(f"and {len(bad) - _SHOWN_BAD_ROWS} more bad rows", "--json lists all of them")


def _bad_values(bad: "list[BadRow]") -> "list[dict[str, Any]]":
    return [{"row": row.row, "column": row.column, "problem": row.problem} for row in bad]
