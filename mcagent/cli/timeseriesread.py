"""`mcagent timeseries read`, `newest` and `latest`."""

import sys

from ..services.reading import about_now_ms
from ..services.records import Record, show
from .common import count
from .csvform import add_csv_options, csv_form
from .exits import OK, UsageError, complain
from .pace import Pace
from .platformnames import asset_id
from .platformsession import open_session
from .recordsink import (
    FORMATS,
    CsvSink,
    JsonSink,
    NdjsonSink,
    Output,
    Sink,
    TableSink,
    write_table,
)
from .timerange import read_names, read_range

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from typing import Any, Iterator, TextIO

    from ..services.timeseries import TimeSeries
    from .plot import Plot

_SHOW_EVERY = 500


def configure(name: str, parser: "argparse.ArgumentParser") -> None:
    parser.add_argument("--select", metavar="A,B", help="these variables alone (default: all)")
    if name == "latest":
        return
    add_output_options(parser)
    if name == "newest":
        parser.add_argument(
            "--limit", metavar="N", type=int, default=1, help="how many records (default: 1)"
        )
        return
    parser.add_argument("--limit", metavar="N", type=int, help="at most so many records")
    parser.add_argument("--desc", action="store_true", help="newest first")
    parser.add_argument(
        "--plot",
        metavar="FILE",
        help="draw the numeric variables too, as PNG, SVG or PDF (pip install 'mcagent[plot]')",
    )


def add_output_options(parser: "argparse.ArgumentParser") -> None:
    """`--format` and `--output`."""
    parser.add_argument(
        "--format",
        choices=FORMATS,
        help="table, csv, ndjson or json (default: by --output's ending, else table)",
    )
    parser.add_argument(
        "--output", metavar="FILE", help="write to FILE, which appears when it is complete"
    )
    add_csv_options(parser)


def run_read(args: "argparse.Namespace") -> int:
    from ..services.timeseries import TimeSeries
    from .plot import open_plot

    select = read_names(args.select)
    if args.aspect is None and (select or args.plot or args.limit or args.desc):
        raise UsageError(
            "--select, --plot, --limit and --desc are for one aspect", hint="name the ASPECT"
        )
    chosen = format_of(args)
    args.delimiter, args.decimal = csv_form(args, is_csv=chosen == "csv")
    plot = open_plot(args.plot) if args.plot else None  # before the work, not after it
    with open_session(args) as session:
        args.asset = asset_id(session, args.asset)
        series = TimeSeries(session)
        after_ms, until_ms = read_range(args, about_now_ms(session))
        records: "Iterator[tuple[str | None, Record]]"
        # CSV and JSON keep every digit; a table and a plot are for the eye.
        exact = chosen != "table"
        if args.aspect is None:
            records = iter(series.read_asset(args.asset, after_ms, until_ms, decimals=exact))
        else:
            one = series.read(
                args.asset,
                args.aspect,
                after_ms,
                until_ms,
                select=select,
                limit=args.limit,
                descending=args.desc,
                decimals=exact,
            )
            records = ((None, record) for record in one)
        head = {
            "asset": args.asset,
            "aspect": args.aspect,
            "from": show(after_ms),
            "to": show(until_ms),
        }
        span = (until_ms, after_ms) if args.desc else (after_ms, until_ms)
        number = _put_all(args, chosen, series, records, head=head, span=span, plot=plot)
    if not number and not args.json and plot is None:
        complain("nothing there", f"no record after {head['from']} up to {head['to']}")
    if plot is not None:
        plot.save(f"{args.aspect} of {args.asset}")
    if args.output:
        sys.stderr.write(f"{count(number, 'record')} read into {args.output}\n")
    return OK


def run_newest(args: "argparse.Namespace") -> int:
    from ..services.timeseries import TimeSeries

    chosen = format_of(args)
    args.delimiter, args.decimal = csv_form(args, is_csv=chosen == "csv")
    with open_session(args) as session:
        args.asset = asset_id(session, args.asset)
        series = TimeSeries(session)
        found = series.newest(
            args.asset,
            args.aspect,
            args.limit,
            select=read_names(args.select),
            decimals=chosen != "table",
        )
        records: "Iterator[tuple[str | None, Record]]" = ((None, record) for record in found)
        head = {"asset": args.asset, "aspect": args.aspect}
        _put_all(args, chosen, series, records, head=head)
    if not found:
        complain("nothing there", "only the last 12 months are looked at; `read` takes any range")
    return OK


def run_latest(args: "argparse.Namespace") -> int:
    import json

    from ..services.timeseries import LATEST_WINDOW, TimeSeries

    with open_session(args) as session:
        args.asset = asset_id(session, args.asset)
        found = TimeSeries(session).latest(args.asset, args.aspect, select=read_names(args.select))
    if args.json:
        values = [
            {"variable": one.variable, "value": one.value, "_time": show(one.timestamp_ms)}
            for one in found
        ]
        value = {"asset": args.asset, "aspect": args.aspect, "latest": values}
        sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")
    elif found:
        rows: "list[list[Any]]" = [
            [one.variable, one.value, show(one.timestamp_ms)] for one in found
        ]
        write_table(sys.stdout, ("variable", "value", "time"), rows)
    if not found:
        complain("nothing there", f"looked at are {LATEST_WINDOW}; `newest` takes the others")
    return OK


def format_of(args: "argparse.Namespace") -> str:
    """The format that the options name."""
    if args.json:
        if args.format not in (None, "json"):
            raise UsageError("--json and another --format exclude each other", hint="give one")
        return "json"
    if args.format:
        return str(args.format)
    ending = (args.output or "").rpartition(".")[2].lower()
    return {"csv": "csv", "ndjson": "ndjson", "jsonl": "ndjson", "json": "json"}.get(
        ending, "table"
    )


def _put_all(
    args: "argparse.Namespace",
    chosen: str,
    series: "TimeSeries",
    records: "Iterator[tuple[str | None, Record]]",
    *,
    head: "dict[str, Any]",
    span: "tuple[int, int] | None" = None,
    plot: "Plot | None" = None,
) -> int:
    number = 0
    with Output(args.output) as out, Pace("read") as pace:
        sink = _sink(args, chosen, series, out, head)
        for aspect, record in records:
            sink.put(aspect, record)
            if plot is not None:
                plot.add(record)
            number += 1
            if span is not None and number % _SHOW_EVERY == 0:
                share = (record.timestamp_ms - span[0]) / (span[1] - span[0])
                pace.show(share, number)
        sink.end()
    return number


def _sink(
    args: "argparse.Namespace",
    chosen: str,
    series: "TimeSeries",
    out: "TextIO",
    head: "dict[str, Any]",
) -> Sink:
    if chosen == "json":
        return JsonSink(out, head)
    if chosen == "ndjson":
        return NdjsonSink(out, [], [])
    columns, coded = _columns(args, series)
    several = args.aspect is None
    if chosen == "csv":
        return CsvSink(out, columns, coded, aspects=several, form=(args.delimiter, args.decimal))
    return TableSink(out, columns, aspects=several)


def _columns(args: "argparse.Namespace", series: "TimeSeries") -> "tuple[list[str], list[str]]":
    """Variables in order, and those of them that have quality codes."""
    select = read_names(args.select)
    aspects = series.aspects.of(args.asset)
    if aspects is None:
        if not select:
            raise UsageError(
                "the columns are not known: these credentials may not read the asset's aspects",
                hint="give --select A,B, or --format ndjson or json",
            )
        return select, select
    columns: "dict[str, bool]" = {}
    for aspect in [args.aspect] if args.aspect else sorted(aspects):
        for variable in (series.aspects.variables(args.asset, aspect) or {}).values():
            columns[variable.name] = variable.has_quality
    names = [name for name in columns if select is None or name in select]
    return names, [name for name in names if columns[name]]
