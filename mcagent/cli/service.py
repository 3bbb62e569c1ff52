"""`mcagent service print`: a unit file for a device script of the user's own."""

import os
import shutil
import sys

from . import exits
from .serviceunit import unit

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

_LONGEST_WATCHDOG_S = 86_400


def configure(parser: "argparse.ArgumentParser") -> None:
    actions = parser.add_subparsers(
        prog="mcagent service", dest="action", metavar="ACTION", required=True
    )
    action = actions.add_parser(
        "print",
        help="a hardened systemd unit for a script",
        description="Print a hardened systemd unit for a script. Nothing is installed.",
    )
    action.add_argument("script", metavar="SCRIPT", help="the script, in a folder that stays")
    action.add_argument(
        "arguments",
        nargs="*",
        metavar="ARGUMENT",
        help="its arguments, after --; '${STATE_DIRECTORY}' is where its state belongs",
    )
    action.add_argument("--name", default="", help="of unit and state directory (the script's)")
    action.add_argument(
        "--python",
        metavar="FILE",
        default=sys.executable,
        help="interpreter that has mcagent (default: this one)",
    )
    action.add_argument("--user", default="", help="who runs it (default: a user made for it)")
    action.add_argument(
        "--group", action="append", default=[], help="it is also a member of; can be repeated"
    )
    action.add_argument(
        "--device",
        metavar="FILE",
        action="append",
        default=[],
        help="device file that it opens, such as /dev/ttyUSB0; can be repeated",
    )
    action.add_argument(
        "--boarding",
        metavar="FILE",
        default="",
        help="boarding configuration for root's eyes, handed over by systemd",
    )
    action.add_argument(
        "--watchdog",
        metavar="SECONDS",
        type=_seconds,
        default=60,
        help="restart it when it hangs so long; 0 for a script without Agent.run (default: 60)",
    )


def run(args: "argparse.Namespace") -> int:
    script = os.path.abspath(args.script)
    boarding = os.path.abspath(args.boarding) if args.boarding else ""
    text = unit(
        script,
        python=os.path.abspath(shutil.which(args.python) or args.python),
        arguments=args.arguments,
        name=args.name,
        user=args.user,
        groups=args.group,
        devices=args.device,
        boarding=boarding,
        watchdog_s=args.watchdog,
    )
    for path in filter(None, (script, boarding)):
        if not os.path.exists(path):  # no error: the unit may be for another machine
            exits.complain(f"there is no {path} on this machine")
    sys.stdout.write(text)
    return exits.OK


def _seconds(text: str) -> int:
    import argparse

    if not text.isascii() or not text.isdecimal() or int(text) > _LONGEST_WATCHDOG_S:
        raise argparse.ArgumentTypeError(
            f"{text[:40]!r} is not a whole number of seconds from 0 to {_LONGEST_WATCHDOG_S}"
        )
    return int(text)
