"""`mcagent timeseries aggregate`: intervals and what the values were in them."""

import csv
import json

from ..services.aggregates import UNITS, Summary
from ..services.reading import about_now_ms
from ..services.records import show
from .csvform import csv_form, with_comma
from .exits import OK, complain
from .platformnames import asset_id
from .platformsession import open_session
from .recordsink import Output, write_table
from .timerange import read_names, read_range
from .timeseriesread import add_output_options, format_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from typing import Any, Iterator, TextIO

    from ..services.aggregates import Aggregate

_FIELDS = Summary._fields
_IN_TABLE = ("count_good", "average", "minimum", "maximum", "first", "last")


def configure(_name: str, parser: "argparse.ArgumentParser") -> None:
    parser.add_argument(
        "--unit", choices=tuple(UNITS), default="hour", help="of an interval (default: hour)"
    )
    parser.add_argument(
        "--value", metavar="N", type=int, help="how many units make an interval (default: least)"
    )
    parser.add_argument(
        "--select", metavar="A,B", help="these numeric variables alone (default: all)"
    )
    add_output_options(parser)


def run_aggregate(args: "argparse.Namespace") -> int:
    from ..services.aggregates import Aggregates

    chosen = format_of(args)
    form = csv_form(args, is_csv=chosen == "csv")
    with open_session(args) as session:
        args.asset = asset_id(session, args.asset)
        after_ms, until_ms = read_range(args, about_now_ms(session))
        found = Aggregates(session).read(
            args.asset,
            args.aspect,
            after_ms,
            until_ms,
            unit=args.unit,
            value=args.value,
            select=read_names(args.select),
        )
        rows = _rows(found)
        with Output(args.output) as out:
            if chosen == "csv":
                number = _write_csv(out, rows, form)
            else:
                number = _WRITERS[chosen](out, rows)
    if not number:
        complain("nothing there", "no numeric value in the range")
    return OK


def _rows(found: "Iterator[Aggregate]") -> "Iterator[dict[str, Any]]":
    for aggregate in found:
        for variable, summary in sorted(aggregate.variables.items()):
            row: "dict[str, Any]" = {
                "start": show(aggregate.start_ms),
                "end": show(aggregate.end_ms),
                "variable": variable,
            }
            for field in _FIELDS:
                value = getattr(summary, field)
                is_time = field.endswith("_ms") and value is not None
                row[field.removesuffix("_ms") + "_time" * field.endswith("_ms")] = (
                    show(value) if is_time else value
                )
            yield row


def _write_csv(out: "TextIO", rows: "Iterator[dict[str, Any]]", form: "tuple[str, str]") -> int:
    number = 0
    writer: "csv.DictWriter[str] | None" = None
    for row in rows:
        if writer is None:
            writer = csv.DictWriter(out, list(row), delimiter=form[0], lineterminator="\n")
            writer.writeheader()
        comma = form[1] == ","
        writer.writerow({name: with_comma(row[name]) if comma else row[name] for name in row})
        number += 1
    return number


def _write_ndjson(out: "TextIO", rows: "Iterator[dict[str, Any]]") -> int:
    number = 0
    for row in rows:
        out.write(json.dumps(row, ensure_ascii=False) + "\n")
        number += 1
    return number


def _write_json(out: "TextIO", rows: "Iterator[dict[str, Any]]") -> int:
    found = list(rows)
    out.write(json.dumps({"aggregates": found}, ensure_ascii=False) + "\n")
    return len(found)


def _write_table(out: "TextIO", rows: "Iterator[dict[str, Any]]") -> int:
    names = ("start", "variable", *_IN_TABLE)
    found = [[_rounded(row[name]) for name in names] for row in rows]
    write_table(out, names, found)
    return len(found)


def _rounded(value: "Any") -> "Any":
    """Six digits, for the eye; the other formats have all of them."""
    return float(f"{value:.6g}") if isinstance(value, float) else value


_WRITERS = {
    "ndjson": _write_ndjson,
    "json": _write_json,
    "table": _write_table,
}
