"""Commands that have actions (`mcagent agents ls`): one table for the parser and for the call."""

import argparse
import sys
from typing import Callable, NamedTuple

from .common import add_common_options, add_json_option
from .exits import UsageError
from .platformsession import add_platform_options


class Action(NamedTuple):
    """One action: what it does, its own options, and the function that does it."""

    purpose: str
    configure: "Callable[[argparse.ArgumentParser], None]"
    run: "Callable[[argparse.Namespace], int]"


def add_actions(
    parser: argparse.ArgumentParser, command: str, actions: "dict[str, Action]"
) -> None:
    """Give *parser* the actions; each has the options of the platform and ``--json``, too."""
    parser.set_defaults(show_help=parser.print_help)
    choices = parser.add_subparsers(dest="action", metavar="ACTION", prog=f"mcagent {command}")
    for name, action in actions.items():
        one = choices.add_parser(
            name,
            help=action.purpose,
            description=action.purpose[0].upper() + action.purpose[1:] + ".",
        )
        add_common_options(one)
        action.configure(one)
        add_json_option(one)
        add_platform_options(one)


def run_action(args: argparse.Namespace, actions: "dict[str, Action]") -> int:
    """Do what the command line names.

    Raises:
        UsageError: It names nothing.
    """
    if args.action is None:
        args.show_help(sys.stderr)
        raise UsageError(
            f"mcagent {args.command} does nothing by itself",
            hint=f"name what to do: mcagent {args.command} " + " | ".join(actions),
        )
    return actions[args.action].run(args)


def no_options(parser: argparse.ArgumentParser) -> None:
    """For an action that has none of its own."""
