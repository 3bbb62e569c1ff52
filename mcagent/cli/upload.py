"""`mcagent upload`: send what is stored."""

from . import exits
from .common import add_json_option, add_network_options, count, open_agent, show

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from ..upload.settings import UploadReport

_TIME_IS_UP = "time is up"  # `UploadReport.reason` where nothing else is in the way
_MAX_TIMEOUT_S = 31_536_000  # a year: for ever is the service's business


def configure(parser: "argparse.ArgumentParser") -> None:
    parser.add_argument(
        "--timeout",
        metavar="SECONDS",
        type=_seconds,
        default=30,
        help="stop after this time with what is left (default: 30)",
    )
    parser.add_argument(
        "--boarding",
        metavar="FILE",
        help="boarding configuration, where the device may not be onboarded yet",
    )
    add_network_options(parser)
    add_json_option(parser)


def run(args: "argparse.Namespace") -> int:
    with open_agent(args, args.boarding) as agent:
        report = agent.upload(timeout_s=args.timeout)
        held = dict(agent.status().upload.get("held") or {})
    value = {
        "delivered": report.delivered,
        "pending": report.pending,
        "set_aside": report.set_aside,
        "retry_in_s": report.retry_in_s,
        "reason": report.reason,
        "held": held,
    }
    show(args, value, f"delivered {count(report.delivered, 'record')}, {report.pending} pending")
    for lane, reason in held.items():
        exits.complain(
            f"{lane} held: {reason}",
            "nothing is lost: have it mended (mcagent doctor tells more), then run mcagent upload "
            "again",
        )
    _complain_of_waiting(report, held, args.timeout)
    if report.set_aside:
        exits.complain(
            f"{count(report.set_aside, 'record')} set aside: the platform refused them",
            "they are kept: mcagent rejected ls lists them",
        )
    return _code(report, held)


def _seconds(text: str) -> float:
    import argparse

    try:
        seconds = float(text)
    except ValueError:
        seconds = -1
    if not 0 <= seconds <= _MAX_TIMEOUT_S:  # NaN, too, is in no range
        raise argparse.ArgumentTypeError(
            f"{text[:40]!r} is not a number of seconds from 0 to {_MAX_TIMEOUT_S}"
        )
    return seconds


def _complain_of_waiting(report: "UploadReport", held: "dict[str, str]", timeout_s: float) -> None:
    """Why something is pending that is not held."""
    reason = report.reason
    for lane, why in held.items():
        reason = reason.replace(f"{lane}: {why}", "").replace(why, "").strip("; ")
    if not report.pending or not reason:
        return
    if reason == _TIME_IS_UP:
        exits.complain(
            f"{report.pending} pending when the {timeout_s:g} s were over",
            "run mcagent upload again, or give it more time with --timeout",
        )
        return
    # The uploader appends the hint to the reason as a sentence of its own.
    what, _, hint = reason.partition(". ")
    again = f"Try again in {report.retry_in_s:.0f} s" if report.retry_in_s else ""
    exits.complain(
        f"not delivered: {what.rstrip('.')}", exits.sentences(hint, "Everything is kept", again)
    )


def _code(report: "UploadReport", held: "dict[str, str]") -> int:
    if held or report.set_aside:
        return exits.INCOMPLETE
    if not report.pending:
        return exits.OK
    # It still works and only this command's time is over, or it waits for the platform.
    return exits.NO_ANSWER if report.retry_in_s else exits.INCOMPLETE
