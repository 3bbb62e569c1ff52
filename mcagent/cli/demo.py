"""`mcagent demo`: the whole way on this machine, through a real outage, checked value by value."""

import contextlib
import signal
import tempfile
import threading
import time

from . import exits
from .common import add_json_option, keep_log_quiet, show
from .display import open_display, show_table

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from types import FrameType
    from typing import Any, Iterator, NoReturn

    from .display import Display
    from .hubprocess import HubProcess

_MAX_RATE = 200  # one reading costs a millisecond or two on a small machine
_MIN_SECONDS = 3


def configure(parser: "argparse.ArgumentParser") -> None:
    parser.add_argument(
        "--seconds", type=float, default=20, help="how long readings are taken (default: 20)"
    )
    parser.add_argument("--rate", type=float, default=10, help="readings a second (default: 10)")
    parser.add_argument(
        "--profile",
        choices=("SHARED_SECRET", "RSA_3072"),
        default="SHARED_SECRET",
        help="security profile of the agent (default: SHARED_SECRET)",
    )
    parser.add_argument(
        "--keep",
        action="store_true",
        help="leave the hub running at the end, and say where, until Ctrl-C",
    )
    add_json_option(parser)


def run(args: "argparse.Namespace") -> int:
    _check(args)
    keep_log_quiet(args)
    # The hub's packages are looked for before anything else is loaded: the error is quick.
    from .hubprocess import HubProcess, check_packages

    check_packages()
    from .demorun import DemoRun
    from .relay import Relay

    display = open_display()
    # A directory of its own, whatever MCAGENT_STATE says: that one may be a real device's.
    with _orderly_end(), tempfile.TemporaryDirectory(prefix="mcagent-demo-") as directory:
        display.say("starting a local Insights Hub")
        with HubProcess() as hub, Relay(hub.port) as relay:
            demo = DemoRun(
                directory,
                hub,
                relay,
                display,
                profile=args.profile,
                rate=args.rate,
                seconds=args.seconds,
            )
            with display:
                result = demo.run()
            if args.keep:
                result["hub"] = _where(hub, directory)
            _report(args, display, result)
            if args.keep:
                _wait_for_interrupt()
    return exits.INCOMPLETE if result["problems"] else exits.OK


def _check(args: "argparse.Namespace") -> None:
    if getattr(args, "state", None):
        raise exits.UsageError(
            "the demo takes no --state", hint="it works in a temporary directory of its own"
        )
    if not 0 < args.rate <= _MAX_RATE:
        raise exits.UsageError(
            f"--rate {args.rate:g} is not between 0 and {_MAX_RATE}",
            hint="readings a second, such as --rate 10; 0.5 is one every two seconds",
        )
    if not _MIN_SECONDS <= args.seconds <= 86_400:
        raise exits.UsageError(
            f"--seconds {args.seconds:g} is not between {_MIN_SECONDS} and 86400",
            hint="a third before the outage, a third in it, a third after it: --seconds 20",
        )
    if args.rate * args.seconds < 3:
        raise exits.UsageError(
            "--rate and --seconds give less than a reading in each third",
            hint="their product must be 3 at least",
        )


def _where(hub: "HubProcess", directory: str) -> "dict[str, str]":
    return {
        "page": hub.url + "/",
        "control": hub.url + "/_emulator/state",
        "ca_file": hub.ca_file,
        "state": directory + "/state",
    }


def _report(args: "argparse.Namespace", display: "Display", result: "dict[str, Any]") -> None:
    if args.json:
        show(args, result, "")
    else:
        show_table("mcagent demo", _rows(result))
    for problem in result["problems"]:
        display.say("FAILED: " + problem)
    if args.keep:
        for name, where in result["hub"].items():
            display.say(f"{name:8} {where}")
        display.say("the hub is running; Ctrl-C ends it")


def _rows(result: "dict[str, Any]") -> "list[tuple[str, Any]]":
    return [
        ("readings taken", f"{result['recorded']} of {result['expected']}"),
        ("readings stored at the hub", result["stored"]),
        ("values compared", result["values"]),
        ("values missing", result["missing"]),
        ("values different", result["different"]),
        ("values never read", result["unexpected"]),
        ("outage, seconds", result["outage_s"]),
        ("caught up after it, seconds", result["caught_up_s"]),
        ("records on disk at its end", result["buffered_in_outage"]),
        ("buffer at its peak, bytes", result["buffer_peak_bytes"]),
        ("events arrived", result["events"]),
        ("files arrived", result["files"]),
        ("requests", result["requests"]),
        ("of them exchanges", result["exchanges"]),
        ("equal", result["equal"]),
    ]


@contextlib.contextmanager
def _orderly_end() -> "Iterator[None]":
    """SIGTERM ends it as Ctrl-C does: the directory, with credentials in it, must not stay."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may say what a signal does
        return

    def end(number: int, _frame: "FrameType | None") -> "NoReturn":
        signal.signal(number, signal.SIG_IGN)  # a second one must not interrupt the cleaning up
        raise SystemExit(exits.TERMINATED)

    previous = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


def _wait_for_interrupt() -> None:
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        pass
