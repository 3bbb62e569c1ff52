"""`mcagent status --alive`: is the service well? For the health check of a container."""

from ..notify import HUNG_S
from . import exits

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from typing import Any

_LONGEST_S = 86_400


def configure(parser: "argparse.ArgumentParser") -> None:
    parser.add_argument(
        "--alive",
        metavar="SECONDS",
        type=_seconds,
        help="end with 1 where no service answers, or it hangs so long; it may be offline",
    )


def why_not(status: "dict[str, Any]", told: bool, longest_s: int) -> str:
    """Why the service of *status* is not well; ``""`` where it is.

    Args:
        status: Of the service itself, where *told* says so.
        told: False: it does not answer.
        longest_s: `Agent.run` goes on within so many seconds.
    """
    if not told:
        return "no service answers"
    loop, worker = status["loop"], status["worker"]
    if loop is not None and loop["silent_s"] > longest_s:
        return "collect hangs since %d s" % loop["silent_s"]
    if worker is None or not worker["alive"]:
        return "the upload thread has ended"
    network = status["upload"].get("network")
    if network is not None and worker["silent_s"] > HUNG_S:
        left_s = network["request_left_s"]
        if left_s is None or left_s <= 0:  # a request may take as long as its deadline says
            return "the upload thread hangs since %d s" % worker["silent_s"]
    return ""


def _seconds(text: str) -> int:
    import argparse

    if not text.isascii() or not text.isdecimal() or not 1 <= int(text) <= _LONGEST_S:
        raise argparse.ArgumentTypeError(
            f"{text[:40]!r} is not a whole number of seconds from 1 to {_LONGEST_S}"
        )
    return int(text)


def complain(why: str) -> int:
    """Tell standard error, and give the code to end with."""
    exits.complain(why)
    return exits.INCOMPLETE
