"""`mcagent buffer`: look into the buffer, beside a service or after an accident; it only reads."""

import argparse
import importlib
import sys

from ..buffer.settings import ALL_LANES
from .common import add_common_options, add_json_option, add_state_option
from .exits import UsageError

# Subcommand -> (module, what it does, takes --json).
_ACTIONS = {
    "ls": ("bufferlist", "list segments and files: what each holds, and how far it is", True),
    "peek": ("bufferpeek", "show the next records that would be sent", True),
    "verify": (
        "bufferverify",
        "read everything, and say what is damaged and what that means",
        True,
    ),
    "export": ("bufferexport", "write every record as one JSON object a line", False),
    "stats": (
        "bufferlist",
        "figures of each lane: how full, how old, how fast, how long yet",
        True,
    ),
}


def configure(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(show_help=parser.print_help)
    actions = parser.add_subparsers(dest="action", metavar="ACTION", prog="mcagent buffer")
    for name, (_module, purpose, takes_json) in _ACTIONS.items():
        action = actions.add_parser(
            name, help=purpose, description=purpose[0].upper() + purpose[1:] + "."
        )
        add_common_options(action)
        add_state_option(action)
        action.add_argument(
            "--lane",
            action="append",
            choices=ALL_LANES,
            metavar="LANE",
            help="only this lane; may be repeated: " + ", ".join(ALL_LANES),
        )
        if takes_json:
            add_json_option(action)
    _configure_peek(actions.choices["peek"])
    _configure_export(actions.choices["export"])


def run(args: argparse.Namespace) -> int:
    if args.action is None:
        args.show_help(sys.stderr)
        raise UsageError(
            "mcagent buffer does nothing by itself",
            hint="name what to do: mcagent buffer " + " | ".join(_ACTIONS),
        )
    module = importlib.import_module("." + _ACTIONS[args.action][0], __package__)
    code = getattr(module, "run_" + args.action)(args)
    assert isinstance(code, int)
    return code


def _configure_peek(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--count", type=_positive, default=1, help="how many of each lane (default: 1)"
    )
    parser.add_argument(
        "--newest", action="store_true", help="the last ones instead of the next ones"
    )
    parser.add_argument(
        "--sequence",
        type=_positive,
        metavar="N",
        help="from this record on, also where it was delivered and is still on disk",
    )
    parser.add_argument("--payload", action="store_true", help="the whole payload, not shortened")
    parser.add_argument(
        "--raw", action="store_true", help="the payloads alone, byte by byte, each on a line"
    )


def _configure_export(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--all", action="store_true", help="also what was delivered and is still on disk"
    )
    parser.add_argument(
        "--output", metavar="FILE", default="-", help="where to (default: standard output)"
    )
    parser.add_argument(
        "--files", metavar="DIR", help="copy the content of stored files to this directory"
    )


def _positive(text: str) -> int:
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 18 else 0
    if not number:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is not 1 or more")
    return number
