"""`mcagent events`: read the platform's events, post one, list their types."""

from ..errors import InvalidMessage
from .actions import Action, add_actions, run_action
from .common import show
from .consent import add_writing_options
from .exits import OK, UsageError, complain
from .platformnames import named_asset
from .platformsession import open_session
from .rowsout import add_format_option, format_of, write_rows
from .texts import parse_time, parse_value
from .timerange import read_open_range

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from typing import Any, Iterator

    from ..services.events_values import StoredEvent

_COLUMNS = (
    *("timestamp", "severity", "source", "code", "description", "acknowledged"),
    *("asset", "type", "correlationId", "details", "id"),
)
_SHOWN = ("timestamp", "severity", "source", "code", "description", "asset")
_SEVERITIES = {"error": 20, "warning": 30, "information": 40}


def configure(parser: "argparse.ArgumentParser") -> None:
    add_actions(parser, "events", _ACTIONS)


def run(args: "argparse.Namespace") -> int:
    return run_action(args, _ACTIONS)


def _ls_options(parser: "argparse.ArgumentParser") -> None:
    parser.add_argument("--asset", metavar="ASSET", help="only of this asset, name or id")
    parser.add_argument(
        "--from",
        dest="after",
        metavar="TIME",
        help="start of the range, part of it: 2026-01-05T08:00:00Z, any offset, or ms",
    )
    parser.add_argument(
        "--to", dest="until", metavar="TIME", help="end, part of it (default: none)"
    )
    parser.add_argument(
        "--last",
        metavar="TIME",
        help="instead of --from: 90s, 30min, 24h or 30d before --to or now (default: 7d)",
    )
    parser.add_argument("--type", metavar="ID", help="only of this event type")
    parser.add_argument("--severity", metavar="S", help="error, warning, information or a number")
    parser.add_argument("--source", metavar="TEXT", help="only with exactly this source")
    parser.add_argument("--code", metavar="TEXT", help="only with exactly this code")
    parser.add_argument(
        "--history", action="store_true", help="also states that newer ones have followed"
    )
    parser.add_argument("--limit", metavar="N", type=int, help="at most so many, the newest")
    add_format_option(parser)


def _post_options(parser: "argparse.ArgumentParser") -> None:
    parser.add_argument("asset", metavar="ASSET", help="name or id of the asset")
    parser.add_argument("description", metavar="DESCRIPTION", nargs="?", default="")
    parser.add_argument("--severity", metavar="S", help="error, warning, information or a number")
    parser.add_argument("--source", metavar="TEXT", default="", help="where it comes from")
    parser.add_argument("--code", metavar="TEXT", default="", help="a code of your own")
    parser.add_argument("--time", metavar="TIME", help="when it was (default: now)")
    parser.add_argument("--type", metavar="ID", default="", help="an event type of the tenant")
    parser.add_argument(
        "--field",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help="a field of the event type; may be repeated",
    )
    add_writing_options(parser, asks=False)


def _ls(args: "argparse.Namespace") -> int:
    from ..services.events import Events

    if args.limit is not None and args.limit < 1:
        raise UsageError(f"--limit {args.limit} is no number of events", hint="1 or more")
    format_of(args)
    with open_session(args) as session:
        now_ms = session.measured_now_ms()
        after_ms, until_ms = read_open_range(args, now_ms)
        found = Events(session).list(
            entity_id=named_asset(session, args.asset).id if args.asset else None,
            since=after_ms,
            until=until_ms,
            type_id=args.type,
            severity=_severity(args.severity),
            source=args.source,
            code=args.code,
            history=args.history,
        )
        number = write_rows(
            args, "events", _COLUMNS, _rows(found, args.limit), shown=_SHOWN, empty=""
        )
    if not number:
        complain(
            "no event there"
            + (
                ""
                if args.after or args.until or args.last
                else " in the last seven days; --last 90d looks further"
            )
        )
    return OK


def _rows(events: "Iterator[StoredEvent]", limit: "int | None") -> "Iterator[dict[str, Any]]":
    for number, event in enumerate(events):
        if limit is not None and number >= limit:
            return
        yield _row(event)


def _row(event: "StoredEvent") -> "dict[str, Any]":
    return {
        "timestamp": event.timestamp,
        "severity": event.severity,
        "source": event.source,
        "code": event.code,
        "description": event.description,
        "acknowledged": event.acknowledged,
        "asset": event.entity_id,
        "type": event.type_id,
        "correlationId": event.correlation_id,
        "details": event.details,
        "id": event.id,
    }


def _post(args: "argparse.Namespace") -> int:
    from ..messages.timestamp import format_ms
    from ..services.events import Events
    from ..services.events_values import STANDARD_TYPE, StoredEvent

    with open_session(args) as session:
        now_ms = session.measured_now_ms()
        at_ms = now_ms if args.time is None else _time(args.time)
        event = StoredEvent(
            named_asset(session, args.asset).id,
            format_ms(at_ms),
            type_id=args.type or STANDARD_TYPE,
            severity=_severity(args.severity),
            description=args.description,
            source=args.source,
            code=args.code,
            details=dict(map(_field, args.field)),
        )
        if args.dry_run:
            show(args, {"posted": False, **_row(event)}, f"would post to {event.entity_id}")
            return OK
        event = Events(session).post(event)
    show(args, {"posted": True, **_row(event)}, f"posted: {event.id}")
    return OK


def _types(args: "argparse.Namespace") -> int:
    from ..services.events import Events

    with open_session(args) as session:
        plain = format_of(args) in ("table", "csv")
        rows = (
            {
                "id": one.id,
                "name": one.name,
                "parent": one.parent_id,
                "ttl": one.ttl,
                "fields": [
                    f"{field.name} {field.type}" if plain else field.to_wire()
                    for field in one.fields
                ],
            }
            for one in Events(session).types()
        )
        write_rows(args, "eventTypes", ("id", "name", "parent", "ttl", "fields"), rows)
    return OK


def _severity(text: "str | None") -> "int | None":
    if text is None:
        return None
    if text.lower() in _SEVERITIES:
        return _SEVERITIES[text.lower()]
    if text.isascii() and text.isdigit() and len(text) <= 2:
        return int(text)
    raise UsageError(
        f"--severity {text[:40]!r} is none", hint=f"{', '.join(_SEVERITIES)}, or 0 to 99"
    )


def _field(text: str) -> "tuple[str, Any]":
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise UsageError(f"--field {text[:60]!r} is not NAME=VALUE", hint="--field pressure=4.5")
    return name, parse_value(value, None)


def _time(text: str) -> int:
    try:
        return parse_time(text)
    except InvalidMessage as error:
        raise InvalidMessage(f"--time: {error.message}", hint=error.hint) from error


_ACTIONS = {
    "ls": Action("list events, the newest first", _ls_options, _ls),
    "post": Action("post one event", _post_options, _post),
    "types": Action("list event types", add_format_option, _types),
}
