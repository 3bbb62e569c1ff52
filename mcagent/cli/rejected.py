"""`mcagent rejected`: what the platform refused; look at it, send it again, or drop it."""

import argparse
import importlib
import sys

from ..buffer.settings import ALL_LANES, REJECTED
from .common import add_common_options, add_json_option, add_state_option
from .exits import UsageError

# Subcommand -> (module, what it does).
_ACTIONS = {
    "ls": ("rejectedlist", "list what the platform refused, oldest first"),
    "show": ("rejectedlist", "show refused records whole: payload, status, the platform's words"),
    "replay": ("rejectedwork", "put refused records back into their lanes, to be sent again"),
    "drop": ("rejectedwork", "remove refused records for ever; asks first"),
}
_LONGEST_S = 3600
_LANES = [lane for lane in ALL_LANES if lane != REJECTED]


def configure(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(show_help=parser.print_help)
    actions = parser.add_subparsers(dest="action", metavar="ACTION", prog="mcagent rejected")
    for name, (_module, purpose) in _ACTIONS.items():
        action = actions.add_parser(
            name, help=purpose, description=purpose[0].upper() + purpose[1:] + "."
        )
        add_common_options(action)
        add_state_option(action)
        action.add_argument(
            "--lane",
            action="append",
            choices=_LANES,
            metavar="LANE",
            help="only what came from this lane; may be repeated: " + ", ".join(_LANES),
        )
        add_json_option(action)
        if name == "ls":
            continue
        action.add_argument(
            "records",
            nargs="*",
            metavar="RECORD",
            help="LANE/NUMBER as `mcagent rejected ls` shows it, or the number where it is plain "
            "which lane is meant",
        )
        action.add_argument("--all", action="store_true", help="every refused record")
        if name != "show":
            action.add_argument(
                "--wait",
                type=_seconds,
                default=10.0,
                metavar="SECONDS",
                help="beside a service: how long to wait until it has done it (10; 0: not at all)",
            )
    actions.choices["drop"].add_argument("--yes", action="store_true", help="do not ask")


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 <= value <= _LONGEST_S:
        raise argparse.ArgumentTypeError(f"{text} is not from 0 to {_LONGEST_S} seconds")
    return value


def run(args: argparse.Namespace) -> int:
    if args.action is None:
        args.show_help(sys.stderr)
        raise UsageError(
            "mcagent rejected does nothing by itself",
            hint="name what to do: mcagent rejected " + " | ".join(_ACTIONS),
        )
    module = importlib.import_module("." + _ACTIONS[args.action][0], __package__)
    code = getattr(module, "run_" + args.action)(args)
    assert isinstance(code, int)
    return code
