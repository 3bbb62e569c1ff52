"""`mcagent timeseries`: read, write, delete and summarise the platform's time series."""

import argparse
import importlib
import sys

from .common import add_common_options, add_json_option
from .exits import UsageError
from .platformsession import add_platform_options

# Subcommand -> (module, what it does).
_ACTIONS = {
    "read": ("timeseriesread", "read a range of one aspect, or of a whole asset"),
    "newest": (
        "timeseriesread",
        "read the newest records, none older than 12 months",
    ),
    "latest": ("timeseriesread", "read the newest value of each variable"),
    "write": ("timeserieswrite", "write the rows of a CSV or NDJSON file to an aspect"),
    "delete": ("timeseriesdelete", "delete a range of an aspect for ever; asks first"),
    "aggregate": ("timeseriesaggregate", "summarise numeric variables by interval"),
}
_RANGED = ("read", "delete", "aggregate")


def configure(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(show_help=parser.print_help)
    actions = parser.add_subparsers(dest="action", metavar="ACTION", prog="mcagent timeseries")
    for name, (module, purpose) in _ACTIONS.items():
        action = actions.add_parser(
            name, help=purpose, description=purpose[0].upper() + purpose[1:] + "."
        )
        add_common_options(action)
        action.add_argument("asset", metavar="ASSET", help="name or id of the asset")
        action.add_argument(
            "aspect",
            metavar="ASPECT",
            nargs="?" if name == "read" else None,
            help="name of the aspect"
            + ("; without it all aspects, one by one" if name == "read" else ""),
        )
        if name in _RANGED:
            _add_range(action, last=name != "delete")
        importlib.import_module("." + module, __package__).configure(name, action)
        add_json_option(action)
        add_platform_options(action)


def run(args: argparse.Namespace) -> int:
    if args.action is None:
        args.show_help(sys.stderr)
        raise UsageError(
            "mcagent timeseries does nothing by itself",
            hint="name what to do: mcagent timeseries " + " | ".join(_ACTIONS),
        )
    module = importlib.import_module("." + _ACTIONS[args.action][0], __package__)
    code = getattr(module, "run_" + args.action)(args)
    assert isinstance(code, int)
    return code


def _add_range(action: argparse.ArgumentParser, *, last: bool) -> None:
    action.add_argument(
        "--from",
        dest="after",
        metavar="TIME",
        help="start of the range, not part of it: 2026-01-05T08:00:00Z, any offset, or ms",
    )
    action.add_argument(
        "--to",
        dest="until",
        metavar="TIME",
        help="end of the range, part of it" + (" (default: now)" if last else ""),
    )
    if last:
        action.add_argument(
            "--last", metavar="TIME", help="instead of --from: 90s, 30min, 24h or 7d before --to"
        )
