"""`mcagent agents`: the tenant's agents, their boarding and their data models."""

import json

from .actions import Action, add_actions, run_action
from .common import show
from .consent import add_writing_options, ask
from .exits import OK
from .platformnames import named_agent, named_asset
from .platformsession import open_session
from .rowsout import add_format_option, write_rows

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from typing import Any

    from ..messages.datamodel import DataModel
    from ..services.agents_values import AgentRecord
    from ..services.session import Session

_COLUMNS = ("name", "id", "profile", "boarding", "online", "since")


def configure(parser: "argparse.ArgumentParser") -> None:
    add_actions(parser, "agents", _ACTIONS)


def run(args: "argparse.Namespace") -> int:
    return run_action(args, _ACTIONS)


def _ls_options(parser: "argparse.ArgumentParser") -> None:
    parser.add_argument(
        "--status", action="store_true", help="also ask for each: onboarded? heard of lately?"
    )
    add_format_option(parser)


def _agent_option(parser: "argparse.ArgumentParser") -> None:
    parser.add_argument("agent_name", metavar="AGENT", help="its name or its id")


def _create_options(parser: "argparse.ArgumentParser") -> None:
    parser.add_argument("name", metavar="NAME", help="unique in the tenant")
    parser.add_argument(
        "--parent",
        metavar="ASSET",
        default="root",
        help="name or id of the asset below which its own asset is made (default: the root)",
    )
    parser.add_argument(
        "--profile",
        choices=("SHARED_SECRET", "RSA_3072"),
        default="SHARED_SECRET",
        help="how its device proves who it is (default: SHARED_SECRET)",
    )
    parser.add_argument(
        "--boarding", metavar="FILE", help="also write its boarding configuration here"
    )
    add_writing_options(parser, asks=False)


def _boarding_options(parser: "argparse.ArgumentParser") -> None:
    _agent_option(parser)
    parser.add_argument("file", metavar="FILE", help="written for this user alone (0600)")
    parser.add_argument("--replace", action="store_true", help="replace a file that is there")
    add_writing_options(parser, asks=False)


def _offboard_options(parser: "argparse.ArgumentParser") -> None:
    _agent_option(parser)
    add_writing_options(parser, asks=True)


def _delete_options(parser: "argparse.ArgumentParser") -> None:
    _agent_option(parser)
    parser.add_argument(
        "--offboard", action="store_true", help="offboard it before, if it is onboarded"
    )
    add_writing_options(parser, asks=True)


def _model_options(parser: "argparse.ArgumentParser") -> None:
    _agent_option(parser)
    parser.add_argument("--put", metavar="FILE", help="replace its data model by this JSON file")
    parser.add_argument(
        "--from-asset",
        metavar="ASSET",
        help="make a model with one data point for each variable of this asset",
    )
    parser.add_argument(
        "--id", metavar="ID", help="with --from-asset: put it under this configuration id"
    )
    parser.add_argument(
        "--lose-mappings",
        action="store_true",
        help="consent to the loss of mappings without keepMapping",
    )
    add_writing_options(parser, asks=False)


def _ls(args: "argparse.Namespace") -> int:
    from ..services.agents import Agents

    columns = _COLUMNS if args.status else _COLUMNS[:3]
    with open_session(args) as session:
        agents = Agents(session)
        rows = (_row(agents, agent, status=args.status) for agent in agents.list())
        write_rows(args, "agents", columns, rows)
    return OK


def _row(agents: "Any", agent: "AgentRecord", *, status: bool) -> "dict[str, Any]":
    row = {"name": agent.name, "id": agent.id, "profile": agent.security_profile}
    if status:
        online = agents.online(agent.id)
        row["boarding"] = agents.boarding_status(agent.id)
        row["online"] = "yes" if online.online else "no"
        # An agent that was never heard of has the beginning of 1970.
        row["since"] = "" if online.since.startswith("1970-01-01") else online.since
    return row


def _show(args: "argparse.Namespace") -> int:
    from ..services.agents import Agents

    with open_session(args) as session:
        row = _row(Agents(session), named_agent(session, args.agent_name), status=True)
    show(args, row, "\n".join(f"{name}: {value}" for name, value in row.items()))
    return OK


def _create(args: "argparse.Namespace") -> int:
    from ..services.agents import Agents
    from ..services.assets import Assets
    from ..services.assets_values import AGENT_TYPE, Asset

    with open_session(args) as session:
        parent = named_asset(session, args.parent)
        where = f"agent {args.name} ({args.profile}) below {parent.name}"
        if args.dry_run:
            show(args, {"created": False, "name": args.name}, f"would make {where}")
            return OK
        assets, agents = Assets(session), Agents(session)
        # What a cut run left behind is used.
        left = list(assets.list(name=args.name, parent_id=parent.id, type_id=AGENT_TYPE))
        own = left[0] if left else assets.create(Asset("", args.name, AGENT_TYPE, parent.id))
        agent = agents.create(args.name, entity_id=own.id, security_profile=args.profile)
        if args.boarding:
            agents.boarding_configuration(agent.id).save(args.boarding)
    value = {"created": True, "name": agent.name, "id": agent.id, "boarding": args.boarding}
    text = f"{where}: {agent.id}"
    show(args, value, text + (f"\nboarding file: {args.boarding}" if args.boarding else ""))
    return OK


def _boarding(args: "argparse.Namespace") -> int:
    from ..services.agents import Agents

    with open_session(args) as session:
        agent = named_agent(session, args.agent_name)
        if args.dry_run:
            status = Agents(session).boarding_status(agent.id)
            words = f"{agent.name}, {status} now: its boarding file would go to {args.file}"
            show(args, {"agent": agent.id, "file": None, "boarding": status}, words)
            return OK
        boarding = Agents(session).boarding_configuration(agent.id)
        boarding.save(args.file, replace=args.replace)
    value = {"agent": agent.id, "file": args.file, "expiration": boarding.expiration}
    show(args, value, f"{args.file}: good until {boarding.expiration}, for one use")
    return OK


def _offboard(args: "argparse.Namespace") -> int:
    from ..services.agents import Agents

    with open_session(args) as session:
        agent = named_agent(session, args.agent_name)
        if not args.dry_run:
            ask(args, f"Take the credentials of agent {agent.name} away?")
            Agents(session).offboard(agent.id)
    words = "would be offboarded" if args.dry_run else "offboarded"
    show(args, {"agent": agent.id, "offboarded": not args.dry_run}, f"{agent.name}: {words}")
    return OK


def _delete(args: "argparse.Namespace") -> int:
    from ..errors import ConfigurationError
    from ..services.agents import Agents
    from ..services.agents_values import ONBOARDED

    with open_session(args) as session:
        agents, agent = Agents(session), named_agent(session, args.agent_name)
        onboarded = agents.boarding_status(agent.id) == ONBOARDED
        if onboarded and not args.offboard:
            raise ConfigurationError(
                f"agent {agent.name} is onboarded: its device is using it",
                hint="--offboard takes its credentials away first",
            )
        if not args.dry_run:
            ask(args, f"Delete agent {agent.name} with its mappings for ever?")
            if onboarded:
                agents.offboard(agent.id)
            agents.delete(agents.get(agent.id))
    words = "would be deleted" if args.dry_run else "deleted; its asset stays"
    show(args, {"agent": agent.id, "deleted": not args.dry_run}, f"{agent.name}: {words}")
    return OK


def _model(args: "argparse.Namespace") -> int:
    from ..errors import InvalidMessage
    from ..services.datasources import DataSources
    from .exits import UsageError

    if args.put and args.from_asset:
        raise UsageError("--put and --from-asset exclude each other", hint="give one of them")
    with open_session(args) as session:
        agent = named_agent(session, args.agent_name)
        sources = DataSources(session)
        wanted = _wanted_model(args, session)
        putting = wanted is not None and (args.put or args.id) and not args.dry_run
        if wanted is not None and putting:
            put = sources.put(agent.id, wanted, lose_mappings=args.lose_mappings)
            words = "put" if put.changed else "there already"
            value = {
                "agent": agent.id,
                "model": wanted.id,
                "changed": put.changed,
                "lost": [str(mapping) for mapping in put.lost],
            }
            text = [f"{agent.name}: data model {wanted.id} {words}"]
            show(args, value, "\n".join(text + [f"lost: {one}" for one in put.lost]))
            return OK
        there = wanted
        if there is None:
            stored = sources.read(agent.id)
            if stored.problem:
                raise InvalidMessage(
                    f"the data model of agent {agent.name} cannot be read: {stored.problem}",
                    hint="somebody made it without mcagent; put another one with --put",
                )
            there = stored.model
    value = there.to_state() if there is not None else {}
    shown = json.dumps(value, ensure_ascii=False, indent=2) if value else "no data model yet"
    show(args, value, shown)
    return OK


def _wanted_model(args: "argparse.Namespace", session: "Session") -> "DataModel | None":
    from ..messages.datamodel import DataModel
    from ..services.assets import Assets
    from ..services.datasources_model import model_from_aspects

    if args.from_asset:
        asset = named_asset(session, args.from_asset)
        return model_from_aspects(args.id or "generated", Assets(session).aspects(asset.id))
    if args.put:
        with open(args.put, "rb") as file:
            return DataModel.parse(file.read())
    return None


_ACTIONS = {
    "ls": Action("list the agents", _ls_options, _ls),
    "show": Action("show one agent, and whether it is onboarded and online", _agent_option, _show),
    "create": Action("make an agent with an asset of its own", _create_options, _create),
    "boarding": Action(
        "write the file that a device is onboarded with", _boarding_options, _boarding
    ),
    "model": Action("show an agent's data model, make or put one", _model_options, _model),
    "offboard": Action("take an agent's credentials away", _offboard_options, _offboard),
    "delete": Action("delete an agent; asks first", _delete_options, _delete),
}
