"""`mcagent diagnostics`: what becomes of what agents sent, and what was dropped of it."""

import os
import sys

from ..errors import ConfigurationError
from .actions import Action, add_actions, run_action
from .common import count, show
from .consent import add_writing_options, ask
from .exits import OK, complain
from .halfway import one_by_one
from .platformnames import named_agent
from .platformsession import open_session
from .rowsout import add_format_option, write_rows

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from ..services.session import Session

_MESSAGE = ("timestamp", "severity", "state", "source", "message", "correlation_id")
_RECORD = ("id", "request_time", "agent_id", "drop_reason", "correlation_id")


def configure(parser: "argparse.ArgumentParser") -> None:
    add_actions(parser, "diagnostics", _ACTIONS)


def run(args: "argparse.Namespace") -> int:
    return run_action(args, _ACTIONS)


def _agent_option(parser: "argparse.ArgumentParser") -> None:
    parser.add_argument("agent_name", metavar="AGENT", help="its name or its id")


def _messages_options(parser: "argparse.ArgumentParser") -> None:
    _agent_option(parser)
    parser.add_argument("--correlation-id", metavar="ID", help="only about this request")
    add_format_option(parser)


def _off_options(parser: "argparse.ArgumentParser") -> None:
    _agent_option(parser)
    add_writing_options(parser, asks=False)


def _records_options(parser: "argparse.ArgumentParser") -> None:
    parser.add_argument("--agent-name", metavar="AGENT", help="only of this agent, name or id")
    add_format_option(parser)


def _download_options(parser: "argparse.ArgumentParser") -> None:
    parser.add_argument("id", metavar="ID", help="as `records` shows it")
    parser.add_argument("file", metavar="FILE", help="'-': standard output")
    parser.add_argument("--replace", action="store_true", help="replace a file that is there")


def _replay_options(parser: "argparse.ArgumentParser") -> None:
    parser.add_argument("ids", nargs="+", metavar="ID", help="as `records` shows it")
    add_writing_options(parser, asks=False)


def _delete_options(parser: "argparse.ArgumentParser") -> None:
    parser.add_argument("ids", nargs="+", metavar="ID", help="as `records` shows it")
    add_writing_options(parser, asks=True)


def _ls(args: "argparse.Namespace") -> int:
    from ..services.diagnostics import Diagnostics

    with open_session(args) as session:
        rows = (
            {"id": one.id, "agent": one.agent_id, "active": one.active}
            for one in Diagnostics(session).list()
        )
        number = write_rows(args, "activations", ("id", "agent", "active"), rows, empty="")
    if not number:
        complain(
            "diagnostics of no agent were ever on",
            hint="mcagent diagnostics on AGENT, for an hour",
        )
    return OK


def _on(args: "argparse.Namespace") -> int:
    from ..services.diagnostics import Diagnostics

    with open_session(args) as session:
        agent = named_agent(session, args.agent_name)
        if args.dry_run:
            show(args, {"active": False, "agent": agent.id}, f"{agent.name}: would be switched on")
            return OK
        activation = Diagnostics(session).activate(agent.id)
    value = {"id": activation.id, "agent": agent.id, "active": activation.active}
    show(args, value, f"{agent.name}: diagnostics are on, for an hour at most")
    return OK


def _off(args: "argparse.Namespace") -> int:
    from ..services.diagnostics import Diagnostics

    with open_session(args) as session:
        agent, diagnostics = named_agent(session, args.agent_name), Diagnostics(session)
        found = [one for one in diagnostics.list() if one.agent_id == agent.id and one.active]
        for activation in found if not args.dry_run else ():
            diagnostics.deactivate(activation)
    words = "were not on" if not found else "would be switched off" if args.dry_run else "are off"
    show(
        args, {"agent": agent.id, "active": bool(found) and args.dry_run}, f"{agent.name}: {words}"
    )
    return OK


def _messages(args: "argparse.Namespace") -> int:
    from ..services.diagnostics import Diagnostics

    with open_session(args) as session:
        agent, diagnostics = named_agent(session, args.agent_name), Diagnostics(session)
        activation = next((one for one in diagnostics.list() if one.agent_id == agent.id), None)
        if activation is None:
            complain(
                f"diagnostics of {agent.name} were never on",
                hint=f"mcagent diagnostics on {agent.name}; then have it send something",
            )
            return OK
        found = diagnostics.messages(activation.id, correlation_id=args.correlation_id)
        rows = ({column: getattr(one, column) for column in _MESSAGE} for one in found)
        number = write_rows(args, "messages", _MESSAGE, rows, shown=_MESSAGE[:5], empty="")
    if not number:
        complain("there is no message", hint="they come while diagnostics are on, after an upload")
    return OK


def _records(args: "argparse.Namespace") -> int:
    from ..services.recoverable import RecoverableRecords

    with open_session(args) as session:
        agent = named_agent(session, args.agent_name).id if args.agent_name else None
        found = RecoverableRecords(session).list(agent_id=agent)
        rows = ({column: getattr(one, column) for column in _RECORD} for one in found)
        number = write_rows(args, "records", _RECORD, rows, shown=_RECORD[:4], empty="")
    if not number:
        complain("the platform keeps nothing that it dropped")
    return OK


def _download(args: "argparse.Namespace") -> int:
    from ..services.recoverable import RecoverableRecords

    if args.file != "-" and os.path.exists(args.file) and not args.replace:
        raise ConfigurationError(
            f"{args.file} is there already", hint="--replace, or name another file"
        )
    with open_session(args) as session:
        payload = RecoverableRecords(session).payload(args.id)
    if args.file == "-":
        sys.stdout.buffer.write(payload)
        sys.stdout.buffer.flush()
        return OK
    try:
        with open(args.file + ".part", "wb") as file:
            file.write(payload)
        os.replace(args.file + ".part", args.file)
    except OSError as error:
        raise ConfigurationError(
            f"cannot write {args.file}: {error.strerror}", hint="is the path right?"
        ) from error
    value = {"record": args.id, "file": args.file, "bytes": len(payload)}
    show(args, value, f"{args.file}: {count(len(payload), 'byte')}")
    return OK


def _replay(args: "argparse.Namespace") -> int:
    from ..services.recoverable import RecoverableRecords

    with open_session(args) as session:
        if args.dry_run:
            _require_there(session, args.ids)
        else:
            one_by_one(args.ids, RecoverableRecords(session).replay, "replayed")
    words = "would be replayed" if args.dry_run else "replayed; what is stored now disappears here"
    value = {"replayed": [] if args.dry_run else args.ids}
    show(args, value, f"{count(len(args.ids), 'record')} {words}")
    return OK


def _require_there(session: "Session", ids: "list[str]") -> None:
    from ..services.recoverable import RecoverableRecords

    there = {one.id for one in RecoverableRecords(session).list()}
    missing = [one for one in ids if one not in there]
    if missing:
        raise ConfigurationError(
            f"there is no recoverable record {', '.join(missing)}",
            hint="`mcagent diagnostics records` lists those that are there",
        )


def _delete(args: "argparse.Namespace") -> int:
    from ..services.recoverable import RecoverableRecords

    with open_session(args) as session:
        if args.dry_run:
            _require_there(session, args.ids)
        else:
            ask(args, f"Delete {count(len(args.ids), 'recoverable record')} for ever?")
            one_by_one(args.ids, RecoverableRecords(session).delete, "deleted")
    words = "would be deleted" if args.dry_run else "deleted"
    show(
        args,
        {"deleted": [] if args.dry_run else args.ids},
        f"{count(len(args.ids), 'record')} {words}",
    )
    return OK


_ACTIONS = {
    "ls": Action("list the agents whose diagnostics are or were on", add_format_option, _ls),
    "on": Action("switch diagnostics of an agent on, for an hour", _off_options, _on),
    "off": Action("switch diagnostics of an agent off", _off_options, _off),
    "messages": Action("show what became of what an agent sent", _messages_options, _messages),
    "records": Action("list what was dropped and can be replayed", _records_options, _records),
    "download": Action("get what a device sent of a record", _download_options, _download),
    "replay": Action("have records processed again", _replay_options, _replay),
    "delete": Action("delete recoverable records; asks first", _delete_options, _delete),
}
