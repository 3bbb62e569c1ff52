"""`mcagent keepalive`: for cron on a device that sleeps, so that its credentials do not end."""

import time

from ..errors import ConfigurationError
from ..messages.timestamp import format_ms
from . import exits
from .common import add_json_option, add_network_options, open_agent, show, state_directory
from .door import lock_owner

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from typing import Any

_MAX_DAYS = 3650
# Another command (`mcagent record`) holds the lock for a moment, a service for as long as it runs.
_PATIENCE_S = 5


def configure(parser: "argparse.ArgumentParser") -> None:
    parser.add_argument(
        "--rotate-before",
        metavar="DAYS",
        type=_days,
        help="get a new secret also when it has fewer days left than this: more than there are "
        "between two runs (default: a third of its life)",
    )
    add_network_options(parser)
    add_json_option(parser)


def run(args: "argparse.Namespace") -> int:
    directory = state_directory(args)
    give_up_s = time.monotonic() + _PATIENCE_S
    while True:
        try:
            agent = open_agent(args)
        except ConfigurationError:
            owner = lock_owner(directory)
            if not owner:
                raise
            if time.monotonic() >= give_up_s:
                return _beside(args, directory, owner)
            time.sleep(0.2)
        else:
            break
    days = args.rotate_before
    with agent:
        result = agent.keep_alive(rotate_before_s=None if days is None else days * 86_400)
    value = {
        "alive": result.alive,
        "rotated": result.rotated,
        "owner": "",
        "secret_expires_ms": result.secret_expires_ms,
        "days_left": result.days_left,
        "warning": result.warning,
        "reason": result.reason,
        "retry_in_s": result.retry_in_s,
    }
    done = "renewed, with a new secret" if result.rotated else "renewed"
    _show(args, value, f"{done}; " if result.alive else "")
    if not result.alive:
        exits.complain(
            f"not renewed: {result.reason}",
            exits.sentences(result.hint, "Run the same command again; it is harmless"),
        )
        return exits.NO_ANSWER
    return _warn(result.warning)


def _beside(args: "argparse.Namespace", directory: str, owner: str) -> int:
    """A service has the directory: it renews by itself, and the disk tells whether it does."""
    from .status import read

    # The service knows the platform's clock: by this device's alone a secret may seem to be over.
    session = read(directory)[0]["upload"]["session"]
    expires_ms, days_left = session["secret_expires_ms"], session["secret_days_left"]
    # It rotates 25 hours before the end, and has missed that when a day is left.
    overdue = days_left is not None and days_left < 1
    value = {
        "alive": None,
        "rotated": False,
        "owner": owner,
        "secret_expires_ms": expires_ms,
        "days_left": days_left,
        "warning": session["problem"] or (session["warning"] if overdue else ""),
        "reason": "",
        "retry_in_s": None,
    }
    does = "" if session["problem"] else ", which keeps the credentials alive"
    _show(args, value, f"{owner}{does}; ")
    return _warn(str(value["warning"]))


def _warn(warning: str) -> int:
    if not warning:
        return exits.OK
    exits.complain(warning, "mcagent status shows more")
    return exits.INCOMPLETE


def _show(args: "argparse.Namespace", value: "dict[str, Any]", begin: str) -> None:
    if value["secret_expires_ms"] is None:
        left = "the client secret has no known end"
    else:
        until, days = format_ms(value["secret_expires_ms"]), value["days_left"]
        left = f"the client secret is good until {until}, {days} days"
        if days < 0:
            left = f"the client secret ended at {until}, {-days} days ago"
    show(args, value, begin + left)


def _days(text: str) -> float:
    import argparse

    try:
        days = float(text)
    except ValueError:
        days = -1
    if not 0 <= days <= _MAX_DAYS:  # NaN, too, is in no range
        raise argparse.ArgumentTypeError(
            f"{text[:40]!r} is not a number of days from 0 to {_MAX_DAYS}"
        )
    return days
