"""`mcagent event`: store an event."""

from .common import add_json_option, show
from .door import open_door
from .exits import OK, UsageError
from .texts import parse_json_object, parse_time

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from typing import Any

_SEVERITIES = ("error", "warning", "information")


def configure(parser: "argparse.ArgumentParser") -> None:
    parser.add_argument("description", help="what happened, at most 255 characters")
    parser.add_argument(
        "--severity", choices=_SEVERITIES, default="information", help="(default: information)"
    )
    parser.add_argument(
        "--type", metavar="TYPE", help="event type (default: the platform's standard event)"
    )
    parser.add_argument(
        "--type-version", metavar="VERSION", help="version of the event type (default: 1.0)"
    )
    parser.add_argument(
        "--detail",
        metavar="NAME=TEXT",
        action="append",
        default=[],
        help="one field of the details; may be repeated",
    )
    parser.add_argument("--details", metavar="JSON", help="all details, as a JSON object")
    parser.add_argument("--correlation-id", metavar="ID", help="what joins events of one cause")
    parser.add_argument(
        "--time",
        metavar="TIME",
        help="when it happened: 2026-01-05T08:00:00.000Z or ms since 1970 UTC (default: now)",
    )
    add_json_option(parser)


def run(args: "argparse.Namespace") -> int:
    from ..messages.event import Event, Severity

    event = Event(
        args.description,
        severity=getattr(Severity, args.severity.upper()),
        timestamp=None if args.time is None else parse_time(args.time),
        details=_details(args),
        correlation_id=args.correlation_id or "",
        **{
            name: value
            for name, value in (("type", args.type), ("version", args.type_version))
            if value is not None
        },
    )
    with open_door(args) as door:
        door.submit(event)
        place, owner = door.place, door.owner
    text = "stored the event" + (f" (left in the inbox: {owner})" if owner else "")
    show(args, {"id": event.id, "place": place}, text)
    return OK


def _details(args: "argparse.Namespace") -> "dict[str, Any] | None":
    details = parse_json_object(args.details, "--details") if args.details is not None else {}
    for pair in args.detail:
        name, equals, text = pair.partition("=")
        if not equals or not name:
            raise UsageError(
                f"--detail {pair[:60]!r} is not NAME=TEXT", hint="--detail source=press-7"
            )
        details[name] = text
    return details or None
