"""`mcagent record`: samples from the command line or from a CSV file."""

import sys

from ..errors import AgentError, InvalidMessage
from . import exits
from .common import add_json_option, count, show
from .csvform import add_csv_options, csv_form
from .door import open_door
from .texts import parse_time, parse_value

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from typing import Any, Iterable, TextIO

    from ..messages.datamodel import DataModel
    from .csvrows import BadRow
    from .door import Door

_SHOWN_BAD_ROWS = 10
_FLUSH_EVERY = 100  # the buffer syncs as often by itself


def configure(parser: "argparse.ArgumentParser") -> None:
    parser.add_argument(
        "values", nargs="*", metavar="POINT=VALUE", help="values of one moment, one sample"
    )
    parser.add_argument(
        "--time",
        metavar="TIME",
        help="when it was measured: 2026-01-05T08:00:00.000Z or ms since 1970 UTC (default: now)",
    )
    parser.add_argument(
        "--quality", metavar="CODE", help="quality code of all values (default: 0, good)"
    )
    parser.add_argument(
        "--csv",
        metavar="FILE",
        help="store each row of FILE as a sample ('-': standard input): a column of times and one "
        "column a data point; bad rows are named, the good ones are stored",
    )
    parser.add_argument(
        "--time-column",
        metavar="NAME",
        help="the CSV column of times (default: timestamp, time or _time)",
    )
    add_csv_options(parser)
    add_json_option(parser)


def run(args: "argparse.Namespace") -> int:
    _check(args)
    timestamp_ms = None if args.time is None else parse_time(args.time)
    bad_rows: "list[BadRow]" = []
    with open_door(args) as door:
        if args.csv is None:
            values = parse_pairs(args.values, door.model)
            door.record(values, timestamp_ms, args.quality)
            recorded = 1
        else:
            recorded, bad_rows = _record_csv(args, door)
        place, owner = door.place, door.owner
    # Reported after the door has closed: only now all of it is on the medium.
    _report(args, recorded, bad_rows, place, owner)
    return exits.INVALID if bad_rows else exits.OK


def parse_pairs(pairs: "list[str]", model: "DataModel | None") -> "dict[str, Any]":
    """``["temperature=21.4"]`` as values, by the types of *model*."""
    values: "dict[str, Any]" = {}
    for pair in pairs:
        point, equals, text = pair.partition("=")
        if not equals or not point:
            raise exits.UsageError(
                f"{pair[:60]!r} is not POINT=VALUE", hint="mcagent record temperature=21.4"
            )
        if point in values:
            raise InvalidMessage(
                f"data point {point!r} is given twice",
                hint="a sample has one value a point; two moments are two samples",
            )
        known = model.points.get(point) if model is not None else None
        try:
            values[point] = parse_value(text, None if known is None else known.type)
        except InvalidMessage as error:
            raise InvalidMessage(
                f"data point {point!r}: {error.message}", hint=error.hint
            ) from error
    return values


def _check(args: "argparse.Namespace") -> None:
    if bool(args.values) == (args.csv is not None):
        raise exits.UsageError(
            "give POINT=VALUE pairs or --csv FILE" + (", not both" if args.values else ""),
            hint="mcagent record temperature=21.4 strokes=1204",
        )
    if args.csv is not None and args.time is not None:
        raise exits.UsageError(
            "--time is for one sample; rows of a CSV file have times of their own",
            hint="leave it out; --time-column names the column of times",
        )
    args.delimiter, args.decimal = csv_form(args, is_csv=args.csv is not None)


def _record_csv(args: "argparse.Namespace", door: "Door") -> "tuple[int, list[BadRow]]":
    if args.csv == "-":
        # Undecodable bytes become lone surrogates, which are refused with row and column.
        sys.stdin.reconfigure(encoding="utf-8-sig", errors="surrogateescape", newline="")  # type: ignore[union-attr]
        return _record_rows(args, door, sys.stdin)
    with _open_csv(args.csv) as file:
        return _record_rows(args, door, file)


def _open_csv(path: str) -> "TextIO":
    try:
        return open(path, encoding="utf-8-sig", errors="surrogateescape", newline="")
    except OSError as error:
        raise InvalidMessage(
            f"cannot read {path}: {error.strerror}", hint="is the path right?"
        ) from error


def _record_rows(
    args: "argparse.Namespace", door: "Door", lines: "Iterable[str]"
) -> "tuple[int, list[BadRow]]":
    from .csvrows import UTF8_HINT, BadRow, CsvRows, is_utf8

    try:
        rows = CsvRows(
            lines,
            door.model,
            time_column=args.time_column,
            delimiter=args.delimiter,
            decimal=args.decimal,
        )
    except InvalidMessage as error:
        raise InvalidMessage(f"{args.csv}: {error.message}", hint=error.hint) from error
    recorded = 0
    safe_row = 1  # everything up to this row is on the medium
    bad_rows: "list[BadRow]" = []
    for row in rows:
        if isinstance(row, BadRow):
            bad_rows.append(row)
            continue
        number, timestamp_ms, values = row
        try:
            door.record(values, timestamp_ms, args.quality)
            recorded += 1
            if recorded % _FLUSH_EVERY == 0:
                door.flush()
                safe_row = number
        except InvalidMessage as error:
            column = _guilty(values, timestamp_ms, door.model)
            if column and not is_utf8(values[column]):
                bad_rows.append(BadRow(number, column, "is not UTF-8", hint=UTF8_HINT))
            else:
                bad_rows.append(BadRow(number, column, error.message, hint=error.hint))
        except AgentError as error:
            # The disk or the quota is full. Rows recorded twice replace themselves, so going on
            # a little before the end is right, and after it would be a loss.
            raise type(error)(
                f"row {number}: {error.message}",
                hint=f"rows up to {safe_row} are stored, go on after them. {error.hint}",
            ) from error
    return recorded, bad_rows


def _guilty(values: "dict[str, Any]", timestamp_ms: int, model: "DataModel | None") -> str:
    """Which column the encoder refuses, by encoding each alone; ``""`` when only all together."""
    from ..messages.timeseries import SampleEncoder

    encoder = SampleEncoder(model)
    for point, value in values.items():
        try:
            encoder.encode({point: value}, timestamp_ms)
        except InvalidMessage:
            if value != "" or len(values) == 1:
                return point
    return ""


def _report(
    args: "argparse.Namespace", recorded: int, bad_rows: "list[BadRow]", place: str, owner: str
) -> None:
    text = "recorded " + count(recorded, "sample")
    if place == "inbox":
        text += f" (left in the inbox: {owner})"
    result = {
        "recorded": recorded,
        "place": place,
        "refused": [
            {"row": bad.row, "column": bad.column, "message": bad.problem} for bad in bad_rows
        ],
    }
    show(args, result, text)
    for bad in bad_rows[:_SHOWN_BAD_ROWS]:
        exits.complain(f"{args.csv}: {bad.message}", bad.hint)
    if len(bad_rows) > _SHOWN_BAD_ROWS:
        more = len(bad_rows) - _SHOWN_BAD_ROWS
        exits.complain(f"{args.csv}: {count(more, 'bad row')} more", "--json lists them all")
