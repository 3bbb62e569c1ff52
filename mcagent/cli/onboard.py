"""`mcagent onboard`: register this device with the platform."""

from . import exits
from .common import add_json_option, add_network_options, open_agent, show

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse


def configure(parser: "argparse.ArgumentParser") -> None:
    parser.add_argument(
        "boarding",
        nargs="?",
        metavar="BOARDING",
        help="boarding configuration, the file that Asset Manager hands out; needed until the "
        "device is onboarded",
    )
    add_network_options(parser)
    add_json_option(parser)


def run(args: "argparse.Namespace") -> int:
    with open_agent(args, args.boarding) as agent:
        result = agent.onboard()
    value = {
        "onboarded": result.onboarded,
        "reason": result.reason,
        "hint": result.hint,
        "retry_in_s": result.retry_in_s,
    }
    show(args, value, "onboarded" if result.onboarded else "")
    if result.onboarded:
        return exits.OK
    exits.complain(
        f"not onboarded yet: {result.reason}",
        exits.sentences(
            result.hint, "Run the same command again once that is over; it is harmless"
        ),
    )
    return exits.NO_ANSWER
