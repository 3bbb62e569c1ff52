"""What the commands share: options, the state directory, the agent, results for people, pipes."""

import os
import sys

from ..errors import ConfigurationError
from .exits import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from typing import Any

    from ..agent import Agent


def add_common_options(parser: "argparse.ArgumentParser") -> None:
    """`--debug`: before the command or after it."""
    # SUPPRESS: a default of the command's own parser would overwrite what stood before it.
    parser.add_argument(
        "--debug",
        action="store_true",
        default=_suppressed(),
        help="show the traceback of an error, and log what the library does",
    )


def add_state_option(parser: "argparse.ArgumentParser") -> None:
    parser.add_argument(
        "--state",
        metavar="DIR",
        default=_suppressed(),
        help="state directory: buffer, credentials, model (default: $MCAGENT_STATE)",
    )


def add_network_options(parser: "argparse.ArgumentParser") -> None:
    parser.add_argument(
        "--ca",
        metavar="FILE",
        help="PEM file of the certificate authorities to trust instead of the system's",
    )
    parser.add_argument(
        "--crl",
        metavar="FILE",
        help="PEM file with the revocation lists of every authority in the platform's chain",
    )
    parser.add_argument(
        "--proxy",
        metavar="URL",
        help="http://[user:password@]host:port (default: HTTPS_PROXY, HTTP_PROXY, NO_PROXY)",
    )


def add_json_option(parser: "argparse.ArgumentParser") -> None:
    parser.add_argument(
        "--json", action="store_true", help="one JSON object, alone on standard output"
    )


def state_directory(args: "argparse.Namespace") -> str:
    """Where the state lives; there is no default, because the wrong one would look like a loss."""
    directory = getattr(args, "state", None)
    if directory == "":  # not the environment's: that would be another device's
        raise UsageError("--state names no directory", hint="is a variable of your script unset?")
    directory = directory or os.environ.get("MCAGENT_STATE")
    if not directory:
        raise UsageError(
            "no state directory was named",
            hint="give --state DIR, or set MCAGENT_STATE once for all commands",
        )
    if os.path.exists(directory) and not os.path.isdir(directory):
        raise ConfigurationError(
            f"{directory} is a file, not a state directory",
            hint="--state and MCAGENT_STATE name the directory that mcagent keeps its state in",
        )
    return str(directory)


def open_agent(args: "argparse.Namespace", boarding: "str | None" = None) -> "Agent":
    """The agent of the state directory; raises ConfigurationError where another process has it."""
    from ..agent import Agent
    from ..boarding import read_boarding

    if boarding is not None:
        read_boarding(boarding)  # named just now, by a person: a typing error shows at once
    if hasattr(args, "ca"):
        keep_log_quiet(args)

    directory = state_directory(args)
    _leave_to_its_user(directory)
    return Agent.open(
        directory,
        boarding=boarding,
        ca_file=getattr(args, "ca", None),
        crl_file=getattr(args, "crl", None),
        proxy=getattr(args, "proxy", None),
    )


def _leave_to_its_user(directory: str) -> None:
    """Refuse to write as root what the user of a service could not read: it would not start again.

    Raises:
        UsageError: This is root, and the directory another user's.
    """
    if not hasattr(os, "geteuid") or os.geteuid() or not os.path.isdir(directory):
        return
    state = os.stat(directory)
    if state.st_uid:
        raise UsageError(
            f"{directory} belongs to user {state.st_uid}, who could not read what root writes",
            hint=f"run it as that user: setpriv --reuid={state.st_uid} --regid={state.st_gid} "
            "--clear-groups mcagent …",
        )


def keep_log_quiet(args: "argparse.Namespace") -> None:
    """Leave the log to ``--debug``: what it says about the network is in the command's result.

    Called by the commands that use the network and load `logging` anyway.
    """
    if not getattr(args, "debug", False):
        import logging

        logging.getLogger("mcagent").addHandler(logging.NullHandler())


def show(args: "argparse.Namespace", value: "dict[str, Any]", text: str) -> None:
    """Print the result: *value* as one JSON object with ``--json``, else *text*."""
    if args.json:
        import json

        text = json.dumps(value, ensure_ascii=False)
    if text:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()


def count(number: int, noun: str) -> str:
    """``1 sample``, ``2 samples``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _suppressed() -> str:
    import argparse

    return argparse.SUPPRESS
