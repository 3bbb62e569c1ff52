"""The outermost function: choose the command, run it, turn an error into a line and a code."""

import argparse
import importlib
import os
import sys

from . import exits
from .common import add_common_options, add_state_option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn, Sequence

# Command -> (what it does, takes --state). Each is a module of this folder with
# `configure(parser)` and `run(args) -> exit code`; only the one that is called is imported.
COMMANDS = {
    "demo": ("show the whole way on this machine, through an outage, and check it", False),
    "emulator": ("run a local Insights Hub", False),
    "onboard": ("register this device with the platform", True),
    "model": ("describe the device's data points, or show the description", True),
    "record": ("store samples: point=value …, or the rows of a CSV file", True),
    "event": ("store an event", True),
    "file": ("store a file", True),
    "upload": ("send what is stored", True),
    "keepalive": ("renew the credentials of a device that sleeps; for cron", True),
    "buffer": (
        "look into the buffer, check it, or take everything out, also while a service runs",
        True,
    ),
    "diag": ("collect what helps to find a fault into one file, without any secret", True),
    "doctor": ("find out what is wrong, by measuring each step to the platform", True),
    "rejected": ("what the platform refused: list it, show it, send it again, drop it", True),
    "service": ("print a hardened systemd unit for a device script", False),
    "status": ("what is stored, since when, and what was dropped or set aside", True),
    "timeseries": ("read, write, delete and summarise time series on the platform", False),
    "commission": (
        "bring the platform to what a file describes: types, assets, agents, mappings",
        False,
    ),
    "agents": ("the tenant's agents: make them, board them, their data models", False),
    "mappings": ("which data points feed which variables, and which events which assets", False),
    "assets": ("assets, their aspects and their types", False),
    "events": ("read the events of assets, post one", False),
    "files": ("files of assets, of any size: upload, download, list, delete", False),
    "diagnostics": ("what became of what agents sent, and what was dropped of it", False),
}

# Its options are the emulator's own; they are handed on unread.
_PASSED_ON = "emulator"

_EPILOG = "Exit codes: " + "; ".join(
    f"{code} {meaning.split(':')[0].split(';')[0]}" for code, meaning in exits.MEANING.items()
)


class _Parser(argparse.ArgumentParser):
    """Reports a wrong command line like every other error: one line and a hint."""

    def error(self, message: str) -> "NoReturn":
        raise exits.UsageError(message, hint=f"{self.prog} --help shows how it is used")


def main(argv: "Sequence[str] | None" = None) -> int:
    """Run one command.

    Args:
        argv: Arguments without the program's name; None takes the process's own.

    Returns:
        The exit code, one of `exits.MEANING`.
    """
    _stand_in_for_closed_streams()
    arguments = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in arguments
    try:
        return _run(arguments)
    except BrokenPipeError:
        # The reader of a pipe has seen enough (`mcagent status | head -1`).
        _drop_standard_output()
        return exits.OK
    except KeyboardInterrupt:
        return exits.INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the outermost function: nothing passes it as a traceback
        if debug:
            import traceback

            traceback.print_exc()
        try:
            sys.stdout.flush()
        except OSError:
            _drop_standard_output()
        exits.complain(*exits.describe(error))
        return exits.code_of(error)


def _drop_standard_output() -> None:
    """What nobody takes goes to the null device: Python would complain once more when it flushes
    standard output at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _stand_in_for_closed_streams() -> None:
    """Give a stream that the caller closed (``>&-``) the null device.

    Python sets it to None then, and the next file to be opened, one of the buffer's, would get
    its number: whoever writes to "standard error" after that writes into the file.
    """
    for name, mode, number in (("stdin", "r", 0), ("stdout", "w", 1), ("stderr", "w", 2)):
        if getattr(sys, name) is None:
            # The lowest free number is the closed one, because those below are open by now.
            null = os.open(os.devnull, os.O_RDWR)
            if null == number:
                os.set_inheritable(null, True)
            setattr(sys, name, os.fdopen(null, mode, encoding="utf-8"))


def _run(arguments: "list[str]") -> int:
    words = [word for word in arguments if word != "--debug"]
    if words[:1] == [_PASSED_ON]:
        from .emulator import serve

        return serve(words[1:])
    if _state_before_the_emulator(words):
        raise exits.UsageError(
            "the emulator takes no --state: it is the platform, not a device",
            hint="mcagent emulator --data DIR keeps what it receives",
        )
    args = _parse(arguments)
    if getattr(args, "debug", False):
        import logging

        logging.basicConfig(format="%(asctime)s %(name)s: %(message)s")
        logging.getLogger("mcagent").setLevel(logging.DEBUG)
    module = importlib.import_module("." + args.command, __package__)
    code = module.run(args)
    assert isinstance(code, int)
    return code


def _state_before_the_emulator(words: "list[str]") -> bool:
    """True for ``--state DIR emulator …`` and ``--state=DIR emulator …``."""
    option = words[0] if words else ""
    at = 2 if option == "--state" else 1
    return option.split("=")[0] == "--state" and words[at : at + 1] == [_PASSED_ON]


def _parse(arguments: "list[str]") -> argparse.Namespace:
    parser = _Parser(
        prog="mcagent",
        description="Send measurements, events and files from this device to Insights Hub.",
        epilog=_EPILOG,
    )
    parser.add_argument("--version", action="version", version=_version())
    add_common_options(parser)
    add_state_option(parser)
    # prog: otherwise a usage text is formatted to find it, which loads shutil.
    commands = parser.add_subparsers(
        prog="mcagent", dest="command", metavar="COMMAND", required=True
    )
    for name, (purpose, takes_state) in COMMANDS.items():
        command = commands.add_parser(
            name, help=purpose, description=purpose[0].upper() + purpose[1:] + "."
        )
        if name not in arguments or name == _PASSED_ON:
            continue  # its module is not imported: `mcagent record` starts fast
        add_common_options(command)
        if takes_state:
            add_state_option(command)
        importlib.import_module("." + name, __package__).configure(command)
    return parser.parse_args(arguments)


def _version() -> str:
    from .. import __version__

    return f"mcagent {__version__}"
