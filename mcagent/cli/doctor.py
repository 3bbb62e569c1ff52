"""`mcagent doctor`: what is wrong between this device and the platform, measured step by step."""

import sys

from ..inspection.survey import printable
from . import exits
from .common import (
    add_json_option,
    add_network_options,
    keep_log_quiet,
    show,
    state_directory,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from ..diagnosis.step import Step

# The exit code of the first step that failed.
_CODES = {
    "state directory": exits.CONFIGURATION,
    "space": exits.FULL,
    "service": exits.INCOMPLETE,
    "proxy": exits.CONFIGURATION,
    "dns": exits.NO_ANSWER,
    "tcp": exits.NO_ANSWER,
    "tunnel": exits.NO_ANSWER,
    "tls": exits.NO_ANSWER,
    "platform": exits.NO_ANSWER,
    "clock": exits.INCOMPLETE,
    "credentials": exits.CREDENTIALS,
    "token": exits.CREDENTIALS,
    "model": exits.INCOMPLETE,
    "mappings": exits.INCOMPLETE,
    "exchange": exits.REFUSED,
    "stored": exits.INCOMPLETE,
    "delivery": exits.INCOMPLETE,
}
_MARKS = {"pass": "ok", "fail": "FAIL", "skipped": "-"}


def configure(parser: "argparse.ArgumentParser") -> None:
    parser.add_argument(
        "--boarding",
        metavar="FILE",
        help="boarding configuration, where the device has not been onboarded yet; it is not used "
        "up",
    )
    parser.add_argument(
        "--verbose", action="store_true", help="all that was measured, also where nothing failed"
    )
    add_network_options(parser)
    add_json_option(parser)


def run(args: "argparse.Namespace") -> int:
    from ..diagnosis.case import Case
    from ..diagnosis.examination import examine

    keep_log_quiet(args)
    case = Case(
        state_directory(args),
        boarding=args.boarding,
        ca_file=args.ca,
        crl_file=args.crl,
        proxy=args.proxy,
    )
    report = examine(case, told=lambda step: _tell(args, step))
    cause = report.cause
    last = "nothing is wrong that could be measured"
    if cause is not None:
        last = printable(f"the cause: {cause.name}: {cause.measured}")
    show(args, report.to_dict(), last)
    return exits.OK if cause is None else code_of(cause.name, cause.cause)


def code_of(name: str, cause: str = "") -> int:
    """The exit code where the step *name* failed for *cause*."""
    later = cause.startswith("no-answer-") or cause in ("exchange-trouble", "no-token")
    return exits.NO_ANSWER if later else _CODES[name]


def lines_of(step: "Step", *, verbose: bool) -> "list[str]":
    """One step for people; some of its words come from afar, and a terminal must not obey them."""
    lines = [f"{_MARKS[step.verdict]:<5} {step.name:<16} {step.measured}"]
    if verbose or step.verdict == "fail":
        lines += [f"{'':23}{detail}" for detail in step.details]
    if step.remedy:
        lines.append(f"{'':6} what to do: {exits.in_shell_words(step.remedy)}")
    return [printable(line) for line in lines]


def _tell(args: "argparse.Namespace", step: "Step") -> None:
    if not args.json:
        sys.stdout.write("\n".join(lines_of(step, verbose=args.verbose)) + "\n")
        sys.stdout.flush()
