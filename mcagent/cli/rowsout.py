"""Rows on standard output: a table for people, or CSV, NDJSON or one JSON object."""

import csv
import json
import sys

from .display import table
from .exits import UsageError, complain

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from typing import Any, Callable, Iterable, Sequence

FORMATS = ("table", "csv", "ndjson", "json")


def add_format_option(parser: "argparse.ArgumentParser") -> None:
    parser.add_argument(
        "--format",
        choices=FORMATS,
        help="table, csv or ndjson; --json is short for --format json (default: table)",
    )


def write_rows(
    args: "argparse.Namespace",
    name: str,
    columns: "Sequence[str]",
    rows: "Iterable[dict[str, Any]]",
    *,
    shown: "Sequence[str] | None" = None,
    empty: "str | None" = None,
) -> int:
    """Write all rows as the options ask; return how many there were.

    CSV and NDJSON are written as they come, whatever the number.

    Args:
        args: With `format` and `json`.
        name: Member of the JSON object that holds the list.
        columns: Members of each row.
        rows: Each has them.
        shown: Those in a table; None for all.
        empty: Said to a person where there is no row; None for a sentence with *name*, ``""`` for
            none.

    Raises:
        UsageError: Two formats were asked for.
    """
    chosen = format_of(args)
    counted = _Counted(rows)
    _WRITERS[chosen](name, columns, shown or columns, counted)
    sys.stdout.flush()
    if chosen == "table" and not counted.number and empty != "":
        complain(empty or f"there are no {_spaced(name)}")
    return counted.number


def format_of(args: "argparse.Namespace") -> str:
    """The format that the options name."""
    chosen: str | None = args.format
    if args.json and chosen not in (None, "json"):
        raise UsageError(f"--json and --format {chosen} exclude each other", hint="give one")
    return "json" if args.json else chosen or "table"


class _Counted:
    def __init__(self, rows: "Iterable[dict[str, Any]]") -> None:
        self._rows = rows
        self.number = 0

    def __iter__(self) -> "Any":
        for row in self._rows:
            self.number += 1
            yield row


def _write_table(
    _name: str, _columns: "Sequence[str]", shown: "Sequence[str]", rows: "_Counted"
) -> None:
    found = [[_cell(row[column]) for column in shown] for row in rows]
    if found:
        sys.stdout.write(table(found, shown) + "\n")


def _write_csv(
    _name: str, columns: "Sequence[str]", _shown: "Sequence[str]", rows: "_Counted"
) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_cell(row[column]) for column in columns])


def _write_ndjson(
    _name: str, _columns: "Sequence[str]", _shown: "Sequence[str]", rows: "_Counted"
) -> None:
    for row in rows:
        sys.stdout.write(json.dumps(row, ensure_ascii=False) + "\n")


def _write_json(
    name: str, _columns: "Sequence[str]", _shown: "Sequence[str]", rows: "_Counted"
) -> None:
    sys.stdout.write(json.dumps({name: list(rows)}, ensure_ascii=False) + "\n")


_WRITERS: "dict[str, Callable[[str, Sequence[str], Sequence[str], _Counted], None]]" = {
    "table": _write_table,
    "csv": _write_csv,
    "ndjson": _write_ndjson,
    "json": _write_json,
}


def _spaced(name: str) -> str:
    """``eventMappings`` as words."""
    return "".join(f" {one.lower()}" if one.isupper() else one for one in name)


def _cell(value: "Any") -> "Any":
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value))
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    # Words from afar are no orders to the terminal.
    if isinstance(value, str):
        return "".join(one if one.isprintable() else " " for one in value)
    return value
